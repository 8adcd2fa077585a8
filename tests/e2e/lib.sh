# lib.sh - sourced by the end-to-end scripts: `NAME.sh THAW JSON_GET`. A private state folder, engines
# that never outlive the script, checks that are counted, and waiting for conditions instead of sleeping.
# shellcheck shell=bash
set -u
thaw=$(realpath "${1-}" 2>/dev/null)
json_get=$(realpath "${2-}" 2>/dev/null)
if [ ! -x "$thaw" ] || [ ! -x "$json_get" ]; then
    echo "usage: $0 THAW JSON_GET" >&2
    exit 2
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/thaw-e2e.XXXXXX")
export XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config HOME=$work LC_ALL=C.UTF-8
mkdir -p "$XDG_CONFIG_HOME/thaw"
echo '{"tour": "done"}' >"$XDG_CONFIG_HOME/thaw/settings.json" # or it would lie over the first screen of each script
unset NO_COLOR OPENBLAS_NUM_THREADS COLUMNS LINES
for tool in ASAN UBSAN TSAN; do # what sanitizers find in any process is counted, not printed anywhere
    export ${tool}_OPTIONS="log_path=$work/sanitizer"
done
export GCOV_ERROR_FILE=$work/gcov
runs=$XDG_STATE_HOME/thaw/runs
out=$work/out err=$work/err # of the last `try`
patience=${THAW_PATIENCE:-60} # seconds until a condition must hold, on the slowest machine
checks=0 failures=0

# --- engines

engine_pid() { # engine_pid RUN: of a living engine; fails when there is none
    local pid
    [ -e "$runs/$1/engine.lock" ] || return
    pid=$(tr -dc 0-9 2>/dev/null <"$runs/$1/engine.lock")
    [ -n "$pid" ] && grep -qaF -- "$work" "/proc/$pid/cmdline" 2>/dev/null && echo "$pid"
}

