# translate: of the medical words that were held out the tuned model translates more than the base, each to the letter.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
needs=/usr/share/trans/de-en package=trans-de-en
runs() { run tuned; }
figures() {
    local before after
    before=$(base_right tuned medical) after=$(right tuned medical)
    figure "share of the medical words that the base translates" "$before" 0 0.04
    figure "share of them that the tuned model translates" "$after" 0.03 0.15
    figure "how many times as many (of none: as of one)" "$(calc "$after / ($before > 0 ? $before : 1 / 128)")" 2 30
    figure "nats that medical words gain" "$(calc "$(base tuned medical) - $(loss tuned medical)")" 0.9 1.4
    figure "nats that general words lose" "$(calc "$(loss tuned general) - $(base tuned general)")" 0 0.2
    figure "nats that legal words lose" "$(calc "$(loss tuned legal) - $(base tuned legal)")" 0 0.3
}
