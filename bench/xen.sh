#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# xen.sh prepare BUILD FOLDER   makes the guests of xen.plan, and their client
# xen.sh run FOLDER             measures them in the lab, one after the other;
#                               prints "ours FIGURE VALUE UNIT", or "linux ..."
#
# WHO and TYPES in the environment choose some of them: WHO=ours TYPES=pv.
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
who=${WHO:-ours linux} types=${TYPES:-pv pvh}
memory=160 # MiB, of each guest: Linux needs it
limit=240  # seconds of a run

# The services are those of the example, and unikernel.c starts them.
make_ours()
{
    mkdir "$folder/ours"
    cp "$here/xen_guest.c" "$folder/ours/unikernel.c"
    cp "$here/xen_config.c" "$folder/ours/config.c"
    cp "$here/../example/netservices/unikernel.c" "$folder/ours/services.c"
    cp "$here/xen_guest.h" "$folder/ours"
    echo 'SOURCES += services.c' >"$folder/ours/Makefile.user"
    (cd "$folder/ours" && PATH=$build/bin:$PATH && mirage configure --xen &&
        mirage build)
    cp "$folder/ours/mir-xen_guest.xen" "$folder"
}

make_linux()
{
    local root=$folder/root

    mkdir -p "$root"/{dev,modules}
    cp "$build"/xen/guest/modules/* "$root/modules"
    cp "$build/bench/xen_linux" "$root/init"
    (cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet) >"$folder/ramdisk"
    cp "$build/xen/vmlinux" "$folder"
}

# configuration TYPE KERNEL LINE...: an .xl file, to which the lab adds nothing
configuration()
{
    cat <<END_OF_FILE
name = "guest"
type = "$1"
kernel = "$2"
memory = $memory
tsc_mode = "native"
on_crash = "destroy"
disk = [ "/tmp/disk.img,raw,xvda,w" ]
vif = [ "bridge=xenbr0" ]
END_OF_FILE
    printf '%s\n' "${@:3}"
}

prepare()
{
    local type

    build=$(cd "$1" && pwd) folder=$2
    rm -rf "$folder"
    mkdir -p "$folder"
    make_ours
    make_linux
    cp "$build/bench/xen_client" "$folder"
    for type in pv pvh; do
        configuration $type mir-xen_guest.xen >"$folder/ours.$type"
        configuration $type vmlinux 'ramdisk = "ramdisk"' \
            'cmdline = "console=hvc0 quiet mitigations=off"' \
            >"$folder/linux.$type"
    done
}

# The script of dom0. The disk is a file in dom0's memory, so that the host's disk
# does not matter.
script()
{
    # shellcheck disable=SC2016
    cat <<'END_OF_SCRIPT'
log=/var/log/xen/console/guest-guest.log
dd if=/dev/zero of=/tmp/disk.img bs=1M count=32 2>/dev/null

# guest WHO TYPE: prints its figures
guest() {
    xl create -qe "$1.$2" 2>/tmp/errors || { cat /tmp/errors >&2; exit 1; }
    if ./xen_client 10.0.0.2 "$2_" "$(xl domid guest)" >/tmp/figures; then
        xl destroy guest
    else
        cat "$log" >&2
        xl dmesg | tail -n 30 >&2
        exit 1
    fi
    tr -d '\r' <"$log" |
        sed -nE "s/.*((read|write)_[0-9]+ [0-9]+ B\/s)$/$2_\\1/p" >>/tmp/figures
    [ "$(wc -l </tmp/figures)" = 12 ] || { cat "$log" >&2; exit 1; }
    sed "s/^/$1 /" /tmp/figures
    rm "$log"
}
END_OF_SCRIPT
    for type in $types; do
        for name in $who; do
            echo "guest $name $type"
        done
    done
}

run_guests()
{
    folder=$1
    script >"$folder/script"
    timeout -s KILL $((limit + 120)) "$here/../test/xen/lab" run --quiet \
        --timeout $limit --log "$folder/logs" --instead "$folder/script" \
        "$folder" </dev/null | tr -d '\r'
}

case $1 in
prepare) prepare "$2" "$3" ;;
run) run_guests "$2" ;;
esac
