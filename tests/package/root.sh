#!/usr/bin/env bash
# root.sh DEB - the package on a fresh Debian 12 without a compiler: it installs with what it needs, a user fine-tunes
# with it (lesson b: configs/medical-base.yaml, short), compares base with tuned, and it goes without a trace.
# Wants to be root, and the network; `./run package --prove` makes DEB and runs this. Some minutes.
set -eu -o pipefail
deb=$(realpath "${1:?usage: root.sh DEB}")
[ "$(id -u)" = 0 ] || { echo "root.sh: run this as root: it makes a system to install in" >&2; exit 2; }
root=$(mktemp -d "${TMPDIR:-/var/tmp}/thaw-root.XXXXXX")
chmod 755 "$root" # its users are to get in
home=/home/student
out=$root.out
checks=0 failures=0

clean_up() {
    umount "$root/proc" 2>/dev/null
    rm -rf --one-file-system "$root" "$out"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

ok() { # ok WHAT COMMAND...
    local what=$1
    shift
    checks=$((checks + 1))
    if "$@"; then return; fi
    failures=$((failures + 1))
    echo "FAILED: $what"
}

inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
student() { # a user's command, its output in $out, its status in $status
    status=0
    chroot --userspec=student:student "$root" /usr/bin/env -i PATH=/usr/bin:/bin HOME=$home LC_ALL=C.UTF-8 TERM=dumb \
        sh -c 'cd && exec "$@"' sh "$@" >"$out" 2>&1 || status=$?
}
must() { # must WHAT COMMAND...: of the user, with status 0
    local what=$1
    shift
    student "$@"
    ok "$what: status $status: $(tail -n 3 "$out")" test "$status" = 0
}
says() { grep -qE -- "$1" "$out"; }
has() { [ -s "$root/usr/$1" ]; }

# --- a system as it comes, from wherever this one has its packages
from=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' \
    'Label: Debian' | head -n 1)
[ -n "$from" ] || { echo "root.sh: apt knows no Debian 12 to install from" >&2; exit 2; }
debootstrap --variant=minbase bookworm "$root" "$from" >"$out" 2>&1 || { tail -n 20 "$out" >&2; exit 1; }
mount -t proc proc "$root/proc"
cp /etc/resolv.conf "$root/etc/"
inside useradd -m student
echo "a fresh root: $(du -smx "$root" | cut -f 1) MB"

# --- installed
cp "$deb" "$root/tmp/thaw.deb"
inside apt-get update -qq
inside apt-get install -y -qq /tmp/thaw.deb >"$out" 2>&1 || { tail -n 20 "$out" >&2; exit 1; }
echo "with thaw and what it needs: $(du -smx "$root" | cut -f 1) MB; the package itself: $(du -k "$deb" | cut -f 1) kB"
ok "the package is 20 MB or less" test "$(stat -c %s "$deb")" -le 20000000
for tool in cc gcc clang make cmake; do ok "no $tool there" test ! -e "$root/usr/bin/$tool"; done
for file in share/man/man1/thaw.1 share/man/man5/thaw-config.5 share/man/man7/thaw-lessons.7 share/bash-completion/completions/thaw \
    share/zsh/vendor-completions/_thaw share/fish/vendor_completions.d/thaw.fish share/thaw/assets/base/model.safetensors \
    include/thaw.h share/doc/thaw/README.md; do
    ok "/usr/$file" has "$file"
done
ok "the loader finds libthaw" inside sh -c 'ldconfig -p | grep -q libthaw.so.0'

# --- used
must "its version" thaw --version
must "usage" thaw --help
ok "usage is told" says 'usage: thaw COMMAND'
must "thaw alone" thaw
ok "it lists the configs that came with it" says 'thaw run medical-base'
must "lessons" thaw lesson
student thaw doctor
ok "doctor: status $status" test "$status" = 0 -o "$status" = 3
ok "doctor has found nothing wrong: $(grep '^error' "$out" || true)" test -z "$(grep '^error' "$out")"
must "lesson b" thaw run medical-base --headless --set stages.0.steps=40 --set eval.every=20 --set compare.every=40
must "one frame of its screen" thaw watch medical-base --snapshot 80x24
ok "the run has ended, says the screen" says 'medical-base'
must "base and tuned, side by side" thaw compare medical-base --prompt 'fever :' --json
ok "both answer" says '"base".*"tuned"'
must "its curve" thaw runs --csv medical-base
ok "the held-out medical loss went down: $(awk -F, 'NR == 1 || /^(0|1|20|40),/' "$out" | cut -c 1-200)" \
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "domain_loss") c = i; next }
        $c != "" { if (first == "") first = $c; last = $c } END { exit !(last < first - 0.1) }' "$out"

# --- how long until the usage text, in ms: the median of 21 starts
inside sh -c 'i=0; while [ $i -lt 21 ]; do a=$(date +%s%N); thaw --help >/dev/null; b=$(date +%s%N); echo $(((b - a) / 1000)); i=$((i + 1)); done' |
    sort -n | awk '{ t[NR] = $1 } END { printf "usage text after %.1f ms (median of %d starts, date(1) included)\n", t[int(NR / 2) + 1] / 1000, NR }'

# --- and gone
inside apt-get purge -y -qq thaw >"$out" 2>&1
ok "nothing of it stays" test -z "$(inside find / -xdev -path /proc -prune -o -iname '*thaw*' -print | grep -vE "^($home|/tmp|/proc)" || true)"
echo "$checks checks, $failures failed, $SECONDS s"
[ "$failures" = 0 ]
