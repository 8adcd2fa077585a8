#!/usr/bin/env bash
# cli.sh - the program as a shell sees it: help, wrong use, bad input of every kind. Each is one clear
# sentence on stderr with the place and a remedy, the right exit status, and nothing half-written.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 2

no_controls() { # what no output may hold raw: C0 but newline and tab, DEL, C1
    LC_ALL=C grep -qaP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$@"
    [ $? = 1 ]
}

clean_output() { ok "$1: no control characters raw" no_controls "$out" "$err"; }

one_sentence() { # one_sentence WHAT PATTERN: on stderr, of the last try
    same "$1: one line on stderr" 1 "$(wc -l <"$err")"
    ok "$1: it is a sentence of thaw's: $(head -c 200 "$err")" grep -q '^thaw: ' "$err"
    ok "$1: it tells /$2/: $(head -c 200 "$err")" grep -qE -- "$2" "$err"
    clean_output "$1"
}

no_runs() { same "$1: nothing is left of it" "" "$(find "$runs" -mindepth 1 2>/dev/null)"; }

misused() { # misused PATTERN ARGUMENT...
    local pattern=$1
    shift
    try "$thaw" "$@"
    same "thaw $*: exit status" 2 "$status"
    same "thaw $*: nothing on stdout" "" "$(cat "$out")"
    one_sentence "thaw $*" "$pattern"
    no_runs "thaw $*"
}

fails() { # fails WHAT PATTERN COMMAND...
    local what=$1 pattern=$2
    shift 2
    try "$@"
    same "$what: exit status" 1 "$status"
    one_sentence "$what" "$pattern"
    no_runs "$what"
}

# --- help and wrong use

subcommands="run attach watch send runs verify generate chat score compare eval lr-find export data config bench doctor"

help() {
    local command
    must "--version" "$thaw" --version
    ok "--version tells one" grep -qE '^thaw [0-9]+\.[0-9]+' "$out"
    must "--help" "$thaw" --help
    cp "$out" help
    for command in $subcommands; do
        ok "--help lists $command" grep -qE "^  $command +[a-z]" help
        must "$command --help" "$thaw" "$command" --help
        ok "$command --help begins with its usage" grep -qE "^usage: thaw $command" "$out"
        ok "$command --help lists options" grep -q -- '--help' "$out"
        same "$command --help: nothing on stderr" "" "$(cat "$err")"
        misused "no option --nope|one word too many" "$command" --nope
    done
    must "no command at all" "$thaw"
    ok "says what to type" grep -q 'thaw run' "$out"
}

