# which-layers: how far each group has moved from where it began.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() { run all; }
figures() {
    for group in embed block.0 block.1 block.2 block.3 block.4 block.5 norm; do
        figure "$group: from base" "$(moved all $group)" 0.001 0.2
    done
}
