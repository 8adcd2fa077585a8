#!/usr/bin/env bash
# attach.sh - coming back to a run: one that has ended answers prompts, and goes when nobody looks.
# shellcheck source=tests/e2e/tmux.sh
. "$(dirname "$0")/tmux.sh"

make_texts
make_config "$work/small.yaml" small 60 60

engine_lives() { engine_pid "$1" >/dev/null; }

# hold RUN: its lock, as an engine does for a moment after its last word and before it listens. It is held
# when this returns: who only looked now and then could miss the moment.
hold() {
    mkfifo "$work/held"
    flock "$runs/$1/engine.lock" sh -c 'echo >"$1" && exec sleep 1' sh "$work/held" &
    read -r <"$work/held"
    rm "$work/held"
}

ended_run() {
    run=small
    must "a run to its end" "$thaw" run "$work/small.yaml" --headless
    cp "$runs/small/checkpoints/step-120/model.safetensors" "$work/before"
    terminal ended 100 30
    hold small
    enter "$thaw attach small"
    wait_for "its history" shows 'ENDED'
    wait_for "an engine answers" engine_lives small
    same "it is still finished" finished "$(listed small state)"
    press e C-u
    write "the mild cough"
    press Enter
    wait_for "both models' answers" has_event small seq type=sample index=-1 prompt="the mild cough" side=tuned
    wait_for "they are shown" shows 'the mild cough'
    press p
    wait_for "nothing else is changed" shows 'nothing can be changed any more'
    try "$thaw" send small freeze 0
    same "nor from a shell" 1 "$status"
    ok "which says why" grep -q 'only answers prompts' "$err"
    press q
    wait_for "the screen has gone" at_prompt
    ok "it does not say that training goes on" shows_not 'goes on training'
    wait_for "the engine goes with the last screen" not engine_lives small
    same "the run is finished as before" finished "$(listed small state)"
    ok "its log is sound" sound_log small
    ok "its weights are the same" cmp "$runs/small/checkpoints/step-120/model.safetensors" "$work/before"
    must "verify" "$thaw" verify small
}

# A run that was stopped, and is looked at, can still be gone on with: the looking makes way.
makes_way() {
    run=stopped
    must "run --detach" "$thaw" run "$work/small.yaml" --name stopped --detach --set stages.1.steps=100000
    wait_for "some steps" reached stopped 70
    must "stop" "$thaw" send stopped stop
    wait_for "it has stopped" state_is stopped stopped
    hold stopped
    must "run --resume waits for it" "$thaw" run --resume stopped --detach
    must "stop again" "$thaw" send stopped stop
    wait_for "it has stopped again" state_is stopped stopped
    terminal stopped 100 30
    enter "$thaw attach stopped"
    wait_for "an engine answers" engine_lives stopped
    local step
    step=$(last_step stopped)
    must "run --resume beside it" "$thaw" run --resume stopped --detach
    wait_for "it trains on" reached stopped $((step + 5))
    wait_for "and the screen follows" shows 'training|live|FINE-TUNE'
    must "stop for good" "$thaw" send stopped stop
    press q
    wait_for "the screen has gone" at_prompt
}

# Two screens steer one run, until one of them does so alone.
steal() {
    run=shared
    must "run --detach" "$thaw" run "$work/small.yaml" --name shared --detach --set stages.1.steps=100000
    terminal one 100 30
    enter "$thaw attach shared"
    wait_for "the first screen" shows '1 Loss'
    terminal two 100 30
    enter "$thaw attach shared --steal"
    wait_for "the second screen" shows 'this screen steers alone'
    pane=one
    wait_for "the first is told" shows 'another screen steers alone now'
    press p
    wait_for "it only watches" shows 'attach shared --steal takes it back'
    try "$thaw" send shared pause
    same "nor does a shell steer" 1 "$status"
    ok "it hears why" grep -q 'another screen steers this run alone' "$err"
    pane=two
    press p
    wait_for "the one that steers does" has_event shared seq type=control do=pause by=screen
    press q
    wait_for "the second screen has gone" at_prompt
    pane=one
    wait_for "the first steers again" shows 'this screen steers again'
    press p
    wait_for "and is obeyed" has_event shared seq type=control do=resume by=screen
    must "so is a shell" "$thaw" send shared stop
    press q
    wait_for "the first screen has gone" at_prompt
    try "$thaw" watch shared --steal
    same "who watches steals nothing" 2 "$status"
}

ended_run
makes_way
steal
finish
