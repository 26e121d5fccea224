# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
#
# For net.plan, net_loss.plan and net_idle.plan, which say $tasks: what they
# have in common.

# has_bbr: Linux can send by this congestion control, too
has_bbr()
{
    grep -qw bbr /proc/sys/net/ipv4/tcp_available_congestion_control
}

# built NET: netservices on that stack
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

# served KIND: its figures
served()
{
    "$here/net.sh" "$build" "$out" "$1" "${tasks[@]}"
}
