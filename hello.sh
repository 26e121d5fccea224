#!/bin/sh
# SPDX-License-Identifier: ISC
#
# hello.sh [--virtio]   sets everything up, builds the first unikernel, and runs
#                       it: as a process, or as a virtual machine in QEMU
#
# Debian packages that are missing are named and installed (depend.sh); nothing
# else is put outside this folder. What the unikernel says is all that comes
# out on standard output.
set -eu
cd "$(dirname "$0")"

say() {
    echo "== $*" >&2
}

case ${1:-} in
'') target=unix purposes=build goal=all ;;
--virtio) target=virtio purposes='build images qemu' goal=images ;;
*)
    echo "hello.sh: $1: expected no argument, or --virtio" >&2
    exit 2
    ;;
esac

say "1. what is needed (doc/dependencies.md)"
# shellcheck disable=SC2086
./depend.sh $purposes
say "2. make: the mirage command and its libraries, in build/"
[ $goal = all ] || say "   (for images with their C library: some minutes)"
make -s -j"$(nproc)" $goal >&2
PATH=$PWD/build/bin:$PATH
export PATH
say "3. mirage configure --$target, make: example/console"
cd example/console
mirage configure --$target >&2
make -s >&2
if [ $target = virtio ]; then
    say "4. mirage run"
    exec mirage run
fi
say "4. ./mir-console"
exec ./mir-console
