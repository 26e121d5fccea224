# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# build.sh   part of `lab`: makes Xen, dom0's kernel and dom0's initramfs from
#            Debian's packages
#
# It makes these in $lab:
#     debs/              the packages, as downloaded
#     xen, vmlinux       for QEMU to load, as ELF files
#     dom0.cpio          dom0's initramfs, which is all of its files
#     guest/             parts of test guests: GRUB's images for PV and PVH,
#                        busybox, and Linux's front ends
#     built              the key of the build (build_key), written last

# Modules that dom0 loads before the snapshot is taken, those that it loads when
# a run asks for a network, and those of test guests.
modules_at_boot='xen-privcmd xenfs xen-evtchn xen-gntdev virtio_pci
    virtio_console 9pnet_virtio 9p bridge xen-netback xen-blkback loop'
modules_for_network='virtio_net'
modules_of_guests='xen-netfront xen-blkfront'

dom0_programs='xl libxl-save-helper xenstored xenconsoled xenconsole xen-init-dom0 xenctx'
xenstore_names='read write ls list rm watch exists chmod'
dom0_libraries='lib{xen*,xlu*,yajl,uuid,c,gcc_s,z,lzma,zstd}.so.* libfdt*'

# apt_tool PROGRAM WORD...: runs a program of apt with lists and a cache in
# $lab, so that it needs neither root nor fresh lists of the host. It uses the
# host's sources.
apt_tool() {
    local tool=$1 state=$lab/apt
    shift
    mkdir -p "$state"/lists/partial "$state"/archives/partial
    : >>"$state/status"
    "$tool" -qq -o Dir::State="$state" -o Dir::State::Lists="$state/lists" \
        -o Dir::State::status="$state/status" -o Dir::Cache="$state" \
        -o APT::Architecture=amd64 -o APT::Architectures=amd64 \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none "$@"
}

# depends_on PACKAGE REGEX: prints the dependency of PACKAGE that matches
depends_on() {
    apt_tool apt-cache depends "$1" |
        sed -nE "s/^ *Depends: ($2)\$/\1/p" | head -n 1
}

# Xen's and the kernel's packages have versions in their names.
package_names() {
    local kernel xen
    kernel=$(depends_on linux-image-amd64 'linux-image-[0-9].*')
    xen=$(depends_on xen-system-amd64 'xen-hypervisor-[0-9].*-amd64')
    [ -n "$kernel" ] && [ -n "$xen" ] || return 1
    xen=${xen#xen-hypervisor-}
    xen=${xen%-amd64}
    echo "$kernel" "xen-hypervisor-$xen-amd64" "xen-utils-$xen" \
        "libxenmisc$xen" libxencall1 libxendevicemodel1 libxenevtchn1 \
        libxenforeignmemory1 libxengnttab1 libxenhypfs1 libxenstore4 \
        libxentoolcore1 libxentoollog1 xenstore-utils libyajl2 libuuid1 \
        libfdt1 libc6 libgcc-s1 zlib1g liblzma5 libzstd1 busybox-static \
        grub-xen-host
}

download() {
    local names
    [ ! -e "$lab/debs/complete" ] || return 0
    say "downloading the packages of dom0"
    rm -rf "$lab/debs"
    mkdir -p "$lab/debs"
    apt_tool apt-get update || fail "apt-get update failed"
    names=$(package_names) ||
        fail "apt knows no linux-image-amd64, or no xen-system-amd64"
    # Unquoted: one word is one package.
    (cd "$lab/debs" && apt_tool apt-get download $names) ||
        fail "apt-get download failed"
    rm -rf "$lab/apt"
    : >"$lab/debs/complete"
}

# Of the kernel's package, which is large, only some folders are unpacked.
unpack() {
    local deb
    rm -rf "$pkg"
    mkdir -p "$pkg"
    for deb in "$lab"/debs/*.deb; do
        case ${deb##*/} in
        linux-image-*)
            dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$pkg" --wildcards \
                './boot/vmlinuz-*' '*/kernel/drivers/*' '*/kernel/net/*' \
                '*/kernel/fs/*' '*/kernel/lib/*' ;;
        *) dpkg-deb -x "$deb" "$pkg" ;;
        esac || fail "cannot unpack $deb"
    done
}

# bytes_at FILE OFFSET SIZE: prints the little-endian number at that place
bytes_at() {
    od -An "-tu$3" "-j$(($2))" "-N$3" "$1" | tr -d ' '
}

# inflated BZIMAGE: prints the ELF file in it (Linux's boot protocol,
# Documentation/arch/x86/boot.rst). Xen and xl could inflate it, but on the
# emulated processor that takes seconds.
inflated() {
    local sectors offset size
    sectors=$(bytes_at "$1" 0x1f1 1)
    offset=$(($(bytes_at "$1" 0x248 4) + (sectors + 1) * 512))
    # The last 4 bytes of the payload are its inflated size.
    size=$(($(bytes_at "$1" 0x24c 4) - 4))
    tail -c "+$((offset + 1))" "$1" | head -c "$size" | xz -dc
}

