#!/bin/sh
# SPDX-License-Identifier: ISC
#
# install.sh install|uninstall BUILD DESTDIR PREFIX
#
# install copies what `make` built, with headers, examples, documents, man pages
# and shell completions, to DESTDIR/PREFIX. An unchanged file keeps its time
# stamp, so that no image is rebuilt without need. share/mirage/installed lists
# the files and, with a slash at the end, the folders that were made for them;
# uninstall removes these, and the folders only if they are empty.
set -eu
[ $# = 4 ] || { echo "install.sh: see its head" >&2; exit 2; }
action=$1 build=$2 destdir=$3 prefix=$4
list=share/mirage/installed
cd "$(dirname "$0")/.."

refuse() {
    echo "$action: $*" >&2
    exit 2
}

# Makefiles of `mirage configure` name files below the prefix, and make has no way
# to name a file with a space.
case $prefix in
*[[:space:]]*) refuse "PREFIX=$prefix: it may have no space in it" ;;
*[\$#:%\\\'\"*?\;\&\|\<\>\(\)\`]*)
    refuse "PREFIX=$prefix: make can have none of \$#:%\\'\"*?;&|<>()\` in it"
    ;;
/*) ;;
*) refuse "PREFIX=$prefix: expected a path from the root, such as $PWD/$prefix" ;;
esac
case $destdir in
*[[:space:]]*) refuse "DESTDIR=$destdir: it may have no space in it" ;;
esac
base=${prefix%/}
root=$destdir$base

# remove PATH: removes an installed file, or a folder that was made, if empty
remove() {
    case $1 in
    */) rmdir "$destdir$1" 2>/dev/null || true ;;
    *) rm -f "$destdir$1" ;;
    esac
}

# Sorts paths so that a folder follows its contents.
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

tab=$(printf '\t')

# files FOLDER: prints the files there that belong to the project, and not those
# that configure, make and runs have written into examples: by git, or without
# it by .gitignore.
files() {
    if [ -e .git ] && git -c safe.directory="$PWD" ls-files -- "$1" \
        >"$scratch/files.of" 2>/dev/null && [ -s "$scratch/files.of" ]; then
        while IFS= read -r file; do
            [ ! -f "$file" ] || echo "$file"
        done <"$scratch/files.of"
        return
    fi
    # Turns the patterns of .gitignore into those of grep: * matches no slash.
    {
        printf '%s\n' '/\.mirage/'
        sed -n 's|\.|\\.|g; s|\*|[^/]*|g; s|^/\(example/.*\)|^\1$|p' .gitignore
    } >"$scratch/ignored"
    find "$1" -type f | grep -v -f "$scratch/ignored" || true
}

# put MODE FOLDER PREFIX: prints MODE, SOURCE and TARGET of each file that is named
# on standard input; TARGET is PREFIX and the path below FOLDER. MODE is 644, 755,
# or "own": 755 for executable files and else 644.
put() {
    while IFS= read -r file; do
        mode=$1
        [ "$mode" != own ] || mode=$([ -x "$file" ] && echo 755 || echo 644)
        printf '%s\t%s\t%s\n' "$mode" "$file" "$3${file#"$2"}"
    done
}

contents() {
    echo "$build/bin/mirage" | put 755 "$build/" ''
    echo "$build/bin/fat" | put 755 "$build/" ''
    find "$build/lib/mirage" -name '*.a' | put 644 "$build/" ''
    if [ -e "$build/lib/mirage/bare/built" ]; then
        find "$build/lib/mirage/bare/include" -name '*.h' | put 644 "$build/" ''
    fi
    for part in unix/names virtio/names virtio/image.ld virtio/symbols \
        virtio/flags xen/names xen/image.ld xen/symbols xen/flags; do
        [ ! -e "$build/lib/mirage/$part" ] ||
            echo "$build/lib/mirage/$part" | put own "$build/" ''
    done
    find include -name '*.h' | put 644 '' ''
    files example | put own '' share/mirage/
    files tool/make | put 644 tool/ share/mirage/
    files doc | grep -v '\.1$' | put 644 '' share/doc/mirage/
    printf '%s\n' README.md LICENSE | put 644 '' share/doc/mirage/
    for page in doc/mirage.1 doc/fat.1; do
        echo "$page" | put 644 doc/ share/man/man1/
    done
    echo tool/mirage.bash | put 644 tool/mirage.bash \
        share/bash-completion/completions/mirage
    echo tool/_mirage | put 644 tool/ share/zsh/site-functions/
}

# folder PATH: makes a folder, and prints each part that did not exist
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
contents | sort -t "$tab" -k 3 >"$scratch/contents"
: >"$scratch/before"
[ ! -e "$root/$list" ] || sort "$root/$list" >"$scratch/before"
grep '/$' "$scratch/before" >"$scratch/folders" || true
while IFS=$tab read -r mode source target; do
    folder "$base/$(dirname "$target")" >>"$scratch/folders"
    install -C -m "$mode" "$source" "$root/$target"
    echo "$base/$target" >>"$scratch/files"
done <"$scratch/contents"
folder "$base/$(dirname "$list")" >>"$scratch/folders"
sort -u "$scratch/files" "$scratch/folders" >"$scratch/installed"

# Remove files of an earlier version that this one does not have.
comm -23 "$scratch/before" "$scratch/installed" |
    while read -r path; do remove "$path"; done
install -C -m 644 "$scratch/installed" "$root/$list"
echo "mirage is in $root; put $base/bin into PATH"
