#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# virtio.sh prepare BUILD FOLDER           makes the guests of virtio.plan
# virtio.sh run BUILD FOLDER WHO MACHINE   measures ours, linux or floor in QEMU, on
#                                          a TAP in a network namespace; prints
#                                          "MACHINE_FIGURE VALUE UNIT"
# virtio.sh fio FOLDER                     measures the host's file by fio; prints
#                                          "FIGURE VALUE UNIT"
# virtio.sh starts BUILD FOLDER MACHINE N  does Linux start, N times of N?
#
# All guests have the same options and devices: a network and a disk.
#
# SECONDS_EACH in the environment is the length of a measurement, ACCEL the
# accelerator of QEMU, and TASKS chooses some of the measurements. QEMU_ARGS is
# added to QEMU's command line.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../test/net/lib.sh"
each=${SECONDS_EACH:-1.2} # seconds
short=0.7                 # seconds, for the disk
mac=52:54:00:00:00:02
memory=256                # MiB: Linux needs most of it
limit=60                  # seconds that the client runs, at most
modules='virtio_pci virtio_mmio virtio_net virtio_blk'
net='in in8 out out8 trip trip8 trip64 udp udp8 udp64 connection'
disk='read_4k_1 read_4k_32 write_4k_1 write_4k_32
    read_128k_1 read_128k_32 write_128k_1 write_128k_32'

fail() {
    echo "virtio.sh: $*" >&2
    exit 1
}

say() { :; }

# --- the guests

# build_ours NAME CONFIG UNIKERNEL [FILE...]: an application of these files
build_ours() {
    local name=$1

    mkdir -p "$folder/$name"
    [ $# -lt 4 ] || cp "${@:4}" "$folder/$name"
    cp "$2" "$folder/$name/config.c"
    cp "$3" "$folder/$name/unikernel.c"
    (cd "$folder/$name" && PATH=$build/bin:$PATH && mirage configure --virtio &&
        mirage build)
    cp "$folder/$name"/mir-*.virtio "$folder/$name.image"
}

# The kernel is downloaded as the Xen lab does it, once.
make_linux() {
    local lab=$build/bench/linux pkg=$folder/package root=$folder/root name

    # shellcheck source=/dev/null
    . "$here/../test/xen/build.sh"
    mkdir -p "$lab/debs"
    if [ ! -e "$lab/debs/complete" ]; then
        apt_tool apt-get update || fail "apt-get update failed"
        name=$(depends_on linux-image-cloud-amd64 'linux-image-[0-9].*')
        [ -n "$name" ] || fail "apt knows no linux-image-cloud-amd64"
        (cd "$lab/debs" && apt_tool apt-get download "$name") ||
            fail "apt-get download failed"
        rm -rf "$lab/apt"
        : >"$lab/debs/complete"
    fi
    unpack
    cp "$pkg"/boot/vmlinuz-* "$folder/linux.image"
    mkdir -p "$root"/{dev,modules}
    # shellcheck disable=SC2086
    add_modules "$root/modules" "$root/modules/list" $modules
    cp "$build/bench/virtio_linux" "$root/init"
    (cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet) >"$folder/ramdisk"
    echo "Linux $(basename "$(echo "$pkg"/boot/vmlinuz-*)" | cut -d- -f2-)" \
        >"$folder/linux.name"
    rm -rf "$pkg" "$root"
}

prepare() {
    local example=$here/../example

    rm -rf "$folder"
    mkdir -p "$folder"
    build_ours netservices "$example"/netservices/{config,unikernel}.c
    build_ours console "$example"/console/{config,unikernel}.c
    build_ours disk "$here/virtio_config.c" "$here/virtio_guest.c" \
        "$here/virtio_guest.h"
    build_ours floor "$here/virtio_floor_config.c" "$here/virtio_floor.c"
    make_linux
    dd if=/dev/urandom of="$folder/disk.img" bs=1M count=256 2>/dev/null
    sync "$folder/disk.img"
}

# --- a run

# options IMAGE: sets vm to QEMU's command line, as in NAME.qemu.sh
options() {
    local bus=pci rom=,romfile=

    [ "$machine" != microvm ] || bus=device rom=
    vm=(qemu-system-x86_64 -M "$machine" -accel "${ACCEL:-tcg}" -cpu max
        -m "$memory" -nodefaults -no-user-config -display none -no-reboot
        -device "isa-debug-exit,iobase=0xf4,iosize=4"
        -global virtio-mmio.force-legacy=false
        -netdev "tap,id=net0,ifname=tap0,script=no,downscript=no"
        -device "virtio-net-$bus,netdev=net0,mac=$mac$rom"
        -drive "if=none,id=disk,format=raw,file=$folder/disk.img,cache=none,aio=native"
        -device "virtio-blk-$bus,drive=disk,serial=disk"
        -kernel "$folder/$1.image")
    # shellcheck disable=SC2206
    vm+=(${QEMU_ARGS:-})
    if [ "$1" = linux ]; then
        vm+=(-initrd "$folder/ramdisk" -append
            "console=ttyS0 quiet mitigations=off panic=-1")
    fi
}

finish() {
    local status=$?

    set +e
    stop
    net_end
    exit $status
}

stop() {
    [ -z "$server" ] || { kill -KILL "$server"; wait "$server"; } 2>/dev/null ||
        true # the status is of the signal
    server=''
}

# begin IMAGE: starts QEMU
begin() {
    stop
    options "$1"
    : >"$folder/output"
    ip neigh flush dev tap0 nud all
    since=$EPOCHREALTIME
    "${vm[@]}" -serial "file:$folder/output" </dev/null \
        >"$folder/errors" 2>&1 &
    server=$!
}

# client SECONDS TASK...: prints figures of those that are wanted
client() {
    local wanted=() task

    for task in "${@:2}"; do
        [[ -n "${TASKS:-}" && " $TASKS " != *" $task "* ]] || wanted+=("$task")
    done
    [ ${#wanted[@]} -gt 0 ] || return 0
    timeout -s KILL $limit "$build/bench/net_client" -t "$1" -s "$since" \
        10.0.0.2 "$server" "${wanted[@]}" && return
    cat "$folder/output" "$folder/errors" >&2
    return 1
}

# measure_floor: it has no TCP, so a round trip is one of UDP in each row
measure_floor() {
    local figures

    begin floor
    know_address
    net_wait grep -q hello "$folder/output"
    figures=$(client "$each" udp udp8 udp64)
    echo "$figures"
    sed -n 's/^udp/trip/p' <<<"$figures"
}

# measure_start: the first line of hello, and by how much longer the first
# connection takes
measure_start() {
    local hello first

    options console
    hello=$("$build/bench/clock" -e hello hello "${vm[@]}" -serial stdio \
        </dev/null | cut -d ' ' -f 2)
    begin netservices
    first=$(first | cut -d ' ' -f 2)
    echo "hello $hello s"
    echo "first $first s"
    awk -v a="$first" -v b="$hello" 'BEGIN { print "after_hello", a - b, "s" }'
}

# The time to the first connection, in which the kernel asks by ARP every 10 ms.
# Later on it need not: a loaded machine could miss three answers.
first() {
    client 0 first
    know_address
}

know_address() {
    ip neigh replace 10.0.0.2 lladdr $mac dev tap0
}

set_up() {
    net_tap tap0 10.0.0.1/24
    echo 10 >/proc/sys/net/ipv4/neigh/tap0/retrans_time_ms
    echo 1024 65535 >/proc/sys/net/ipv4/ip_local_port_range
    echo 1 >/proc/sys/net/ipv4/tcp_tw_reuse
}

# shellcheck disable=SC2086
measure() {
    case $who in
    ours)
        measure_start
        client "$each" $net
        begin disk
        net_wait accepts_disk
        client "$short" $disk
        ;;
    linux)
        begin linux
        first
        client "$each" $net
        client "$short" $disk
        ;;
    floor) measure_floor ;;
    esac
}

