#!/usr/bin/env bash
# attach.sh - coming back to a run: one that has ended answers prompts, and goes when nobody looks.
# shellcheck source=tests/e2e/tmux.sh
. "$(dirname "$0")/tmux.sh"

make_texts
make_config "$work/small.yaml" small 60 60

engine_lives() { engine_pid "$1" >/dev/null; }

ended_run() {
    run=small
    must "a run to its end" "$thaw" run "$work/small.yaml" --headless
    cp "$runs/small/checkpoints/step-120/model.safetensors" "$work/before"
    terminal ended 100 30
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
    terminal stopped 100 30
    enter "$thaw attach stopped"
    wait_for "an engine answers" engine_lives stopped
    local step
    step=$(last_step stopped)
    must "run --resume beside it" "$thaw" run --resume stopped --detach
    wait_for "it trains on" reached stopped $((step + 5))
    wait_for "and the screen follows" shows 'training|live|FINE-TUNE'
    must "stop again" "$thaw" send stopped stop
    press q
    wait_for "the screen has gone" at_prompt
}

ended_run
makes_way
finish