# module_file NAME: prints the path of the module; Linux takes - and _ for the
# same
module_file() {
    local name=${1//[-_]/[-_]}
    find "$pkg"/lib/modules -name "$name.ko" | head -n 1
}

# add_modules FOLDER LIST NAME...: copies the modules and their dependencies
# into FOLDER, and adds the name of each to the file LIST, in the order of
# loading
add_modules() {
    local folder=$1 list=$2 name file needs
    shift 2
    for name; do
        file=$(module_file "$name")
        # A module that is built in has no file.
        [ -n "$file" ] || continue
        ! grep -qxF "${file##*/}" "$list" 2>/dev/null || continue
        needs=$(tr '\0' '\n' <"$file" | sed -n 's/^depends=//p')
        add_modules "$folder" "$list" ${needs//,/ }
        cp "$file" "$folder/"
        echo "${file##*/}" >>"$list"
    done
}

add_busybox() {
    local applet
    cp "$pkg/bin/busybox" "$root/bin/"
    for applet in $("$pkg/bin/busybox" --list); do
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
}

# Xen's programs find each other by their paths, so these stay the same.
add_toolstack() {
    local from name pattern
    from=$(cd "$pkg" && echo usr/lib/xen-*/bin)
    mkdir -p "$root/$from"
    for name in $dom0_programs; do
        cp "$pkg/$from/$name" "$root/$from/"
        ln -sf "../$from/$name" "$root/bin/$name"
    done
    cp -L "$pkg/usr/bin/xenstore" "$root/bin/"
    for name in $xenstore_names; do
        ln -s xenstore "$root/bin/xenstore-$name"
    done
    for pattern in $(eval echo "$dom0_libraries"); do
        find "$pkg/lib/x86_64-linux-gnu" "$pkg/usr/lib/x86_64-linux-gnu" \
            -maxdepth 1 -name "$pattern" \
            -exec cp -P {} "$root/lib/x86_64-linux-gnu/" \;
    done
    cp -L "$pkg/lib64/ld-linux-x86-64.so.2" "$root/lib64/"
    : >"$root/etc/xen/xl.conf"
}

make_root() {
    local name
    rm -rf "$root"
    mkdir -p "$root"/{bin,dev,proc,sys,tmp,run/xen,guest,job,modules,lib64} \
        "$root"/var/{lock,lib/xen/dump,lib/xenstored,log/xen/console} \
        "$root"/etc/xen/scripts "$root"/lib/x86_64-linux-gnu
    ln -s bin "$root/sbin"
    ln -s ../run "$root/var/run"
    add_busybox
    add_toolstack
    add_modules "$root/modules" "$root/modules/boot" $modules_at_boot
    cp "$root/modules/boot" "$root/modules/all"
    add_modules "$root/modules" "$root/modules/all" $modules_for_network
    grep -vxFf "$root/modules/boot" "$root/modules/all" \
        >"$root/modules/network"
    install -m 755 "$here/dom0/init" "$root/init"
    for name in vif-bridge block; do
        install -m 755 "$here/dom0/hotplug" "$root/etc/xen/scripts/$name"
    done
}

make_guest_parts() {
    rm -rf "$lab/guest"
    mkdir -p "$lab/guest/modules"
    cp "$pkg/bin/busybox" "$lab/guest/"
    cp "$pkg/usr/lib/grub-xen/grub-x86_64-xen.bin" "$lab/guest/grub-pv"
    cp "$pkg/usr/lib/grub-xen/grub-i386-xen_pvh.bin" "$lab/guest/grub-pvh"
    add_modules "$lab/guest/modules" "$lab/guest/modules/list" \
        $modules_of_guests
}

assemble() {
    local root=$lab/root pkg=$lab/pkg
    say "assembling dom0"
    rm -rf "$lab"/snapshot-* "$lab/built"
    unpack
    zcat "$pkg"/boot/xen-*-amd64.gz >"$lab/xen" || fail "no Xen"
    inflated "$(echo "$pkg"/boot/vmlinuz-*)" >"$lab/vmlinux" ||
        fail "the kernel is not an xz file"
    make_root || fail "cannot assemble dom0's files"
    make_guest_parts || fail "cannot assemble the guests' parts"
    (cd "$root" && find . | sort | cpio -o -H newc -R 0:0 --quiet) \
        >"$lab/dom0.cpio" || fail "cpio failed"
    rm -rf "$root" "$pkg"
}

# The key changes when a file changes that dom0 is built from.
build_key() {
    cat "$here/build.sh" "$here"/dom0/* | cksum
}

is_built() {
    [ "$(cat "$lab/built" 2>/dev/null)" = "$(build_key)" ]
}

build() {
    ! is_built || return 0
    for tool in xz cpio qemu-system-x86_64; do
        command -v $tool >/dev/null ||
            fail "there is no $tool (make depend FOR=test)"
    done
    download
    assemble
    build_key >"$lab/built"
}