wrong_use() {
    misused 'no command "frobnicate"' frobnicate
    misused 'which config' run
    misused 'no config "nowhere"' run nowhere --headless
    misused 'one word too many' run a.yaml b.yaml
    misused '--name needs a value' run tiny.yaml --name
    misused 'no name for a run' run tiny.yaml --headless --name ../up
    misused 'nearest .*layers' run tiny.yaml --headless --set model.layrs=3
    misused 'layers must be' run tiny.yaml --headless --set model.layers=0
    misused 'KEY=VALUE' run tiny.yaml --headless --set model.layers
    misused 'beside it' run tiny.yaml --resume tiny
    misused 'no run "gone"' run --resume gone
    misused 'no run "gone"' attach gone
    misused 'no run "gone"' verify gone
    misused 'no run "gone"' send gone pause
    misused 'missing' send
    misused 'no run "gone"' send gone --runs-dir "$work" pause
    misused '--runs-dir stands before VERB' send gone pause --runs-dir "$work"
    misused '--runs-dir needs a folder' attach gone --runs-dir ''
    misused 'tiny\.yaml is a file: --runs-dir needs a folder' run tiny.yaml --headless --runs-dir tiny.yaml
    misused 'OUT must not be empty' export gone --to hf ''
    misused 'needs --to hf, --to gguf or --to peft' export gone --to onnx out
    misused 'must be f32, f16, bf16 or q8_0' export gone --to gguf out --type q4_0
    misused 'is for --to gguf' export gone --to hf out --type f16
    misused 'is for --to hf' export gone --to gguf out --dtype f16
    misused 'must be f32, f16 or bf16' export gone --to hf out --dtype q8_0
    misused 'no folder nowhere; make it first' export gone --to hf nowhere/x/
    ok "export makes no folder in passing" test ! -e nowhere
    misused 'no key "foo"$' config tiny.yaml --set foo.bar=1
    misused 'needs --text' score model
    misused 'no model "gone"' generate gone --prompt x
    misused '--tokens must be' generate model --prompt x --tokens many
    misused '--temperature must be' generate model --prompt x --temperature -1
    misused '--top-p must be' generate model --prompt x --top-p 0
    misused 'needs a text' generate model --prompt x --stop ''
    misused 'needs --data' eval model
    misused 'missing' lr-find
    misused 'no config "nowhere"' lr-find nowhere
    misused 'no stage "third".*pretrain, finetune' lr-find tiny.yaml --stage third
    misused 'finetune begins with what stage pretrain has made.*--model' lr-find tiny.yaml --stage finetune
    misused 'no model "gone"' lr-find tiny.yaml --stage 1 --model gone
    misused '--steps must be' lr-find tiny.yaml --steps 3
    misused '--from must be below --to' lr-find tiny.yaml --from 0.1 --to 0.01
    misused 'nearest .*layers' lr-find tiny.yaml --set model.layrs=3
    misused 'missing' data
    misused 'train or val' data text:general.txt --split test
    misused 'wordnet' data wordnet:cooking
    misused 'text:' data general.txt
    misused 'no config "nowhere"' bench nowhere
    misused 'layers must be 1 to 512' bench --layers 0
    misused 'gpt2, llama, qwen2 or qwen3' bench --family bert
    misused 'divided among 5 heads' bench --width 192 --heads 5
    misused 'no group "99"' bench --freeze 99
    misused '--iters must be' bench --iters none
    misused 'too large' bench --batch 60000 --block 100000
    misused 'take one' bench --ops --decode
}

# --- bench: every key that scripts rely on (how fast it is depends on the machine)

bench() {
    local shape="--family gpt2 --layers 2 --heads 2 --width 32 --vocab 70 --batch 2 --block 16 --iters 2" key
    # shellcheck disable=SC2086 # the shape is words
    must "bench --json" "$thaw" bench --json $shape --freeze embed,0 --threads 1 --ops
    for key in model batch block threads frozen step_ms.median step_ms.min step_ms.max forward_ms backward_ms \
        update_ms tokens_per_s sgemm_gflops share_of_sgemm peak_rss_mib ops.0.share_of_limit; do
        ok "bench --json has $key" has_key "$key"
    done
    same "bench --json: batch" 2 "$("$json_get" batch <"$out")"
    same "bench --json: block" 16 "$("$json_get" block <"$out")"
    same "bench --json: threads" 1 "$("$json_get" threads <"$out")"
    same "bench --json: frozen" "embed 0" "$("$json_get" 'frozen.*' <"$out" | tr '\n' ' ' | sed 's/ $//')"
    same "bench --json: nothing on stderr" "" "$(cat "$err")"
    # shellcheck disable=SC2086
    must "bench --decode --json" "$thaw" bench --decode --json $shape
    for key in model tokens_per_s bytes_per_token gb_per_s copy_gb_per_s share_of_copy; do
        ok "bench --decode --json has $key" has_key "$key"
    done
    must "bench CONFIG" "$thaw" bench tiny.yaml --iters 1
    ok "bench CONFIG: its shape" says "qwen3, 2 blocks, 2 heads, width 32"
    ok "bench CONFIG: a table" says "GFLOP/s"
    no_runs "bench"
}

# --- configs

config_fails() { # config_fails WHAT PATTERN TEXT: both where it is checked and where it is run
    printf '%b' "$3" >bad.yaml
    fails "config, $1" "$2" "$thaw" config bad.yaml --check
    fails "run, $1" "$2" "$thaw" run bad.yaml --headless
}

