# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# Functions of the tests that run guests in the Xen lab; sourced after lib.sh.

lab=$top/test/xen/lab
"$lab" build >"$work/lab" 2>&1 || { cat "$work/lab"; exit 1; }

# both NAME OPTION...: runs a guest in the lab as PV and as PVH, side by side
both() {
    local name=$1 type
    shift
    for type in pv pvh; do
        guest "$name" $type "$@" <"${INPUT:-/dev/null}" &
    done
    wait
}

# guest NAME TYPE OPTION...: leaves the console's output, the lab's messages and the
# status in $work/NAME.TYPE.{out,err,status}, and logs in $work/NAME.TYPE
guest() {
    local at=$work/$1.$2 type=$2
    shift 2
    "$lab" run --timeout "${LIMIT:-60}" --log "$at" --type "$type" "$@" \
        >"$at.raw" 2>"$at.err"
    echo $? >"$at.status"
    tr -d '\r' <"$at.raw" >"$at.out"
}

# of NAME TYPE: sets out, err, status
of() {
    out=$(cat "$work/$1.$2.out") err=$(cat "$work/$1.$2.err")
    status=$(cat "$work/$1.$2.status")
}

# built FOLDER [NAME]: copies it under that name, configures it for Xen, builds it,
# and prints its path
built() {
    local copy
    copy=$work/${2:-$(basename "$1")}
    copy_folder "$1" "$copy"
    (cd "$copy" && "$mirage" configure --xen && "$mirage" build) \
        >"$copy.log" 2>&1 || { cat "$copy.log" >&2; return 1; }
    echo "$copy"
}

# Each type of guest has its own folder, since guests write to their disks.
# twice FOLDER [NAME]: $work/NAME.pv and $work/NAME.pvh
twice() {
    local name=${2:-$(basename "$1")}
    built "$1" "$name" >/dev/null || exit 1
    mv "$work/$name" "$work/$name.pv"
    cp -r "$work/$name.pv" "$work/$name.pvh"
}

# apart NAME FOLDER OPTION...: runs both types of FOLDER, side by side
apart() {
    for type in pv pvh; do
        (cd "$work/$2.$type" && guest "$1" $type "${@:3}" .) &
    done
    wait
}

# next NAME KERNEL ARGUMENTS: adds a guest to the series
next() {
    local at=$work/series/$1.guest

    mkdir -p "$work/series"
    cp "$2" "$work/series"
    # As in test/xen/lab: a guest does not restart, and QEMU's TSC is not invariant.
    printf '%s="destroy"\n' on_poweroff on_reboot on_crash >"$at"
    printf '%s\n' "name=\"$1\"" "kernel=\"$(basename "$2")\"" 'memory=64' \
        'tsc_mode="native"' "cmdline=\"$(sed 's/[\\"]/\\&/g' <<<"$3")\"" >>"$at"
}

# series: runs the guests one after the other in one dom0, PV and PVH side by side,
# and leaves the same files as guest
series() {
    local type name at status

    cat >"$work/series.sh" <<'END'
for guest in *.guest; do
    timeout 60 xl create -q -F -c "$guest" </dev/null >"${guest%.guest}.raw" \
        2>"${guest%.guest}.err" || xl destroy "${guest%.guest}"
    xl dmesg -c >"${guest%.guest}.log"
done
END
    for type in pv pvh; do
        cp -r "$work/series" "$work/series.$type"
        sed -i "\$atype=\"$type\"" "$work/series.$type"/*.guest
        (cd "$work/series.$type" && LIMIT=600 \
            guest series $type --instead "$work/series.sh" .) &
    done
    wait
    for at in "$work"/series.{pv,pvh}/*.guest; do
        name=$(basename "$at" .guest) type=${at%/*} at=${at%.guest}
        type=${type##*.}
        mkdir -p "$work/$name.$type"
        mv "$at.log" "$work/$name.$type/xen.log"
        mv "$at.err" "$work/$name.$type.err"
        tr -d '\r' <"$at.raw" >"$work/$name.$type.out"
        # The lab's status: 0, or 10 plus the reason.
        status=$(sed -n 's/.*has shut down, reason code \([0-9]*\) .*/\1/p' \
            "$work/$name.$type.err")
        case $status in
        '') status=21 ;;
        0) ;;
        *) status=$((10 + status)) ;;
        esac
        echo "$status" >"$work/$name.$type.status"
    done
}

# tools FOLDER PROGRAM: copies a program that dom0's busybox lacks to FOLDER/tools,
# with its libraries
tools() {
    mkdir -p "$1/tools"
    cp "$(readlink -f "$(command -v "$2")")" "$1/tools/$2"
    ldd "$1/tools/$2" | awk '$2 == "=>" { print $3 }' | grep -v '/libc\.' |
        xargs -I{} cp {} "$1/tools"
}
