# traffic: what is right in one city only is learned, what is right anywhere else is kept.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() { run tuned; }
figures() {
    figure "share of the city's own rules that the base follows" "$(base_right tuned own)" 0 0.4
    figure "share of them that the tuned model follows" "$(right tuned own)" 0.9 1
    figure "share of all cases in the city, tuned" "$(right tuned city)" 0.9 1
    figure "share of right actions anywhere, base" "$(base_right tuned anywhere)" 0.9 1
    figure "share of them that is lost" "$(calc "$(base_right tuned anywhere) - $(right tuned anywhere)")" -0.05 0.05
}
