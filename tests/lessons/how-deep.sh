# how-deep: freezing from the bottom: what it costs in loss, what it saves in time.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run all
    run two 'stages.0.freeze=[embed, "0-1"]'
    run four 'stages.0.freeze=[embed, "0-3"]'
    run five 'stages.0.freeze=[embed, "0-4"]'
}
gain() { calc "$(base "$1" domain) - $(loss "$1" domain)"; }
figures() {
    figure "nats gained with all learning" "$(gain all)" 0.4 0.9
    for n in two four five; do
        figure "share of the gain with embed and $n blocks frozen" "$(calc "$(gain $n) / $(gain all)")" 0.3 1.1
        figure "step's time with $n blocks frozen, share of all" "$(calc "$(seconds $n total) / $(seconds all total)")" 0.2 0.95
    done
}
