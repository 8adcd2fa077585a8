# pull-the-plug: killed without a warning, resumed, and the same bits.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run whole
    killed plug 25
}
figures() {
    figure "same bytes of the weights (1: yes)" "$([ "$(sum whole)" = "$(sum plug)" ] && echo 1 || echo 0)" 1 1
    figure "same loss of the domain (difference)" "$(calc "$(loss whole domain) - $(loss plug domain)")" 0 0
}
