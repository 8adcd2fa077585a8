#!/usr/bin/env bash
# peer.sh - thaw's training step beside PyTorch's, pair by pair, since machines drift: only ratios count, and
# their median. Not a test: it takes minutes and wants the machine to itself.
#
#   tests/bench/peer.sh [--pairs N] [--threads N] [--thaw PROGRAM] [--peer SCRIPT] [ROW...]
#
# Rows (all when none is named): chars wide gpt2-64 gpt2-256 gpt2-64-frozen gpt2-256-frozen gpt2-64-known
# gpt2-256-known (frozen, and what the frozen blocks make of the text is known). The peer is
# peer_torch.py: the same shapes, batches, AdamW and clipping, random tokens. It has biases where --bias says
# so; thaw's gpt2 always has them. Needs python3-torch (Debian's python, not another one on the PATH).
set -u -o pipefail
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
pairs=5 threads=$(nproc) peer=$root/../shared/bench/peer_torch.py
all_rows="chars wide gpt2-64 gpt2-256 gpt2-64-frozen gpt2-256-frozen gpt2-64-known gpt2-256-known"

shape() { # shape ROW: sets ours, theirs (options) and steps of the peer
    local gpt2="--layers 12 --heads 12 --vocab 50257 --batch 4" known=''
    case $1 in *-known) known=" --known" ;; esac
    case $1 in
    chars) set -- "--layers 4 --heads 4 --vocab 65 --batch 12" 128 64 0 0 100 ;;
    wide) set -- "--layers 6 --heads 6 --vocab 65 --batch 16" 384 256 0 0 8 ;;
    gpt2-64) set -- "$gpt2" 768 64 1 0 8 ;;
    gpt2-256) set -- "$gpt2" 768 256 1 0 6 ;;
    gpt2-64-frozen | gpt2-64-known) set -- "$gpt2" 768 64 1 10 12 ;;
    gpt2-256-frozen | gpt2-256-known) set -- "$gpt2" 768 256 1 10 8 ;;
    *) wrong "there is no row \"$1\"; there are $all_rows" ;;
    esac
    ours="--family gpt2 $1 --width $2 --block $3"
    theirs="$1 --embd $2 --block $3 --bias $4 --iters $6 --skip 2 --eval-every 0 --log-every 0"
    [ "$5" = 0 ] || ours="$ours --freeze embed,0-$(($5 - 1))$known" theirs="$theirs --freeze-below $5"
}

figures() { # figures MS_KEY... < JSON: milliseconds of a step, and MiB
    $python -c '
import json, sys
ms = last = json.load(sys.stdin)
for key in sys.argv[1:]:
    ms = ms[key]
print(ms, last["peak_rss_mib"])' "$@"
}

summary() { # summary < lines of "OUR_MS OUR_MIB THEIR_MS THEIR_MIB": medians of the ratios
    awk '{ print $3 / $1, $2 / $4 }' | $python -c '
import statistics, sys
pairs = [[float(x) for x in line.split()] for line in sys.stdin]
speed, memory = zip(*pairs)
print("  median %.2fx as fast (%.2f to %.2f), %.2f of the memory" %
      (statistics.median(speed), min(speed), max(speed), statistics.median(memory)))'
}

run_row() {
    local name=$1 i line mine peers results=''
    shape "$name"
    echo "$name: thaw bench $ours"
    for ((i = 1; i <= pairs; i++)); do
        # shellcheck disable=SC2086 # the options are words
        line=$("$thaw" bench --json --threads "$threads" $ours) || exit 1
        mine=$(figures step_ms median <<<"$line")
        # shellcheck disable=SC2086
        line=$($python "$peer" --threads "$threads" $theirs | tail -n 1) || exit 1
        peers=$(figures ms_per_iter_median <<<"$line")
        results+="$mine $peers"$'\n'
        echo "$i $mine $peers" | awk '{
            printf "  pair %d   thaw %8.2f ms %6.0f MiB", $1, $2, $3
            printf "   PyTorch %8.2f ms %6.0f MiB   %.2fx\n", $4, $5, $4 / $2 }'
    done
    printf '%s' "$results" | summary
}

read_options "pairs threads thaw peer" "$@"
[[ $pairs =~ ^[1-9][0-9]*$ ]] || wrong "--pairs must be a whole number, at least 1, not \"$pairs\""
[[ $threads =~ ^[1-9][0-9]*$ ]] || wrong "--threads must be a whole number, at least 1, not \"$threads\""
# shellcheck disable=SC2206 # the rows are words
[ ${#rows[@]} -gt 0 ] || rows=($all_rows)
for row in "${rows[@]}"; do shape "$row"; done # wrong names before minutes have passed
[ -r "$peer" ] || skip "no peer_torch.py beside this folder (looked for $peer); give --peer SCRIPT"
$python -c 'import torch' 2>/dev/null || skip "$python has no torch: apt-get install python3-torch"
for row in "${rows[@]}"; do run_row "$row"; done
