#!/usr/bin/env bash
# lifecycle.sh - a run from nothing to its end without a screen: its folder, its log, the same bits
# again (another name, other threads, after kill -9), commands while it trains, and its headless twins.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

weights() { echo "$runs/$1/checkpoints/step-$2/model.safetensors"; }

same_model() { # same_model WHAT RUN RUN STEP: weights and moments, byte by byte
    ok "$1: weights" cmp -s "$(weights "$2" "$4")" "$(weights "$3" "$4")"
    ok "$1: moments" cmp -s "$runs/$2/checkpoints/step-$4/optimizer.safetensors" \
        "$runs/$3/checkpoints/step-$4/optimizer.safetensors"
    ok "$1: base" cmp -s "$runs/$2/base/model.safetensors" "$runs/$3/base/model.safetensors"
}

mode() { stat -c %a "$1"; }

# --- one run, looked at from all sides

whole_run() {
    must "run --headless" "$thaw" run "$work/tiny.yaml" --headless
    ok "plain lines tell losses" grep -qE 'loss [0-9]+\.[0-9]+' "$out"
    ok "plain lines name both stages" grep -q '2/2 finetune' "$out"
    ok "the summary tells how it ended" grep -q 'tiny finished at step 100' "$out"
    ok "the summary tells what was gained" grep -qE 'domain +perplexity .* before .* now' "$out"
    ok "nothing but text on stdout" not grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$out"
    same "nothing on stderr" "" "$(cat "$err")"
}

run_folder() {
    local dir=$runs/tiny file model=$runs/tiny/checkpoints/step-100
    same "mode of the runs folder" 700 "$(mode "$runs")"
    same "mode of the run's folder" 700 "$(mode "$dir")"
    for file in config.yaml events.jsonl engine.lock base/config.json base/model.safetensors base/tokenizer.json; do
        ok "$file is there" test -s "$dir/$file"
    done
    for file in config.json model.safetensors tokenizer.json optimizer.safetensors trainer.json; do
        ok "the checkpoint has $file" test -s "$model/$file"
    done
    same "files that others may read" "" "$(find "$dir" -type f -perm /077)"
    same "folders that others may enter" "" "$(find "$dir" -type d -perm /077)"
    ok "no socket is left" test ! -e "$dir/control.sock"
    same "checkpoints that are kept" "step-100 step-80 " "$(find "$dir/checkpoints" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tr '\n' ' ')"
    same "the model's type" qwen3 "$("$json_get" model_type <"$model/config.json")"
    same "the model's layers" 2 "$("$json_get" num_hidden_layers <"$model/config.json")"
    same "the vocabulary's kind" BPE "$("$json_get" model.type <"$model/tokenizer.json")"
    ok "the weights' header is JSON" header_is_json "$model/model.safetensors"
}

header_is_json() { # the 8 bytes in front tell its length
    local n
    n=$(od -An -tu8 -N8 "$1" | tr -d ' ')
    tail -c +9 "$1" | head -c "$n" | "$json_get" none
    [ $? = 1 ] # 2: no JSON
}

run_log() {
    ok "the log is whole" sound_log tiny
    same "steps told" 100 "$(events tiny step type=step | sort -un | wc -l)"
    same "stages begun and ended" "started finished started finished" \
        "$(events tiny state type=stage | xargs)"
    same "the end" finished "$(events tiny reason type=end)"
    ok "losses fall" falls "$(events tiny loss type=step | head -n 1)" \
        "$(events tiny loss type=step step=60)"
    same "what is frozen from the start of the last stage" 61 "$(events tiny step type=freeze by=config)"
    ok "evaluations tell the base beside the tuned model" has_event tiny sets.domain.base.loss type=eval
    ok "samples of the base" has_event tiny tokens.0.text type=sample side=base
    ok "samples of the tuned model" has_event tiny tokens.0.text type=sample side=tuned
    frozen_is_base
}

falls() { awk -v from="$1" -v to="$2" 'BEGIN { exit !(to != "" && to < 0.7 * from) }'; }

