#!/usr/bin/env bash
# tokens.sh - text that is turned into tokens once, and trained on from the file: the same weights as from the text,
# nothing left behind when it is interrupted, and what is wrong is told. And a plan for several machines.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 2
make_texts

weights() { # weights RUN: of its newest checkpoint
    sha256sum "$(ls -d "$runs/$1"/checkpoints/step-* | sort -V | tail -1)/model.safetensors" | cut -d' ' -f1
}

# ---- the same weights ----
make_config text.yaml text 30 20
must "general text" "$thaw" data text:general.txt --tokenize general.tokens --vocab 512
ok "it says how to train on it" says 'tokens:general.tokens'
must "a run on text" "$thaw" run text.yaml --headless --set model.vocab=512
must "medical text, with the run's tokenizer" "$thaw" data text:medical.txt --tokenize medical.tokens --tokenizer text
sed 's/text:\([^]", ]*\)general\.txt/tokens:\1general.tokens/g; s/text:\([^]", ]*\)medical\.txt/tokens:\1medical.tokens/g' text.yaml >tokens.yaml
ok "the config names tokens" grep -q 'tokens:' tokens.yaml
not grep -q '"text:' tokens.yaml || give_up "some text is left in $(cat tokens.yaml)"
must "its check" "$thaw" config tokens.yaml --check --set model.vocab=512
must "a run on tokens" "$thaw" run tokens.yaml --headless --name tokens --set model.vocab=512
same "the weights" "$(weights text)" "$(weights tokens)"
must "text again" "$thaw" data tokens:general.tokens
same "lines of it" "$(sort "$work/general.txt" | grep -c .)" "$(grep -c . "$out")"
must "held-out loss" "$thaw" eval tokens --data tokens:medical.tokens
cp "$out" from_tokens
must "held-out loss of the text" "$thaw" eval tokens --data text:medical.txt
same "the same loss" "$(sed 's/.*: loss//' "$out")" "$(sed 's/.*: loss//' from_tokens)"

# ---- what is wrong ----
refused() { # refused STATUS PATTERN ARGUMENT...
    local want=$1 pattern=$2
    shift 2
    try "$thaw" "$@"
    same "thaw $*: exit status" "$want" "$status"
    ok "thaw $*: it tells /$pattern/: $(cat "$err")" grep -qE -- "$pattern" "$err"
}
head -c 5000 general.tokens >cut.tokens
refused 1 "cut.tokens: its end is missing" data tokens:cut.tokens
refused 1 "general.txt is no file of tokens" data tokens:general.txt
refused 2 "leave out --split" data text:general.txt --tokenize x --stats
refused 2 "give that too" data text:general.txt --tokenizer text
refused 1 "set model.vocab to" run tokens.yaml --headless --name small --set model.vocab=300
must "other tokens" "$thaw" data text:medical.txt --tokenize medical.tokens --vocab 400
refused 1 "another tokenizer" run tokens.yaml --headless --name other --set model.vocab=512

# ---- interrupted: with more and more text, until it is not done before the signal comes ----
begun() { [ -s long.tokens.new ] || [ -e long.tokens ]; }
status=0
for times in 200 400 800 1600 3200; do
    for _ in $(seq "$times"); do cat general.txt; done >long.txt
    rm -f long.tokens
    before=$(ls -A)
    : >"$err" # what an earlier command said is not to be read
    "$thaw" data text:long.txt --tokenize long.tokens --threads 1 >/dev/null 2>"$err" &
    wait_for "it is being written" begun
    kill -INT $! 2>/dev/null
    wait $!
    status=$?
    [ "$status" = 0 ] || break
done
same "interrupted: exit status" 130 "$status"
same "nothing is left" "$before" "$(ls -A)"

# ---- a plan ----
must "a plan" "$thaw" plan text.yaml --step-seconds 0.5 --nodes 1,2 --link 10G
ok "its table" says "efficiency"
must "a plan that is measured" "$thaw" plan text.yaml --nodes 1,2 --iters 1 --json
for key in step_ms forward_ms backward_ms update_ms carry_ms; do ok "it has $key" has_key "nodes.1.$key"; done
refused 2 "powers of two" plan text.yaml --nodes 3
refused 2 "cannot be shared by 1024 nodes" plan text.yaml --nodes 1024
refused 2 "bits a second" plan text.yaml --link slow
finish
