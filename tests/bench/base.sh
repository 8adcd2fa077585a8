#!/usr/bin/env bash
# base.sh - makes assets/base: trains configs/base.yaml, exports it in bfloat16, measures what was exported and
# writes its card. It takes minutes (tens of them for as many steps as the config has) and wants the machine to
# itself. tests/e2e/base.sh compares the model with its card ever after.
#
#   tests/bench/base.sh [--thaw PROGRAM] [--run RUN] [--runs DIR] [--out DIR]
#
# RUN: one of configs/base.yaml in the folder of runs DIR, which has ended; nothing is trained then.
set -eu -o pipefail
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
run='' runs='' out=$root/assets/base
read_options "thaw run runs out" "$@"
text=tests/fixtures/own_text.txt
cd "$root"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
: "${runs:=${XDG_STATE_HOME:-$HOME/.local/state}/thaw/runs}"
if [ -z "$run" ]; then
    run=base
    "$thaw" run base --headless --runs-dir "$runs"
fi
"$thaw" export "$run" --runs-dir "$runs" --to hf --dtype bf16 "$dir/base"

bits() { # of a JSON object on stdin: what a line of the card says
    "$python" -c 'import json, sys; o = json.load(sys.stdin); print("%.3f | %.1f" % (o["bits_per_byte"], o["perplexity"]))'
}

trained() { # steps, tokens and minutes of the run, from its log
    "$python" - "$runs/$run/events.jsonl" <<'END'
import json, sys
steps = {}
for line in open(sys.argv[1], encoding="utf-8", errors="replace"):
    if '"type":"step"' in line:
        event = json.loads(line)
        steps[event["step"]] = (event["tokens"], event["seconds"]["total"])
print("%d steps of %d tokens (%.1f million in all), %.0f minutes" % (max(steps), steps[1][0],
      steps[max(steps)][0] / 1e6, sum(s for _, s in steps.values()) / 60))
END
}

kept() { # kept KEY: a value of the model's config.json
    "$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$dir/base/config.json" "$1"
}

sources() { # a line for each source, with its counts
    local s
    for s in wordnet:general dict:jargon dict:devil; do
        "$thaw" data $s --split train --stats | awk -v s=$s '{ v[$1] = $2 }
            END { printf "| `%s` | %d | %.1f million | %s |\n", s, v["lines"], v["bytes"] / 1e6,
                  s ~ /wordnet/ ? "WordNet 3.0 (free, with its notice kept)" : "public domain" }'
    done
}

figures() {
    for s in wordnet:general wordnet:medicine wordnet:law; do
        printf '| `%s` | held out | %s |\n' $s "$("$thaw" eval "$dir/base" --data $s --tokens 32768 --json | bits)"
    done
    printf '| `%s` | own text | %s |\n' $text "$("$thaw" score "$dir/base" --text $text --json | bits)"
}

examples() {
    for prompt in "canoe :" "fever :" "court :" "compiler :" "happy :" "the man who"; do
        printf '| `%s` | %s |\n' "$prompt" "$("$thaw" generate "$dir/base" --prompt "$prompt" --tokens 28 --temperature 0 --json |
            "$python" -c 'import json, sys; print(json.load(sys.stdin)["text"].split("\n")[0].replace("|", "/"))')"
    done
}

read_from=$(sources) knows=$(figures) says=$(examples) how=$(trained)
cat >"$dir/base/README.md" <<END
# A small base model for thaw

A language model of $(kept num_hidden_layers) blocks, width $(kept hidden_size), $(kept num_attention_heads) heads, context $(kept max_position_embeddings) and
$(kept vocab_size) tokens (Qwen3's architecture, tied embedding), which thaw trained from nothing with \`configs/base.yaml\`:
$how on two cores, seed 1337. Weights in bfloat16, $(stat -c %s "$dir/base/model.safetensors") bytes. Made by \`tests/bench/base.sh\`.

## What it has read

| source | lines | bytes | licence |
|---|---|---|---|
$read_from

One line in twenty was held out. WordNet's entries of medicine, law and sport were not read at all, so that these can be
taught: \`thaw run medical-base\`, \`thaw run legal\`.

## What it knows

| text | | bits a byte | perplexity |
|---|---|---|---|
$knows

(Of a set's held-out part 32,768 tokens at most, in windows of the model's context.)

## What it says

The likeliest continuation (temperature 0):

| prompt | text |
|---|---|
$says

It knows how a dictionary talks, which words go together, and English grammar over a line or two. It does not know facts
well enough to be asked for any, holds no conversation, follows no instruction, and has read neither stories nor news. What it
says of medicine or law is no advice. It knows no language but English.

## Licence

The weights come under thaw's own licence. WordNet 3.0: copyright 2006 by Princeton University, all rights reserved; its
licence permits use, copying, changing and distributing for any purpose as long as its notice is kept:
\`/usr/share/doc/wordnet-base/copyright\`. The Jargon File and the Devil's Dictionary are in the public domain.
END
mkdir -p "$out"
cp "$dir"/base/{README.md,config.json,model.safetensors,tokenizer.json} "$out"/
chmod 644 "$out"/*
echo "made $out: $(ls "$out" | tr '\n' ' ')"
cat "$out/README.md"
