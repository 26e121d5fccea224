# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# machine.sh   part of `lab`: QEMU with Xen and dom0, and the snapshot from which
#              runs start
#
# A snapshot is two files: `state`, which QEMU writes as for a migration, half a
# megabyte; and `ram`, the machine's memory. A run maps ram privately: nothing is
# read ahead, its writes are its own, and runs can be concurrent.

qemu='qemu-system-x86_64'
# SMAP off: before QEMU 9.1 an iret in ring 3, which Linux does as a PV guest,
# reads the user's stack as the supervisor: a fault. RDTSCP off: QEMU reports
# one that Xen intercepts as RDTSC, and Xen refuses it. XSAVE off, and AVX with
# it: otherwise programs of dom0 sometimes get wrong vector registers beside a
# busy guest, and crash in their C library.
cpu=max,-smap,-rdtscp,-xsave
# Xen splits its arguments at blanks; a comma would end those of a module.
xen_arguments='console=com1 loglvl=info guest_loglvl=all bootscrub=no
    dom0_mem=256M dom0_max_vcpus=1'
dom0_arguments='console=hvc0 loglevel=4'
memory_is_in_a_file='migrate_set_capability x-ignore-shared on'

# quoted TEXT: prints it as the value of a QEMU option
quoted() {
    printf %s "${1//,/,,}"
}

snapshot_folder() {
    echo "$lab/snapshot-$machine_memory"
}

# qemu_arguments HOW GUEST: sets args. HOW is cold; save, to make a snapshot; or
# warm, to start from it. QEMU runs in $lab: names there need no quoting.
qemu_arguments() {
    local how=$1 own guest ram network card=user
    own=$(quoted "$run")
    guest=$(quoted "$2")
    network=user,id=user,restrict=on,net=10.0.0.0/24,host=10.0.0.254$forward
    # The snapshot has the user network, used or not, and a card without offloads
    # to the host.
    if [ -n "$tap" ]; then
        card=tap
        network="$network
            -netdev tap,id=tap,ifname=$tap,script=no,downscript=no,vnet_hdr=off"
    fi
    # Commas are for QEMU; $network is split into words.
    # shellcheck disable=SC2054,SC2206
    args=(-M pc -cpu "$cpu" -accel tcg,tb-size=256 -smp 1
        -m "$machine_memory" -no-reboot -nodefaults -display none
        -monitor stdio
        -chardev "file,id=boot,path=$own/boot.log" -serial chardev:boot
        -device virtio-serial-pci
        -chardev "pipe,id=guest,path=$own/console"
        -device virtserialport,nr=1,chardev=guest
        -chardev "pipe,id=talk,path=$own/talk"
        -device virtserialport,nr=2,chardev=talk
        -fsdev "local,id=job,path=$own/job,security_model=none"
        -device virtio-9p-pci,fsdev=job,mount_tag=job
        -fsdev "local,id=guest,path=$guest,security_model=none,multidevs=remap"
        -device virtio-9p-pci,fsdev=guest,mount_tag=guest
        -netdev $network
        -device "virtio-net-pci,netdev=$card,romfile="
        -kernel xen -append "$(echo $xen_arguments)"
        -initrd "vmlinux $dom0_arguments,dom0.cpio")
    ram="memory-backend-file,id=ram,size=${machine_memory}M,mem-path=$(
        basename "$(snapshot_folder)")"
    case $how in
    save) args+=(-object "$ram.new/ram,share=on" -machine memory-backend=ram) ;;
    warm) args+=(-object "$ram/ram,share=off" -machine memory-backend=ram
        -incoming defer) ;;
    esac
}

