#!/usr/bin/env bash
# library.sh - the installed library: the example builds against it in both ways, and trains.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
build=$(dirname "$thaw")
[ -r "$build/cmake_install.cmake" ] || skip "thaw was not built by CMake"
command -v cc >/dev/null || skip "there is no compiler"
cd "$work" || exit 2
must "installing" cmake --install "$build" --prefix "$work/usr"
lib=$(dirname "$(find "$work/usr" -name 'libthaw.so' | head -n 1)")
example=$(find "$work/usr" -name letters.c)
export LD_LIBRARY_PATH=$lib PKG_CONFIG_PATH=$lib/pkgconfig

same "names that the library gives away beside its own" "" \
    "$(nm -D --defined-only "$lib/libthaw.so" | awk '{ print $3 }' | grep -v '^thaw_')"
for name in $(grep -oE 'thaw_[a-z_]+\(' "$work"/usr/include/thaw.h | tr -d '(' | sort -u); do
    ok "the header's $name is in the library" grep -qw "$name" <(nm -D --defined-only "$lib/libthaw.so")
done

make_texts
# shellcheck disable=SC2046 # flags are words
must "by pkg-config" cc -Wall -Wextra -Werror "$example" -o letters $(pkg-config --cflags --libs thaw)
must "it trains" ./letters general.txt medical.txt model
cp "$out" first
ok "its loss goes down" awk '/on the special text/ { good = $5 + 0 > $7 + 0 } END { exit !good }' first
must "what it saved" "$thaw" generate "$work/model" --prompt the --tokens 4
try ./letters general.txt nowhere.txt
same "a file that is not there: exit status" 1 "$status"

mkdir project && cp "$example" project/
cat >project/CMakeLists.txt <<'EOF'
cmake_minimum_required(VERSION 3.25)
project(letters C)
find_package(thaw REQUIRED)
add_executable(letters letters.c)
target_link_libraries(letters PRIVATE thaw::thaw)
EOF
must "by CMake: configuring" cmake -S project -B project/build -DCMAKE_PREFIX_PATH="$work/usr"
must "by CMake: building" cmake --build project/build
must "it trains, too" project/build/letters general.txt medical.txt
ok "the same, to the last digit" cmp first "$out"

finish
