#!/usr/bin/env bash
# manual.sh - the manual's pages and the shells' completions tell of every command, option, key and setting.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
root=$(realpath "$(dirname "$0")/../..")
cd "$work" || exit 2
page() { sed -e 's/\\-/-/g' -e 's/\\&//g' -e 's/\\e/\\/g' -e 's/\\f[BIR]//g' "$1"; }

"$thaw" --help=man >thaw.1 && "$thaw" config --explain --man >thaw-config.5
ok "the pages are there" test -s thaw.1 -a -s thaw-config.5
page thaw.1 >page
n=0
for command in $("$thaw" --help | awk '/^  [a-z]/ { print $1 }'); do
    n=$((n + 1))
    awk -v name="\"thaw $command\"" '/^\.S[SH]/ { inside = ($2 " " $3 == name) } inside' page >part
    for option in $("$thaw" "$command" --help | awk '/^  --/ { print $1 }'); do
        [ "$option" = --help ] || ok "thaw(1): thaw $command $option" grep -q -- "^$option" part
    done
done
ok "there are commands" test "$n" -ge 15
for verb in freeze unfreeze lr pause resume fork rollback sample stop; do
    ok "thaw(1): the verb $verb" grep -q "^$verb" page
done
ok "thaw(1): keys" grep -q "^Tab" page
page thaw-config.5 >page
for key in $("$thaw" config --explain | grep -E '^[a-z]+[a-z0-9_.*]*$'); do
    ok "thaw-config(5): $key" grep -qxF "$key" page
done
cd "$root" && "$thaw" lesson --man >"$work/thaw-lessons.7" || give_up "no thaw-lessons(7)"
cd "$work" || exit 2
page thaw-lessons.7 >page
n=0
for file in "$root"/assets/lessons/*.yaml; do
    n=$((n + 1))
    name=$(basename "$file" .yaml)
    ok "thaw-lessons(7): $name" grep -qxF ".SS \"$name\"" page
    title=$(sed -n 's/^title: *//p' "$file")
    ok "thaw-lessons(7): its title" grep -qxF "$title" page
    steps=$(grep -c '^  - title:' "$file")
    same "thaw-lessons(7): its steps" "$steps" \
        "$(awk -v name="\"$name\"" '/^\.S[SH]/ { inside = $2 == name } inside' page | grep -cE '^[0-9]+\. ')"
done
ok "there are lessons" test "$n" -ge 6
for word in learned freeze accuracy; do
    ok "thaw-lessons(7): what a file may say: $word" grep -qE "^(event: )?$word,?$" page
done
if command -v mandoc >/dev/null; then
    for file in thaw.1 thaw-config.5 thaw-lessons.7; do
        same "$file: what mandoc calls an error" "" "$(mandoc -T lint -W error $file 2>&1)"
    done
fi

# What a shell completes.
tab=$(printf '\t')
must "words" "$thaw" --help=words
ok "a command and what it does" grep -q "^attach${tab}come back" "$out"
must "words of run" "$thaw" run --help=words
ok "a config and what it is" grep -q "^medical${tab}" "$out"
ok "an option" grep -q "^--detach${tab}" "$out"
mkdir bin && ln -s "$thaw" bin/thaw
completes() { # completes WANTED WORD...: what bash offers behind these words
    local wanted=$1
    shift
    PATH=$work/bin:$PATH bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _thaw; printf "%s\n" "${COMPREPLY[@]}"' \
        "$root/assets/completions/thaw.bash" "$@" | grep -qxF -- "$wanted"
}
ok "bash: a command" completes attach thaw att
ok "bash: a config" completes cricket thaw run cri
ok "bash: a lesson" completes cricket thaw lesson cri
ok "bash: an option" completes --snapshot thaw watch --sn
ok "bash: no command where a run stands" not completes attach thaw watch att

finish