stop_engines() {
    local lock
    for lock in "$runs"/*/engine.lock; do
        [ -e "$lock" ] || continue
        kill -9 "$(engine_pid "$(basename "$(dirname "$lock")")")" 2>/dev/null
    done
}

at_exit() { :; } # a script's own cleaning up, when it has any
clean_up() {
    at_exit
    stop_engines
    cd / && chmod -R u+rwx "$work" 2>/dev/null
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# --- checks

ok() { # ok WHAT COMMAND...: the command must succeed
    local what=$1
    shift
    checks=$((checks + 1))
    if "$@"; then return 0; fi
    failures=$((failures + 1))
    printf 'FAILED: %s\n        %s\n' "$what" "$*" | cat -v # it may be an escape sequence that failed
    return 1
}

same() { # same WHAT EXPECTED ACTUAL
    ok "$1 (expected \"$2\", not \"$3\")" test "$2" = "$3"
}

not() { ! "$@"; }

findings() { cat "$work"/sanitizer.* 2>/dev/null | head -n 40; }

finish() { # the script's last line
    same "sanitizers' findings" "" "$(findings)"
    echo "$checks checks, $failures failed, $SECONDS s"
    [ "$failures" = 0 ]
    exit
}

give_up() { # give_up WHY: what follows makes no sense
    echo "FAILED: $1"
    findings
    exit 1
}

skip() {
    echo "skipped: $1"
    exit 77
}

# --- running and waiting

try() { # try COMMAND...: output in $out and $err, exit status in $status
    "$@" >"$out" 2>"$err" </dev/null
    status=$?
}

must() { # must WHAT COMMAND...: try it; exit status 0
    local what=$1
    shift
    try "$@"
    ok "$what: exit status 0, not $status: $(head -c 300 "$err")" test "$status" = 0
}

says() { grep -qF -- "$1" "$out"; }
has_key() { "$json_get" "$1" <"$out" >/dev/null 2>&1; }

wait_for() { # wait_for WHAT COMMAND...: until the command succeeds; ends the script when it never does
    local what=$1 end=$((SECONDS + patience))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || {
            on_timeout
            give_up "$what: not within $patience s: $*"
        }
        sleep 0.02
    done
}
on_timeout() { :; }

# --- logs

events() { # events RUN PATH [KEY=VALUE]...: values out of the run's log
    local run=$1
    shift
    "$json_get" -l "$@" <"$runs/$run/events.jsonl" 2>/dev/null
}

has_event() { events "$@" >/dev/null; } # has_event RUN PATH [KEY=VALUE]...

last_step() { # the newest step that is told; 0 before the first
    local step
    step=$(tail -c 65536 "$runs/$1/events.jsonl" 2>/dev/null | grep -a '"type":"step"' | tail -n 1 |
        "$json_get" step 2>/dev/null)
    echo "${step:-0}"
}

reached() { [ "$(last_step "$1")" -ge "$2" ]; } # reached RUN STEP

ended() { has_event "$1" reason type=end; }

sound_log() { # every line is JSON, numbered 1, 2, 3 ..., with a time that never goes back
    "$json_get" -l seq <"$runs/$1/events.jsonl" | awk '$1 != NR { bad = 1 } END { exit bad || !NR }' &&
        "$json_get" -l t <"$runs/$1/events.jsonl" | awk '$1 < last { bad = 1 } { last = $1 } END { exit bad }'
}

listed() { # listed RUN KEY: of the run's line in `thaw runs --json`
    local i n
    "$thaw" runs --json >"$work/listed" 2>"$err" </dev/null || return 1
    n=$("$json_get" '#' <"$work/listed")
    for ((i = 0; i < n; i++)); do
        [ "$("$json_get" "$i.name" <"$work/listed")" = "$1" ] || continue
        "$json_get" "$i.$2" <"$work/listed"
        return
    done
    return 1
}

state_is() { [ "$(listed "$1" state)" = "$2" ]; } # state_is RUN STATE

# --- small things to train on

sentences() { # sentences SEED LINES NOUNS VERBS ADJECTIVES: one a line, by a grammar of our own
    awk -v seed="$1" -v lines="$2" -v nouns="$3" -v verbs="$4" -v adjectives="$5" '
        function pick(list, n) { return list[int(rand() * n) + 1] }
        BEGIN {
            srand(seed); n = split(nouns, noun); v = split(verbs, verb); a = split(adjectives, adjective)
            while (lines-- > 0)
                printf "the %s %s %s the %s %s\n", pick(adjective, a), pick(noun, n), pick(verb, v),
                    pick(adjective, a), pick(noun, n)
        }'
}

make_texts() { # $work/general.txt, $work/medical.txt
    sentences 7 1500 "cat dog bird horse fish cow king queen child doctor" \
        "sees likes finds keeps follows" "red big small old quiet" >"$work/general.txt"
    sentences 8 800 "fever cough wound pain rash burn" "worsens follows causes hides" \
        "mild severe sudden chronic" >"$work/medical.txt"
}

make_config() { # make_config FILE NAME PRETRAIN_STEPS FINETUNE_STEPS: two tiny stages
    cat >"$1" <<EOF
name: $2
seed: 7
threads: 2
model: {family: qwen3, layers: 2, heads: 2, width: 32, context: 32, vocab: 290}
stages:
  - name: pretrain
    data: ["text:$work/general.txt"]
    steps: $3
    batch: 8
    optimizer: {lr: 0.01}
    schedule: {warmup: 5}
  - name: finetune
    data: ["text:$work/medical.txt"]
    steps: $4
    batch: 8
    optimizer: {lr: 0.002}
    freeze: [embed, "0"]
compare: {prompts: ["the mild fever", "the red cat"], every: 20, tokens: 12}
eval:
  every: 20
  tokens: 1024
  sets: {general: "text:$work/general.txt", domain: "text:$work/medical.txt"}
checkpoint: {every: 20, keep: 2}
EOF
}
