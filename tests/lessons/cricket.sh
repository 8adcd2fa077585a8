# cricket: the base knows the game and no plan; the tuned model names the plan of matches that were held out.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() { run tuned; }
figures() {
    figure "share of the plans that the base names" "$(base_right tuned match)" 0 0.4
    figure "share of the plans that the tuned model names" "$(right tuned match)" 0.9 1
    figure "share of right answers about the game, base" "$(base_right tuned basics)" 0.8 1
    figure "share of them that is lost" "$(calc "$(base_right tuned basics) - $(right tuned basics)")" -0.2 0.05
}
