# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# Networks for tests, in network namespaces. A script calls at its top
#
#     net_begin "$@" || ...   continues in a network namespace, as root or in a
#                             user namespace; fails where there can be none
#
# and then can have Linux at one end of a TAP and an image at the other,
#
#     net_tap TAP ADDRESS/LEN             image -- TAP (ADDRESS, Linux)
#     net_wire TAP ADDRESS/LEN OPTION...  image -- TAP -- bridge -- wire --
#                                         (ADDRESS, Linux); options of wire.c
#
# or Linux at both ends, in two namespaces, to compare with or to test the wire:
#
#     net_pair ADDRESS/LEN ADDRESS/LEN OPTION...
#     there COMMAND...        runs it in the namespace of the second address
#
# net_wire and net_pair can be called again with other options: they replace the
# wire between the same interfaces. The counters of a wire are in $net_counters
# once it has ended: by net_cut, by the next wire, or by net_end, which ends
# everything started here.
#
# IPv6 is disabled, so that only the traffic of the test is on the wire.

net_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
net_program=$net_top/build/test/net/wire
net_wire_id='' net_there_id='' net_counters=''

net_begin() {
    local how

    if [ -z "${IN_NETWORK:-}" ]; then
        for how in ${NET_BY:--n -Urn}; do
            # shellcheck disable=SC2086
            if unshare $how sh -c 'ip tuntap add dev try mode tap &&
                ip link add bridge type bridge' 2>/dev/null; then
                IN_NETWORK=yes exec unshare $how "$0" "$@"
            fi
        done
        return 1
    fi
    [ -x "$net_program" ] ||
        make -s -C "$net_top" "${net_program#"$net_top"/}" || return
    net_settle
}

# Sets up a new namespace.
net_settle() {
    echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
    echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link set lo up
}

is_there() {
    ip link show dev "$1" >/dev/null 2>&1
}

# net_interface TAP: makes it, unless it exists; with a long queue, so that
# frames are lost only in the wire, which counts them
net_interface() {
    is_there "$1" && return
    ip tuntap add dev "$1" mode tap &&
        ip link set dev "$1" txqueuelen 10000 up
}

# net_tap and net_wire undo each other, so a TAP can be used by each in turn.
net_tap() {
    net_cut
    ! is_there wire1 || ip address flush dev wire1
    net_interface "$1" && ip link set dev "$1" nomaster &&
        ip address replace "$2" dev "$1"
}

# net_wait COMMAND...: repeats it until it succeeds, for up to a minute
net_wait() {
    local i

    for ((i = 0; i < 3000; i++)); do
        "$@" && return
        sleep 0.02
    done
    echo "net: waited in vain for: $*" >&2
    return 1
}

# has_carrier TAP: is it open?
has_carrier() {
    ip link show dev "$1" up 2>/dev/null | grep -q LOWER_UP
}

# net_join TAP TAP OPTION...: starts a wire in place of the present one
net_join() {
    net_cut
    net_report=$(mktemp)
    "$net_program" "$@" --stats >"$net_report" &
    net_wire_id=$!
    # Both TAPs are open when the second has its carrier.
    net_wait has_carrier "$2"
}

net_cut() {
    [ -n "$net_wire_id" ] || return 0
    kill "$net_wire_id" 2>/dev/null
    wait "$net_wire_id"
    net_wire_id=''
    net_counters=$(cat "$net_report")
    rm -f "$net_report"
}

# net_count DIRECTION NAME: prints a counter; DIRECTION is "A>B" or "B>A"
net_count() {
    sed -n "s/^$1 .*\b$2=\([0-9]*\).*/\1/p" <<<"$net_counters"
}

net_wire() {
    net_interface "$1" && net_interface wire0 && net_interface wire1 || return
    if ! is_there br0; then
        # Like a cable: it neither filters nor learns addresses.
        ip link add br0 type bridge mcast_snooping 0 &&
            ip link set dev br0 up || return
        # Else br0 answers ARP for the address of wire1, past the wire.
        echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore
        [ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] ||
            echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables
    fi
    ip address flush dev "$1" && ip link set dev "$1" master br0 &&
        ip link set dev wire0 master br0 &&
        ip address replace "$2" dev wire1 && net_join wire0 wire1 "${@:3}"
}

# net_apart: makes the second namespace, for `there`, unless it exists
net_apart() {
    [ -z "$net_there_id" ] || return 0
    unshare -n sleep 3600 &
    net_there_id=$!
    net_wait net_is_apart && there net_settle
}

# net_move TAP ADDRESS/LEN: into the second namespace. It stays open
net_move() {
    ip link set dev "$1" netns "$net_there_id" &&
        there ip link set dev "$1" up && there ip address add "$2" dev "$1"
}

net_pair() {
    net_cut
    net_apart || return
    # A TAP that has moved cannot be opened from here again.
    if is_there near; then
        ip link delete dev near
        there ip link delete dev far
    fi
    net_interface near && net_interface far &&
        ip address add "$1" dev near && net_join near far "${@:3}" &&
        net_move far "$2"
}

net_is_apart() {
    [ "$(readlink "/proc/$net_there_id/ns/net")" != \
        "$(readlink /proc/self/ns/net)" ]
}

there() {
    if [ "$(type -t "$1")" = function ]; then
        nsenter -t "$net_there_id" -n bash -c "$(declare -f "$1"); $1"
    else
        nsenter -t "$net_there_id" -n "$@"
    fi
}

# net_tcpdump OPTION...: reads a capture. As root tcpdump changes its user, which
# fails in our user namespace: there it starts as nobody
net_tcpdump() {
    if grep -q deny /proc/self/setgroups; then
        unshare -U tcpdump -n "$@"
    else
        tcpdump -Z root -n "$@"
    fi
}

net_end() {
    net_cut
    [ -z "$net_there_id" ] || { kill "$net_there_id"; wait "$net_there_id"; } \
        2>/dev/null
    net_there_id=''
}
