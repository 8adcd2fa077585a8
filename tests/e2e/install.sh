#!/usr/bin/env bash
# install.sh - an installed thaw finds what came with it, wherever it was put and wherever it is called from.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
build=$(dirname "$thaw")
[ -r "$build/cmake_install.cmake" ] || skip "thaw was not built by CMake"
must "installing" cmake --install "$build" --prefix "$work/opt/thaw"
cd / || exit 2
moved=$work/elsewhere
mv "$work/opt/thaw" "$moved"
thaw=$moved/bin/thaw

must "thaw" "$thaw"
ok "it lists its configs" says "thaw run cricket"
for config in "$moved"/share/thaw/configs/*.yaml; do
    must "$(basename "$config")" "$thaw" config "$(basename "$config" .yaml)"
done
must "its lessons" "$thaw" lesson
ok "are listed" says "The screen in three minutes"
must "a grammar that came with it" "$thaw" data grammar:cricket:match --stats
try "$thaw" config nosuch
ok "it tells where it has looked" grep -qF "$moved/share/thaw/configs" "$err"
ok "nothing of it names where it was built: $(grep -rlF "$build" "$moved/share" | head -n 3)" \
    test -z "$(grep -rlF "$build" "$moved/share")"

# A run by it: its engine is itself.
cd "$work" || exit 2
make_texts
make_config small.yaml small 2 20
must "a run" "$thaw" run small.yaml --headless
ok "the run's engine finished" has_event small reason type=end reason=finished

finish
