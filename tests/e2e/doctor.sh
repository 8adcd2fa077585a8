#!/usr/bin/env bash
# doctor.sh - what `thaw doctor` finds, and what its exit status tells of it.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 2
grade() { awk -v what="$1" '$2 == what { print $1 }' "$out"; } # grade WHAT: of the last try
expected() { # the exit status that belongs to what is in $out
    grep -q '^error ' "$out" && echo 1 && return
    grep -q '^warning ' "$out" && echo 3 && return
    echo 0
}

try "$thaw" doctor
same "exit status by severity" "$(expected)" "$status"
for what in processor threads BLAS speed memory disk wordnet dictionary pairs terminal; do
    ok "it looks at: $what" test -n "$(grade "$what")"
done
same "no terminal is no fault" note "$(grade terminal)"

try env WNSEARCHDIR="$work/none" "$thaw" doctor
same "no wordnet is told" note "$(grade wordnet)"
ok "and what to do" says "apt-get install wordnet-base"

long=/$(printf 'x%.0s' $(seq 5000))
try env XDG_STATE_HOME="$long" "$thaw" doctor
same "no folder for runs is an error" error "$(grade disk)"
same "exit status of an error" 1 "$status"

on_terminal() { # on_terminal NAME=VALUE...: the doctor on a terminal of 100x30 in this environment
    script -qefc "stty cols 100 rows 30; env $* $thaw doctor" /dev/null </dev/null >"$out" 2>/dev/null
    status=$?
    tr -d '\r' <"$out" >"$out.plain" && mv "$out.plain" "$out"
}
on_terminal TERM=xterm-256color TMUX= STY=
same "a good terminal" ok "$(grade terminal)"
ok "its size and colours" says "xterm-256color, 100x30, 256 colours"
same "its characters" ok "$(grade characters)"
same "nothing lies between" "" "$(grade between)"
on_terminal TERM=tmux-256color TMUX=/tmp/tmux LC_ALL=C
same "characters that are no UTF-8" warning "$(grade characters)"
same "tmux" note "$(grade between)"
same "exit status of a warning" "$(expected)" "$status"
on_terminal TERM=xterm TMUX=/tmp/tmux
same "tmux under a wrong name" warning "$(grade between)"

must "JSON" sh -c "\"$thaw\" doctor --json || test \$? = 3"
same "JSON: the first finding" processor "$("$json_get" 0.what <"$out")"
ok "JSON: its grade" test -n "$("$json_get" 0.grade <"$out")"

finish
