# how-deep: freezing from the bottom: what it costs in loss, what it saves in time and in forgetting.
# Times are those of the quickest backward pass: other work on the machine only slows, but it may slow all of them.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run all
    run two 'stages.0.freeze=[embed, "0-1"]'
    run four 'stages.0.freeze=[embed, "0-3"]'
    run five 'stages.0.freeze=[embed, "0-4"]'
}
gain() { calc "$(base "$1" domain) - $(loss "$1" domain)"; }
rise() { calc "$(loss "$1" general) - $(base "$1" general)"; }
kept() { calc "$(gain "$1") / $(gain all)"; }
lost() { calc "$(rise "$1") / $(rise all)"; }
back() { calc "$(seconds "$1" backward) / $(seconds all backward)"; }
figures() {
    figure "nats gained with all learning" "$(gain all)" 0.5 0.75
    figure "share of the gain above embed and two blocks" "$(kept two)" 0.6 0.8
    figure "share of the gain above embed and four blocks" "$(kept four)" 0.46 0.62
    figure "share of the gain above embed and five blocks" "$(kept five)" 0.3 0.46
    figure "share of the forgetting above two blocks" "$(lost two)" 0.4 0.62
    figure "share of the forgetting above five blocks" "$(lost five)" 0.1 0.28
    figure "share of the backward pass above two blocks" "$(back two)" 0.3 1
    figure "share of the backward pass above five blocks" "$(back five)" 0.02 0.6
}
