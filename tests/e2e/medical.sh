#!/usr/bin/env bash
# medical.sh - the built-in example from nothing to its end, and what it must show: within five minutes on
# two cores, held-out medical perplexity at least 25 % below the base's, different text on every prompt, and
# at least 95 % dictionary words. It takes minutes, so it runs only with THAW_SLOW=1.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
[ -n "${THAW_SLOW-}" ] || skip "takes minutes: THAW_SLOW=1 runs it"
[ -r /usr/share/wordnet/data.noun ] || skip "wordnet-base is not installed"
cd "$work" || exit 2
limit=${THAW_MEDICAL_SECONDS:-300}

start=$SECONDS
must "the example trains" "$thaw" run medical --headless
took=$((SECONDS - start))
tail -n 5 "$out"
ok "within $limit s (took $took s)" test "$took" -le "$limit"
echo "first loss $(events medical t type=step step=1) s after the run's start"

last() { events medical "sets.$1.$2.perplexity" type=eval | tail -n 1; }
base=$(last domain base) tuned=$(last domain tuned)
echo "medical perplexity $base -> $tuned; general $(last general base) -> $(last general tuned)"
ok "at least 25 % below the base's" awk -v b="$base" -v t="$tuned" 'BEGIN { exit !(t <= 0.75 * b) }'

# Dictionary words: those that WordNet's own text is made of.
words() { tr 'A-Z' 'a-z' | tr -cs "a-z'" '\n' | grep .; }
{ "$thaw" data wordnet:general; "$thaw" data wordnet:medicine; } | words | sort -u >dictionary
as_on_screen="--tokens 32 --temperature 0.2 --top-k 20" # what configs/medical.yaml says
for prompt in fever suture bank aspirin virus court fracture river; do
    # shellcheck disable=SC2086 # words
    must "$prompt" "$thaw" compare medical --prompt "$prompt :" $as_on_screen --json
    ok "$prompt: base and tuned differ" test "$("$json_get" prompts.0.base.text <"$out")" != \
        "$("$json_get" prompts.0.tuned.text <"$out")"
    for seed in 1 2 3 4 5 6 7 8; do
        # shellcheck disable=SC2086
        "$thaw" generate medical --prompt "$prompt :" $as_on_screen --seed $seed | words >>said
    done
done
all=$(wc -l <said) known=$(grep -cxFf dictionary said)
echo "$known of $all generated words are dictionary words"
ok "at least 95 % of the words" test $((known * 100)) -ge $((all * 95))
finish
