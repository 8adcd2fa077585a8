# surgical: another alphabet: embed alone, 7 % of the weights, learns as much as all blocks do.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run embed
    run blocks 'stages.1.freeze=[embed]'
    run all 'stages.1.freeze=[]'
}
figures() {
    figure "plain's loss before, nats a letter" "$(base embed plain)" 1.9 2.2
    figure "permuted's loss before" "$(base embed permuted)" 4.8 6.2
    figure "permuted's loss after, embed alone" "$(loss embed permuted)" 2.25 2.5
    figure "nats by which all blocks come further" "$(calc "$(loss embed permuted) - $(loss blocks permuted)")" -0.1 0.1
    figure "nats by which everything comes further" "$(calc "$(loss embed permuted) - $(loss all permuted)")" 0 0.2
}
