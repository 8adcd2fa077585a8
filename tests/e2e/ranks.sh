#!/usr/bin/env bash
# ranks.sh - several processes of mpirun train one model: the bits of one process, commands, resumes with other
# numbers of them, and what is left when one is killed.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

root=$(realpath "$(dirname "$0")/../..")
command -v mpirun >/dev/null || skip "there is no mpirun (./run installs it)"
[ -e "$(dirname "$thaw")/thaw_mpi.so" ] || skip "this thaw was built without MPI"
grep -qa __tsan_init "$thaw" && skip "MPI's libraries are not made for this sanitizer"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_btl_base_warn_component_unused=0 OMPI_MCA_hwloc_base_binding_policy=none
export OMPI_MCA_btl_vader_backing_directory=$work # what a killed process shares with others goes with it
export ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=0" # MPI keeps what it has until the end

awk 'BEGIN { srand(7); for (i = 0; i < 400; i++) print "the", i % 7, "wheels of number", int(rand() * 90), "turn\n" }' \
    >"$work/text.txt"
cat >"$work/small.yaml" <<EOF
name: small
seed: 7
threads: 1
model: {layers: 2, heads: 2, width: 32, context: 32, vocab: 300}
stages:
  - {name: first, data: ["text:$work/text.txt"], steps: 60, batch: 8}
  - {name: second, data: ["text:$work/text.txt"], steps: 60, batch: 8, freeze: ["0"]}
eval: {every: 30, tokens: 512, sets: {text: "text:$work/text.txt"}}
checkpoint: {every: 10, keep: 99}
EOF

ranks() { # ranks P ARGUMENT...: thaw run with them
    local p=$1
    shift
    mpirun -n "$p" "$thaw" run "$@"
}

file() { echo "$runs/$1/checkpoints/step-$2/$3.safetensors"; } # file RUN STEP model|optimizer
same_state() { # same_state WHAT RUN RUN STEP
    ok "$1: weights" cmp -s "$(file "$2" "$4" model)" "$(file "$3" "$4" model)"
    ok "$1: moments" cmp -s "$(file "$2" "$4" optimizer)" "$(file "$3" "$4" optimizer)"
}

same_bits() {
    must "one process" "$thaw" run "$work/small.yaml" --name one --set shards=4 --headless
    must "two" ranks 2 "$work/small.yaml" --name two --set shards=4
    must "four, each with a part of the moments" ranks 4 "$work/small.yaml" --name four --set optimizer_state=sharded
    ok "only the first has a screen" test "$(grep -c 'is finished' "$out")" = 2
    ok "its config has a shard for each" grep -qx 'shards: 4' "$runs/four/config.yaml"
    same_state "two" one two 120
    same_state "four" one four 120
    same "each tells its times" 4 "$(grep '"type":"ranks"' "$runs/four/events.jsonl" | head -n 1 | grep -o compute | wc -l)"
    ok "nothing else was written" test "$(echo "$runs"/*)" = "$runs/four $runs/one $runs/two"
    ok "without mpirun nothing of MPI is loaded" not grep -q mpi <(ldd "$thaw")
}

# A long run on its way: `mpi` is the process of mpirun, `follower` that of the second rank.
start_long() { # start_long RUN ARGUMENT...
    local run=$1
    shift
    : >"$out"
    mpirun -n 2 "$thaw" run "$@" >"$out" 2>"$err" </dev/null &
    mpi=$!
    wait_for "an engine of $run" engine_pid "$run" >/dev/null
    wait_for "its other rank" find_follower
}
find_follower() { follower=$(pgrep -P "$mpi" -f 'engine --follow'); }
let_end() { # until mpirun and the engine have ended
    wait "$mpi"
    status=$?
    wait_for "the engine of $1 to end" not engine_pid "$1" >/dev/null
}

obeyed() {
    start_long asked "$work/small.yaml" --name asked --set stages.0.steps=100000 --set optimizer_state=sharded
    wait_for "steps" reached asked 20
    must "freeze" "$thaw" send asked freeze 1
    must "lr" "$thaw" send asked lr 1e-4
    must "pause" "$thaw" send asked pause
    wait_for "the pause" has_event asked 'do' type=control 'do=pause'
    must "next" "$thaw" send asked next-stage
    wait_for "the second stage" has_event asked index type=stage name=second state=started
    must "stop" "$thaw" send asked stop
    let_end asked
    same "mpirun ends well" 0 "$status"
    same "the run was stopped" stopped "$(events asked reason type=end)"
    must "verify" "$thaw" verify asked
}

# From where one was killed, with as many and with more, to the bits of a run that never was.
killed() {
    must "undisturbed" "$thaw" run "$work/small.yaml" --name calm --set shards=4 --set stages.1.steps=1500 --set checkpoint.every=50 --headless
    start_long torn "$work/small.yaml" --name torn --set shards=4 --set stages.1.steps=1500 --set checkpoint.every=50
    wait_for "steps" reached torn 70
    kill -9 "$follower"
    let_end torn
    ok "mpirun says so" test "$status" != 0
    same "the run has failed" failed "$(events torn reason type=end | tail -n 1)"
    ok "and tells of whom" grep -q 'rank 1 of 2 does not answer any more' "$runs/torn/events.jsonl"
    must "all its files are sound" "$thaw" verify torn
    start_long torn --resume torn
    wait_for "more steps" reached torn $(($(last_step torn) + 20))
    kill -9 "$(engine_pid torn)"
    let_end torn
    must "the rest, with four" ranks 4 --resume torn
    same_state "killed twice" calm torn 1560
    must "nothing is left to do, and all are told" timeout "$patience" mpirun -n 2 "$thaw" run --resume torn
    same_state "which changes nothing" calm torn 1560
}

refused() {
    try ranks 3 "$work/small.yaml" --name no
    ok "three: $(head -c 200 "$err")" grep -q 'started 3 processes: a batch is shared by 2, 4, 8' "$err"
    try ranks 4 "$work/small.yaml" --name no --set shards=2
    ok "more than shards" grep -q 'cuts a batch into 2 shards' "$err"
    try ranks 2 "$work/small.yaml" --name no --detach
    ok "no --detach" grep -q 'mpirun waits for what it started' "$err"
    ok "no folder is left" test ! -e "$runs/no"
}

# What the README shows, on a config of the same name.
readme() {
    local line n=0
    make_texts
    mkdir -p "$work/here/configs"
    make_config "$work/here/configs/medical.yaml" medical 20 20
    cd "$work/here" || return
    while IFS= read -r line; do
        n=$((n + 1))
        must "$line" eval "${line/ thaw / "$thaw" }"
    done < <(awk '/^```/ { inside = ($0 == "```sh"); next } inside' "$root/README.md" | sed 's/ *#.*//' | grep '^mpirun ')
    same "commands" 2 "$n"
    ok "that run has finished" has_event shared reason type=end reason=finished
}

same_bits
readme
obeyed
killed
refused
finish