bad_configs() {
    local stages='stages: [{data: ["text:general.txt"], steps: 5}]\n'
    config_fails "an unknown key" '^thaw: bad\.yaml:2:20: .*"hedas".*nearest.*"heads"' 'name: x\nmodel: {layers: 2, hedas: 4}\n'
    config_fails "an unknown section" '^thaw: bad\.yaml:1:1: .*"modle".*nearest.*"model"' 'modle: {layers: 2}\n'
    config_fails "a wrong type" '^thaw: bad\.yaml:1:17: layers must be a whole number.*"two"' 'model: {layers: two}\n'
    config_fails "a mapping for a number" '^thaw: bad\.yaml:1:7: ' "seed: {a: 1}\n$stages"
    config_fails "a value out of range" '^thaw: bad\.yaml:1:17: layers must be 1 to 512' 'model: {layers: 513}\n'
    config_fails "a number beyond every range" '^thaw: bad\.yaml:1:7: seed must be' "seed: 1e999\n$stages"
    config_fails "a key twice" '^thaw: bad\.yaml:2:1: .*second time' 'seed: 1\nseed: 2\n'
    config_fails "broken YAML" '^thaw: bad\.yaml:[12]:' 'name: [x\n'
    config_fails "an alias" '^thaw: bad\.yaml:[12]:[0-9]+: .*(alias|anchor)' 'name: &a x\nseed: *a\n'
    config_fails "no stages" '^thaw: bad\.yaml.*stage' 'name: x\n'
    config_fails "an empty file" '^thaw: bad\.yaml' ''
    config_fails "invalid UTF-8" '^thaw: bad\.yaml:2:[0-9]+: .*UTF-8' 'seed: 1\nna\xff\xfeme: 3\n'
    config_fails "a NUL byte" '^thaw: bad\.yaml:' 'name: a\x00b\n'
    config_fails "an unknown source" '^thaw: bad\.yaml:1:[0-9]+: .*(text:|wordnet:)' 'stages: [{data: ["txt:a"]}]\n'
    config_fails "an unknown group" '^thaw: bad\.yaml:1:[0-9]+: .*' \
        'stages: [{data: ["text:general.txt"], freeze: [block.99]}]\n'
    config_fails "heads that do not fit" '^thaw: bad\.yaml:' "model: {width: 50, heads: 6}\n$stages"
    config_fails "a prompt longer than the context" '^thaw: bad\.yaml:1:11: .*"one two.* has 8 words.*model\.context 8.* 6 fit' \
        "compare: {prompts: [one two three four five six seven eight]}\nmodel: {context: 8}\n$stages"
    config_fails "a missing corpus" '^thaw: bad\.yaml:1:[0-9]+: .*nowhere\.txt.*[Nn]o such file' 'stages: [{data: ["text:nowhere.txt"]}]\n'
    fails "a missing config" '^thaw: .*missing\.yaml.*No such file' "$thaw" run ./missing.yaml --headless
    fails "a folder for a config" '^thaw: .*' "$thaw" run ./folder --headless
}

# --- text

corpus_fails() { # corpus_fails WHAT PATTERN: with corpus.txt as it stands
    fails "$1" "$2" "$thaw" run corpus.yaml --headless
}

bad_text() {
    sed 's/general\.txt/corpus.txt/; s/medical\.txt/corpus.txt/' tiny.yaml >corpus.yaml
    printf 'one good line\nand another\nthen \377 this\n' >corpus.txt
    corpus_fails "invalid UTF-8 in the corpus" 'corpus\.txt:3: .*UTF-8.*convert'
    fails "data, invalid UTF-8" 'corpus\.txt:3: .*UTF-8' "$thaw" data text:corpus.txt
    printf 'a\0b\n' >corpus.txt
    corpus_fails "a NUL in the corpus" 'corpus\.txt:1: .*NUL'
    : >corpus.txt
    corpus_fails "an empty corpus" 'corpus\.txt: it is empty'
    printf 'too short\n' >corpus.txt
    corpus_fails "a corpus shorter than one block" \
        'stage pretrain \(text:.*/corpus\.txt\): .*tokens.*(33|context).*(more text|context)'
    fails "a corpus shorter than one block, checked" \
        'corpus\.yaml:7:[0-9]+: text:.*/corpus\.txt has 9 bytes.*33 tokens.*more text' "$thaw" config corpus.yaml --check
    fails "a corpus too short, detached" 'tokens' "$thaw" run corpus.yaml --detach
    rm corpus.txt
    corpus_fails "a missing corpus" 'corpus\.yaml:7:[0-9]+: .*corpus\.txt: .*[Nn]o such file'
    fails "data, a missing file" 'corpus\.txt: there is no such' "$thaw" data text:corpus.txt
    printf '{"text": "fine"}\n{"text": 3}\n' >lines.jsonl
    fails "a JSON line without text" 'lines\.jsonl:2: ' "$thaw" data 'jsonl:lines.jsonl#text'
    printf '{"text": "fine"}\n{"text": \n' >lines.jsonl
    fails "a JSON line that is none" 'lines\.jsonl:2: ' "$thaw" data 'jsonl:lines.jsonl#text'
}