# A frozen group is at distance 0 and its bytes were compared; one that learned is not.
frozen_is_base() {
    local layers=$work/layers group
    grep -a '"type":"layers"' "$runs/tiny/events.jsonl" | tail -n 1 >"$layers"
    for group in embed block.0 block.0.mlp; do
        same "$group is frozen" frozen "$("$json_get" "groups.$group.state" <"$layers")"
        same "$group was compared" true "$("$json_get" "groups.$group.same_bytes" <"$layers")"
        same "$group is where the base is" 0 "$("$json_get" "groups.$group.from_base" <"$layers")"
    done
    for group in block.1.attn block.1.mlp norm; do
        same "$group learns" learn "$("$json_get" "groups.$group.state" <"$layers")"
        ok "$group has moved" less 0 "$("$json_get" "groups.$group.from_base" <"$layers")"
    done
}

run_list() {
    same "runs: state" finished "$(listed tiny state)"
    same "runs: stage" finetune "$(listed tiny stage)"
    same "runs: step" 100 "$(listed tiny step)"
    same "runs: path" "$runs/tiny" "$(listed tiny path)"
    same "runs: loss" "$(events tiny loss type=step step=100)" "$(listed tiny loss)"
    must "runs, for people" "$thaw" runs
    ok "runs, for people: the name" says tiny
    ok "runs, for people: the state" says finished
}

# --- its headless twins

has_keys() { # has_keys WHAT PATH...: in $out
    local what=$1 path
    shift
    for path in "$@"; do ok "$what has $path" has_key "$path"; done
}

score_twin() {
    printf 'the mild fever \303\251 follows\nthe \342\230\203 and \360\237\216\211 !' >"$work/text"
    must "score" "$thaw" score tiny --text "$work/text" --json
    has_keys score loss bits_per_byte perplexity tokens.0.id tokens.0.text tokens.0.logprob
    "$json_get" -j tokens.*.text <"$out" >"$work/joined"
    ok "score: the tokens' texts joined are the input" cmp "$work/text" "$work/joined"
    ok "score: perplexity is exp(loss)" exp_of "$("$json_get" loss <"$out")" "$("$json_get" perplexity <"$out")"
    "$json_get" tokens.*.logprob <"$out" >"$work/logprobs"
    ok "score: loss is the tokens' mean" mean_is "$("$json_get" loss <"$out")" "$work/logprobs"
    must "score, for people" "$thaw" score tiny --text "$work/text"
}

exp_of() { awk -v x="$1" -v y="$2" 'BEGIN { r = y > 0 ? exp(x) / y : 0; exit !(r > 0.999 && r < 1.001) }'; }

mean_is() { # mean_is LOSS FILE: of minus the numbers in FILE, nulls left out
    awk -v loss="$1" '$1 != "null" { sum -= $1; n++ }
        END { d = sum / n - loss; exit !(n && d < 1e-4 && d > -1e-4) }' "$2"
}

generate_twin() {
    local first
    must "generate" "$thaw" generate tiny --prompt "the mild" --tokens 8 --seed 3 --json
    has_keys generate prompt text ids.0 tokens_per_s
    same "generate: the prompt" "the mild" "$("$json_get" prompt <"$out")"
    first=$("$json_get" ids.* <"$out" | xargs)
    must "generate again" "$thaw" generate tiny --prompt "the mild" --tokens 8 --seed 3 --json
    same "one seed, one text" "$first" "$("$json_get" ids.* <"$out" | xargs)"
    must "generate, for people" "$thaw" generate tiny --prompt "the mild" --tokens 8 --temperature 0
    ok "generate, for people: no raw control characters" not grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$out"
}

compare_twin() {
    must "compare" "$thaw" compare "$runs/tiny/base" tiny --prompt "the mild fever" --prompt "the red" --json
    has_keys compare prompts.0.prompt prompts.0.base.text prompts.0.tuned.text prompts.0.mean_gain prompts.0.kl
    same "compare: both prompts" 2 "$("$json_get" prompts.# <"$out")"
    ok "compare: the two texts differ" not test "$("$json_get" prompts.0.base.text <"$out")" = \
        "$("$json_get" prompts.0.tuned.text <"$out")"
    must "compare with itself" "$thaw" compare tiny tiny --prompt "the mild fever" --json
    same "a model has no gain over itself" 0 "$("$json_get" prompts.0.mean_gain <"$out")"
    must "compare, for people" "$thaw" compare "$runs/tiny/base" tiny --prompt "the mild fever"
}

