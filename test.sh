#!/bin/sh
# SPDX-License-Identifier: ISC
#
# test.sh                      sets up what the tests need, and runs all of them
# test.sh NAME...              runs those with these names, such as net/arp_test,
#                              e2e/direct; `make tests` lists all
# test.sh --changed [COMMIT]   runs those that depend on what has changed since
#                              COMMIT (HEAD: what is not committed yet)
# test.sh --quick              runs three that need no more than a compiler, git
#                              and Python: a minute on a system that is bare
#
# Debian packages that are missing are named and installed (depend.sh); nothing
# else is put outside this folder. Ends with "N passed, N failed".
set -eu
cd "$(dirname "$0")"

purposes='build images test bench'
[ "${1:-}" != --quick ] || purposes='build quick'
# shellcheck disable=SC2086 # the purposes are words
./depend.sh $purposes
mkdir -p build
if [ $# -eq 0 ]; then
    set -- test
elif [ "$1" = --quick ]; then
    set -- quick
else
    chosen=$(test/select "$@")
    if [ -z "$chosen" ]; then
        echo "No test depends on what has changed."
        exit 0
    fi
    # shellcheck disable=SC2086 # the commands are words
    set -- some SOME="$(echo $chosen)"
fi
rm -f build/test.status
{ make -j"$(nproc)" "$@" 2>&1 || echo $? >build/test.status; } |
    tee build/test.log
status=0
[ ! -e build/test.status ] || status=1

# Where make has had the last word, the count is said once more.
count=$(grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' \
    build/test.log | tail -n 1)
if [ -z "$count" ]; then
    echo "The tests did not get as far as being counted."
    count='0 passed, 1 failed'
    status=1
fi
[ "$(tail -n 1 build/test.log)" = "$count" ] || echo "$count"
exit $status
