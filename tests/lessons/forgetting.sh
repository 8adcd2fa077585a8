# forgetting: some of the old text mixed in, 0, 1, 5 and 25 % of the sequences.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run none
    for share in 1 5 25; do run "share-$share" "stages.0.replay.share=$(calc "$share / 100")"; done
}
rise() { calc "$(loss "$1" general) - $(base "$1" general)"; }
left() { calc "$(rise "$1") / $(rise none)"; }
cost() { calc "$(loss "$1" domain) - $(loss none domain)"; }
figures() {
    figure "nats that general rises without replay" "$(rise none)" 0.3 0.5
    figure "share of the rise that is left with 1 %" "$(left share-1)" 0.9 1.03
    figure "share of the rise that is left with 5 %" "$(left share-5)" 0.75 0.93
    figure "share of the rise that is left with 25 %" "$(left share-25)" 0.4 0.65
    figure "nats that 5 % cost the domain" "$(cost share-5)" -0.02 0.03
    figure "nats that 25 % cost the domain" "$(cost share-25)" 0.02 0.1
}