eval_twin() {
    local base tuned
    must "eval of the tuned model" "$thaw" eval tiny --data "text:$work/medical.txt" --json
    has_keys eval set loss bits_per_byte perplexity tokens
    tuned=$("$json_get" loss <"$out")
    must "eval of the base" "$thaw" eval "$runs/tiny/base" --data "text:$work/medical.txt" --json
    base=$("$json_get" loss <"$out")
    ok "fine-tuning lowered the loss on its own domain ($base to $tuned)" less "$tuned" "$base"
    local held
    held=$("$json_get" tokens <"$out")
    must "eval of a whole text" "$thaw" eval tiny --data "text:$work/medical.txt" --all --json
    ok "which is many times what was held out" less "$((held * 10))" "$("$json_get" tokens <"$out")"
    must "eval, for people" "$thaw" eval tiny --data "text:$work/medical.txt"
}

less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && b != "" && a + 0 < b + 0) }'; }

data_twin() {
    must "data --stats" "$thaw" data "text:$work/general.txt" --stats
    ok "data: lines" grep -qE '\b1[, ]?500\b' "$out"
    ok "data: bytes" grep -qE "$(wc -c <"$work/general.txt")|bytes" "$out"
    for word in lines sentences words bytes tokens; do ok "data tells $word" grep -qi "$word" "$out"; done
    must "data, training" "$thaw" data "text:$work/general.txt" --split train
    sort "$out" >"$work/train"
    must "data, validation" "$thaw" data "text:$work/general.txt" --split val
    sort "$out" >"$work/val"
    same "no line is in both" "" "$(comm -12 "$work/train" "$work/val")"
    same "no line is lost" "$(sort -u "$work/general.txt" | wc -l)" \
        "$(sort -u "$work/train" "$work/val" | grep -c .)"
}

generate_stops() {
    local whole stop
    must "generate" "$thaw" generate tiny --prompt "the" --tokens 80 --seed 4 --json
    whole=$("$json_get" text <"$out")
    stop=${whole:30:3}
    must "generate --stop" "$thaw" generate tiny --prompt "the" --tokens 80 --seed 4 --stop "$stop" --stop no-such-text --json
    same "it ends before the first place of that text" "${whole%%"$stop"*}" "$("$json_get" text <"$out")"
    must "generate --stop, as it comes" "$thaw" generate tiny --prompt "the" --tokens 80 --seed 4 --stop "$stop"
    same "what is printed ends there too" "the${whole%%"$stop"*}" "$(cat "$out")"
    must "generate with every cut" "$thaw" generate tiny --prompt "the" --tokens 20 --top-p 0.9 --min-p 0.02 --repetition-penalty 1.2
}

export_twin() {
    local loss
    must "score of the run" "$thaw" score tiny --text "$work/text" --json
    loss=$("$json_get" loss <"$out")
    must "export" "$thaw" export tiny --to hf "$work/exported"
    ok "the exported weights are the checkpoint's" cmp -s "$work/exported/model.safetensors" "$(weights tiny 100)"
    for model in "$work/exported" "$runs/tiny" "$runs/tiny/checkpoints/step-100"; do
        must "score of $model" "$thaw" score "$model" --text "$work/text" --json
        same "one model, one loss: $model" "$loss" "$("$json_get" loss <"$out")"
    done
    try "$thaw" export tiny --to hf "$work/exported"
    same "what is there is not overwritten" 2 "$status"
    must "export as bfloat16" "$thaw" export tiny --to hf "$work/half" --dtype bf16
    ok "it is half as large" test $(($(stat -c %s "$work/half/model.safetensors") * 3 / 2)) -lt "$(stat -c %s "$(weights tiny 100)")"
    must "export of what came from elsewhere" "$thaw" export "$work/half" --to hf "$work/again"
    for file in config.json model.safetensors tokenizer.json; do
        ok "$file is given back as it came" cmp -s "$work/half/$file" "$work/again/$file"
    done
    must "export as GGUF" "$thaw" export tiny --to gguf "$work/tiny.gguf" --type q8_0
    same "it begins as such a file" GGUF "$(head -c 4 "$work/tiny.gguf")"
    try "$thaw" export tiny --to gguf "$work/tiny.gguf"
    same "a file that is there is not overwritten" 2 "$status"
}

config_twin() {
    must "config --check" "$thaw" config "$work/tiny.yaml" --check
    ok "it tells the memory of each stage" says "activations"
    try "$thaw" config "$work/tiny.yaml" --check --memory 0.001
    same "a run that does not fit is refused" 1 "$status"
    ok "with what it would fit" grep -q 'MiB are needed .* available; ' "$err"
    must "config --explain" "$thaw" config --explain
    ok "config --explain names keys" says optimizer
    must "the run's own config is sound" "$thaw" config "$runs/tiny/config.yaml" --check
}

