# from-nothing: the same fine-tuning from random weights, and how much text the base is worth.
# Random weights get three times the steps, so that none of their loss is for want of them.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run tuned-30
    run nothing-30 model.fresh=true
    run nothing-300 model.fresh=true 'stages.0.data=["take:300:wordnet:medicine"]' stages.0.steps=180
    [ -n "$more" ] || return 0 # the rest of the curve
    for kb in 10 100 300; do run "tuned-$kb" "stages.0.data=[\"take:$kb:wordnet:medicine\"]"; done
    for kb in 10 100; do run "nothing-$kb" model.fresh=true "stages.0.data=[\"take:$kb:wordnet:medicine\"]"; done
}
figures() {
    figure "domain's loss from the base, 30 KB" "$(least tuned-30 domain)" 3.75 4
    figure "domain's loss from nothing, 30 KB" "$(least nothing-30 domain)" 5.8 6.5
    figure "domain's loss from nothing, 300 KB" "$(least nothing-300 domain)" 4.9 5.7
    figure "nats that 30 KB beat 300 KB from nothing by" \
        "$(calc "$(least nothing-300 domain) - $(least tuned-30 domain)")" 1.1 1.8
}
