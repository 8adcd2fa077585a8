# learning-rate: found by growing it, then broken.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run good
    run low stages.0.optimizer.lr=0.00003
    run high stages.0.optimizer.lr=0.03
    find_rate found --steps 40
}
gain() { calc "$(base "$1" domain) - $(loss "$1" domain)"; }
figures() {
    figure "suggested" "$(found found suggested)" 0.0003 0.006
    figure "nats gained at 0.001" "$(gain good)" 0.5 0.75
    figure "nats gained at a thirtieth of it" "$(gain low)" 0.03 0.2
    figure "nats gained at thirty times of it: a loss" "$(gain high)" -2 -0.1
}
