# gradual: block after block from the top, each lower one at a lower rate.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run gradual
    plain all
}
figures() {
    for run in gradual all; do
        figure "nats gained on the domain, $run" "$(calc "$(base $run domain) - $(loss $run domain)")" 0.2 0.9
        figure "nats lost in general, $run" "$(calc "$(loss $run general) - $(base $run general)")" 0 0.8
    done
    figure "general's loss of gradual, share of all at once" \
        "$(calc "($(loss gradual general) - $(base gradual general)) / ($(loss all general) - $(base all general))")" 0 0.95
}
