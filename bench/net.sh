#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# net.sh BUILD direct|sockets|lwip IMAGE   measures one server, in a network of
#                                          its own; for net.plan
set -eu
. "$(dirname "$0")/../test/net/lib.sh"
net_begin "$@"
build=$1 kind=$2 image=$3
net_tap tap0 10.0.0.1/24
address=10.0.0.2
case $kind in
direct) "$image" >/dev/null & ;;
sockets)
    address=127.0.0.1
    "$image" >/dev/null &
    ;;
lwip) "$build/bench/lwip_peer" tap0 >/dev/null & ;;
esac
server=$!
trap 'kill $server; wait $server || true' EXIT
for _ in $(seq 100); do
    (: </dev/tcp/$address/7) 2>/dev/null && break
    sleep 0.05
done
"$build/bench/net_client" $address 0 $server
