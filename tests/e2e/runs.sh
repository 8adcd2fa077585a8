#!/usr/bin/env bash
# runs.sh - what a run leaves on the disk: looked over, kept within bounds, cleared away, read by others.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

at_exit() { # engines of other folders than the usual one
    local lock
    find "$work/deep" "$work/class" -name engine.lock 2>/dev/null | while read -r lock; do
        kill -9 "$(tr -dc 0-9 <"$lock")" 2>/dev/null
    done
}

make_texts
make_config "$work/small.yaml" small 60 60

flip() { # flip FILE: one bit of its last byte
    local size byte
    size=$(stat -c %s "$1")
    byte=$(tail -c 1 "$1" | od -An -tu1)
    printf "\\$(printf %o $((byte ^ 1)))" | dd of="$1" bs=1 seek=$((size - 1)) conv=notrunc status=none
}

# --- what stays

retention() {
    must "run with keep: a mapping" "$thaw" run "$work/small.yaml" --name kept --headless \
        --set 'checkpoint.keep={last: 1, best: true, every: 40}'
    ok "the newest stays" test -d "$runs/kept/checkpoints/step-120"
    ok "a milestone stays" test -d "$runs/kept/checkpoints/step-40"
    ok "others do not" test ! -d "$runs/kept/checkpoints/step-100"
    ok "the config says so" grep -q "every: 40" "$runs/kept/config.yaml"
    ok "the loss that tells the best is saved" \
        "$json_get" validation_loss <"$runs/kept/checkpoints/step-120/trainer.json" >/dev/null
    ok "the sums are others' format" sh -c "cd '$runs/kept/checkpoints/step-120' && sha256sum --quiet -c SHA256SUMS"
}

# --- verify

verify() {
    must "verify a sound run" "$thaw" verify kept
    ok "it says so" says "kept is sound; it would go on from step 120"
    must "verify --json" "$thaw" verify kept --json
    same "verify --json: sound" true "$("$json_get" sound <"$out")"
    same "verify --json: step" 120 "$("$json_get" resume_step <"$out")"
    cp -r "$runs/kept" "$runs/harmed"
    flip "$runs/harmed/checkpoints/step-120/model.safetensors"
    try "$thaw" verify harmed
    same "verify a harmed run: exit status" 1 "$status"
    ok "it names the file" says "bad   checkpoints/step-120: model.safetensors has other bytes"
    ok "it says what to do" says "harmed has 1 fault; thaw run --resume harmed goes on from step "
    try "$thaw" verify harmed --json
    same "verify --json: exit status" 1 "$status"
    same "verify --json: not sound" false "$("$json_get" sound <"$out")"
    echo "nmae: x" >>"$runs/harmed/config.yaml"
    try "$thaw" verify harmed
    ok "a config that cannot be read" says 'there is no key "nmae"'
    cp "$runs/kept/config.yaml" "$runs/harmed/config.yaml"
    must "resume passes over it" "$thaw" run --resume harmed --headless
    ok "and says why" grep -q '^warning .*step-120 (model.safetensors has other bytes' "$out"
    must "it is sound again" "$thaw" verify harmed
    try "$thaw" verify nowhere
    same "no such run" 2 "$status"
}

# --- CSV

csv() {
    must "runs --csv" "$thaw" runs --csv kept
    cp "$out" "$work/csv"
    same "a line a step" 121 "$(wc -l <"$work/csv")"
    same "its last step" 120 "$(tail -n 1 "$work/csv" | cut -d, -f1)"
    same "every line has as many fields" 1 "$(awk -F, '{ print NF }' "$work/csv" | sort -u | wc -l)"
    ok "it has the sets' losses" grep -q '^step,stage,loss,lr,grad_norm,tokens,tokens_per_s,.*domain_loss' "$work/csv"
    same "the loss of step 120 is the log's" "$(events kept loss type=step step=120 | tail -n 1 | cut -c1-6)" \
        "$(tail -n 1 "$work/csv" | cut -d, -f3 | cut -c1-6)"
    try "$thaw" runs --csv kept --json
    same "--csv and --json: wrong use" 2 "$status"
}

# --- clearing away

