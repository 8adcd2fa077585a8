#!/usr/bin/env bash
# ranks.sh - several processes of mpirun beside one, and how much of what they send is hidden behind the backward
# pass. Not a test: it takes minutes and wants the machine to itself.
#
#   tests/bench/ranks.sh [--pairs N] [--steps N] [--rate MBIT] [--machines N] [--thaw PROGRAM] [ROW...]
#
# Rows (all when none is named):
#   cores    6x384, 16 x 256: 2 processes of 1 thread beside 1 of 2 threads, pair by pair; the ratio's median
#   lora frozen narrow learn sharded    12x384 on --machines (2) that are network namespaces, each with a link of --rate
#            (1000) to a switch: adapters of rank 8; 8 of 12 blocks frozen; all learns. What is sent would take `link`
#            seconds a step; the rank that waits less waits `waited`; hidden is 1 - waited / link. Needs root, ip and tc.
#            Before it `thaw plan` tells, from steps of one process on each, what the step takes and what is hidden.
#   narrow   as frozen, with wire: bfloat16; sharded: as learn, with optimizer_state: sharded
set -u -o pipefail
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
pairs=3 steps=8 rate=1000 machines=2
read_options "pairs steps rate machines thaw" "$@"
thaw=$(realpath "$thaw")
command -v mpirun >/dev/null || skip "there is no mpirun"
[ -e "$(dirname "$thaw")/thaw_mpi.so" ] || skip "this thaw was built without MPI"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_hwloc_base_binding_policy=none
work=$(mktemp -d "${TMPDIR:-/tmp}/thaw-ranks.XXXXXX")
export XDG_STATE_HOME=$work/state HOME=$work
namespaces=()
for ((i = 0; i < machines; i++)); do namespaces+=("thaw-$i"); done
clean_up() {
    for n in "${namespaces[@]}" thaw-switch; do ip netns del "$n" 2>/dev/null && rm -rf "/etc/netns/$n"; done
    rm -rf "$work"
}
trap clean_up EXIT

config() { # config LAYERS BATCH: onto stdout
    cat <<EOF
name: bench
threads: 1
model: {family: gpt2, layers: $1, heads: 6, width: 384, context: 256, vocab: 300}
stages:
  - {name: all, data: ["text:$root/README.md"], steps: $steps, batch: $2}
checkpoint: {every: 1000000}
cache_frozen_prefix: 0 # the text is short: steps would soon know of it what frozen blocks make
EOF
}

numbers() { # numbers RUN WHAT: of its steps' seconds, of what the slowest rank computes, of the ranks' shortest wait; the first ones left out
    $python - "$XDG_STATE_HOME/thaw/runs/$1/events.jsonl" "$2" <<'EOF'
import json, statistics, sys
events = [json.loads(line) for line in open(sys.argv[1])]
steps = [e["seconds"]["total"] for e in events if e["type"] == "step"][2:]
ranks = [e["ranks"] for e in events if e["type"] == "ranks"][2:]
of = {"steps": lambda: steps, "waits": lambda: [min(r["waited"] for r in e) for e in ranks],
      "computes": lambda: [max(r["compute"] for r in e) for e in ranks]}
all = of[sys.argv[2]]()
half = (len(all) + 1) // 2
# of two rounds the faster one, as `thaw plan` takes it: the other shared the machine
print("%.4f" % min(statistics.median(all[:half]), statistics.median(all[half:] or all)))
EOF
}

cores() {
    local i one two ratios=''
    config 6 16 >"$work/cores.yaml"
    for ((i = 0; i < pairs; i++)); do
        "$thaw" run "$work/cores.yaml" --name "one-$i" --set threads=2 --headless >/dev/null || wrong "it does not run"
        mpirun -n 2 "$thaw" run "$work/cores.yaml" --name "two-$i" >/dev/null 2>&1 || wrong "it does not run with mpirun"
        one=$(numbers "one-$i" steps) two=$(numbers "two-$i" steps)
        echo "cores      1 x 2 threads $one s   2 x 1 thread $two s"
        ratios="$ratios$two/$one, "
    done
    $python -c "import statistics; print('cores      2 processes take %.3f times as long (median of $pairs pairs)' % statistics.median([$ratios]))"
}

