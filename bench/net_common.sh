# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
#
# Shared by net.plan, net_loss.plan and net_idle.plan, which set $tasks.

# has_bbr: Linux has the congestion control BBR
has_bbr()
{
    grep -qw bbr /proc/sys/net/ipv4/tcp_available_congestion_control
}

# built NET: builds netservices on that stack
built()
{
    rm -rf "${out:?}/$1"
    mkdir "$out/$1"
    cp "$here"/../example/netservices/{config,unikernel}.c "$out/$1"
    (cd "$out/$1" && PATH=$build/bin:$PATH && NET=$1 mirage configure && make) \
        >"$out/log" 2>&1 || { cat "$out/log" >&2; return 1; }
}

prepare()
{
    built direct
    built socket
}

# served KIND: prints its figures
served()
{
    "$here/net.sh" "$build" "$out" "$1" "${tasks[@]}"
}
