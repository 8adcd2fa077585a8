#!/usr/bin/env bash
# fork.sh - a second run from where one stands, and back to a checkpoint, from the shell: what is said, that
# it trains at once, and the same bits.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

file() { echo "$runs/$1/checkpoints/step-$2/$3.safetensors"; } # file RUN STEP model|optimizer

same_state() { # same_state WHAT RUN RUN STEP
    ok "$1: weights" cmp -s "$(file "$2" "$4" model)" "$(file "$3" "$4" model)"
    ok "$1: moments" cmp -s "$(file "$2" "$4" optimizer)" "$(file "$3" "$4" optimizer)"
    ok "$1: base" cmp -s "$runs/$2/base/model.safetensors" "$runs/$3/base/model.safetensors"
}

# Paused in its last stage, forked twice: one as it is, one with a rate and a plan of its own.
forked() {
    local step
    must "run --detach" "$thaw" run "$work/long.yaml" --name whole --detach
    wait_for "the last stage" has_event whole index type=stage name=finetune state=started
    must "pause" "$thaw" send whole pause
    wait_for "the pause" state_is whole paused
    must "checkpoint" "$thaw" send whole checkpoint
    step=$(last_step whole)
    must "fork" "$thaw" send whole fork
    ok "the fork is told: $(cat "$out")" says "whole-fork trains from step $((step + 1)) on; look at it: thaw attach whole-fork"
    ok "no more than a step of it was made twice" test "$(events whole-fork step type=control do=fork)" = "$step"
    same "it says where it comes from" "of whole" "$(events whole-fork argument type=control do=fork)"
    same "and the run what was made of it" whole-fork "$(events whole argument type=control do=fork)"
    same "and with whom it shares the machine" whole "$(events whole-fork beside type=run | tail -n 1)"
    must "fork with a name, a plan and a rate" "$thaw" send whole fork --name other --freeze all --lr 1e-4
    same "its plan is told" "of whole --freeze all --lr 0.0001" "$(events other argument type=control do=fork | tail -n 1)"
    wait_for "the end of the fork" state_is whole-fork finished
    wait_for "the end of the other" state_is other finished
    same "its log has the run from its start" 1 "$(events whole-fork step type=step | head -n 1)"
    ok "its log is whole" sound_log whole-fork
    ok "all frozen: nothing moved" cmp -s "$(file other 900 model)" "$(file whole "$step" model)"
    must "resume" "$thaw" send whole resume
    wait_for "the end of the run" ended whole
    same_state "a fork as it was" whole whole-fork 900
    must "its config is sound" "$thaw" config "$runs/other/config.yaml" --check
    ok "and bears its name" grep -qx 'name: "other"' "$runs/other/config.yaml"
    same "the base is the same file" "$(stat -c %i "$runs/whole/base/model.safetensors")" \
        "$(stat -c %i "$runs/other/base/model.safetensors")"
}

refused() {
    try "$thaw" send live fork --name whole
    same "a name that is taken" 1 "$status"
    ok "and why" grep -q 'there is a run whole already' "$err"
    try "$thaw" send live fork other
    same "a word that is no option" 2 "$status"
    try "$thaw" send live rollback 7
    same "no such checkpoint" 1 "$status"
    ok "those that there are" grep -qE 'no whole checkpoint of step 7; there are: [0-9]+' "$err"
}

# Led astray behind a checkpoint, and back: the end is that of a run that never was.
rolled_back() {
    local step
    must "run --detach" "$thaw" run "$work/long.yaml" --name live --set checkpoint.keep=99 --detach
    wait_for "a checkpoint" has_event live path type=checkpoint
    must "pause" "$thaw" send live pause
    must "checkpoint" "$thaw" send live checkpoint
    step=$(last_step live)
    must "lr" "$thaw" send live lr 0.1
    must "resume" "$thaw" send live resume
    wait_for "steps astray" reached live $((step + 2))
    refused
    must "rollback" "$thaw" send live rollback "$step"
    ok "its step is told: $(cat "$out")" says "holds from step $((step + 1))"
    wait_for "it in the log" has_event live argument type=control do=rollback by=send
    wait_for "the end" ended live
    same "it came to its end" finished "$(events live reason type=end)"
    same_state "a run led astray and back" whole live 900
    ok "its log is whole" sound_log live
}

make_texts
make_config "$work/long.yaml" long 500 400
forked
rolled_back
finish
