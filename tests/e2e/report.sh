#!/usr/bin/env bash
# report.sh - `thaw report` and the screen's `w` on runs of their own; the pages as XML and, where a browser
# is installed (chromium: not asked for by ./run test, as it takes 0.3 GB), as it shows them; and TensorBoard.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 2
make_texts
make_config cold.yaml cold 40 40
sed 's/name: cold/name: warm/; s/lr: 0.002/lr: 0.005/; s/^checkpoint:/tensorboard: true\n&/' cold.yaml >warm.yaml
for run in cold warm; do
    must "$run trains" "$thaw" run "$run.yaml" --headless
done

# --- the command
must "a page" "$thaw" report cold -o cold.html
ok "it says where" says "the report is in cold.html"
"$thaw" report cold -o - >again.html 2>"$err" </dev/null
ok "the same on stdout" cmp cold.html again.html
must "two runs" "$thaw" report cold warm -o both.html
ok "what differs" grep -qF '<th scope="row">stages.1.optimizer.lr</th><td>0.002</td><td>0.005</td>' both.html
same "nothing else was left there" "" "$(find . -maxdepth 1 -name '*.html*' ! -name cold.html ! -name again.html ! -name both.html)"
for page in cold.html both.html; do
    ok "$page asks for nothing" not grep -qE 'src=|url\(|<script|<link|https?://[^w]' "$page"
    ok "$page is small" test "$(wc -c <"$page")" -lt 400000
done
try "$thaw" report cold
same "no FILE: wrong use" 2 "$status"
try "$thaw" report nobody -o x.html
ok "no such run" not test "$status" = 0
try "$thaw" report cold -o no/such/folder/x.html
same "no such folder" 1 "$status"

# --- the screen
press() { # press KEYS FILE: until the file is there, as the screen may take its time to come; then leave
    local i
    for ((i = 0; i < 2 * patience; i++)); do
        [ ! -s "$2" ] || break
        printf '%b' "$1"
        sleep 0.5
    done
    printf q
}
watch() { timeout 120 env TERM=xterm-256color script -qefc "$thaw watch cold" /dev/null >"$out" 2>"$err"; }
rm cold.html
watch < <(press w cold.html)
ok "w: the page is in the working folder" cmp cold.html again.html
watch < <(press ':report seen.html\r' seen.html)
ok ":report FILE" cmp seen.html again.html

# --- other readers
if command -v xmllint >/dev/null; then
    for page in cold.html both.html; do must "$page is well-formed" xmllint --noout "$page"; done
fi
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -n "$browser" ]; then
    in_browser() { timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
        --user-data-dir="$work/browser" "$@"; }
    try in_browser --dump-dom "file://$work/both.html"
    ok "a browser reads it to its end" says "no network, no script"
    ok "and has both runs" says 'id="run-1"'
    must "a picture" in_browser --screenshot="$work/page.png" --window-size=1000,2000 "file://$work/cold.html"
    ok "a page with something on it" test "$(wc -c <"$work/page.png" 2>/dev/null || echo 0)" -gt 40000
else
    echo "skipped: the pages in a browser (chromium is not installed)"
fi

# --- TensorBoard
ok "files while it trained" test -s "$(echo "$runs"/warm/tensorboard/events.out.tfevents.*)"
ok "none where nobody asked" not test -e "$runs/cold/tensorboard"
must "a log that is there" "$thaw" runs --tensorboard cold logs/cold
ok "its file" test -s "$(echo logs/cold/events.out.tfevents.*)"
ok "how to look at it" says "tensorboard --logdir logs/cold"
try "$thaw" runs --tensorboard cold
same "no DIR: wrong use" 2 "$status"
finish
