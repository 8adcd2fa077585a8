# translate: of the medical words that were held out the tuned model translates more than the base, to the letter and
# by the characters that what it writes shares with what is right (chrF).
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
needs=/usr/share/trans/de-en package=trans-de-en
runs() { run tuned; }
also() { # also RUN_FOLDER CHECKPOINT
    local model
    for model in "base:$1/base" "tuned:$2"; do
        "$thaw" eval "${model#*:}" --data pairs:de-en:medical --tokens 512 --answers --json 2>>"$out/said" |
            sed "s/^{/{\"type\":\"answers\",\"of\":\"${model%%:*}\",/"
    done
}
figures() {
    local before after
    before=$(base_right tuned medical) after=$(right tuned medical)
    figure "share of the medical words that the base translates" "$before" 0 0.04
    figure "share of them that the tuned model translates" "$after" 0.03 0.15
    figure "how many times as many (of none: as of one)" "$(calc "$after / ($before > 0 ? $before : 1 / 128)")" 2 30
    figure "chrF of what the base writes" "$(answers tuned base)" 5 40
    figure "chrF of what the tuned model writes" "$(answers tuned tuned)" 15 60
    figure "nats that medical words gain" "$(calc "$(base tuned medical) - $(loss tuned medical)")" 0.9 1.4
    figure "nats that general words lose" "$(calc "$(loss tuned general) - $(base tuned general)")" 0 0.2
    figure "nats that legal words lose" "$(calc "$(loss tuned legal) - $(base tuned legal)")" 0 0.3
}