# The pipes of a run: the guest's console, messages to and from dom0, and QEMU's
# monitor. This script keeps an end of each open (5 to 9), so that no open blocks,
# even if QEMU fails; readers see the end when QEMU has gone and 6 and 8 are
# closed.
open_run() {
    run=$(mktemp -d)
    mkdir "$run/job"
    mkfifo "$run"/{console,talk}.{in,out} "$run/monitor"
    : >"$run/times.log"
    : >"$run/talk.log"
    exec 5<>"$run/console.in" 6<>"$run/console.out" \
        7<>"$run/talk.in" 8<>"$run/talk.out" 9<>"$run/monitor"
    trap close_run EXIT
    trap 'exit 125' INT TERM HUP
}

close_run() {
    trap - EXIT INT TERM HUP
    exec 6>&- 8>&-
    [ -z "${feeder:-}" ] || kill "$feeder" 2>/dev/null
    [ -z "${machine:-}" ] || kill "$machine" 2>/dev/null
    wait
    exec 5>&- 7>&- 9>&-
    if [ -n "$log" ]; then
        mkdir -p "$log"
        find "$run" -maxdepth 2 -name '*.log' -exec cp {} "$log/" \;
    fi
    rm -rf "$run"
    machine='' feeder=''
}

# event WHAT: logs it with the seconds since the start
event() {
    local us=$((${EPOCHREALTIME/[.,]/} - ${started/[.,]/}))
    printf '%d.%03d %s\n' $((us / 1000000)) $((us / 1000 % 1000)) "$1" \
        >>"$run/times.log"
}

copy_console() {
    local first
    # bash cannot hold a NUL: one as the first byte is lost.
    if IFS= read -r -d '' -n 1 first; then
        event 'first byte of the console'
        printf %s "$first"
        cat
    fi
}

# Ends QEMU once dom0 has reported the status.
listen_to_dom0() {
    local word
    while read -r word; do
        event "$word"
        echo "$word" >>"$run/talk.log"
        case $word in
        status*) echo quit >&9 ;;
        esac
    done
}

# start_machine SECONDS: starts QEMU, with a time limit
start_machine() {
    copy_console <"$run/console.out" 5>&- 6>&- 7>&- 8>&- 9>&- &
    readers=$!
    listen_to_dom0 <"$run/talk.out" 5>&- 6>&- 7>&- 8>&- &
    readers="$readers $!"
    (
        cd "$lab" && exec timeout -k 5 "$1" "$qemu" "${args[@]}" <&9 \
            >"$run/monitor.log" 2>"$run/qemu.log" 5>&- 6>&- 7>&- 8>&- 9>&-
    ) &
    machine=$!
}

wait_for_machine() {
    local status=0
    wait "$machine" || status=$?
    machine=''
    exec 6>&- 8>&-
    # Several numbers, to be split.
    wait $readers
    return $status
}

snapshot_key() {
    "$qemu" --version | head -n 1
    echo "$machine_memory $cpu" $xen_arguments $dom0_arguments
    build_key
}

has_snapshot() {
    [ "$(cat "$(snapshot_folder)/key" 2>/dev/null)" = "$(snapshot_key)" ]
}

wait_until_ready() {
    until grep -q ready "$run/talk.log"; do
        if ! kill -0 "$machine" 2>/dev/null; then
            tail "$run/boot.log" "$run/qemu.log" >&2
            fail "dom0 does not boot"
        fi
        sleep 0.1
    done
}

make_snapshot() {
    local folder forward='' tap='' log=''
    folder=$(snapshot_folder)
    say "booting dom0 for a snapshot"
    open_run
    mkdir "$run/guest"
    rm -rf "$folder" "$folder.new"
    mkdir "$folder.new"
    qemu_arguments save "$run/guest"
    start_machine 300
    wait_until_ready
    sleep 1 # until dom0 is idle
    printf '%s\n' "$memory_is_in_a_file" \
        "migrate \"exec:cat >${folder##*/}.new/state\"" quit >&9
    if ! wait_for_machine || [ ! -s "$folder.new/state" ]; then
        cat "$run/qemu.log" "$run/monitor.log" >&2
        fail "QEMU made no snapshot"
    fi
    snapshot_key >"$folder.new/key"
    mv "$folder.new" "$folder"
    close_run
}
