# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# Shared by the end-to-end tests. A test begins with `it NAME`, checks with the
# functions below, and the script ends with `finish`.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
root=${MIRAGE_ROOT:-$top/build}
mirage=$root/bin/mirage
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0
test_name='' test_ok=true

conclude() {
    [ -n "$test_name" ] || return 0
    if $test_ok; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
    test_name=''
}

it() {
    conclude
    test_name=$1 test_ok=true
}

wrong() {
    test_ok=false
    echo "FAILED: $test_name"
    printf '    %s\n' "$@"
}

# equal WHAT FOUND WANTED
equal() {
    [ "$2" = "$3" ] && return 0
    wrong "$1"
    diff <(printf '%s\n' "$3") <(printf '%s\n' "$2") | sed 's/^/    /'
}

# has WHAT TEXT REGEX
has() {
    grep -qE -- "$3" <<<"$2" || wrong "$1: no line matches $3 in:" "$2"
}

skip() {
    skipped=$((skipped + 1))
    echo "skipped: $test_name: $1"
    test_name=''
}

finish() {
    conclude
    echo "$passed passed, $failed failed$(
        [ "$skipped" -gt 0 ] && echo ", $skipped skipped")"
    [ "$failed" -eq 0 ]
}

# await COMMAND...: repeats it until it succeeds, for up to a minute
await() {
    local i
    for ((i = 0; i < 1200; i++)); do
        "$@" && return
        sleep 0.05
    done
    return 1
}

# is_gone PROCESS
is_gone() {
    ! kill -0 "$1" 2>/dev/null
}

# copy_folder FOLDER COPY: copies a folder. Of one in the clone only the files that
# git tracks are copied, without the results of earlier builds.
copy_folder() {
    mkdir -p "$2" || return
    case $1 in
    "$top"/*)
        if [ -e "$top/.git" ]; then
            (cd "$1" && git -c safe.directory='*' ls-files -z |
                while IFS= read -r -d '' file; do
                    [ ! -e "$file" ] || printf '%s\0' "$file"
                done | xargs -0 cp -P --parents -t "$2")
            return
        fi
        ;;
    esac
    cp -r "$1/." "$2"
}

# build FOLDER: configures and makes a copy of it in $work; prints the copy
build() {
    local copy
    copy=$work/$(basename "$1")
    copy_folder "$1" "$copy" || return
    (cd "$copy" && "$mirage" configure && "$mirage" build) \
        >"$copy.log" 2>&1 || { cat "$copy.log" >&2; return 1; }
    echo "$copy"
}
