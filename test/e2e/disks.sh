# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# Functions of the tests of disks in QEMU, without acceleration; sourced after
# lib.sh. Virtual machines have names, and run beside each other.

unset CC MAKEFLAGS MAKELEVEL MAKEOVERRIDES FS FAT_MORE MEMORY LINE

# Whatever happens, no QEMU stays.
end_machines() {
    local pid
    for pid in "$work"/*.pid; do
        [ ! -e "$pid" ] || kill -KILL "$(cat "$pid")" 2>/dev/null
    done
}
trap 'end_machines; rm -rf "$work"' EXIT

# built FOLDER [NAME]: copies it under that name, configures it for virtio and
# builds it; prints the copy
built() {
    local copy=$work/${2:-$(basename "$1")}
    copy_folder "$1" "$copy" || return
    (cd "$copy" && "$mirage" configure --virtio && "$mirage" build) \
        >"$copy.log" 2>&1 || { cat "$copy.log" >&2; return 1; }
    echo "$copy"
}

# vm NAME IMAGE MACHINE OPTION...: runs an image, with the boot arguments $LINE, in
# a QEMU with these options. Leaves output, QEMU's messages and exit status in
# $work/NAME.{raw,err,status}; meanwhile NAME.qmp and NAME.pid are QEMU's.
vm() {
    local at=$work/$1
    timeout -s KILL "${LIMIT:-300}" qemu-system-x86_64 -M "$3" -accel tcg \
        -cpu max -m "${MEMORY:-64}" -nodefaults -no-user-config -display none \
        -no-reboot -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=4 \
        -global virtio-mmio.force-legacy=false -pidfile "$at.pid" \
        -qmp "unix:$at.qmp,server=on,wait=off" -kernel "$2" \
        -append "${LINE:-}" "${@:4}" >"$at.raw" 2>"$at.err" </dev/null
    echo $? >"$at.status"
}

# launch NAME IMAGE MACHINE OPTION...: the same, beside this script
launch() {
    rm -f "$work/$1".{raw,err,status,qmp,pid}
    vm "$@" 2>/dev/null &
}

# printed NAME: the output up to now, without firmware's and times of log lines
printed() {
    tr -d '\r' <"$work/$1.raw" |
        sed 's/^.*Booting from ROM\.*//; s/^\[ *[0-9.]*\] //' | sed '1{/^$/d}'
}

# of NAME: sets out, err, status. QEMU's status is 3 if the image's is 0.
# shellcheck disable=SC2034
of() {
    out=$(printed "$1") err=$(cat "$work/$1.err")
    status=$(cat "$work/$1.status" 2>/dev/null)
}

# has_printed NAME REGEX: a line of the output matches already
has_printed() {
    printed "$1" 2>/dev/null | grep -qE -- "$2"
}

# qmp NAME COMMAND [ARGUMENTS]: of QEMU's machine protocol
qmp() {
    "$top/test/e2e/qmp" "$work/$1.qmp" "${@:2}"
}

# new FILE SIZE: a file of zeros in $work
new() {
    rm -f "$work/$1"
    truncate -s "$2" "$work/$1"
}

# attach ID FILE [PROPERTY...]: adds a drive with this file of $work to the array
# options
attach() {
    local IFS=,
    options+=(-drive "if=none,id=$1,format=raw,file=$work/$2${3:+,${*:3}}")
}
