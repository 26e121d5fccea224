# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# Networks for tests, in namespaces of their own. A script says, at its top,
#
#     net_begin "$@" || ...   goes on in a network namespace, as root or in a
#                             user namespace; fails where there can be none
#
# and then may have Linux at one end of a TAP and an image at the other,
#
#     net_tap TAP ADDRESS/LEN             image -- TAP (ADDRESS, Linux)
#     net_wire TAP ADDRESS/LEN OPTION...  image -- TAP -- bridge -- wire --
#                                         (ADDRESS, Linux); the options are
#                                         those of wire.c
#
# or Linux at both, in two namespaces, for a comparison or to try the wire:
#
#     net_pair ADDRESS/LEN ADDRESS/LEN OPTION...
#     there COMMAND...        runs it where the second address is
#
# net_wire and net_pair may be said again with other options, which ends the
# wire and lays another between the same interfaces. What it counted is in
# $net_counters once it has ended: by net_cut, by the next wire, or by net_end,
# which ends all that was begun here.
#
# There is no IPv6, so that nothing flows but what is meant.

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

# What a new namespace is to be like.
net_settle() {
    echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
    echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link set lo up
}

is_there() {
    ip link show dev "$1" >/dev/null 2>&1
}

# net_interface TAP: unless it is there; its queue is so long that frames are
# lost in the wire, which counts them, and nowhere else
net_interface() {
    is_there "$1" && return
    ip tuntap add dev "$1" mode tap &&
        ip link set dev "$1" txqueuelen 10000 up
}

# net_tap and net_wire undo each other, so one TAP may have each in turn.
net_tap() {
    net_cut
    ! is_there wire1 || ip address flush dev wire1
    net_interface "$1" && ip link set dev "$1" nomaster &&
        ip address replace "$2" dev "$1"
}

# net_wait COMMAND...: up to five seconds for it to succeed
net_wait() {
    local i

    for ((i = 0; i < 250; i++)); do
        "$@" && return
        sleep 0.02
    done
    echo "net: waited in vain for: $*" >&2
    return 1
}

# has_carrier TAP: somebody has it open
has_carrier() {
    ip link show dev "$1" up 2>/dev/null | grep -q LOWER_UP
}

# net_join TAP TAP OPTION...: lays a wire, in the place of the one there is
net_join() {
    net_cut
    net_report=$(mktemp)
    "$net_program" "$@" --stats >"$net_report" &
    net_wire_id=$!
    # Both are open when the second has its carrier.
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

# net_count DIRECTION NAME: one of the counters; DIRECTION is "A>B" or "B>A"
net_count() {
    sed -n "s/^$1 .*\b$2=\([0-9]*\).*/\1/p" <<<"$net_counters"
}

net_wire() {
    net_interface "$1" && net_interface wire0 && net_interface wire1 || return
    if ! is_there br0; then
        # A plain piece of cable: it neither filters nor learns who listens.
        ip link add br0 type bridge mcast_snooping 0 &&
            ip link set dev br0 up || return
        [ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] ||
            echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables
    fi
    ip address flush dev "$1" && ip link set dev "$1" master br0 &&
        ip link set dev wire0 master br0 &&
        ip address replace "$2" dev wire1 && net_join wire0 wire1 "${@:3}"
}

# net_apart: sees to it that there is a second namespace, for `there`
net_apart() {
    [ -z "$net_there_id" ] || return 0
    unshare -n sleep 3600 &
    net_there_id=$!
    net_wait net_is_apart && there net_settle
}

# net_move TAP ADDRESS/LEN: into the second namespace. Who has it open keeps it
net_move() {
    ip link set dev "$1" netns "$net_there_id" &&
        there ip link set dev "$1" up && there ip address add "$2" dev "$1"
}

net_pair() {
    net_cut
    net_apart || return
    # An end that has moved cannot be opened again from here.
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

# net_tcpdump OPTION...: reads a capture. As root tcpdump turns into somebody
# else, and can in no user namespace like ours; so there it starts as nobody
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
