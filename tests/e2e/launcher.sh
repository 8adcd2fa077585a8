#!/usr/bin/env bash
# launcher.sh - `thaw` alone on a terminal: start a config, leave it, come back to it, watch it, stop it
# and delete it, all from one list; and no list where there is no screen.
# shellcheck source=tests/e2e/tmux.sh
. "$(dirname "$0")/tmux.sh"
run=tiny

in_list() { shows '^thaw .* runs?, [0-9]+ live'; }

first_list() { # the best of three tries, as in first_frame()
    local start took tries=3 limit=${THAW_FIRST_FRAME_MS:-1000}
    while :; do
        start=$(ms)
        enter "$thaw"
        wait_for "the list" in_list
        took=$(($(ms) - start))
        echo "first frame after $took ms, polling included"
        tries=$((tries - 1))
        [ "$took" -gt "$limit" ] && [ "$tries" -gt 0 ] || break
        press q
        wait_for "the prompt" at_prompt
    done
    ok "first frame within $limit ms" test "$took" -le "$limit"
    ok "what to do" shows 'no runs yet: Enter starts'
    ok "the keys" shows '\? help .*Enter start .*q leave'
    press Tab Tab
    wait_for "the config with what it says" shows 'tiny +two words a minute'
    press End
    ok "and that of the program" shows 'medical +learn English words'
}

wrong_config() { # a refusal is told in the list
    press / && write broken
    wait_for "the filter" shows_not 'medical'
    press Enter Enter
    wait_for "why it does not start" shows 'configs/broken.yaml:1:'
    ok "no run was made" shows '^thaw .* 0 runs'
    press Escape
    wait_for "all again" shows 'medical'
}

start() {
    press / && write 'two words'
    wait_for "the filter" shows_not 'medical'
    press Enter Enter
    wait_for "the run's screen" shows '1 Loss'
    wait_for "it trains" reached tiny 20
    press q
    wait_for "the list again, with the run selected" shows '^>tiny +running'
    wait_for "the run" shows 'tiny +running +PRETRAIN +[1-9][0-9]* +[0-9]\.[0-9]{3} +[^ ]'
    ok "it is counted" shows '1 run, 1 live$'
}

look_on() {
    press g
    wait_for "the run is selected" shows '^>tiny +running'
    press w
    wait_for "a watcher's screen, and on it what the log tells" shows 'block\.0.? +learn'
    press 2 Space
    wait_for "only watching" shows 'watching only'
    press q
    wait_for "the list again" in_list
    press d
    wait_for "a living run is not deleted" shows 'tiny is running: stop it first'
    ok "its engine lives" state_is tiny running
}

suspend() { # the shell gets both, the list and the run's screen in front of it
    press Enter
    wait_for "the run's screen" shows '1 Loss'
    press C-z
    wait_for "the shell" shows 'Stopped'
    ok "its engine trains" state_is tiny running
    enter fg
    wait_for "the run's screen again" shows '1 Loss'
}

stop() { # from the run's screen
    press Q
    wait_for "the question" shows 'Stop after a checkpoint\?'
    press y
    wait_for "the list, with its end" shows '^>tiny +stopped'
    wait_for "the engine's exit" not engine_pid tiny
    wait_for "nothing lives" shows '1 run, 0 live$'
}

sizes() {
    resize 40 8
    wait_for "the list in the least size" shows '^>tiny +stopped'
    resize 30 6
    wait_for "what is too small" shows 'have 30x6, need 40x8'
    resize 80 24
    wait_for "the list again" shows '^>tiny +stopped'
}

two_runs() { # a second one, with another seed
    cp -r "$runs/tiny" "$runs/other"
    sed -i 's/^seed: .*/seed: 8/' "$runs/other/config.yaml"
    wait_for "both" shows '2 runs, 0 live$'
    press g j m
    wait_for "the mark" shows '^>(tiny|other) +\*stopped'
    press k c
    wait_for "in what they differ" shows 'What differs'
    ok "the seed" shows 'seed +(7 +8|8 +7) '
    ok "nothing else" shows_not 'threads|stages'
    press Enter
    wait_for "the curves of both" shows '1 (tiny|other) '
    press q
    wait_for "the list again" in_list
    press r
    wait_for "a replay" shows 'REPLAY'
    press q
    wait_for "the list again" in_list
    rm -r "$runs/other"
    wait_for "one is left" shows '1 run, 0 live$'
    press g
    wait_for "it is selected" shows '^>tiny +'
}

delete() {
    press d
    wait_for "the question" shows 'Delete the run tiny for good\?'
    press n
    wait_for "no is no" shows 'nothing was deleted'
    ok "it is there" test -s "$runs/tiny/events.jsonl"
    press d
    wait_for "the question again" shows 'Delete the run tiny for good\? .*[1-9] checkpoint'
    press y
    wait_for "it is gone" shows 'tiny is deleted'
    ok "its folder, too" not test -e "$runs/tiny"
    same "nothing else is left" "" "$(ls -A "$runs")"
    ok "the empty list" shows 'no runs yet'
}

leave() {
    press q
    wait_for "the prompt" at_prompt
    same "the terminal is in its normal screen" 0 "$(tm display-message -p -t "$pane" '#{alternate_on}')"
    same "its cursor is there again" 1 "$(tm display-message -p -t "$pane" '#{cursor_flag}')"
}

no_screen() {
    must "no terminal" "$thaw"
    ok "what to type" says "  thaw run tiny"
    clear_screen
    enter "TERM=dumb $thaw"
    wait_for "the same on a terminal that will not do" shows 'All commands: thaw --help'
}

make_texts
mkdir -p "$work/configs"
make_config "$work/tiny.yaml" tiny 1000000 1000
{ echo "# tiny: two words a minute."; cat "$work/tiny.yaml"; } >"$work/configs/tiny.yaml"
echo "frieze: 1" >"$work/configs/broken.yaml"
cd "$work" || exit
terminal main 80 24
first_list
wrong_config
start
look_on
suspend
stop
sizes
two_runs
delete
leave
no_screen
finish
