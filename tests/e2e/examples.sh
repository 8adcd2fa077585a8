#!/usr/bin/env bash
# examples.sh - the examples beside medical: each config is right, starts, and learns from the text that it
# names, for a few steps of each stage. What needs a package that is absent is tried on a few lines of the
# same form, and said.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
configs=$(realpath "$(dirname "$0")/../../configs")
cd "$work" || exit 2

few() { # few CONFIG...: a run of it that takes seconds, headless
    local i sets=()
    for ((i = 0; i < $2; i++)); do
        sets+=(--set "stages.$i.steps=4" --set "stages.$i.batch=4")
    done
    "$thaw" run "$1" --headless --set eval.tokens=512 --set eval.every=4 --set compare.every=4 --set compare.tokens=4 \
        --set threads=2 "${sets[@]}"
}

example() { # example CONFIG STAGES ASKING_SET
    local name
    name=$(basename "$1" .yaml)
    must "$name: --check" "$thaw" config "$1" --check
    must "$name: trains" few "$1" "$2"
    ok "$name: it ended well" has_event "$name" reason type=end reason=finished
    ok "$name: $3 is asked" has_event "$name" "sets.$3.tuned.accuracy" type=eval
    ok "$name: base and tuned answer" has_event "$name" weights type=sample side=base
    must "$name: eval" "$thaw" eval "$name" --data "$4" --tokens 512 --answers --json
    ok "$name: its accuracy" has_key accuracy
    ok "$name: what it writes beside what is right" has_key chrf
}

# A word list of the form of trans-de-en, by a grammar of our own: as many entries as a stage needs.
word_list() {
    awk 'BEGIN {
        split("Haus Baum Stein Wasser Feuer Licht Berg Tal Weg Garten", german); split("house tree stone water fire light hill valley way garden", english)
        split("[med.] [anat.] [jur.]", tag); print "# our own"
        for (i = 0; i < 1000; i++) {
            a = int(i / 100) + 1; b = int(i / 10) % 10 + 1; c = i % 10 + 1; t = i % 3 ? "" : " " tag[i % 9 / 3 + 1]
            printf "%s%s%s {n}%s | %s%s%ser {pl} :: %s %s %s | %s %s %ss\n", german[a], tolower(german[b]), tolower(german[c]), t,
                german[a], tolower(german[b]), tolower(german[c]), english[a], english[b], english[c], english[a], english[b], english[c]
        }
    }'
}

example "$configs/cricket.yaml" 2 match grammar:cricket:match
example "$configs/traffic.yaml" 2 city grammar:traffic:city
example "$configs/stories.yaml" 3 stories grammar:letters:stories
if [ -r /usr/share/trans/de-en ]; then
    example "$configs/translate.yaml" 2 medical pairs:de-en:medical
else
    echo "translate on words of our own: trans-de-en is not installed"
    word_list >words.txt
    sed "s|pairs:de-en:\([a-z]*\)|pairs:$work/words.txt:\1|g" "$configs/translate.yaml" >translate.yaml
    example translate.yaml 2 medical "pairs:$work/words.txt:medical"
    try "$thaw" config translate --check
    ok "without the package it is said what to install" grep -q 'install trans-de-en' "$err"
fi
finish
