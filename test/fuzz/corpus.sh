# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# corpus.sh   the form of NAME.corpus, for run and minimise: an input is a line,
#             which printf's %b writes. Printable characters are themselves,
#             except that \\ is a backslash.

# Writes each line of the file $1 to a file in the folder $2.
unpack() {
    local line number=0
    mkdir -p "$2"
    [ -f "$1" ] || return 0
    while IFS= read -r line; do
        number=$((number + 1))
        printf '%b' "$line" >"$2/$number"
    done <"$1"
}

# Prints the files of the folder $1 as lines, in their order.
pack() {
    local file
    for file in "$1"/*; do
        [ -s "$file" ] || continue
        od -An -v -tu1 -w65536 "$file"
    done | awk '{
        line = ""
        for (i = 1; i <= NF; i++)
            line = line ($i == 92 ? "\\\\" : \
                         $i > 31 && $i < 127 ? sprintf("%c", $i) : \
                         sprintf("\\x%02x", $i))
        print line
    }' | LC_ALL=C sort -u
}
