#!/usr/bin/env bash
# arm64.sh - libthaw and the program for arm64, by a cross compiler, against Debian's own packages unpacked aside in
# build/arm64-root. That they compile and link is all that it shows. `./run package --prove` runs it; status 77: no compiler.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
for tool in aarch64-linux-gnu-gcc debootstrap; do
    command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
root=$PWD/build/arm64-root
libs=$root/usr/lib/aarch64-linux-gnu
dev=$(sed -n '/^build_packages=/,/"$/p' run | tr -d '"' | sed 's/^build_packages=//' | tr -s ' \n' ',' |
    sed -e 's/^gcc,libc6-dev,cmake,ninja-build,pkg-config,/libc6-dev,/' -e 's/,$//')
from=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' \
    'Label: Debian' | head -n 1)
if [ ! -e "$libs/openblas-pthread/libopenblas.so" ]; then # unpacked only: nothing of arm64 has to run for that
    rm -rf "$root"
    debootstrap --arch=arm64 --foreign --variant=minbase --include="$dev" bookworm "$root" "$from" >build/arm64-root.log 2>&1 ||
        { tail -n 20 build/arm64-root.log >&2; exit 1; }
    for deb in "$root"/var/cache/apt/archives/*.deb; do dpkg-deb -x "$deb" "$root"; done
fi
export PKG_CONFIG_SYSROOT_DIR=$root
export PKG_CONFIG_LIBDIR=$libs/pkgconfig:$libs/openblas-pthread/pkgconfig:$root/usr/share/pkgconfig
cmake -S . -B build/arm64 -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
    -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc -DCMAKE_SYSROOT="$root" -DCMAKE_FIND_ROOT_PATH="$root" -DTHAW_WERROR=ON \
    -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY -DCMAKE_LIBRARY_ARCHITECTURE=aarch64-linux-gnu \
    -DCMAKE_EXE_LINKER_FLAGS="-Wl,-rpath-link,$libs:$libs/openblas-pthread" \
    -DCMAKE_SHARED_LINKER_FLAGS="-Wl,-rpath-link,$libs:$libs/openblas-pthread" >build/arm64.log 2>&1 ||
    { tail -n 20 build/arm64.log >&2; exit 1; }
ninja -C build/arm64 --quiet thaw thaw_shared
file -b build/arm64/thaw | cut -d, -f 1-2
