#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# net.sh BUILD OUT KIND WHAT...   measures one server with tasks of net_client, in
#                                 a network namespace; for net*.plan
#
# OUT has netservices on the stacks direct and socket. KIND is the server:
#     direct   our stack, on a TAP
#     lwip     lwIP, on a TAP
#     linux    Linux in a second namespace, behind two TAPs that net_bridge
#              connects: the processor time is that of the server and the bridge
#     sockets  Linux on the loopback interface
#     short, long   none: net_frames with frames of that kind
# CONTROL in the environment is the congestion control of Linux (cubic); WIRE,
# options of test/net/wire.c, adds a wire.
set -eu
. "$(dirname "$0")/../test/net/lib.sh"
net_begin "$@"
build=$1 out=$2 kind=$3
shift 3
address=10.0.0.2 server=() control=${CONTROL:-cubic}
trap finish EXIT

finish() {
    local status=$?

    set +e
    [ ${#server[@]} -eq 0 ] || kill "${server[@]}"
    net_end
    wait
    exit $status
}

# Enough ports for all connections of a run, including those in TIME-WAIT.
settle() {
    echo 1024 65535 >/proc/sys/net/ipv4/ip_local_port_range
    echo 1 >/proc/sys/net/ipv4/tcp_tw_reuse
}

# controls TAP ADDRESS: sets it by route, as a namespace has no default of its own
controls() {
    ip route change 10.0.0.0/24 dev "$1" src "$2" congctl "$control"
}

begin() {
    "$@" >/dev/null &
    server+=($!)
}

# The interface of the server, with Linux as the client.
lay() {
    if [ -n "${WIRE:-}" ]; then
        # shellcheck disable=SC2086
        net_wire tap0 10.0.0.1/24 $WIRE
    else
        net_tap tap0 10.0.0.1/24
    fi
    controls "$(ip -o route | sed -n 's/.* dev \([^ ]*\).*/\1/p')" 10.0.0.1
}

settle
case $kind in
direct)
    lay
    begin "$out/direct/mir-netservices"
    ;;
lwip)
    lay
    begin "$build/bench/lwip_peer" tap0
    ;;
sockets)
    address=127.0.0.1
    begin "$out/socket/mir-netservices"
    ;;
linux)
    net_apart
    lay
    net_interface tap1
    begin "$build/bench/net_bridge" tap0 tap1
    net_wait has_carrier tap1
    net_move tap1 10.0.0.2/24
    there ip route change 10.0.0.0/24 dev tap1 src 10.0.0.2 congctl "$control"
    begin nsenter -t "$net_there_id" -n "$out/socket/mir-netservices"
    ;;
short | long)
    net_tap tap0 10.0.0.1/24
    "$build/bench/net_frames" tap0 "$kind"
    exit
    ;;
esac

answers() {
    (: </dev/tcp/$address/7) 2>/dev/null
}

net_wait answers
"$build/bench/net_client" $address "$(IFS=,; echo "${server[*]}")" "$@"