# --- the same bits again

same_bits() {
    must "the run's own config again" "$thaw" run "$runs/tiny/config.yaml" --name again --headless
    ok "a new name is not told as taken" not says exists
    same_model "its config run again" tiny again 100
    must "the same name again" "$thaw" run "$runs/tiny/config.yaml" --name again --headless
    ok "the name it got is told" says "thaw: again exists; this one is again-2"
    must "on one thread" "$thaw" run "$work/tiny.yaml" --name one --set threads=1 --headless
    same_model "one thread" tiny one 100
    same "one thread was taken" 1 "$(events one threads type=run | tail -n 1)"
}

# One more model beside base and tuned: another run's, by its name.
third_model() {
    local from
    must "compare.third" "$thaw" run "$work/tiny.yaml" --name three --set compare.third=again --headless
    ok "its answer is told" grep -q '^again/step-100 ' "$out"
    same_model "a third model changes nothing" tiny three 100
    from=$(events three weights side=again/step-100 | tail -n 1)
    same "it is the model that it was" "$from" "$(events again weights side=tuned | tail -n 1)"
    ok "the run's config has its folder" grep -q 'third: .*/again/checkpoints/step-100' "$runs/three/config.yaml"
    try "$thaw" run "$work/tiny.yaml" --name four --set compare.third=nobody --headless
    same "an unknown one is wrong use" 2 "$status"
    ok "an unknown one is said" grep -q 'compare.third: there is no model "nobody"' "$err"
    ok "and no run is made" test ! -e "$runs/four"
    try "$thaw" run "$work/tiny.yaml" --name other --set compare.third=again --set model.vocab=300 --headless
    same "other tokens are refused" 1 "$status"
    ok "other tokens are said" grep -q 'compare.third: .* cuts text into other tokens' "$err"
    try "$thaw" config "$work/tiny.yaml" --check --set model.from="$runs/other" --set compare.third=again
    ok "--check looks, too" test "$status" -ne 0
}

# Kill the engine hard once it has made STEP steps; the shell says nothing of it. False: it has come to its end
# while that was looked for.
kill_at() { # kill_at RUN STEP
    local pid late=
    wait_for "step $2 of $1" reached "$1" "$2"
    pid=$(engine_pid "$1") || return
    kill -STOP "$pid"
    ended "$1" && late=1
    kill -9 "$pid"
    wait_for "death of $1's engine" not engine_lives "$1"
    [ -z "$late" ] || return
    same "runs: state after kill -9" dead "$(listed "$1" state)"
}

engine_lives() { engine_pid "$1" >/dev/null; }

killed_twice() {
    must "run --detach" "$thaw" run "$work/long.yaml" --name broken --detach
    kill_at broken 250 || return # in the first stage
    must "run --resume --detach" "$thaw" run --resume broken --detach
    kill_at broken 700 # in the second
}

through_kill() {
    local tries
    must "an unbroken run" "$thaw" run "$work/long.yaml" --name whole --headless
    for tries in 1 2 3 4 5; do # a machine may give an engine all its time
        killed_twice && break
        ok "killed before its end" test "$tries" -lt 5
        rm -r "$runs/broken"
    done
    printf '{"seq":9,"t":1.5,"st' >>"$runs/broken/events.jsonl" # as a crash of the machine leaves it
    truncate -s -1 "$(find "$runs/broken/checkpoints" -name model.safetensors | sort | tail -n 1)"
    must "run --resume --headless" "$thaw" run --resume broken --headless
    same_model "killed twice" whole broken 900
    ok "the checkpoint that was not whole is told" grep -q '^warning .*not whole.*step-' "$out"
    ok "the log is whole in spite of it" sound_log broken
    same "runs: state in the end" finished "$(listed broken state)"
    cp "$runs/broken/events.jsonl" "$work/before"
    must "to resume what is finished" "$thaw" run --resume broken --headless
    ok "its summary is told again" grep -q 'broken finished at step 900' "$out"
    ok "no engine was asked" cmp "$runs/broken/events.jsonl" "$work/before"
    same_model "resumed once more" whole broken 900
}

# --- commands while it trains

