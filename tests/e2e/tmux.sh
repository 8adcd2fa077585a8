# tmux.sh - a terminal for the end-to-end scripts: a private tmux server, keys in, screens out. Sourced
# instead of lib.sh; a script sets `run` to the name of the run that it looks at.
# shellcheck shell=bash
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
command -v tmux >/dev/null || skip "tmux is not installed"

unset TMUX TMUX_PANE
export TMUX_TMPDIR=$work TERM=screen-256color
# exit-empty: a server that ends with its last session may meet the next one half-way.
cat >"$work/tmux.conf" <<EOF
set -g default-terminal screen-256color
set -g status off
set -g escape-time 0
set -g exit-empty off
set -g history-limit 0
set -g set-clipboard on
EOF
run=
pane=

tm() { tmux -L thaw-e2e -f "$work/tmux.conf" "$@"; }
at_exit() { tm kill-server 2>/dev/null; }
on_timeout() { # what stands on the screen tells why
    echo "--- the screen:"
    screen
    echo "--- the log:"
    tail -n 3 "$runs/$run/events.jsonl" | cut -c 1-300
}

terminal() { # terminal NAME COLUMNS ROWS: a shell in it; what follows is about this one
    pane=$1
    tm new-session -d -s "$1" -x "$2" -y "$3" "PS1='ready> ' exec sh" || give_up "tmux does not start"
    wait_for "a prompt" at_prompt
}

screen() { tm capture-pane -p -t "$pane" 2>/dev/null; }
shows() { screen | grep -qE -- "$1"; }
shows_not() { ! shows "$1"; }
at_prompt() { screen | grep . | tail -n 1 | grep -qx 'ready>'; }
press() { tm send-keys -t "$pane" "$@"; }
write() { tm send-keys -t "$pane" -l "$1"; } # as it stands, no names of keys
enter() { # enter COMMAND: at the prompt
    write "$1"
    press Enter
}

cleared() { at_prompt && [ "$(screen | grep -c .)" = 1 ]; }
clear_screen() { # at the prompt; what is typed before it is done would be cleared with it
    enter clear
    wait_for "a clear screen" cleared
}

screen_pid() { pgrep -P "$(tm display-message -p -t "$pane" '#{pane_pid}')" | head -n 1; }

settle() { # wait until the screen holds still: a busy machine pauses in the middle of a frame, too
    local before="" now same=0
    for ((i = 0; i < 500; i++)); do
        now=$(screen)
        [ "$now" = "$before" ] && [ -n "$now" ] && same=$((same + 1)) || same=0
        [ "$same" = 4 ] && return
        before=$now
        sleep 0.1
    done
}

resize() { # resize COLUMNS ROWS
    tm resize-window -t "$pane" -x "$1" -y "$2"
}

steps_on_screen() { screen | sed -nE 's/.*(PRETRAIN|FINE-TUNE) +([0-9]+)\/.*/\2/p' | head -n 1; }
ms() { echo $(($(date +%s%N) / 1000000)); }

# The best of three tries counts: what else the machine does in one of them is not thaw's.
first_frame() { # first_frame CONFIG: start it and wait for its screen, and for its first loss
    local start took tries=3 limit=${THAW_FIRST_FRAME_MS:-1000}
    while :; do
        start=$(ms)
        enter "$thaw run $1"
        wait_for "the first frame" shows '1 Loss'
        took=$(($(ms) - start))
        wait_for "the first loss" shows 'train +[0-9]+\.[0-9]'
        echo "first frame after $took ms, first loss after $(($(ms) - start)) ms, polling included"
        tries=$((tries - 1))
        [ "$took" -gt "$limit" ] && [ "$tries" -gt 0 ] || break
        give_back
    done
    ok "first frame within $limit ms" test "$took" -le "$limit"
}

give_back() { # stop the run that is on the screen and remove it
    press Q
    wait_for "the question" shows 'Stop after a checkpoint\?'
    press y
    wait_for "the prompt" at_prompt
    wait_for "the engine's exit" not engine_pid "$run"
    rm -r "${runs:?}/$run"
    clear_screen
}
