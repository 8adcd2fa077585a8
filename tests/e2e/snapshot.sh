#!/usr/bin/env bash
# snapshot.sh - a run's frame on stdout: from a log that is there, without a terminal, without touching the
# run; with --color nothing but our own SGR sequences.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
root=$(realpath "$(dirname "$0")/../..")
cd "$work" || exit 2
unset TERM

# A run whose log holds what a hostile model may write, and no engine.
mkdir -p "$runs/medical"
cp "$root/tests/golden/medical.jsonl" "$runs/medical/events.jsonl"
printf '%s\n' '{"seq":9001,"t":9001,"step":72,"type":"problem","severity":"warning","text":"\u001b]2;owned\u0007 \u001b[31mred \u009b2J"}' \
    >>"$runs/medical/events.jsonl"
mkdir "$runs/second"
cp "$root/tests/golden/other/events.jsonl" "$runs/second/"
make_texts
make_config medical.yaml medical 2 2
make_config other.yaml other 2 2
before=$(find "$runs" -type f -exec cksum {} +)

clean() { ! LC_ALL=C grep -qaP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$@"; }
columns() { wc -L <"$out"; }
# What is left of $out without our own sequences: 0 first, then attributes and palette colours.
uncoloured() { LC_ALL=C sed -E 's/\x1b\[0(;(1|2|4|7|[34]8;5;[0-9]{1,3}))*m//g' "$out"; }

frame() { # frame WHAT WIDTH HEIGHT COMMAND...: as plain text
    local what=$1 w=$2 h=$3
    shift 3
    must "$what" "$@"
    same "$what: rows" "$h" "$(wc -l <"$out")"
    ok "$what: within its columns" test "$(columns)" -le "$w"
    ok "$what: the run is on it" says "medical"
    ok "$what: only text" clean "$out"
    same "$what: nothing on stderr" "" "$(cat "$err")"
}

frame "watch 80x24" 80 24 "$thaw" watch medical --snapshot 80x24
ok "its stages" says "FINE-TUNE"
ok "its curve in braille" grep -qP '[\x{2801}-\x{28ff}]' "$out"
ok "its engine is gone" says "DEAD"
frame "--overlay" 80 24 "$thaw" watch medical --snapshot 80x24 --overlay second
ok "the other run's curve" says "1 second"
frame "watch 120x40" 120 40 "$thaw" watch medical --snapshot 120x40
ok "the log's escape sequences are visible" says '\e]2;owned\x07'
frame "40x8" 40 8 "$thaw" attach medical --snapshot=40x8
frame "500x200" 500 200 "$thaw" attach medical --snapshot 500x200
frame "--ascii" 80 24 "$thaw" watch medical --snapshot 80x24 --ascii
ok "--ascii is ASCII" not grep -qP '[^\x00-\x7f]' "$out"
frame "LC_ALL=C" 80 24 env LC_ALL=C "$thaw" watch medical --snapshot 80x24
ok "LC_ALL=C is ASCII" not grep -qP '[^\x00-\x7f]' "$out"
frame "a run by its config" 80 24 "$thaw" run medical.yaml --snapshot 80x24
cp "$out" plain
frame "and by --name" 80 24 "$thaw" run other.yaml --name medical --snapshot 80x24
ok "both are the same run" cmp -s plain "$out"

# --- colours

for form in "" --light --mono; do
    must "--color $form" "$thaw" run medical.yaml --snapshot 80x24 --color $form
    cp "$out" "colour$form"
    ok "--color $form: has sequences" grep -q $'\033' "$out"
    uncoloured | sed 's/ *$//' >bare
    ok "--color $form: only our own" clean bare
    ok "--color $form: else the same text" cmp -s plain bare
    ok "--color $form: each line ends as it began" not grep -qP '\x1b\[0;[0-9;]+m[^\x1b]*$' "$out"
done
ok "--light has other colours" not cmp -s colour colour--light
ok "--mono has none" not grep -q '[34]8;5;' colour--mono
must "--color under NO_COLOR" env NO_COLOR=1 "$thaw" run medical.yaml --snapshot 80x24 --color
ok "what is asked for at the command holds" cmp -s colour "$out"

# --- wrong use

refused() { # refused PATTERN ARGUMENT...
    local pattern=$1
    shift
    try "$thaw" "$@"
    same "thaw $*: exit status" 2 "$status"
    same "thaw $*: nothing on stdout" "" "$(cat "$out")"
    same "thaw $*: one sentence" 1 "$(grep -c '^thaw: ' "$err")"
    ok "thaw $*: $(cat "$err")" grep -qE -- "$pattern" "$err"
}

for size in 39x8 40x7 501x200 80 80x 80x24x1 huge ""; do
    refused '40x8 to 500x200' watch medical --snapshot "$size"
done
refused 'needs a value' watch medical --snapshot
refused 'belongs to --snapshot' watch medical --color
refused 'starts none' run medical.yaml --snapshot 80x24 --detach
refused 'starts none' run --resume medical --snapshot 80x24
refused 'no run other to show yet' run other.yaml --snapshot 80x24
refused 'no run "gone"' watch gone --snapshot 80x24
refused 'no run "gone"' watch medical --snapshot 80x24 --overlay gone

same "the runs are as they were" "$before" "$(find "$runs" -type f -exec cksum {} +)"
finish
