#!/usr/bin/env bash
# base.sh - the base model that comes along (assets/base): it loads from any folder, knows as much as its card
# says, and is where medical-base and legal start from.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
root=$(realpath "$(dirname "$0")/../..")
card=$root/assets/base/README.md
[ -r "$root/assets/base/config.json" ] || skip "no assets/base"
cd "$work" || exit 2 # a path that is relative to the source folder finds nothing here

told() { # told SET: bits per byte on the card's line about it
    awk -F '|' -v set="\`$1\`" 'index($2, set) && $4 ~ /^ *[0-9.]+ *$/ { print $4 + 0 }' "$card"
}

near() { # near WHAT SET: the last command's figure is the card's, to 1 %
    ok "$1: as the card says, $(told "$2") (it is $("$json_get" bits_per_byte <"$out"))" \
        awk -v a="$(told "$2")" -v b="$("$json_get" bits_per_byte <"$out")" \
        'BEGIN { exit !(a > 0 && b > 0 && (a - b) * (a - b) <= 0.0001 * a * a) }'
}

must "score from another folder" "$thaw" score assets/base --text "$root/tests/fixtures/own_text.txt" --json
near "own text" tests/fixtures/own_text.txt
ok "it has many tokens" test "$("$json_get" 'tokens.#' <"$out")" -ge 150
ok "the last one has a probability" awk -v p="$("$json_get" tokens.150.logprob <"$out")" 'BEGIN { exit !(p < 0 && p > -30) }'
must "generate" "$thaw" generate assets/base --prompt "fever :" --tokens 16 --temperature 0
ok "it says something" test -s "$out"
ok "its weights are 12 MB at most" test "$(stat -c %s "$root/assets/base/model.safetensors")" -le 12000000
try "$thaw" generate assets/nothing --prompt a
same "no other model comes along" 2 "$status"
try "$thaw" generate assets/../assets/base --prompt a
same "nor by a way around" 2 "$status"

if [ -r /usr/share/wordnet/data.noun ]; then
    for set in general medicine law; do
        must "eval $set" "$thaw" eval assets/base --data wordnet:$set --tokens 32768 --json
        near "wordnet:$set" wordnet:$set
    done
    must "medical-base is right" "$thaw" config medical-base --check
    must "medical-base trains" "$thaw" run medical-base --headless --set stages.0.steps=6 --set stages.0.batch=8 \
        --set stages.0.schedule.warmup=1 --set eval.tokens=4096 --set eval.every=3 --set compare.every=3 --set compare.tokens=8
    ok "it ended well" has_event medical-base reason type=end reason=finished
    ok "base and tuned answer" has_event medical-base weights type=sample side=tuned
    ok "its config has the folder's own path" grep -q "from: .*$root/assets/base" "$runs/medical-base/config.yaml"
    first=$(events medical-base sets.domain.tuned.perplexity type=eval | head -n 1)
    last=$(events medical-base sets.domain.tuned.perplexity type=eval | tail -n 1)
    ok "six steps help ($first to $last)" awk -v a="$first" -v b="$last" 'BEGIN { exit !(b < a) }'
else
    echo "without wordnet-base no more than that"
fi
for config in base legal million; do # as far as their texts are there
    try "$thaw" config "$root/configs/$config.yaml"
    same "$config is a config" 0 "$status"
    try "$thaw" config $config --check
    [ "$status" = 0 ] || ok "$config: what is missing is said" grep -qE 'install|no such file' "$err"
done
finish
