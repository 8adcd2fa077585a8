#!/usr/bin/env bash
# runs.sh - what a run leaves on the disk: looked over, kept within bounds, cleared away, read by others.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

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

retention
verify
csv
prune
finish
