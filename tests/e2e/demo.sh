#!/usr/bin/env bash
# demo.sh - the built-in example as a person meets it: start it, freeze a block and see that it is so,
# detach, come back, compare base and tuned, stop. Real text (wordnet-base); skipped where it is absent.
# shellcheck source=tests/e2e/tmux.sh
. "$(dirname "$0")/tmux.sh"
[ -r /usr/share/wordnet/data.noun ] || skip "wordnet-base is not installed"
run=medical

steer() {
    press 2 g j j j Space
    wait_for "block.2 frozen, as a fact" shows '>block\.2.? +frozen'
    ok "the log has it" has_event medical step type=freeze group=block.2 state=frozen by=screen
    wait_for "what a step then takes" measured
}

measured() { events medical measured_s type=freeze group=block.2 | grep -q '^[0-9]'; }

leave_and_return() {
    local step
    press q
    wait_for "the way back" shows 'come back with: thaw attach medical'
    step=$(last_step medical)
    wait_for "steps while nobody looks" reached medical $((step + 2))
    enter "$thaw attach medical"
    wait_for "the screen" shows '1 Loss'
    wait_for "what was frozen still is" shows 'block\.2.? +frozen'
}

compare() {
    press 3 N
    wait_for "the question" shows 'begin FINE-TUNE\?'
    press y
    wait_for "the last stage" shows '\[2 FINE-TUNE +[1-9]'
    wait_for "both texts" shows 'BASE [0-9a-f]{4}.*TUNED [0-9a-f]{4}'
    wait_for "the gain" shows 'mean [+-][0-9]+\.[0-9]+ nat'
    ok "medical text is what it learns from" has_event medical index type=stage name=finetune
    wait_for "the lower half, frozen and compared" shows 'block\.0.? +frozen .*0\.000.*=='
}

stop() {
    press Q
    wait_for "the question" shows 'Stop after a checkpoint\?'
    press y
    wait_for "how it ended" shows 'thaw: medical stopped at step'
    same "it was stopped" stopped "$(events medical reason type=end)"
    ok "the checkpoint at its last step" test -s "$runs/medical/checkpoints/step-$(last_step medical)/model.safetensors"
    must "its weights can be used at once" "$thaw" compare medical --prompt "fever :" --json
    ok "base and tuned both answer" has_key prompts.0.base.text
}

terminal main 80 24
first_frame medical
steer
leave_and_return
compare
stop
finish