accepts_disk() {
    (: </dev/tcp/10.0.0.2/99) 2>/dev/null
}

# fio_point WAY SIZE DEPTH: as the guests do it
fio_point() {
    local rw=$1 name=$1_$2_$3

    [ "$2" != 4k ] || rw=rand$1
    fio --name="$name" --filename="$folder/disk.img" --size=256m --direct=1 \
        --ioengine=libaio --rw="$rw" --bs="$2" --iodepth="$3" --time_based=1 \
        --runtime=1 --thread=1 --norandommap=1 --randrepeat=0 \
        --gtod_reduce=1 --invalidate=1 --output-format=terse 2>/dev/null |
        awk -F ';' -v name="$name" -v at="$([ "$1" = read ] && echo 7 || echo 48)" '
            { # of fio(1), "terse output": KiB/s, IOPS, and percent of a processor
              print name, $at * 1024, "B/s"
              print name "_cpu", ($88 + $89) / 100 / $(at + 1), "s" }'
}

measure_fio() {
    local size depth way

    for size in 4k 128k; do
        for way in read write; do
            for depth in 1 32; do
                fio_point $way $size $depth
            done
        done
    done
}

# starts N: starts Linux so many times, for 15 seconds each
starts() {
    local i good=0

    limit=15
    for ((i = 0; i < $1; i++)); do
        begin linux
        first >/dev/null 2>&1 && good=$((good + 1))
    done
    echo "$good of $1"
}

what=$1
case $what in
fio)
    folder=$2
    measure_fio
    exit
    ;;
prepare) ;;
*) net_begin "$@" || fail "no network namespace" ;;
esac
build=$(cd "$2" && pwd) folder=$3 server=''
case $what in
prepare) prepare ;;
run)
    who=$4 machine=$5
    trap finish EXIT
    set_up
    measure >"$folder/figures"
    sed "s/^/${machine}_/" "$folder/figures"
    ;;
starts)
    who=linux machine=$4
    trap finish EXIT
    set_up
    starts "$5"
    ;;
esac