# --- folders and disks

as_nobody() { # as_nobody COMMAND...: without root's right to write everywhere
    if [ "$(id -u)" = 0 ]; then
        mkdir -p "$work/profile" && chmod 777 "$work/profile" # where coverage is counted, what nobody may not write elsewhere
        GCOV_PREFIX=$work/profile setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
    else "$@"; fi
}

no_permission() {
    mkdir -m 555 locked
    chmod 755 "$work"
    as_nobody "$thaw" --version >"$out" 2>&1 || {
        echo "not checked: a folder without permission (the program cannot be run as another user here)"
        return
    }
    try as_nobody "$thaw" run tiny.yaml --headless --runs-dir locked
    same "a folder without permission: exit status" 1 "$status"
    one_sentence "a folder without permission" 'locked.*Permission denied'
    same "a folder without permission: nothing is left" "" "$(ls -A locked)"
    must "a run of one's own" "$thaw" run tiny.yaml --headless --set stages.0.steps=3 --set stages.1.steps=3
    chmod 711 "$XDG_STATE_HOME" "$XDG_STATE_HOME/thaw" # the folder of runs itself is 0700
    try as_nobody "$thaw" watch tiny
    same "somebody else's run: exit status" 1 "$status"
    one_sentence "somebody else's run" 'runs/tiny: Permission denied'
    try as_nobody "$thaw" generate tiny --prompt x
    same "somebody else's model: exit status" 1 "$status"
    one_sentence "somebody else's model" 'runs/tiny: Permission denied'
    rm -rf "$runs"
    chmod 000 general.txt
    try as_nobody "$thaw" data text:general.txt
    same "a file without permission: exit status" 1 "$status"
    one_sentence "a file without permission" 'general\.txt.*Permission denied'
    chmod 644 general.txt
}

no_rubbish() { # no_rubbish WHAT RUNS_DIR: neither halves of checkpoints nor of files
    same "$1: nothing half-written" "" "$(find "$2"/ -name '.*.new*' -o -name '*.tmp*' -o -name '.step*' 2>/dev/null)"
}

in_background() { # in_background ARGUMENT...: thaw, as `try` would; its process is $child
    : >"$out" # here, not when the child comes to it: what waits must not read the run before
    "$thaw" "$@" >"$out" 2>"$err" </dev/null &
    child=$!
}

ended_with() { # ended_with WHAT STATUS: what runs in the background
    wait "$child"
    same "$1: exit status" "$2" $?
}

# The weights of the last step wait in memory, until there is room or they are given up.
no_room_to_save() {
    in_background run tiny.yaml --headless --runs-dir small
    wait_for "no room to save: it waits" grep -q '^ERROR .*step 100 is not saved yet.*make room' "$out"
    ok "no room to save: a warning before, for each" grep -q '^warning .*checkpoint skipped.*make room' "$out"
    same "no room to save: paused" paused "$("$thaw" runs --json --runs-dir small | "$json_get" 0.state)"
    "$thaw" send --runs-dir small tiny stop >/dev/null || ok "no room to save: stop" false
    ended_with "no room to save" 1
    one_sentence "no room to save" 'step 100 was not saved; .*thaw run --resume .*/small/tiny .*make room'
    ok "no room to save: what was reached is told" grep -q 'perplexity' "$out"
    no_rubbish "no room to save" small
    in_background run tiny.yaml --headless --runs-dir small --name later
    wait_for "room later: it waits" grep -q '^ERROR .*step 100 is not saved yet' "$out"
    mount -o remount,size=8m small
    ended_with "room later" 0
    ok "room later: the last step is saved" test -s small/later/checkpoints/step-100/model.safetensors
    in_background run tiny.yaml --headless --runs-dir small --name interrupted --set stages.1.steps=1000000
    wait_for "two interrupts: it trains" grep -q '^stage .*2/2' "$out"
    "$thaw" send --runs-dir small interrupted pause >/dev/null # so that the log does not grow
    head -c $(($(stat -f -c '%a * %S' small) - 102400)) /dev/zero >small/fill
    kill -INT "$child"
    wait_for "two interrupts: it waits" grep -q '^ERROR .*is not saved yet' "$out"
    kill -INT "$child"
    ended_with "two interrupts" 1
    one_sentence "two interrupts" 'was not saved; .*thaw run --resume .*/small/interrupted'
}

