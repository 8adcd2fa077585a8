#!/usr/bin/env bash
# corpus.sh - a corpus larger than memory: turns WordNet's lines, over and over to MB megabytes, into tokens, trains on
# the file, and says for both how fast it was and how much memory the process had in use at its highest (VmHWM, pages
# of mapped files counted). Not a test: at the usual 2048 it takes minutes, and 4 GB of disk under TMPDIR.
#
#   tests/bench/corpus.sh [--thaw PROGRAM] [--mb MB] [--threads N] [--tokenizer MODEL] [--steps N]
set -u -o pipefail
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
mb=2048 threads=0 steps=60 tokenizer=''
read_options "thaw mb threads tokenizer steps" "$@"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

peak_of() { # peak_of PID: in MiB, of the process until it ends
    local kib=0 now
    while now=$(awk '/^VmHWM/ { print $2 }' "/proc/$1/status" 2>/dev/null) && [ -n "$now" ]; do
        kib=$now
        sleep 0.2
    done
    echo "$((kib / 1024)) MiB at its highest"
}

"$thaw" data wordnet:general >"$work/once" || exit 1
bytes=$((mb * 1048576))
while cat "$work/once"; do :; done 2>/dev/null | head -c "$bytes" >"$work/text"
echo "text       $(stat -c %s "$work/text") bytes"

"$thaw" data "text:$work/text" --tokenize "$work/tokens" --threads "$threads" ${tokenizer:+--tokenizer "$tokenizer"} >"$work/said" &
peak=$(peak_of $!)
wait $! || exit 1
sed '$d' "$work/said"
echo "tokenising $peak; file of $(stat -c %s "$work/tokens") bytes"

cat >"$work/corpus.yaml" <<END
name: corpus
model: {layers: 4, heads: 4, width: 128, context: 256, vocab: 60000}
stages:
  - {name: pretrain, data: ["tokens:$work/tokens"], steps: $steps, batch: 16}
eval: {every: $steps, tokens: 4096, sets: {held: "tokens:$work/tokens"}}
threads: $threads
END
SECONDS=0
"$thaw" run "$work/corpus.yaml" --detach --runs-dir "$work/runs" >/dev/null || exit 1
echo "training   $(peak_of "$(cat "$work/runs/corpus/engine.lock")"), $SECONDS s for $steps steps of 16 x 256 tokens"
"$thaw" runs --runs-dir "$work/runs"
