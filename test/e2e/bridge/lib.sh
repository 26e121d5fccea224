# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# Functions of the tests that pass frames between two Linux hosts by the image of
# this folder; sourced after test/net/lib.sh and lib.sh, in a network namespace.

peer=$top/test/e2e/bridge/peer.py
here='10.0.0.1 fd00::1' far='10.0.0.2 fd00::2'

# give INTERFACE ADDRESS4 ADDRESS6: in this namespace
give() {
    sysctl -qw "net.ipv6.conf.$1.disable_ipv6=0" &&
        ip link set dev "$1" up && ip address replace "$2/24" dev "$1" &&
        ip address replace "$3/64" dev "$1" nodad
}

# two_hosts: the TAPs of the image, which has both open, become interfaces of two
# hosts; the other one serves. Programs of the hosts are ended by end_hosts
two_hosts() {
    local address

    # The image cannot see that a TAP is up again which was down when it wrote, and
    # is elsewhere: tap0 has nothing for it before tap1 is in its place.
    net_wait has_carrier tap0 && net_wait has_carrier tap1 && net_apart &&
        ip link set dev tap1 netns "$net_there_id" &&
        nsenter -t "$net_there_id" -n bash -c "$(declare -f give)
            give tap1 10.0.0.2 fd00::2" &&
        give tap0 10.0.0.1 fd00::1 || return
    hosts=''
    for address in $far; do
        nsenter -t "$net_there_id" -n python3 "$peer" serve "$address" >"$work/peer.$address" 2>&1 &
        hosts+=" $!"
        net_wait grep -q serving "$work/peer.$address" || return
    done
}

end_hosts() {
    # shellcheck disable=SC2086
    [ -z "${hosts:-}" ] || { kill $hosts; wait $hosts; } 2>/dev/null
    hosts=''
    net_end
}

# ask COMMAND ADDRESS ARGUMENT...: of peer.py
ask() {
    timeout -s KILL 60 python3 "$peer" "$@" 2>&1
}

# joined WAY PROTOCOL: how many frames of it, longer than the MTU, passed that way,
# by the image's last words in $work/out
joined() {
    tr -d '\r' <"$work/out" |
        sed -nE "s,^to the $1: .*[ ]$2 ([0-9]+).*,\1,p"
}

# passed_large PROTOCOL: such frames passed in both directions
passed_large() {
    local way

    for way in left right; do
        [ "$(joined $way "$1")" -gt 0 ] ||
            wrong "$1: no frame to the $way was longer than the MTU" \
                "$(cat "$work/out")"
    done
}
