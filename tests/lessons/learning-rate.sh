# learning-rate: found by growing it, then broken.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run good
    run low stages.0.optimizer.lr=0.00003
    run high stages.0.optimizer.lr=0.03
    find_rate found --steps 40
}
figures() {
    figure "suggested" "$(found found suggested)" 0.0001 0.01
    for run in good low high; do figure "domain's loss at the end, $run" "$(loss $run domain)" 3 12; done
}
