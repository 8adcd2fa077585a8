#!/usr/bin/env bash
# readme.sh - every command that the README shows does what it says: the lines of its sh blocks that begin
# with `thaw` are run as they stand, on a run named medical; ./run's own words must be known to ./run.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
root=$(realpath "$(dirname "$0")/../..")
cd "$work" || exit 2
thaw() { "$thaw" "$@"; }

blocks() { awk '/^```/ { inside = ($0 == "```sh"); next } inside' "$root/README.md"; }
commands() { blocks | sed 's/ *#.*//' | grep "^$1"; }

# A medical run that is quick to start and long enough to be talked to.
make_texts
make_config medical.yaml medical 2 1000000
"$thaw" run medical.yaml --detach >"$out" 2>"$err" </dev/null || give_up "no run: $(cat "$err")"
wait_for "the last stage" has_event medical index type=stage name=finetune
cp "$work/medical.txt" notes.txt
mkdir -p configs && cp medical.yaml configs/

n=0
while IFS= read -r line; do
    n=$((n + 1))
    case $line in
    *" --snapshot "*)
        must "$line" eval "$line"
        ok "$line: a frame" says "thaw medical" ;;
    *" watch "* | *" replay "*) # needs a terminal; q leaves it, pressed until there is a screen that hears it
        env TERM=xterm-256color timeout 60 script -qefc "${line/thaw/$thaw}" /dev/null \
            < <(while sleep 0.5; do printf q; done) >"$out" 2>"$err"
        ok "$line: the screen came up" says "medical" ;;
    *" --resume "*)
        "$thaw" send medical stop >/dev/null 2>&1
        wait_for "the run has ended" not state_is medical running
        step=$(last_step medical)
        eval "$line --headless" >"$out" 2>"$err" </dev/null &
        wait_for "$line: new steps" reached medical $((step + 3))
        "$thaw" send medical stop >/dev/null 2>&1
        wait "$!"
        ok "$line: went on" reached medical $((step + 3)) ;;
    *" fork "*)
        must "$line" eval "$line"
        ok "$line: trains" state_is medical-fork running
        must "the fork stops" thaw send medical-fork stop ;;
    "thaw doctor") # status 3: it found something to warn of
        try thaw doctor
        ok "$line: exit status $status" test "$status" = 0 -o "$status" = 3 ;;
    *" rollback "*)
        wait_for "a checkpoint" has_event medical path type=checkpoint
        must "$line" eval "$line"
        ok "$line: in the log" has_event medical argument type=control do=rollback by=send ;;
    *" eval "* | *" data "*)
        [ -r /usr/share/wordnet/data.noun ] || continue # its text comes from wordnet-base
        must "$line" eval "$line" ;;
    *" chat "*)
        wait_for "a checkpoint" has_event medical path type=checkpoint
        eval "$line" >"$out" 2>"$err" <<<"the fever"
        same "$line: exit status" 0 "$?"
        ok "$line: both answer" grep -q '^medical/base:$' "$out" ;;
    *" generate "* | *" compare "* | *" score "* | *" export "*)
        wait_for "a checkpoint" has_event medical path type=checkpoint
        must "$line" eval "$line"
        ok "$line: says something" test -s "$out" ;;
    *) must "$line" eval "$line" ;;
    esac
done < <(commands thaw)
ok "the README shows commands" test "$n" -ge 10

# What the README and the example's config tell of a source is what `thaw data --stats` counts.
for file in README.md configs/medical.yaml; do
    [ -r /usr/share/wordnet/data.noun ] || break
    for domain in general medicine; do
        [ -s "$work/$domain.lines" ] || "$thaw" data "wordnet:$domain" --stats | awk '/^lines/ { print $2 }' >"$work/$domain.lines"
        lines=$(sed ':a; s/\([0-9]\)\([0-9]\{3\}\)\b/\1,\2/; ta' "$work/$domain.lines")
        ok "$file: wordnet:$domain has $lines lines" grep -qF "$lines lines" "$root/$file"
    done
done

# `./run` itself is what the demo starts and what runs this test: here only that its words exist.
"$root/run" help >"$out" 2>"$err" || give_up "./run help: $(cat "$err")"
while IFS= read -r line; do
    ok "$line is in ./run help" grep -qF -- "$line" "$out"
done < <(commands ./run)
finish
