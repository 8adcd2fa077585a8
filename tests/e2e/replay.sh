#!/usr/bin/env bash
# replay.sh - `thaw replay` in a terminal: a finished run, a copy that cannot be written, a log whose last
# line is torn; the replay of a run that trains, from its own screen and back.
# shellcheck source=tests/e2e/tmux.sh
. "$(dirname "$0")/tmux.sh"
root=$(realpath "$(dirname "$0")/../..")
run=tiny

golden_runs() { # a finished run, and its log alone, torn and read-only
    mkdir -p "$runs/medical" "$work/copy"
    cp "$root/tests/golden/medical.jsonl" "$runs/medical/events.jsonl"
    { cat "$root/tests/golden/medical.jsonl"; printf '{"seq":9000,"t":1e9,"ty'; } >"$work/copy/torn.jsonl"
    chmod 400 "$work/copy/torn.jsonl"
    chmod 500 "$work/copy"
}

play() {
    enter "$thaw replay medical --speed max"
    wait_for "its end" shows 'REPLAY end'
    wait_for "all steps, once the log is read ahead to its end" shows 'step 372/372'
    write '('
    wait_for "a step back" shows 'REPLAY paused'
    wait_for "the one before" shows 'step 371/372'
    write '"'
    wait_for "the mark before it" shows 'learning rate'
    write '{{'
    wait_for "earlier" shows 'step 3[0-2][0-9]/372'
    press Space
    wait_for "nothing is asked of it" shows 'a replay changes nothing'
    write ',,,,,,p'
    wait_for "it plays on, at a pace that can be seen" shows 'REPLAY 2x'
    write '.....'
    wait_for "to its end" shows 'REPLAY end'
    press '?'
    wait_for "the help" shows 'Help'
    press Escape q
    wait_for "the prompt" at_prompt
    ok "no engine was started" not test -e "$runs/medical/engine.lock"
}

slowly() { # the pauses of this log are short, its pace is what it was
    clear_screen
    enter "$thaw replay $work/copy/torn.jsonl --speed 2"
    wait_for "its pace" shows 'REPLAY 2x'
    wait_for "the first steps" shows 'step +[1-9][0-9]*/372'
    press p
    wait_for "a pause" shows 'REPLAY paused'
    settle
    ok "it stands" shows 'REPLAY paused'
    press q
    wait_for "the prompt" at_prompt
    same "the copy is as it was" 1 "$(find "$work/copy" -type f | wc -l)"
}

own_screen() { # the run on the screen, back to its start and forward to now
    clear_screen
    enter "$thaw run tiny.yaml"
    wait_for "it trains" reached tiny 30
    press r
    wait_for "its replay" shows 'REPLAY 1x'
    write '.......'
    wait_for "as fast as it goes" shows 'REPLAY (max|end)'
    wait_for "its steps" shows 'step +[1-9][0-9]+/[1-9]'
    press r
    wait_for "the run again" shows 'LIVE'
    local step
    step=$(last_step tiny)
    wait_for "it has trained on" reached tiny $((step + 5))
    wait_for "and is heard" shows 'PRETRAIN +[1-9][0-9]+/'
    press Q
    wait_for "it listens" shows 'Stop after a checkpoint'
    press y
    wait_for "the prompt" at_prompt
}

frames() { # one frame at a step, without a terminal
    must "a frame" "$thaw" replay medical --at 350 --snapshot 80x24
    ok "of that step" says "step 350/372"
    must "the same from the log alone" "$thaw" replay "$work/copy/torn.jsonl" --at 350 --snapshot 80x24
    ok "it is that step" says "step 350/372"
    must "at its end" "$thaw" replay medical --snapshot 40x8
    ok "it says so" says "REPLAY end"
    for wrong in "--speed 0" "--speed 65" "--speed fast" "--at -1"; do
        # shellcheck disable=SC2086
        try "$thaw" replay medical $wrong
        same "$wrong is refused" 2 "$status"
    done
}

make_texts
make_config "$work/tiny.yaml" tiny 1000000 1000
golden_runs
cd "$work" || exit
terminal main 80 24
play
slowly
own_screen
frames
finish
