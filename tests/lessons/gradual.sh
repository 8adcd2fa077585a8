# gradual: block after block from the top, each lower one at a lower rate: gains less, forgets less still.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run gradual
    plain all
}
gain() { calc "$(base "$1" domain) - $(loss "$1" domain)"; }
rise() { calc "$(loss "$1" general) - $(base "$1" general)"; }
figures() {
    figure "nats gained on the domain, gradual" "$(gain gradual)" 0.3 0.45
    figure "nats lost in general, gradual" "$(rise gradual)" 0.1 0.2
    figure "share of the gain of all at once" "$(calc "$(gain gradual) / $(gain all)")" 0.5 0.66
    figure "share of the forgetting of all at once" "$(calc "$(rise gradual) / $(rise all)")" 0.28 0.46
}