full_disk() {
    mkdir small
    if ! mount -t tmpfs -o size=400k none small 2>/dev/null; then
        echo "not checked: a full disk (no tmpfs can be mounted here); a limit on file sizes is"
        return
    fi
    at_exit() { umount "$work/small" 2>/dev/null; }
    no_room_to_save
    rm -rf small/*
    mount -o remount,size=400k small
    head -c 1m /dev/zero >small/fill 2>/dev/null
    try "$thaw" run tiny.yaml --headless --runs-dir small
    same "no room at all: exit status" 1 "$status"
    one_sentence "no room at all" 'small.*No space left'
    same "no room at all: nothing is left" fill "$(ls -A small)"
    umount small
    mount -t tmpfs -o size=16k none small
    in_background run tiny.yaml --headless --runs-dir small
    wait_for "no room for the log: it is told" grep -q '^warning .*disk is full: the log waits' "$out"
    wait_for "no room for the log: the end waits for room" grep -q 'stop once more to give it up' "$out"
    kill -INT "$child"
    ended_with "no room for the log" 1
    one_sentence "no room for the log" 'disk is full.*make room.*thaw run --resume'
    umount small
}

file_limit() { # like a full disk, for everyone; first too small for weights, then for the log
    try bash -c "ulimit -f 110; exec '$thaw' run tiny.yaml --headless --runs-dir limited"
    same "files that may not grow: exit status" 1 "$status"
    one_sentence "files that may not grow" 'File too large'
    no_rubbish "files that may not grow" limited
    same "files that may not grow: no checkpoint" "" "$(ls -A limited/*/checkpoints 2>/dev/null)"
    try bash -c "ulimit -f 16; exec '$thaw' run tiny.yaml --headless --runs-dir limited"
    same "a log that may not grow: exit status" 1 "$status"
    ok "a log that may not grow: it tells why: $(head -c 300 "$err")" grep -q '^thaw: .*File too large' "$err"
    ok "a log that may not grow: it tells how to go on" grep -q '^thaw: .*thaw run --resume' "$err"
}

closed_stdout() {
    try bash -c "'$thaw' runs --json >/dev/full"
    same "a full stdout: exit status" 1 "$status"
    one_sentence "a full stdout" 'output'
    try bash -c "'$thaw' data text:general.txt | head -n 1"
    same "a closed pipe: one line of it" 1 "$(wc -l <"$out")"
    same "a closed pipe: no complaint" "" "$(cat "$err")"
}

no_terminal() {
    sed 's/steps: .*/steps: 3/' tiny.yaml >short.yaml
    must "run with stdout no terminal" "$thaw" run short.yaml
    ok "plain lines instead of a screen" grep -q '^stage ' "$out"
    clean_output "plain lines"
    try "$thaw" attach tiny
    ok "attach without a terminal fails" test "$status" = 1 -o "$status" = 2
    one_sentence "attach without a terminal" terminal
    rm -rf "$runs"
}

# --- the learning rate finder: what it prints, and that it leaves nothing

