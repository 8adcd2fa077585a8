#!/usr/bin/env bash
# recipe.sh - which recipe learns fastest: trains on the first nine tenths of a text, then says how well the
# model predicts the last tenth, in nats a character, and how long the whole run took (tokenizer and start
# included). Not a test: it takes minutes and wants the machine to itself.
#
#   tests/bench/recipe.sh [--text FILE] [--thaw PROGRAM] [--seed N] [ROW...]
#
# Rows (all when none is named): see the table below; `nanogpt` is that program's own CPU recipe, on bytes.
# FILE: tiny Shakespeare of the shared data when not given. An end of text, which stands for the line break
# between paragraphs, counts as one character.
set -u -o pipefail
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
text=$root/../shared/data/tinyshakespeare/input.txt seed=1337

# name | family layers vocab | batch steps | optimizer lr | schedule warmup final_share
table="
nanogpt     | gpt2  4  257  | 12 2000 | adamw 0.001 | cosine 100 0.1
adamw       | qwen3 2  1024 | 16  160 | adamw 0.004 | cosine  10 0.02
muon-0.005  | qwen3 2  1024 | 16  160 | muon  0.005 | cosine  10 0.02
muon        | qwen3 2  1024 | 16  160 | muon  0.01  | cosine  10 0.02
muon-0.02   | qwen3 2  1024 | 16  160 | muon  0.02  | cosine  10 0.02
wsd         | qwen3 2  1024 | 16  160 | muon  0.01  | wsd     10 0.02
gpt2        | gpt2  2  1024 | 16  160 | muon  0.01  | cosine  10 0.02
vocab-512   | qwen3 2  512  | 16  160 | muon  0.01  | cosine  10 0.02
vocab-2048  | qwen3 2  2048 | 16  160 | muon  0.01  | cosine  10 0.02
batch-32    | qwen3 2  1024 | 32   80 | muon  0.01  | cosine   5 0.02
layers-4    | qwen3 4  1024 | 16   90 | muon  0.01  | cosine   8 0.02
layers-1    | qwen3 1  1024 | 16  220 | muon  0.01  | cosine  10 0.02
best        | qwen3 1  1024 | 16  120 | muon  0.01  | cosine   8 0.02
"

row_of() { # row_of NAME: its fields, without bars
    awk -v name="$1" '$1 == name { gsub(/\|/, ""); print; found = 1 } END { exit !found }' <<<"$table"
}

write_config() { # write_config FAMILY LAYERS VOCAB BATCH STEPS OPTIMIZER LR SCHEDULE WARMUP FINAL
    local beta2=0.95
    [ "$6" = adamw ] && beta2=0.99
    cat <<END
name: recipe
seed: $seed
model: {family: $1, layers: $2, heads: 4, width: 128, context: 64, vocab: $3}
stages:
  - name: pretrain
    data: ["text:$dir/train.txt"]
    steps: $5
    batch: $4
    optimizer: {kind: $6, lr: $7, beta2: $beta2}
    schedule: {kind: $8, warmup: $9, final_share: ${10}, decay_share: 0.4}
compare: {every: 1000000}
eval: {every: 1000000}
checkpoint: {every: 1000000}
END
}

run_row() {
    local name=$1 start end fields
    fields=$(row_of "$name")
    # shellcheck disable=SC2086 # the fields are words
    set -- $fields
    write_config "${@:2}" >"$dir/config.yaml"
    rm -rf "$dir/runs"
    start=$(date +%s.%N)
    "$thaw" run "$dir/config.yaml" --headless --runs-dir "$dir/runs" >"$dir/log" 2>&1 || {
        tail -n 3 "$dir/log" >&2
        exit 1
    }
    end=$(date +%s.%N)
    "$thaw" eval recipe --runs-dir "$dir/runs" --data "text:$dir/held.txt" --all --json |
        $python -c '
import json, math, sys
name, start, end = sys.argv[1:]
nats = json.load(sys.stdin)["bits_per_byte"] * math.log(2)
print("%-11s %8.4f nats a character after %6.1f s" % (name, nats, float(end) - float(start)))' "$name" "$start" "$end"
}

read_options "text thaw seed" "$@"
# shellcheck disable=SC2207 # the rows are words
[ ${#rows[@]} -gt 0 ] || rows=($(awk 'NF { print $1 }' <<<"$table"))
for row in "${rows[@]}"; do row_of "$row" >/dev/null || wrong "there is no row \"$row\""; done
[ -r "$text" ] || skip "no text $text; give --text FILE"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cut=$(($(stat -c %s "$text") * 9 / 10))
head -c "$cut" "$text" >"$dir/train.txt"
tail -c "+$((cut + 1))" "$text" >"$dir/held.txt"
for row in "${rows[@]}"; do run_row "$row"; done
