#!/usr/bin/env bash
# chat.sh - from conversations in a file to a conversation in a terminal: what `thaw data` shows of them, a run
# that learns the answers only and stops after each, and `thaw chat` in a pipe.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 2

animals="cat:meow dog:woof cow:moo duck:quack lion:roar bee:buzz pig:oink owl:hoot"
for adjective in old red big small kind quick sad warm wild tame; do
    for pair in $animals; do
        animal=${pair%:*} sound=${pair#*:}
        printf '{"messages":[{"role":"user","content":"what says the %s %s"},{"role":"assistant","content":"it says %s"}]}\n' \
            "$adjective" "$animal" "$sound" >>chat.jsonl
        printf '{"prompt":"the %s %s :","completion":" %s"}\n' "$adjective" "$animal" "$sound" >>pairs.jsonl
    done
done
cat >animals.yaml <<EOF
name: animals
seed: 7
threads: 2
model: {family: qwen3, layers: 2, heads: 2, width: 32, context: 64, vocab: 330}
stages:
  - name: pretrain
    data: ["jsonl:$work/pairs.jsonl"]
    steps: 60
    batch: 8
    optimizer: {lr: 0.01}
    schedule: {warmup: 5}
  - name: finetune
    data: ["jsonl:$work/chat.jsonl"]
    packing: false
    steps: 120
    batch: 8
    optimizer: {lr: 0.01}
    schedule: {warmup: 5}
compare: {prompts: ["what says the sad dog"], chat: true, every: 60, temperature: 0, tokens: 12}
eval: {every: 60, sets: {talk: "jsonl:$work/chat.jsonl"}}
checkpoint: {every: 50, keep: 9}
EOF

# --- what is learned

data() {
    must "data" "$thaw" data jsonl:pairs.jsonl
    ok "the completion is marked, with its end" says 'the old cat :{+ meow<end>+}'
    must "data --template chatml" "$thaw" data jsonl:chat.jsonl --template chatml
    ok "the answer is marked, with its end" says '{+it says meow<|im_end|>+}'
    ok "the question is not" says 'what says the old cat<|im_end|>'
    must "data --stats" "$thaw" data jsonl:chat.jsonl --stats
    ok "tokens that are learned are counted" grep -qE '^learned +[0-9]+$' "$out"
    try "$thaw" data jsonl:chat.jsonl --template jinja
    same "no such template" 2 "$status"
    echo '{"messages":[{"role":"robot","content":"x"}]}' >bad.jsonl
    try "$thaw" data jsonl:bad.jsonl
    ok "a bad line: file, line, what is expected" \
        grep -qE 'bad.jsonl:1: .*"robot"; it must be system, user or assistant$' "$err"
}

# --- learning

learning() {
    must "run" "$thaw" run animals.yaml --headless
    must "run on one thread" "$thaw" run animals.yaml --headless --name alone --set threads=1
    same "the same bits with one thread" "" \
        "$(cmp "$runs"/{animals,alone}/checkpoints/step-180/model.safetensors 2>&1)"
    rm -r "$runs"/alone/checkpoints/step-1[1-9][0-9]
    must "run --resume" "$thaw" run --resume alone --headless
    same "the same bits after a resume" "" \
        "$(cmp "$runs"/{animals,alone}/checkpoints/step-180/model.safetensors 2>&1)"
    ok "the model says how it is asked" \
        grep -q 'Assistant:' "$runs/animals/checkpoints/step-180/tokenizer_config.json"
    must "verify" "$thaw" verify animals
    must "eval" "$thaw" eval animals --data jsonl:chat.jsonl
}

# --- talking

chat() { # chat LINES OPTION...: with the run
    local lines=$1
    shift
    # shellcheck disable=SC2059
    printf "$lines" | "$thaw" chat animals --temperature 0 "$@" >"$out" 2>"$err"
    status=$?
}

talking() {
    chat 'what says the sad dog\nwhat says the old owl\n'
    same "two lines: exit status" 0 "$status"
    same "two lines in, two answers out" 2 "$(wc -l <"$out")"
    ok "the answer is as it was taught, and ends there: $(cat "$out")" grep -qE '^it says [a-z]+$' "$out"
    cp "$out" first
    chat 'what says the sad dog\nwhat says the old owl\n'
    ok "the same again" cmp -s "$out" first
    chat 'what says the sad dog\n/reset\nwhat says the sad dog\n'
    same "/reset: nothing is remembered" "$(sed -n 1p "$out")" "$(sed -n 2p "$out")"
    chat '/quit\nwhat says the sad dog\n'
    same "/quit: no answer any more" "" "$(cat "$out")"
    chat '\n  \n/nope\n'
    same "no line, no answer" "" "$(cat "$out")"
    ok "what is not known is told" grep -q 'there is no /nope' "$err"
    chat '//nope\n'
    same "// is said" "" "$(cat "$err")"
    chat 'what says the sad dog\nand the big cow\nand the red bee\nand the warm pig\n'
    same "a long conversation: exit status" 0 "$status"
    ok "what was dropped is told" grep -qE 'the oldest [0-9]+ turns no longer fit' "$err"
    chat "$(printf 'dog %.0s' $(seq 100))\nwhat says the sad dog\n"
    same "a line that is too long is told, and not the end" "$(head -n 1 first)" "$(cat "$out")"
    ok "how long it may be" grep -q 'say less' "$err"
    chat 'what says the \033]0;x\007 dog\xff\n'
    ok "no control characters raw" not grep -qaP '[\x00-\x08\x0b-\x1f\x7f]' "$out"
    chat 'dog\n' --system 'be kind' --tokens 2
    same "--system: exit status" 0 "$status"
}

asked_by_the_run() { # compare.chat
    must "compare" "$thaw" compare animals --temperature 0 --json
    same "the tuned model answers the run's prompt as in a chat" "$(head -n 1 first)" \
        "$("$json_get" prompts.0.tuned.text <"$out" | sed 's/^ *//')"
    local i answer=
    for i in 0 1 2; do answer+=$(events animals "tokens.$i.text" type=sample side=tuned step=180 | tail -n 1); done
    ok "so it did in the run: \"$answer\"" grep -q '^ it' <<<"$answer"
}

for_scripts() {
    local key
    chat 'what says the sad dog\nwhat says the old owl\n' --json --against animals/base
    same "one object an answer" 2 "$(wc -l <"$out")"
    same "its prompt" "what says the sad dog" "$(head -n 1 "$out" | "$json_get" prompt)"
    same "its text" "$(sed -n 1p first)" "$(head -n 1 "$out" | "$json_get" text)"
    for key in tokens tokens_per_s dropped base.text base.tokens; do
        ok "its $key" test -n "$(head -n 1 "$out" | "$json_get" "$key")"
    done
    chat "$(printf 'dog %.0s' $(seq 100))\n" --json
    ok "a refusal is an object" test -n "$("$json_get" error <"$out")"
    chat 'what says the sad dog\n' --against animals/base
    same "both answers, the base's first" "animals/base:" "$(head -n 1 "$out")"
    ok "and the model's" grep -q '^animals:$' "$out"
}

plainly() { # a model that was never told how to talk
    "$thaw" run animals.yaml --headless --name plain --set "stages.1.data=[\"jsonl:$work/pairs.jsonl\"]" \
        --set 'eval.sets={}' >"$out" 2>"$err" </dev/null || give_up "no plain run: $(cat "$err")"
    must "generate" "$thaw" generate plain --prompt "the sad dog :" --temperature 0 --json
    local text
    text=$("$json_get" text <"$out" | sed 's/^ *//')
    ok "it stops where a completion ends: \"$text\"" grep -qE '^[a-z]+$' <<<"$text"
    printf 'the sad dog :\n' | "$thaw" chat plain --temperature 0 >"$out" 2>"$err"
    ok "that it has no chat template is told" grep -q 'plain has no chat template: each line is a prompt' "$err"
    same "the chat goes on with the line" "$text" "$(cat "$out")"
}

hint_given() { # between its answer and its listening an interrupt ends nothing: then once more
    kill -INT "$1"
    sleep 0.1
    grep -q '/quit' "$err"
}

interrupted() { # Ctrl-C is not the end
    mkfifo lines
    "$thaw" chat animals --temperature 0 >"$out" 2>"$err" <lines &
    local pid=$!
    exec 3>lines
    echo 'what says the sad dog' >&3
    wait_for "a whole answer" grep -qx 'it says [a-z]*' "$out"
    wait_for "a hint" hint_given "$pid"
    echo 'what says the old owl' >&3
    wait_for "the next answer" sh -c "[ \$(grep -c says '$out') = 2 ]"
    exec 3>&-
    wait "$pid"
    same "the end of the input is the end: exit status" 0 "$?"
}

beside() { # two columns on a terminal
    (
        sleep 1
        echo 'what says the sad dog'
        sleep 1
        echo /quit
    ) | TERM=xterm timeout 60 script -qefc \
        "stty cols 100; $thaw chat animals --against animals/base --temperature 0" /dev/null >"$out" 2>&1
    ok "both names on one line: $(head -c 600 "$out" | cat -v)" grep -qE 'animals/base +\| animals' "$out"
}

wrong_use() {
    local words
    for words in "chat" "chat gone" "chat animals --template jinja" "chat animals --tokens 0" "chat animals --stop="; do
        # shellcheck disable=SC2086
        try "$thaw" $words
        same "$words: exit status" 2 "$status"
        same "$words: one line" 1 "$(wc -l <"$err")"
    done
}

data
learning
talking
asked_by_the_run
for_scripts
plainly
interrupted
beside
wrong_use
finish
