# overfitting: ten kilobytes by heart, and when to stop.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run by-heart
    run stopped stages.0.early_stop.patience=2
}
figures() {
    figure "loss on the learned text at the end" "$(learned by-heart)" 0 2
    figure "nats that the domain has risen again" "$(calc "$(loss by-heart domain) - $(least by-heart domain)")" 0.02 1
    figure "steps until it was stopped" "$(steps stopped)" 20 110
    figure "nats that stopping in time saves" "$(calc "$(loss by-heart domain) - $(least stopped domain)")" 0.02 1
}