# Machines: each a network of its own, and a switch, to which each sends --rate.
make_machines() {
    local i k n
    ip netns add thaw-switch 2>/dev/null || skip "network namespaces are not permitted here, or there is no ip"
    ip -n thaw-switch link add bridge type bridge
    ip -n thaw-switch link set bridge up
    for ((i = 0; i < machines; i++)); do
        n=${namespaces[i]}
        ip netns add "$n"
        mkdir -p "/etc/netns/$n"
        echo '127.0.0.1 localhost' >"/etc/netns/$n/hosts"
        for ((k = 0; k < machines; k++)); do echo "10.77.0.$((k + 1)) ${namespaces[k]}"; done >>"/etc/netns/$n/hosts"
        ip link add uplink netns "$n" type veth peer name "port$i" netns thaw-switch
        ip -n thaw-switch link set "port$i" master bridge up
        ip -n "$n" addr add "10.77.0.$((i + 1))/24" dev uplink
        ip -n "$n" link set lo up
        ip -n "$n" link set uplink up
        ip netns exec "$n" tc qdisc add dev uplink root tbf rate "${rate}mbit" burst 256kb latency 50ms
    done
    printf '%s slots=1\n' "${namespaces[@]}" >"$work/hosts"
    cat >"$work/rsh" <<'EOF'
#!/bin/sh
# rsh HOST COMMAND...: on that machine, which has a core, or a share of one
host=$1; shift
exec taskset -c $((${host#thaw-} % $(nproc --all))) ip netns exec "$host" unshare -u sh -c "hostname $host; $*"
EOF
    chmod +x "$work/rsh"
}

plan() { # plan MACHINE ROW WORD...
    local machine=$1 row=$2
    shift 2
    taskset -c $((machine % $(nproc --all))) "$thaw" plan "$work/$row.yaml" --nodes "$machines" --link "${rate}M" --iters 2 --json "$@"
}

linked() { # linked ROW WEIGHTS BYTES SET...: so many learn, a weight is sent as so many bytes
    local row=$1 weights=$2 bytes=$3 sets=() i waited planned
    shift 3
    for n in "$@"; do sets+=(--set "$n"); done
    config 12 16 >"$work/$row.yaml"
    for ((i = 1; i < machines; i++)); do # each is a part of this one: the other parts are at work, too
        plan "$i" "$row" "${sets[@]}" >"$work/beside$i" 2>&1 &
    done
    planned=$(plan 0 "$row" "${sets[@]}") || wrong "it is not planned"
    wait
    "$work/rsh" "${namespaces[0]}" timeout 300 mpirun --mca plm_rsh_agent "$work/rsh" --hostfile "$work/hosts" -n "$machines" --mca btl tcp,self \
        --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 -x XDG_STATE_HOME -x HOME \
        "$thaw" run "$work/$row.yaml" --name "$row" "${sets[@]@Q}" >"$work/said" 2>&1 || wrong "$(tail -n 3 "$work/said")"
    waited=$(numbers "$row" waits)
    # how long weights that are handed out are waited for is told nowhere: it is the rest of the step
    [ "$row" != sharded ] || waited=$($python -c "print($(numbers "$row" steps) - $(numbers "$row" computes))")
    $python -c "
import json
plan = json.loads('$planned')['nodes'][0]
link = 2 * ($machines - 1) / $machines * $weights * $bytes * 8 / ($rate * 1e6)
computed = sum(plan[k] for k in ('forward_ms', 'backward_ms', 'carry_ms')) / 1e3
print('%-10s %d x %7.2f MB, link %.3f s, waited %.3f s, hidden %.0f %% (planned %.0f), step %.3f s (planned %.3f)' %
      ('$row', $machines, $weights * $bytes / 1e6, link, $waited, 100 * (1 - $waited / link), 100 * plan['hidden'],
       $(numbers "$row" steps), plan['step_ms'] / 1e3),
      '; computed %.3f s (planned %.3f, %.3f of it carrying)' % ($(numbers "$row" computes), computed, plan['carry_ms'] / 1e3))"
}

block=$((12 * 384 * 384))
[ "${#rows[@]}" -gt 0 ] || rows=(cores lora frozen narrow learn sharded)
for row in "${rows[@]}"; do
    case $row in
    cores) cores ;;
    lora | frozen | narrow | learn | sharded)
        [ -e "$work/hosts" ] || make_machines
        case $row in
        lora) linked lora $((12 * 8 * (384 + 1152 + 384 + 384 + 384 + 1536 + 1536 + 384))) 4 stages.0.adapter.rank=8 "stages.0.adapter.targets=[all]" ;;
        frozen) linked frozen $((4 * block)) 4 "stages.0.freeze=[embed, \"0-7\"]" ;;
        narrow) linked narrow $((4 * block)) 2 "stages.0.freeze=[embed, \"0-7\"]" wire=bfloat16 ;;
        learn) linked learn $((12 * block + (300 + 256) * 384)) 4 ;;
        sharded) linked sharded $((12 * block + (300 + 256) * 384)) 4 optimizer_state=sharded ;;
        esac ;;
    *) wrong "there is no row \"$row\"; there are cores lora frozen narrow learn sharded" ;;
    esac
done
