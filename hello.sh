#!/bin/sh
# SPDX-License-Identifier: ISC
#
# hello.sh   sets everything up, builds the first unikernel, and runs it
#
# Debian packages that are missing are named and installed (depend.sh); nothing
# else is put outside this folder. What the unikernel says is all that comes
# out on standard output.
set -eu
cd "$(dirname "$0")"

say() {
    echo "== $*" >&2
}

say "1. what is needed (doc/dependencies.md)"
./depend.sh build
say "2. make: the mirage command and its libraries, in build/"
make -s -j"$(nproc)" all >&2
PATH=$PWD/build/bin:$PATH
export PATH
say "3. mirage configure, make: example/console"
cd example/console
mirage configure >&2
make -s >&2
say "4. ./mir-console"
exec ./mir-console
