# lib.sh - sourced by tests/lessons/run: runs that are made once, and figures out of their logs.
#
# A lesson's table, tests/lessons/NAME.sh, defines two functions. `runs` calls, for one seed,
#   run RUN [KEY=VALUE]...         a run of the lesson with these settings; the first is the lesson itself
#   plain RUN [KEY=VALUE]...       the same without the lesson's own settings (`set:`)
#   killed RUN STEP [KEY=VALUE]... the same, killed once it has reached STEP, then resumed
#   find_rate RUN [OPTION]...      `thaw lr-find` on the lesson's config
# and, where the log does not say all, `also RUN_FOLDER CHECKPOINT` prints lines of JSON that are kept with it;
# and `figures`, which reads their logs, calls
#   figure WHAT VALUE LEAST MOST   what a learner should see, and the range that it must be in
# Where its text is of a package that need not be there, it names a file of it, `needs`, and the `package`.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes

# --- what a run leaves: of its log the lines that figures are made of, in $logs/LESSON/SEED/RUN.jsonl

log_of() { printf '%s' "$logs/$lesson/$seed/$1.jsonl"; }

# What decides a run's bits, but not its name: of two lessons that ask for the same run one makes it.
key_of() { # key_of WORD...
    { cat "$configs/$config.yaml"; printf '%s\n' "$own" "$seed" "$@"; } | sha256sum | cut -c1-16
}

# Of the steps every fourth stays, enough for a curve and a quickest one; of the layers the last, without their parts.
slim() {
    awk '/"type":"step"/ && n++ % 4 != 3 { next } /"type":"layers"/ { layers = $0; next }
        /"type":"(step|eval|end|control)"/ { print } END { print layers }' |
        sed -E -e 's/"block\.[0-9]+\.(attn|mlp|norm|lora)[^}]*\},?//g' -e 's/"(seq|t|lr|tokens|tokens_per_s)":[^,]*,//g'
}

keep() { # keep RUN_FOLDER FILE: what figures need of its log, and the sum of its weights at the end
    local last
    last=$(find "$1/checkpoints" -maxdepth 1 -name 'step-*' | sort -t - -k 2 -n | tail -n 1)
    {
        slim <"$1/events.jsonl"
        printf '{"type":"sums","model":"%s"}\n' "$(sha256sum <"$last/model.safetensors" | cut -d ' ' -f 1)"
        ! declare -F also >/dev/null || also "$1" "$last"
    } >"$2.part" && mv "$2.part" "$2"
}

finished() { [ -s "$1/events.jsonl" ] && "$json_get" -l reason type=end reason=finished <"$1/events.jsonl" >/dev/null 2>&1; }

start() { # start RUN_NAME [KEY=VALUE]...: or go on where it stopped; what it says into $out/said
    local name=$1 words=(--set "seed=$seed" --set "threads=$threads") word what=(lesson "$lessons/$lesson.yaml")
    shift
    [ -n "$own" ] || what=(run "$configs/$config.yaml")
    for word in "$@"; do words+=(--set "$word"); done
    if [ -d "$out/runs/$name/checkpoints" ] && ! finished "$out/runs/$name"; then
        "$thaw" run --resume "$out/runs/$name" --headless >>"$out/said" 2>&1 </dev/null && return
        rm -rf "$out/runs/$name" # it had no checkpoint yet
    fi
    finished "$out/runs/$name" ||
        "$thaw" "${what[@]}" --headless --runs-dir "$out/runs" --name "$name" "${words[@]}" >>"$out/said" 2>&1 </dev/null
}

made() { # made RUN KEY: whether it is there, from an earlier start or another lesson
    local log
    log=$(log_of "$1")
    mkdir -p "$(dirname "$log")" "$out/made"
    [ -s "$out/made/$2" ] && cp "$out/made/$2" "$log"
}

take() { # take RUN KEY: keep what there is of it, away with the rest
    keep "$out/runs/$2" "$out/made/$2" && rm -rf "${out:?}/runs/$2" && cp "$out/made/$2" "$(log_of "$1")"
}

run() {
    local name=$1 key
    shift
    key=$(key_of "$@")
    made "$name" "$key" && return
    echo "$lesson, seed $seed: $name $*"
    start "$key" "$@" && take "$name" "$key" || fail "the run $name of $lesson: see $out/said"
}

