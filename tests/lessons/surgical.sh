# surgical: another alphabet: embed alone learns it; the blocks alone do not.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run embed
    run blocks 'stages.1.freeze=[embed]'
    run all 'stages.1.freeze=[]'
}
figures() {
    figure "plain's loss before, nats a letter" "$(base embed plain)" 1.5 2.6
    figure "permuted's loss before" "$(base embed permuted)" 3 8
    for run in embed blocks all; do figure "permuted's loss after, $run" "$(loss $run permuted)" 1 4; done
}
