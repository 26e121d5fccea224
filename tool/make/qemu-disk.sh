
# SPDX-License-Identifier: ISC
# find_disk NAME REMEDY: sets file to the options of -drive for a file of this
# folder. A comma in it is doubled, and a colon must follow a slash. It is
# read-only if this user may not write to it.
find_disk() {
    file=$1
    [ "${file#/}" != "$file" ] || file=$folder/$file
    if [ ! -e "$file" ]; then
        printf 'there is no %s; %s\n' "$file" "$2" >&2
        exit 1
    fi
    [ -w "$file" ] && access= || access=,readonly=on
    file=$(printf '%s.' "$file" | sed 's/,/,,/g')
    file=file=${file%.}$access
}
