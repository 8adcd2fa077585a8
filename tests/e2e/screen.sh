#!/usr/bin/env bash
# screen.sh - the screen in a real terminal (tmux): first frame, steering, resizing, detaching and coming
# back, base beside tuned, and a training that outlives whatever happens to its screen.
# shellcheck source=tests/e2e/tmux.sh
. "$(dirname "$0")/tmux.sh"
run=live

looks() {
    wait_for "a loss" shows 'train +[0-9]+\.[0-9]'
    wait_for "the stage and its steps" shows '\[1 PRETRAIN +[1-9][0-9]*/1000000 .*LIVE'
    wait_for "every layer has a row" shows 'block\.1 +learn'
    ok "the key line" shows '\? help .*q detach'
    same "the cursor is hidden" 0 "$(tm display-message -p -t "$pane" '#{cursor_flag}')"
}

freeze_a_block() {
    press 2 g j Space
    wait_for "block.0 frozen, as a fact" shows '>block\.0.? +frozen'
    ok "the log has it" has_event live step type=freeze group=block.0 state=frozen by=screen
    press u
    wait_for "block.0 learns again" shows '>block\.0.? +learn'
    ok "the log has it" has_event live step type=freeze group=block.0 state=learn by=screen
    press Space
    wait_for "block.0 frozen again" shows '>block\.0.? +frozen'
}

range_of_blocks() { # one that is frozen, one that learns
    press 2 g j V j
    wait_for "a range of two blocks" shows '\*block\.0.? +frozen'
    press Space
    wait_for "both frozen" shows '>block\.1.? +frozen'
    ok "the log has it" has_event live step type=freeze group=block.1 state=frozen by=screen
    press u
    wait_for "block.1 learns again" shows '>block\.1.? +learn'
    ok "block.0, which was frozen before, still is" shows 'block\.0.? +frozen'
}

copied_command() {
    wait_for "the command is said" copy_said
    wait_for "and in the clipboard" copied "thaw run $(realpath "$runs")/live/config.yaml"
}
# What the run answers to the key before may take the message row: then once more.
copy_said() {
    press y
    sleep 0.2
    shows '^copied, if this terminal lets programs copy'
}
copied() { [ "$(tm show-buffer 2>/dev/null)" = "$1" ]; }

command_line() {
    press :
    write "lr 1e-4"
    wait_for "what is typed" shows ':lr 1e-4'
    press Enter
    wait_for "the new rate on the screen" shows 'lr 1\.0e-4'
    ok "the log has it" has_event live step type=control do=lr by=screen
    press :
    write "frieze 1"
    press Enter
    wait_for "a word that is no command is told" shows 'frieze'
    press Escape
    wait_for "the hint line again" shows 'q detach'
}

help_overlay() {
    press '?'
    wait_for "the help" shows 'Help'
    ok "it tells about keys" shows 'Space +freeze or thaw'
    press Escape
    wait_for "the help is gone" shows '1 Loss'
    ok "nothing of it is left" shows_not 'Space +freeze or thaw'
}

# Paused, the picture must not depend on what was there before: a redraw from nothing is the same.
no_garbage() { # no_garbage COLUMNS ROWS PATTERN
    resize "$1" "$2"
    wait_for "the layout of $1x$2" shows "$3"
    settle
    screen >"$work/drawn"
    press C-l
    settle
    screen >"$work/redrawn"
    ok "$1x$2 has no garbage" cmp -s "$work/drawn" "$work/redrawn"
    same "$1x$2 keeps to its rows" "$2" "$(wc -l <"$work/drawn")"
}

no_message() { [ -z "$(screen | sed -n 23p | tr -d ' ')" ]; } # of 80x24

resizes() {
    press p
    wait_for "the pause" shows 'PAUSED'
    wait_for "the engine pauses, too" state_is live paused
    wait_for "the message is over" no_message # it would end between two pictures
    settle
    screen >"$work/before"
    no_garbage 120 40 '4 Log'
    ok "120x40 has four panes" shows '3 Compare'
    no_garbage 60 16 '\[2 Layers\]'
    no_garbage 40 8 'PAUSED'
    no_garbage 20 5 'have 20x5, need 40x8'
    no_garbage 200 60 '4 Log'
    no_garbage 80 24 '3 Compare'
    screen >"$work/after"
    ok "80x24 again is 80x24 as before" cmp "$work/before" "$work/after"
    press q
    wait_for "that the run is paused" shows '^thaw: live is paused at step [0-9]+; it goes on with: thaw send live'
    ok "a paused run is not said to train" shows_not 'goes on training'
    clear_screen
    enter "$thaw attach live"
    wait_for "the screen of a paused run" shows 'PAUSED'
    press p
    wait_for "training goes on" shows 'LIVE'
}

