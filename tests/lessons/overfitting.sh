# overfitting: ten kilobytes by heart, and when to stop.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run by-heart
    run stopped stages.0.early_stop.patience=2
}
figures() {
    figure "loss on the learned text at the end" "$(learned by-heart)" 0.02 0.6
    figure "domain's least loss" "$(least by-heart domain)" 4 4.2
    figure "domain's loss at the end" "$(loss by-heart domain)" 4.5 4.95
    figure "steps until it was stopped" "$(steps stopped)" 20 50
    figure "nats that stopping in time saves" "$(calc "$(loss by-heart domain) - $(least stopped domain)")" 0.35 0.9
}