plain() {
    local own=''
    run "$@"
}

last_step() { tail -c 65536 "$1/events.jsonl" 2>/dev/null | grep '"type":"step"' | tail -n 1 | "$json_get" step 2>/dev/null; }

killed() {
    local name=$1 at=$2 key pid engine
    shift 2
    key=$(key_of killed "$at" "$@")
    made "$name" "$key" && return
    echo "$lesson, seed $seed: $name, killed at step $at $*"
    rm -rf "${out:?}/runs/$key"
    start "$key" "$@" &
    pid=$!
    until [ "$(last_step "$out/runs/$key" || true)" -ge "$at" ] 2>/dev/null; do
        kill -0 "$pid" 2>/dev/null || fail "the run $name of $lesson ended before step $at: see $out/said"
        sleep 0.1
    done
    engine=$(tr -dc 0-9 <"$out/runs/$key/engine.lock")
    kill -9 "$engine"
    wait "$pid" 2>/dev/null
    finished "$out/runs/$key" && fail "the run $name of $lesson was over before it was killed"
    start "$key" "$@" && take "$name" "$key" || fail "the run $name of $lesson did not go on: see $out/said"
}

find_rate() {
    local name=$1 key
    shift
    key=$(key_of lr-find "$@")
    made "$name" "$key" && return
    echo "$lesson, seed $seed: thaw lr-find $config $*"
    "$thaw" lr-find "$configs/$config.yaml" --set seed="$seed" "$@" --json 2>>"$out/said" >"$out/made/$key.part" &&
        mv "$out/made/$key.part" "$out/made/$key" && cp "$out/made/$key" "$(log_of "$name")" ||
        fail "thaw lr-find: see $out/said"
}

# --- figures of a run

values() { # values RUN PATH [KEY=VALUE]...: out of its log, one a line
    local log
    log=$(log_of "$1")
    [ -s "$log" ] || fail "there is no log $log"
    shift
    "$json_get" -l "$@" <"$log"
}

answers() { values "$1" chrf type=answers of="$2"; } # answers RUN base|tuned: chrF of what is written
loss() { values "$1" "sets.$2.tuned.loss" type=eval | tail -n 1; }            # loss RUN SET: at its end, nats a token
base() { values "$1" "sets.$2.base.loss" type=eval | tail -n 1; }             # base RUN SET: of its base
right() { values "$1" "sets.$2.tuned.accuracy" type=eval | tail -n 1; }      # right RUN SET: share of right answers
base_right() { values "$1" "sets.$2.base.accuracy" type=eval | tail -n 1; }  # base_right RUN SET: of its base
least() { values "$1" "sets.$2.tuned.loss" type=eval | sort -g | head -n 1; } # least RUN SET: of all evaluations
first() { values "$1" "sets.$2.tuned.loss" type=eval | head -n 1; }           # first RUN SET: of the first one
learned() { values "$1" loss type=step | tail -n 1; }                         # learned RUN: on the text it learned from
moved() { values "$1" "groups.$2.from_base" type=layers | tail -n 1; }        # moved RUN GROUP: ||W-W0||/||W0||
steps() { values "$1" step type=end | tail -n 1; }
sum() { values "$1" model type=sums; } # sum RUN: of the weights' bytes at its end
found() { "$json_get" "$2" <"$(log_of "$1")"; } # found RUN PATH: of lr-find's result
seconds() { # seconds RUN PART: the quickest step of those that stayed; other work on the machine only slows
    values "$1" "seconds.$2" type=step | sort -g | head -n 1
}
calc() { awk "BEGIN { printf \"%.4f\", $* }" 2>/dev/null; } # calc EXPRESSION; nothing where a figure is missing

# --- what is said about them

figure() {
    local verdict=pass
    awk -v v="$2" -v least="$3" -v most="$4" 'BEGIN { exit !(v != "" && v + 0 == v && v >= least && v <= most) }' ||
        verdict=FAIL
    printf '%s  %-14s seed %-6s %-52s %8.8s  (%s to %s)\n' "$verdict" "$lesson" "$seed" "$1" "${2:-none}" "$3" "$4"
    figures=$((figures + 1))
    [ "$verdict" = pass ] || failures=$((failures + 1))
}

fail() {
    echo "tests/lessons: $*" >&2
    exit 1
}