goes_on() { # goes_on WHY: steps are made while nobody looks
    local step
    step=$(last_step live)
    wait_for "steps after $1" reached live $((step + 20))
    same "runs: after $1" running "$(listed live state)"
}

detach() {
    press q
    wait_for "the way back" shows 'thaw attach live'
    wait_for "the prompt" at_prompt
    same "the terminal is in its normal screen" 0 "$(tm display-message -p -t "$pane" '#{alternate_on}')"
    same "its cursor is there again" 1 "$(tm display-message -p -t "$pane" '#{cursor_flag}')"
    enter "stty -a | grep -o ' echo ' | tr -d ' '"
    wait_for "it echoes again" shows '^echo$'
    goes_on "a detach"
}

come_back() {
    local step
    step=$(last_step live)
    enter "$thaw attach live"
    wait_for "the screen" shows '1 Loss'
    ok_steps() { [ "$(steps_on_screen)" -ge "$step" ]; }
    wait_for "all steps made meanwhile" ok_steps 2>/dev/null
    ok "what was frozen before still is" shows 'block\.0.? +frozen'
    press 4
    wait_for "the log pane" shows '4 Log\*'
    press Enter
    wait_for "the log on the full screen" shows_not '1 Loss'
    press g
    wait_for "the log from its beginning" shows 'step [01] '
    press Escape
    wait_for "all panes again" shows '1 Loss'
    press 2
}

blind_vote() { # the sides have names again when it ends
    press 3 b
    wait_for "two texts without names" two_to_choose_from
    ok "nothing tells them apart" shows_not 'BASE [0-9a-f]{4}|TUNED|token gain'
    press Right Enter
    wait_for "whose texts they are" shows 'was (BASE|TUNED) [0-9a-f]{4}'
    ok "the tally" shows 'tuned preferred [01] of 1'
    press b
    wait_for "the comparison again" shows 'BASE [0-9a-f]{4}.*TUNED [0-9a-f]{4}'
}

two_to_choose_from() { # the tuned model may have said what the base says, until now
    shows 'Which is better\?' && return
    press Enter
    sleep 0.2
    false
}

fine_tune() {
    press 3 N
    wait_for "the question" shows 'begin FINE-TUNE\?'
    press y
    wait_for "the last stage" shows '\[2 FINE-TUNE +[1-9]'
    wait_for "the base's text" shows 'BASE [0-9a-f]{4}'
    wait_for "the tuned text beside it" shows 'BASE [0-9a-f]{4}.*TUNED [0-9a-f]{4}.* @[0-9]+'
    wait_for "the gain of each token" shows 'mean [+-][0-9]+\.[0-9]+ nat'
    wait_for "frozen bytes that were compared" shows 'block\.0.? +frozen .*0\.000.*=='
    wait_for "what is forgotten" shows 'forgetting: general .* learned: domain'
    wait_for "the other prompt, its escape made visible" next_prompt_is 'the \\e\]2;owned\\x07 cat'
    ok "the terminal has not obeyed a prompt" test "$(tm display-message -p -t "$pane" '#{pane_title}')" != owned
}

next_prompt_is() { # go through the prompts
    shows "> $1" && return
    press ']'
    sleep 0.2 # the next may be it
    false
}

# A terminal without a second screen keeps the picture; what is printed after it must be legible.
old_terminal() {
    press q
    wait_for "the prompt" at_prompt
    enter "TERM=vt100 $thaw attach live"
    wait_for "a screen of ASCII" shows '^\+- 1 Loss'
    press q
    wait_for "the way back, on a row of its own" shows '^thaw: live goes on training; come back with: thaw attach live$'
    clear_screen
    enter "TERM=dumb $thaw attach live"
    wait_for "that this terminal will not do" shows '^thaw: .* dumb '
    wait_for "the prompt" at_prompt
    clear_screen
    enter "$thaw attach live"
    wait_for "the screen" shows '2 FINE-TUNE'
}

suspend() {
    press C-z
    wait_for "the shell" shows 'Stopped'
    same "a suspended screen: the terminal is in its normal screen" 0 \
        "$(tm display-message -p -t "$pane" '#{alternate_on}')"
    goes_on "a suspended screen"
    resize 120 40
    enter fg
    wait_for "the screen, in its new size" shows '4 Log'
    resize 80 24
    wait_for "and in the old one" shows_not '4 Log'
}

