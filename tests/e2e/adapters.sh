#!/usr/bin/env bash
# adapters.sh - a run whose last stage trains adapters (LoRA): killed and resumed, exported as PEFT's folder,
# merged, and read back; every copy gives the same score.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 2

make_texts
make_config adapted.yaml adapted 20 40
sed -i 's/freeze: .*/adapter: {rank: 4, alpha: 8, targets: [q, v, down], blocks: "1", dropout: 0.1}/' adapted.yaml
head -n 5 medical.txt >text

weights() { echo "$runs/$1/checkpoints/step-$2/$3"; }
loss_of() { "$thaw" score "$@" --text text --json 2>"$err" | "$json_get" loss; }

must "the run" "$thaw" run adapted.yaml --headless
ok "the model stays as it was" cmp -s "$runs/adapted/base/model.safetensors" "$(weights adapted 60 model.safetensors)"
must "verify" "$thaw" verify adapted

"$thaw" run adapted.yaml --name killed --detach >"$out" 2>"$err" </dev/null || give_up "no run: $(cat "$err")"
wait_for "the last stage" reached killed 25
kill -KILL "$(head -n 1 "$runs/killed/engine.lock")" 2>/dev/null
wait_for "it is dead" not state_is killed running
must "resumed" "$thaw" run --resume killed --headless
for file in model.safetensors adapter_model.safetensors optimizer.safetensors; do
    ok "killed and resumed, $file has the same bytes" cmp -s "$(weights adapted 60 $file)" "$(weights killed 60 $file)"
done

loss=$(loss_of adapted)
ok "the adapters did something" test "$loss" != "$(loss_of adapted/base)"
must "export as PEFT" "$thaw" export adapted --to peft peft
same "it names the run's base" "$runs/adapted/base" "$("$json_get" base_model_name_or_path <peft/adapter_config.json)"
same "the adapters on it: one loss" "$loss" "$(loss_of peft)"
same "and on a base that is given" "$loss" "$(loss_of peft --base adapted/base)"
must "merged" "$thaw" export adapted --to hf merged --merge
ok "a merged model has no adapters" test ! -e merged/adapter_config.json
ok "and the same loss: $loss, $(loss_of merged)" awk -v a="$loss" -v b="$(loss_of merged)" \
    'BEGIN { exit !(b != "" && (a - b) ^ 2 < 1e-8) }'
must "merged as GGUF" "$thaw" export adapted --to gguf merged.gguf --merge
must "generate from the adapters" "$thaw" generate peft --prompt "the mild" --tokens 5
must "compare" "$thaw" compare adapted --prompt "the mild" --tokens 5 --json
ok "compare tells a gain" has_key prompts.0.mean_gain

wrong() { # wrong PATTERN ARGUMENT...
    local pattern=$1
    shift
    try "$thaw" "$@"
    same "thaw $*: exit status" 2 "$status"
    ok "thaw $*: tells /$pattern/: $(head -c 200 "$err")" grep -qE -- "$pattern" "$err"
}
wrong 'has adapters: --merge puts them into the model' export adapted --to hf again
wrong 'has no adapters to export' export merged --to peft again
wrong 'has no adapters to merge' export merged --to hf again --merge
wrong 'is no folder of adapters: leave out --base' score merged --base adapted --text text
wrong '--merge is for' export adapted --to peft again --merge
ok "nothing is left of what was refused" test ! -e again
try "$thaw" run adapted.yaml --name other --headless --set stages.1.adapter.targets=head
ok "a map that there is not: $(head -c 200 "$err")" grep -q 'no linear map "head"' "$err"
finish