rate_finder() {
    local key before last
    before=$(ls -A)
    must "lr-find --json" "$thaw" lr-find tiny.yaml --steps 40 --json
    for key in config stage optimizer points.0.step points.0.lr points.0.loss points.0.smooth steepest minimum \
        settled suggested diverged_at; do
        ok "lr-find --json has $key" has_key "$key"
    done
    same "lr-find --json: the stage" pretrain "$("$json_get" stage <"$out")"
    ok "lr-find --json: a rate that trains" awk -v x="$("$json_get" suggested <"$out")" \
        'BEGIN { exit !(x > 1e-4 && x < 0.2) }'
    clean_output "lr-find --json"
    must "lr-find" "$thaw" lr-find tiny.yaml --steps 40 --from 1e-4 --to 1e4
    ok "lr-find draws in braille" env LC_ALL=C grep -qaP '\xe2[\xa0-\xa3]' "$out"
    ok "lr-find tells what to write" grep -qE '^write +optimizer: \{lr: [0-9.e-]+\}' "$out"
    ok "lr-find gives up" grep -qE '^diverged +at [0-9]' "$out"
    must "lr-find in plain ASCII" "$thaw" lr-find tiny.yaml --steps 40 --ascii -o "$work/rates.txt"
    same "lr-find -o: nothing on stdout" "" "$(cat "$out")"
    ok "lr-find --ascii is ASCII" not env LC_ALL=C grep -qP '[^\x00-\x7f]' rates.txt
    ok "lr-find -o: the file" grep -q '^suggested ' rates.txt
    rm rates.txt
    fails "lr-find, a folder that is not there" 'nowhere' "$thaw" lr-find tiny.yaml --steps 20 -o nowhere/rates.txt
    same "lr-find leaves nothing" "$before" "$(ls -A)"
    no_runs "lr-find"
    must "a run to start from" "$thaw" run tiny.yaml --headless --name first
    must "lr-find of a later stage" "$thaw" lr-find tiny.yaml --stage finetune --model first/base --steps 20 --json \
        --set "stages.1.data=text:$work/general.txt"
    last=$("$json_get" points.0.loss <"$out")
    ok "it starts from what was learned: $last" awk -v x="$last" 'BEGIN { exit !(x < 5) }'
    rm -rf "$runs"
}

# --- escape sequences from outside: names, configs, corpora, prompts, files

escapes() {
    local e=$'\033' bell=$'\a' c1=$'\302\233'
    misused 'no command' "${e}[31m"
    misused 'no name for a run' run tiny.yaml --headless --name "a${e}[2J$bell"
    misused 'no run' attach "x${c1}31m"
    misused '.' run tiny.yaml --headless --set "mo${e}[31mdel=3"
    config_fails "an escape in a key" '^thaw: bad\.yaml:1:1: ' '"mo\\e[31mdel": 3\n'
    config_fails "an escape in a value" '^thaw: bad\.yaml:1:7: ' 'seed: "\\e]0;owned\\a"\n'
    config_fails "an escape in the name" '^thaw: bad\.yaml:1:' 'name: "a\\eb"\n'
    fails "an escape in a path" 'No such file' "$thaw" run "./${e}[31m.yaml" --headless
    sentences 3 900 "${e}[31mred${e}[0m ${e}]0;title$bell ${c1}32mgreen bell$bell" "${e}[2Jclears rings" "loud$bell" >corpus.txt
    must "data" "$thaw" data text:corpus.txt
    ok "data: to a program every byte as it is" cmp corpus.txt "$out"
    : >"$err"
    script -qec "'$thaw' data text:corpus.txt" /dev/null </dev/null | tr -d '\r' >"$out"
    clean_output "data on a terminal"
    ok "data: escapes can be seen" grep -qF '\e[31mred' "$out"
    sed 's/name: pretrain/name: "pre\\etrain"/; s/steps: .*/steps: 30/; s/the red cat/\\e[1mloud/' corpus.yaml >escapes.yaml
    must "a run on escapes" "$thaw" run escapes.yaml --headless --name escapes
    clean_output "a run on escapes"
    must "generate" "$thaw" generate escapes --prompt "${e}[31m" --tokens 30
    clean_output "generate"
    must "generate --json" "$thaw" generate escapes --prompt "${e}[31m" --tokens 30 --json
    clean_output "generate --json"
    same "generate --json gives the prompt back" "${e}[31m" "$("$json_get" prompt <"$out")"
    must "score" "$thaw" score escapes --text corpus.txt
    clean_output "score"
    must "compare" "$thaw" compare escapes/base escapes --prompt "the$bell"
    clean_output "compare"
    must "runs" "$thaw" runs
    clean_output "runs"
    must "config" "$thaw" config escapes.yaml
    clean_output "config"
}

mkdir folder
make_texts
make_config tiny.yaml tiny 60 40
help
wrong_use
bench
bad_configs
bad_text
no_permission
full_disk
file_limit
closed_stdout
no_terminal
rate_finder
escapes
finish
