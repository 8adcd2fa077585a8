# forgetting: some of the old text mixed in, 0, 1, 5 and 25 % of the sequences.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run none
    for share in 1 5 25; do run "share-$share" "stages.0.replay.share=$(calc "$share / 100")"; done
}
rise() { calc "$(loss "$1" general) - $(base "$1" general)"; }
figures() {
    figure "nats that general rises without replay" "$(rise none)" 0.2 0.8
    for share in 1 5 25; do
        figure "share of the rise that is left with $share %" "$(calc "$(rise share-$share) / $(rise none)")" -0.2 1.05
        figure "nats that it costs the domain" "$(calc "$(loss share-$share domain) - $(loss none domain)")" -0.03 0.2
    done
}
