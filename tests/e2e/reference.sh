#!/usr/bin/env bash
# reference.sh - other people's models through the program: a GPT-2 and a llama2.c model against
# figures that other implementations computed (shared data; skipped where there is none).
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
data=${THAW_SHARED_DATA:-}
[ -n "$data" ] && [ -d "$data/tiny-gpt2" ] && [ -d "$data/stories260k" ] ||
    skip "no folder of shared data: set THAW_SHARED_DATA"
stories=$data/stories260k/stories260K.bin
tokenizer=$data/stories260k/tok512.bin

near() { # near A B: within 1e-4
    awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(a != "" && b != "" && d < 1e-4 && d > -1e-4) }'
}

# The reference holds token ids, some of which no text gives; the longest run of those that a text
# does give stands at its start.
tiny_gpt2() {
    local i n reference=$data/tiny-gpt2/reference.json
    printf 'lsen' >"$work/text"
    must "score tiny-gpt2" "$thaw" score "$data/tiny-gpt2" --text "$work/text" --json
    n=$("$json_get" tokens.# <"$out")
    same "tiny-gpt2: tokens" 4 "$n"
    same "tiny-gpt2: the first is given" null "$("$json_get" tokens.0.logprob <"$out")"
    for i in 0 1 2 3; do
        same "tiny-gpt2: id $i" "$("$json_get" "ids.$i" <"$reference")" "$("$json_get" "tokens.$i.id" <"$out")"
        [ "$i" = 0 ] || ok "tiny-gpt2: log-probability $i" near "-$("$json_get" "nll.$((i - 1))" <"$reference")" \
            "$("$json_get" "tokens.$i.logprob" <"$out")"
    done
    ok "tiny-gpt2: mean loss" near "$("$json_get" nll.* <"$reference" | head -n 3 | mean)" "$("$json_get" loss <"$out")"
}

mean() { awk '{ sum += $1 } END { printf "%.9f", sum / NR }'; }

stories_greedy() {
    must "generate, greedy" "$thaw" generate "$stories" --tokenizer "$tokenizer" --prompt "" \
        --tokens 200 --temperature 0 --json
    "$json_get" -j text <"$out" >"$work/greedy"
    ok "200 greedy tokens are llama2.c's" cmp "$work/greedy" "$data/stories260k/expected_greedy_200.txt"
}

stories_score() {
    local reference=$data/stories260k/reference.json i n
    must "generate 64" "$thaw" generate "$stories" --tokenizer "$tokenizer" --prompt "" \
        --tokens 64 --temperature 0 --json
    same "the same 64 ids" "$("$json_get" ids_greedy_from_BOS.* <"$reference" | tail -n 64 | xargs)" \
        "$("$json_get" ids.* <"$out" | xargs)"
    "$json_get" -j text <"$out" >"$work/text"
    must "score them" "$thaw" score "$stories" --tokenizer "$tokenizer" --text "$work/text" --json
    "$json_get" -j tokens.*.text <"$out" >"$work/joined"
    ok "the tokens' texts joined are the input" cmp "$work/text" "$work/joined"
    ok "mean loss $("$json_get" loss <"$out") is the reference's" near \
        "$("$json_get" nll.* <"$reference" | mean)" "$("$json_get" loss <"$out")"
    n=$("$json_get" nll.# <"$reference")
    "$json_get" nll.* <"$reference" >"$work/expected"
    "$json_get" tokens.*.logprob <"$out" | tail -n "$n" | sed 's/^-//' >"$work/actual"
    ok "every token's is" all_near "$work/expected" "$work/actual"
}

all_near() {
    paste "$1" "$2" | awk '{ d = $1 - $2; if (NF != 2 || d > 1e-4 || d < -1e-4) bad = 1 } END { exit bad || !NR }'
}

# Files that are no model of ours are refused by name, and nothing is read past their end.
foreign() {
    local file
    for file in burn-multi_layer weight-inspect-tiny; do
        mkdir -p "$work/$file"
        cp "$data/format-fixtures/$file.safetensors" "$work/$file/model.safetensors"
        cp "$data/tiny-gpt2/"{config.json,vocab.json,merges.txt} "$work/$file/"
        try "$thaw" score "$work/$file" --text "$work/text"
        same "$file is refused" 1 "$status"
        ok "and named" grep -q "^thaw: .*$file" "$err"
    done
    head -c 500000 "$stories" >"$work/cut.bin"
    try "$thaw" score "$work/cut.bin" --tokenizer "$tokenizer" --text "$work/text"
    same "half a model is refused" 1 "$status"
    ok "and named" grep -q "^thaw: .*cut.bin" "$err"
}

tiny_gpt2
stories_greedy
stories_score
foreign
finish
