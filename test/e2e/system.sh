# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# Bare systems: debootstrap's minbase of a release of Debian in a folder, entered
# with chroot. Packages come from where this machine's come from. Two things are
# kept in build/bare for the next run: each bare system as an archive, and the
# packages that were loaded. Sourced by tests after lib.sh, with $release set.
# $BARE_KEEP=1 leaves the system in build/bare/RELEASE.

# shellcheck disable=SC2154 # release is set by the script that sources this one
cache=$top/build/bare
system=$cache/$release
packages=$cache/$release.packages

# can_have_system: whether one can be made here; if not, the test is skipped
can_have_system() {
    if [ "$(id -u)" != 0 ]; then
        skip "only root can make a bare system"
    elif ! command -v debootstrap >/dev/null; then
        skip "there is no debootstrap (make depend FOR=test)"
    elif ! unshare --mount --pid --fork true 2>/dev/null; then
        skip "this system makes no mount namespaces (is it a chroot itself?)"
    else
        return 0
    fi
    return 1
}

# inside COMMAND...: in the system, with /proc and terminals of its own, as $user
inside() {
    unshare --mount --pid --fork -- sh -c '
        mount -t proc proc "$0/proc" || exit
        mount -t devpts -o newinstance,ptmxmode=666 devpts "$0/dev/pts" || exit
        system=$0 user=$1
        shift
        exec chroot --userspec="$user" "$system" /usr/bin/env -i \
            HOME=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' \
        "$system" "${user:-root:root}" "$@"
}

# unpack_system: the bare system, as debootstrap made it, and loaded packages
unpack_system() {
    if [ ! -e "$cache/$release.tar" ] && ! make_system >"$work/log" 2>&1; then
        wrong "debootstrap" "$(tail -n 20 "$work/log")"
        return 1
    fi
    rm -rf "$system"
    mkdir -p "$system"
    tar -xf "$cache/$release.tar" -C "$system" || return
    cp "$packages"/*.deb "$system/var/cache/apt/archives/" 2>/dev/null
    return 0
}

# keep_packages: those that the system has loaded, for the next one
keep_packages() {
    mkdir -p "$packages"
    cp -n "$system"/var/cache/apt/archives/*.deb "$packages/" 2>/dev/null
}

# archive_of RELEASE: where apt gets it from, or would if it asked for it
archive_of() {
    local format='$(REPO_URI)' found
    found=$(apt-get indextargets --format "$format" "Codename: $1" \
        "Created-By: Packages" 2>/dev/null | head -n 1)
    [ -n "$found" ] || found=$(apt-get indextargets --format "$format" \
        "Origin: Debian" "Label: Debian" "Created-By: Packages" 2>/dev/null |
        head -n 1)
    echo "$found"
}

make_system() {
    local from
    from=$(archive_of "$release")
    rm -rf "$system"
    debootstrap --variant=minbase "$release" "$system" ${from:+"$from"} || return
    rm -rf "$system"/var/cache/apt/archives/*.deb
    # This machine's package sources, if they are of the release, and its settings.
    if grep -rqs "$release" /etc/apt/sources.list*; then
        rm -rf "$system"/etc/apt/sources.list*
        cp -rL /etc/apt/sources.list* "$system/etc/apt/" || return
        find "$system/etc/apt" -type f -path '*sources.list*' -print0 |
            xargs -0 grep -LZ "$release" | xargs -0r rm -f
    fi
    apt-config dump Acquire | grep -v '""' \
        >"$system/etc/apt/apt.conf.d/99as-outside"
    cp -L /etc/resolv.conf /etc/hosts "$system/etc/" || return
    echo 'visitor:x:1000:1000::/tmp:/bin/sh' >>"$system/etc/passwd"
    tar -cf "$cache/$release.tar.new" -C "$system" . &&
        mv "$cache/$release.tar.new" "$cache/$release.tar"
}

# clone OWNER: a clone of the last commit, with uncommitted changes on top;
# $work/changed has git's status of it
clone() {
    rm -rf "$system/src"
    git clone -q --no-hardlinks "$top" "$system/src/mirage" || return
    (
        cd "$top" || exit
        git diff --name-only --diff-filter=D HEAD -z |
            (cd "$system/src/mirage" && xargs -0r rm -f)
        { git diff --name-only --diff-filter=d HEAD -z
          git ls-files --others --exclude-standard -z; } |
            xargs -0r cp --parents -t "$system/src/mirage"
    )
    chown -R "$1" "$system/src"
    state >"$work/changed"
}

state() {
    git -C "$system/src/mirage" -c safe.directory='*' status --short --ignored
}

remove_system() {
    [ -n "${BARE_KEEP:-}" ] || rm -rf "$system"
}
