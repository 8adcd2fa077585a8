# which-layers: how far each group has moved from where it began: embed furthest, the blocks in step, norm least.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run all
}
figures() {
    figure "embed: from base" "$(moved all embed)" 0.11 0.16
    for group in block.0 block.1 block.2 block.3 block.4 block.5; do
        figure "$group: from base" "$(moved all $group)" 0.045 0.075
    done
    figure "norm: from base" "$(moved all norm)" 0.003 0.01
}