prune() {
    must "nothing to clear away" "$thaw" runs --prune
    ok "it says so" says "there is nothing to clear away"
    mkdir "$runs/kept/base.new" "$runs/.old.deleted"
    cp -r "$runs/kept/checkpoints/step-120" "$runs/kept/checkpoints/step-100"
    must "a list first" "$thaw" runs --prune
    ok "a leftover is listed" says "would remove $runs/kept/base.new"
    ok "a checkpoint is listed" says "would remove $runs/kept/checkpoints/step-100"
    ok "nothing was removed" test -d "$runs/kept/base.new"
    must "and the deed" "$thaw" runs --prune --yes
    ok "it tells what was freed" grep -qE '^thaw: freed 0\.[1-9] MiB' "$out"
    ok "the leftover is gone" test ! -e "$runs/kept/base.new"
    ok "so is what a deletion left" test ! -e "$runs/.old.deleted"
    ok "so is the checkpoint" test ! -e "$runs/kept/checkpoints/step-100"
    must "the run is as sound as before" "$thaw" verify kept
    touch -d '3 days ago' "$runs/harmed/events.jsonl"
    must "old runs" "$thaw" runs --prune --older-than 2d --yes
    ok "an old run is gone" test ! -e "$runs/harmed"
    ok "a young one is not" test -d "$runs/kept"
    try "$thaw" runs --yes
    same "--yes alone is wrong use" 2 "$status"
    try "$thaw" runs --prune --older-than soon
    same "--older-than needs an age" 2 "$status"
    ok "and says how" grep -q '12h, 30d' "$err"
}

# --- folders far down, and folders of others

# A Unix socket's own path has room for 107 bytes.
far_down() {
    local deep=$work/deep i
    for ((i = 0; i < 12; i++)); do deep+=/a-folder-with-a-name-of-fifty-bytes-or-nearly-so-$i; done
    must "run far down" "$thaw" run "$work/small.yaml" --name far --runs-dir "$deep" --detach \
        --set stages.1.steps=100000
    ok "its path is long" test "$(printf %s "$deep/far/control.sock" | wc -c)" -gt 500
    must "send finds it" "$thaw" send --runs-dir "$deep" far pause
    must "runs finds it" "$thaw" runs --runs-dir "$deep" --json
    same "it is paused" paused "$("$json_get" 0.state <"$out")"
    must "stop" "$thaw" send --runs-dir "$deep" far stop
    wait_for "it has stopped" far_is stopped
    must "verify" "$thaw" verify --runs-dir "$deep" far
    must "resume" "$thaw" run --resume far --runs-dir "$deep" --detach
    must "stop again" "$thaw" send --runs-dir "$deep" far stop
    wait_for "it has stopped again" far_is stopped
}
far_is() {
    "$thaw" runs --runs-dir "$(dirname "$(find "$work/deep" -name far -type d)")" --json 2>/dev/null >"$work/far"
    [ "$("$json_get" 0.state <"$work/far")" = "$1" ]
}

unchanged() { # unchanged FOLDER COMMAND...: every file and its time are as before
    local before after
    before=$(find "$1" -printf '%P %s %T@ %m\n' | sort)
    must "${*:2}" "${@:2}"
    after=$(find "$1" -printf '%P %s %T@ %m\n' | sort)
    same "${*:2}: nothing is changed" "$before" "$after"
}

as_class() { # as somebody who is in the run's group, and no more
    setpriv --reuid 65534 --regid 65533 --groups "$gid" env HOME=/ XDG_STATE_HOME=/nowhere TERM=xterm "$@"
}

read_only() {
    cp -r "$runs/kept" "$work/copy"
    chmod -R a-w "$work/copy"
    unchanged "$work/copy" "$thaw" watch "$work/copy" --snapshot 80x24
    ok "it is the run" says "thaw copy"
    unchanged "$work/copy" "$thaw" verify "$work/copy"
    [ "$(id -u)" = 0 ] || return
    chmod -R a+rX "$work/copy" && chmod 755 "$work"
    gid=$(id -g)
    unchanged "$work/copy" as_class "$thaw" watch "$work/copy" --snapshot 80x24
    ok "a copy of others' can be watched" says "ENDED"
}

shared() {
    local group
    group=$(id -gn)
    mkdir -m 755 "$work/class"
    must "run --share" "$thaw" run "$work/small.yaml" --name lesson --runs-dir "$work/class" --share "$group" \
        --detach --set stages.1.steps=100000
    ok "the log is the group's to read" test "$(stat -c %a "$work/class/lesson/events.jsonl")" = 640
    ok "the socket is not" test "$(stat -c %a "$work/class/lesson/control.sock")" = 600
    if [ "$(id -u)" = 0 ]; then
        chmod 755 "$work"
        gid=$(id -g)
        wait_for "steps" grep -q '"type":"step"' "$work/class/lesson/events.jsonl"
        must "a class watches" as_class "$thaw" watch "$work/class/lesson" --snapshot 80x24
        ok "it sees that the run lives" says "LIVE"
        try as_class "$thaw" send "$work/class/lesson" stop
        same "it steers nothing" 1 "$status"
        gid=65533
        try as_class "$thaw" watch "$work/class/lesson" --snapshot 80x24
        ok "who is not in the group sees nothing" test "$status" != 0
    fi
    must "stop" "$thaw" send --runs-dir "$work/class" lesson stop
    try "$thaw" run "$work/small.yaml" --name other --share no-such-group
    same "no such group" 2 "$status"
    ok "it says how to find one" grep -q 'id -Gn' "$err"
    ok "and leaves nothing" test ! -e "$runs/other"
}

retention
verify
csv
prune
far_down
read_only
shared
finish
