#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# stackv4.sh   test/conform/stackv4, or the program CONFORM, in a network of its
#              own, with a tap0
#
# Depends on: conform test/net/
set -u
. "$(dirname "$0")/../net/lib.sh"
net_begin "$@" || { echo "no network namespace can be made"; exit 1; }
net_tap tap0 10.0.0.1/24
exec "${CONFORM:-$net_top/build/check/test/conform/stackv4}"
