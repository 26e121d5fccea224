#!/bin/sh
# SPDX-License-Identifier: ISC
#
# depend.sh PURPOSE...   installs missing Debian packages for the purposes (build,
#                        images, qemu, quick, test, bench); doc/dependencies.md
#                        has the table; test includes images, qemu and quick
#
# Names the missing packages, and installs them with apt-get, as root or by sudo
# if that asks for no password. Otherwise it prints the command, and the exit
# status is 1. Runs nothing if none is missing. All output goes to standard error.
set -u
cd "$(dirname "$0")" || exit 1
exec >&2
table=${DEPENDENCIES:-doc/dependencies.md}

# there THING: whether the command, or the file, is on this machine
there() {
    case $1 in
    /*)
        # The word may be a pattern: the shell expands it.
        for file in $1; do
            [ -e "$file" ] && return 0
        done
        return 1
        ;;
    *)
        command -v "$1" >/dev/null
        ;;
    esac
}

rows=''
for purpose; do
    found=$(awk -F ' *[|] *' -v purpose="$purpose" '
        $2 ~ /^`/ && ($4 == purpose ||
                      (purpose == "test" && $4 ~ /^(images|qemu|quick)$/)) {
            gsub(/`/, "", $2)
            gsub(/`/, "", $3)
            print $2 "|" $3 "|" $5
        }' "$table")
    if [ -z "$found" ]; then
        echo "depend.sh: $purpose: expected build, images, qemu, quick, test or bench"
        exit 2
    fi
    rows="$rows$found
"
done

missing=''
while IFS='|' read -r package thing reason; do
    [ -n "$package" ] || continue
    if ! there "$thing"; then
        [ -n "$missing" ] || echo "Needed, but not there:"
        missing="$missing $package"
        printf '  %-22s %s\n' "$package" "$reason"
    fi
done <<END
$rows
END

[ -n "$missing" ] || exit 0

update='apt-get update'
install="apt-get install -y --no-install-recommends$missing"
if ! command -v apt-get >/dev/null; then
    echo "These are Debian's names; install the like with your own package manager."
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    by=''
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    by='sudo '
else
    echo "Only root may install Debian packages. As root, run:"
    echo "    $update && $install"
    exit 1
fi

echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# apt COMMAND...: runs it, and repeats it for up to APT_LOCK_WAIT seconds while
# another apt-get holds one of apt's two locks (of the package lists, of dpkg).
apt() {
    waited=0
    while ! "$@" </dev/null >"$log" 2>&1; do
        grep -qE 'Could not get lock|Unable to (acquire|lock)' "$log" ||
            return 1
        [ "$waited" -lt "${APT_LOCK_WAIT:-600}" ] || return 1
        [ "$waited" -gt 0 ] ||
            echo "Waiting for another apt-get to end: $(grep -m 1 -oE \
                'Could not get lock.*|Unable to (acquire|lock).*' "$log")"
        sleep 2
        waited=$((waited + 2))
    done
}

# $by and the commands are split into words.
if apt ${by}$update &&
    apt ${by}env DEBIAN_FRONTEND=noninteractive $install; then
    exit 0
fi
cat "$log"
echo "This failed: ${by}$update && ${by}$install"
exit 1
