#!/usr/bin/env bash
# structure.sh - each lesson about the mechanism has a table here, as have examples that promise figures. Its config takes
# the table's settings; the figures are right on the logs of real runs (recorded/) and wrong where nothing was learned.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
here=$(realpath "$(dirname "$0")")
root=$(realpath "$here/../..")
cd "$root" || exit 2
[ -r /usr/share/wordnet/data.noun ] || skip "the lessons' text comes from wordnet-base"

takes() { # takes KEY=VALUE...: the lesson's config does; its first run's text and model are looked at, too
    local words=() word
    for word in "$@"; do words+=(--set "$word"); done
    must "$lesson: $config with $*" "$thaw" config "configs/$config.yaml" $whole "${words[@]}"
    whole=''
}

# Of every set the tuned figures become the base's; nothing has moved; no weights are those of another run.
spoil() { # spoil FILE
    sed -i -E -e 's/"tuned":\{[^}]*\},"base":(\{[^}]*\})/"tuned":\1,"base":\1/g' -e 's/"from_base":[0-9.e-]+/"from_base":0/g' \
        -e "s|\"model\":\"[0-9a-f]+\"|\"model\":\"$1\"|" -e 's/"suggested":[^,]*/"suggested":null/' "$1"
}

checks() { tests/lessons/run "$thaw" "$json_get" --check "$1" "$lesson" >"$out" 2>"$err"; }

mapfile -t taught < <(grep -l '^mechanism:' assets/lessons/*.yaml | sed -e 's|.*/||' -e 's|\.yaml$||')
mapfile -t tables < <(cd "$here" && find . -name '*.sh' ! -name lib.sh ! -name structure.sh | sed -e 's|^\./||' -e 's|\.sh$||' | sort)
same "a table for each of them, and for these examples" \
    "$(printf '%s\n' "${taught[@]}" cricket medical traffic translate | sort | tr '\n' ' ')" "$(printf '%s ' "${tables[@]}")"
same "each has its place" "$(seq -s ' ' "${#taught[@]}")" \
    "$(sed -n 's/^mechanism: *//p' assets/lessons/*.yaml | sort -n | tr '\n' ' ' | sed 's/ $//')"
for lesson in "${tables[@]}"; do
    must "$lesson: --notes" "$thaw" lesson "$lesson" --notes
    ok "$lesson: for the teacher" says "For the teacher:"
    config=$(sed -n 's/^config: *//p' "assets/lessons/$lesson.yaml")
    # shellcheck disable=SC2034 # the tables take it
    seed=1337 more=yes
    unset -f runs figures
    needs=''
    # shellcheck disable=SC1090 # one of the tables
    . "$here/$lesson.sh"
    calc() { awk "BEGIN { printf \"%.4f\", $* }"; }
    run() { takes "${@:2}"; }
    plain() { run "$@"; }
    killed() { takes "${@:3}"; }
    find_rate() { :; }
    whole=--check
    [ -z "$needs" ] || [ -r "$needs" ] || whole='' # without its text only the settings can be looked at
    runs
    ok "$lesson: its figures hold on recorded logs: $(cat "$out" "$err" 2>/dev/null | grep FAIL)" checks "$here/recorded"
    rm -rf "$work/spoilt" && mkdir -p "$work/spoilt" && cp -r "$here/recorded/$lesson" "$work/spoilt/"
    for log in "$work/spoilt/$lesson"/*/*; do spoil "$log"; done
    ok "$lesson: and not on spoilt ones" not checks "$work/spoilt"
    ok "$lesson: a figure is out of its range" says FAIL
done
finish
