#!/usr/bin/env bash
# hostile.sh - whatever stands in texts, prompts, names, logs and on the command line, plain output is text: no control
# character but the newline (and what JSON escapes), nothing that turns or hides what follows.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 2
unset TERM

# C0, DEL, C1 as UTF-8 and as bytes, CSI, OSC, DCS, APC, SOS, PM, bidi controls, zero width, no UTF-8, many marks.
valid=$'\e[2J\e]0;owned\a\eP+q\e\\\e_a\e\\\eXs\e\\\e^p\e\\\x01\x0e\x7f\r\b\v\f\t\xc2\x9b2J\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf'
valid+=$'e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81'
evil=$valid$'\x9b2J\x9d0;owned\x9c\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xff' # and what is no UTF-8
said='\e[2J\e]0;owned\x07' # as a person sees the beginning of it

clean() {
    ! LC_ALL=C grep -qaP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$@" &&
        ! LC_ALL=C.UTF-8 grep -qP '[\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2060}-\x{206f}\x{feff}]' "$@" &&
        iconv -f UTF-8 -t UTF-8 "$@" >/dev/null
}
plain() { # plain WHAT COMMAND...: whatever it comes to, both streams are clean
    local what=$1
    shift
    try "$@"
    ok "$what: stdout is text" clean "$out"
    ok "$what: stderr is text" clean "$err"
}

on_terminal() { # on_terminal WORD...: thaw with a terminal for its output
    script -qec "$(printf '%q ' "$thaw" "$@")" /dev/null </dev/null | tr -d '\r'
}

make_texts
for file in general medical; do # every tenth line
    EVIL=$valid awk '{ print } NR % 10 == 0 { print "the " ENVIRON["EVIL"] " cat" }' "$file.txt" >mixed && mv mixed "$file.txt"
done
make_config evil.yaml evil 6 6
yaml='\e[2J\e]0;owned\a\x01\x7f\x9b\u202e\u200b\ufeff'
in_sed=${yaml//\\/\\\\}
sed -i "s/\"the red cat\"/\"$in_sed\"/; s/general: /\"$in_sed\": /; s/every: 20/every: 3/" evil.yaml
ok "the config has it" grep -q owned evil.yaml

plain "run" "$thaw" run evil.yaml --headless
same "run: exit status: $(head -c 300 "$err")" 0 "$status"
ok "run: the prompt's escapes are visible" says "$said"
plain "data" "$thaw" data "text:$work/general.txt" --stats
plain "data on a terminal" on_terminal data "text:$work/general.txt"
ok "data on a terminal: the escapes are visible" says "the $said"
try "$thaw" data "text:$work/general.txt"
ok "data in a pipe: the bytes are as they are" cmp -s "$out" general.txt
plain "generate" "$thaw" generate evil --prompt "$evil" --tokens 40 --temperature 3
plain "generate --json" "$thaw" generate evil --prompt "$evil" --tokens 40 --temperature 3 --json
printf '%s\n' "$evil" >evil.txt
plain "score" "$thaw" score evil --text evil.txt
plain "score --json" "$thaw" score evil --text evil.txt --json
plain "compare" "$thaw" compare evil --prompt "$evil"
plain "compare --json" "$thaw" compare evil --prompt "$evil" --json
plain "eval" "$thaw" eval evil --data "text:$work/general.txt"
plain "snapshot" "$thaw" watch evil --snapshot 120x40

# --- a log that somebody else wrote

mkdir -p "$runs/forged"
j='\u001b[2J\u001b]0;owned\u0007\u0001\u007f\u009b2J\u202e\u200b\ufeff'
{
    printf '{"seq":1,"t":0,"step":0,"type":"run","name":"%s","version":"%s","blas":"%s","model":{},"seed":1,"threads":1,' "$j" "$j" "$j"
    printf '"groups":[{"name":"%s","parameters":1}],"stages":[{"name":"%s","steps":9}],"prompts":["%s"]}\n' "$j" "$j" "$j"
    printf '{"seq":2,"t":1,"step":0,"type":"stage","index":0,"name":"%s","state":"started","steps":9,"data":[{"source":"%s","tokens":1,"lines":1}]}\n' "$j" "$j"
    printf '{"seq":3,"t":2,"step":1,"type":"step","loss":1,"lr":1,"grad_norm":1,"tokens":1,"tokens_per_s":1,"seconds":{"total":1}}\n'
    printf '{"seq":4,"t":3,"step":1,"type":"problem","severity":"error","text":"%s"}\n' "$j"
    printf '{"seq":5,"t":4,"step":1,"type":"control","do":"%s","argument":"%s","by":"%s"}\n' "$j" "$j" "$j"
    printf '%s\n' "$evil"
    printf '{"seq":6,"t":5,"step":1,"type":"end","reason":"%s"}\n' "$j"
} >"$runs/forged/events.jsonl"
plain "runs" "$thaw" runs
ok "runs: both are there" says forged
plain "runs --json" "$thaw" runs --json
plain "a forged log" "$thaw" watch forged --snapshot 200x60
ok "its escapes are visible" says "$said"

# --- words that are refused

for words in "watch" "generate" "score" "data" "run" "config" "eval --data x" "send" "export --to hf out"; do
    # shellcheck disable=SC2086
    plain "$words with a hostile word" "$thaw" $words "$evil"
    ok "$words: it is refused" test "$status" != 0
done
plain "a hostile subcommand" "$thaw" "$evil"
plain "a hostile option" "$thaw" runs "--$evil"
plain "a hostile setting" "$thaw" run evil.yaml --headless --set "$evil=1"
plain "a hostile command" "$thaw" send evil "$evil"
cp evil.yaml bad.yaml
printf '"%s": 1\n' "$yaml" >>bad.yaml
plain "a hostile key" "$thaw" config bad.yaml --check
ok "the key is told" grep -qF '\e[2J' "$err"
finish