obeyed() { # obeyed VERB [ARGUMENT...]: acknowledged
    must "send $*" "$thaw" send live "$@"
    ok "send $*: acknowledged" grep -qE 'ok|step [0-9]+' "$out"
}

commands() {
    local step
    must "run --detach" "$thaw" run "$work/endless.yaml" --name live --detach
    wait_for "first steps" reached live 3
    same "runs: state while it trains" running "$(listed live state)"
    ok "the socket is there for its owner only" test "$(mode "$runs/live/control.sock")" = 600

    try "$thaw" run --resume live --headless
    same "a second engine is refused" 2 "$status"
    ok "and why" grep -q 'running already' "$err"

    obeyed pause
    wait_for "the pause" state_is live paused
    step=$(last_step live)
    obeyed checkpoint
    ok "a checkpoint where it stands" test -s "$(weights live "$step")"
    obeyed single-step
    wait_for "one step" reached live $((step + 1))
    obeyed freeze block.1
    wait_for "freeze in the log" has_event live step type=freeze group=block.1 state=frozen by=send
    obeyed resume
    wait_for "training goes on" reached live $((step + 5))
    same "a single step was one" $((step + 2)) \
        "$(events live step type=freeze group=block.1 state=frozen | head -n 1)"
    obeyed unfreeze block.1.mlp
    wait_for "unfreeze in the log" has_event live step type=freeze group=block.1.mlp state=learn
    obeyed lr 2e-4
    wait_for "lr in the log" has_event live step type=control do=lr by=send
    step=$(last_step live)
    wait_for "a step at that rate" reached live $((step + 1))
    obeyed eval
    obeyed sample "the red"
    wait_for "the sample in the log" has_event live side type=sample prompt="the red"
    refused
    obeyed next-stage
    wait_for "the next stage" has_event live index type=stage name=finetune state=started
    wait_for "its first steps" has_event live weights type=sample side=base
    obeyed stop
    wait_for "the end" ended live
    same "it was stopped" stopped "$(events live reason type=end)"
    step=$(last_step live)
    ok "a checkpoint at the last step" test -s "$(weights live "$step")"
    ok "the log is whole" sound_log live
    wait_for "the engine's exit" not engine_lives live
    try "$thaw" send live pause
    ok "nobody is there to be asked" test "$status" = 1 -o "$status" = 2
}

# Ctrl-C ends a headless run after its step, with a checkpoint.
interrupted() {
    local child
    "$thaw" run "$work/endless.yaml" --name interrupted --headless >"$out" 2>"$err" </dev/null &
    child=$!
    wait_for "first steps" reached interrupted 3
    kill -INT "$child"
    wait "$child"
    same "exit status after Ctrl-C" 130 $?
    same "it was stopped" stopped "$(events interrupted reason type=end)"
    ok "a checkpoint at its last step" test -s "$(weights interrupted "$(last_step interrupted)")"
    ok "the way on is told" says "thaw run --resume interrupted"
}

# A headless run whose engine is killed tells from where it can go on.
killed_under_headless() {
    local child
    "$thaw" run "$work/endless.yaml" --name killed --headless >"$out" 2>"$err" </dev/null &
    child=$!
    wait_for "first steps" reached killed 3
    wait_for "a checkpoint" has_event killed path type=checkpoint
    kill -9 "$(engine_pid killed)"
    wait "$child"
    same "exit status after the engine's death" 1 $?
    ok "its last checkpoint is told: $(head -c 300 "$err")" \
        grep -qE 'was killed .*; go on from step [0-9]+0 with: thaw run --resume killed$' "$err"
}

refused() { # wishes that cannot be granted
    try "$thaw" send live lr 99
    ok "a rate out of range is refused" test "$status" != 0
    try "$thaw" send live freeze block.7
    ok "an unknown group is refused" test "$status" != 0
    ok "and named" grep -q 'block\.7' "$err"
    try "$thaw" send live dance
    same "an unknown verb is wrong use" 2 "$status"
}

make_texts
make_config "$work/tiny.yaml" tiny 60 40
make_config "$work/long.yaml" long 500 400
make_config "$work/endless.yaml" endless 1000000 1000000
whole_run
run_folder
run_log
same_bits
third_model
run_list
score_twin
generate_twin
compare_twin
eval_twin
data_twin
generate_stops
export_twin
config_twin
through_kill
commands
interrupted
killed_under_headless
finish