watcher() {
    local frozen
    frozen=$(events live step type=freeze | wc -l)
    terminal watcher 80 24
    enter "$thaw watch live"
    wait_for "a watcher's screen, and on it what the log tells" shows 'block\.0.? +frozen'
    press 2 g Space
    wait_for "a watcher is told what drives it" shows 'watching only: thaw attach live drives it'
    press q
    wait_for "the watcher's prompt" at_prompt
    same "a watcher has changed nothing" "$frozen" "$(events live step type=freeze | wc -l)"
    tm kill-session -t watcher
    pane=main
}

killed_screen() {
    local pid
    pid=$(screen_pid)
    kill -9 "$pid"
    wait_for "the screen's death" not test -e "/proc/$pid"
    goes_on "kill -9 of the screen"
    tm kill-session -t main
    terminal main 80 24
    enter "$thaw attach live"
    wait_for "the screen, after kill -9 of another" shows '2 FINE-TUNE'
    pid=$(screen_pid)
    tm kill-session -t main
    wait_for "the screen's end with its terminal" not test -e "/proc/$pid"
    goes_on "a terminal that was closed"
}

all_steps() { events "$1" step type=step | awk '$1 != NR { bad = 1 } END { exit bad || !NR }'; }

stop() {
    terminal main 80 24
    enter "$thaw attach live"
    wait_for "the screen" shows '2 FINE-TUNE'
    press Q
    wait_for "the question" shows 'Stop after a checkpoint\?'
    press n
    wait_for "no is no" shows 'nothing was changed'
    press Q
    wait_for "the question again" shows 'Stop after a checkpoint\?'
    press y
    wait_for "the end" ended live
    same "it was stopped" stopped "$(events live reason type=end)"
    wait_for "what it came to" shows 'thaw: live stopped at step'
    wait_for "how to go on" shows 'thaw run --resume live'
    wait_for "the engine's exit" not engine_pid live
    ok "a checkpoint at the last step" test -s "$runs/live/checkpoints/step-$(last_step live)/model.safetensors"
    ok "the log is whole" sound_log live
    ok "no step was lost, whatever became of the screens" all_steps live
    same "runs: in the end" stopped "$(listed live state)"
}

look_back() { # at a run that has ended
    clear_screen
    enter "$thaw attach live"
    wait_for "the screen of an ended run" shows 'STOPPED'
    press : # what asks nothing of the run works to its end and after
    write "save-screen $work/live.svg"
    press Enter
    wait_for "where it was saved" shows "this screen is in $work/live\.svg"
    ok "a picture of it" grep -q '>1 Loss<\|>thaw live' "$work/live.svg"
    ok "of it alone" not grep -q 'save-screen' "$work/live.svg"
    ok "the engine has not heard of it" not grep -q 'save-screen' "$runs/live/events.jsonl"
    press q
    wait_for "how it ended" shows 'thaw: live stopped at step'
    ok "it is not said to go on" shows_not 'goes on training'
}

has_engine() { engine_pid "$1" >/dev/null; }

# The engine is killed while the screen that started it looks on.
killed_engine() {
    local pid
    clear_screen
    enter "$thaw run --resume live"
    wait_for "the run goes on" shows 'LIVE' # by its log, which is there before the engine is
    wait_for "its engine" has_engine live
    pid=$(engine_pid live)
    kill -9 "$pid"
    wait_for "the engine's death on the screen" shows 'DEAD'
    ok "how to go on" shows 'thaw run --resume live goes on'
    ok "no time that is left" shows_not 'ETA|tok/s'
    wait_for "nothing is left of the engine" not test -e "/proc/$pid"
    same "runs: dead" dead "$(listed live state)"
    press q
    wait_for "that the engine is gone" shows '^thaw: live is dead at step [0-9]+: its engine is gone$'
    wait_for "how to go on, in the end" shows 'thaw run --resume live$'
    ok "a dead run is not said to train" shows_not 'goes on training'
}

make_texts
make_config "$work/live.yaml" live 1000000 1000000
sed -i 's/"the red cat"/"the \\e]2;owned\\a cat"/' "$work/live.yaml"
terminal main 80 24
first_frame "$work/live.yaml"
looks
freeze_a_block
range_of_blocks
copied_command
command_line
help_overlay
resizes
detach
come_back
fine_tune
blind_vote
old_terminal
suspend
watcher
killed_screen
stop
look_back
killed_engine
finish
