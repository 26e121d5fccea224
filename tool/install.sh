#!/bin/sh
# SPDX-License-Identifier: ISC
#
# install.sh install|uninstall BUILD DESTDIR PREFIX
#
# install puts what `make` built, with headers, examples, man page and shell
# completions, below DESTDIR/PREFIX. A file that has not changed keeps its time
# stamp, so that no image is rebuilt for nothing. share/mirage/installed lists
# the files, and the folders that were made for them, a slash at their end;
# uninstall removes just these, the folders if they are empty.
set -eu
[ $# = 4 ] || { echo "install.sh: see its head" >&2; exit 2; }
action=$1 build=$2 destdir=$3 prefix=$4
list=share/mirage/installed
cd "$(dirname "$0")/.."

refuse() {
    echo "$action: $*" >&2
    exit 2
}

# Makefiles that `mirage configure` writes name files below the prefix, and
# make cannot name a file with a space in it.
case $prefix in
*[[:space:]]*) refuse "PREFIX=$prefix: it may have no space in it" ;;
/*) ;;
*) refuse "PREFIX=$prefix: expected a path from the root, such as $PWD/$prefix" ;;
esac
case $destdir in
*[[:space:]]*) refuse "DESTDIR=$destdir: it may have no space in it" ;;
esac
base=${prefix%/}
root=$destdir$base

# remove PATH: a file of ours, or a folder that we made, if it is empty
remove() {
    case $1 in
    */) rmdir "$destdir$1" 2>/dev/null || true ;;
    *) rm -f "$destdir$1" ;;
    esac
}

# Each folder comes after what is in it.
deepest_first() {
    awk '{ print gsub("/", "/"), $0 }' | sort -rn | cut -d' ' -f2-
}

if [ "$action" = uninstall ]; then
    [ -e "$root/$list" ] || refuse "there is no mirage in $root"
    found=$(cat "$root/$list")
    echo "$found" | grep -v '/$' | while read -r path; do remove "$path"; done
    rm -f "$root/$list"
    echo "$found" | { grep '/$' || true; } | deepest_first |
        while read -r path; do remove "$path"; done
    exit 0
fi

# MODE SOURCE TARGET, a line each. What `mirage configure` and make have
# written into an example stays here.
contents() {
    echo "755 $build/bin/mirage bin/mirage"
    echo "755 $build/bin/fat bin/fat"
    find "$build/lib/mirage" -name '*.a' | sed "s|^$build/\(.*\)|644 & \1|"
    if [ -e "$build/lib/mirage/bare/built" ]; then
        find "$build/lib/mirage/bare/include" -name '*.h' |
            sed "s|^$build/\(.*\)|644 & \1|"
    fi
    for part in unix virtio xen; do
        [ ! -e "$build/lib/mirage/$part/names" ] ||
            echo "644 $build/lib/mirage/$part/names lib/mirage/$part/names"
    done
    for part in virtio/image.ld virtio/symbols xen/image.ld xen/symbols; do
        mode=$([ "${part#*/}" = symbols ] && echo 755 || echo 644)
        [ ! -e "$build/lib/mirage/$part" ] ||
            echo "$mode $build/lib/mirage/$part lib/mirage/$part"
    done
    find include -name '*.h' | sed 's|.*|644 & &|'
    find example -type f ! -path '*/.mirage/*' ! -name '*.o' ! -name '*.d' \
        ! -name 'mir-*' ! -name Makefile ! -name main.c ! -name '*.new' \
        ! -name compile_flags.txt ! -name 'static[0-9]*.[ch]' \
        ! -name 'fat[0-9]*.img' ! -name 'make-fat*-image.sh' ! -name '*.xl' ! -name '*.xl.in' \
        ! -name '*_libvirt.xml*' ! -name '*.qemu.sh' \
        ! -name '*.firecracker.json' | sed 's|.*|644 & share/mirage/&|'
    find tool/make -type f | sed 's|tool/\(.*\)|644 & share/mirage/\1|'
    optional doc/mirage.1 share/man/man1/mirage.1
    optional doc/fat.1 share/man/man1/fat.1
    optional tool/mirage.bash share/bash-completion/completions/mirage
    optional tool/_mirage share/zsh/site-functions/_mirage
}

optional() {
    [ ! -e "$1" ] || echo "644 $1 $2"
}

# folder PATH: makes it, and prints each part that was not there
folder() {
    [ ! -d "$destdir$1/" ] || return 0
    case $1 in
    '') ;;
    *) folder "${1%/*}" ;;
    esac
    mkdir -p "$destdir$1/"
    echo "$1/"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
contents | sort -k 3 >"$scratch/contents"
: >"$scratch/before"
[ ! -e "$root/$list" ] || sort "$root/$list" >"$scratch/before"
grep '/$' "$scratch/before" >"$scratch/folders" || true
while read -r mode source target; do
    folder "$base/$(dirname "$target")" >>"$scratch/folders"
    install -C -m "$mode" "$source" "$root/$target"
    echo "$base/$target" >>"$scratch/files"
done <"$scratch/contents"
folder "$base/$(dirname "$list")" >>"$scratch/folders"
sort -u "$scratch/files" "$scratch/folders" >"$scratch/installed"

# What an earlier version had, and this one has not, goes.
comm -23 "$scratch/before" "$scratch/installed" |
    while read -r path; do remove "$path"; done
install -C -m 644 "$scratch/installed" "$root/$list"
echo "mirage is in $root; put $base/bin into PATH"
