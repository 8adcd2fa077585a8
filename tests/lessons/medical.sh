# medical: the lesson's second stage, from the base that comes along instead of one that takes minutes to make.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
config=medical-base
runs() { run tuned; }
figures() {
    figure "how much the domain's perplexity falls" "$(calc "1 - exp($(loss tuned domain) - ($(base tuned domain)))")" 0.4 0.55
    figure "how much the general one rises" "$(calc "exp($(loss tuned general) - ($(base tuned general))) - 1")" 0 0.15
}
