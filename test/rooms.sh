#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# rooms.sh   checks the rules of the house; each is a test
#
# It also tries itself out: for each rule, on a small tree that breaks it, it
# must name file and rule. The list of the rules stands below the functions
# that look. Calls are compared by name: what a room's objects leave undefined,
# with what the rooms below it define.
#
# Three forms of #include find headers of the project: "x.h" in the folder of the
# file, <mirage/x.h> in include/, and <ROOM/x.h> in a room that has headers for
# others, as the table `shared` lists them.
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.." || exit 1
top=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0

# Rooms whose code has no host below it, and their headers.
bare='core device net store include'
# ROOM of <ROOM/x.h>, where its headers lie, and the folders that may include
# them. Tests may include the headers of every room.
shared='
arch  arch/*/include/arch  arch backend/bare backend/pc backend/virtio backend/xen
bare  backend/bare         arch backend/pc backend/virtio backend/xen
pc    backend/pc           backend/virtio
xen   backend/xen          backend/xen
unix  backend/unix         backend/sim
net   net                  net
'
# Headers of C11 that newlib has too.
iso='assert ctype errno float inttypes iso646 limits math setjmp stdalign
     stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string
     time'
# Functions of C that a bare room may call, and names that compilers use.
libc='abort calloc free malloc realloc memchr memcmp memcpy memmove memset
      strchr strcmp strcspn strlen strncmp strnlen strpbrk strrchr strspn
      strstr
      _GLOBAL_OFFSET_TABLE_ __bss_start _end _etext'
# What an image, not a room, defines.
image='mirage_main mirage_name'
# What the preprocessor may be asked in a bare room: about the tool.
tools='__cplusplus __SANITIZE_ADDRESS__ __has_feature __has_attribute
       __has_include __clang__ __GNUC__ __STDC_VERSION__'

# A system that is bare, where ./test.sh --quick runs this, lacks Xen's headers.
# The small trees below do not need them.
has_xen=yes skipped=0
if ! echo '#include <xen/xen.h>' | ${CC:-cc} -E - >/dev/null 2>&1; then
    has_xen='' skipped=1
    echo "skipped: the calls of virtual machines' rooms: libxen-dev is not there"
fi

# tracked: every file that is the project's. What git ignores is not: configure
# and make write into examples, and the rules do not hold for what they write.
tracked() {
    if [ -e .git ]; then
        git -c safe.directory='*' ls-files --cached --others --exclude-standard |
            while read -r f; do
                [ ! -f "$f" ] || echo "$f"
            done
    else
        find . -type f | sed 's/^\.\///' | sort
    fi
}

# all_sources FOLDER...: the .c and .h files there
all_sources() {
    local rooms=$*
    tracked | grep -E "^(${rooms// /|})/.*\.[ch]\$" | sort
}

# sources FOLDER...: the .c and .h files there, those of unit tests left out
sources() {
    all_sources "$@" | grep -v '_test\.c$'
}

# bare_text: what the files named on standard input hold, "FILE:LINE:TEXT",
# without comments and string literals
bare_text() {
    xargs awk '
    FNR == 1 { inside = 0 }
    {
        out = ""
        line = $0
        while (line != "") {
            if (inside) {
                end = index(line, "*/")
                if (!end) { line = ""; continue }
                line = substr(line, end + 2)
                inside = 0
            } else if (match(line, /\/\*|\/\/|"([^"\\]|\\.)*"/)) {
                out = out substr(line, 1, RSTART - 1)
                what = substr(line, RSTART, 2)
                text = substr(line, RSTART, RLENGTH)
                line = substr(line, RSTART + RLENGTH)
                if (what == "/*") inside = 1
                else if (what == "//") line = ""
                else out = out (out ~ /^[ \t]*#[ \t]*include/ ? text : "\"\"")
            } else {
                out = out line
                line = ""
            }
        }
        if (out != "") print FILENAME ":" FNR ":" out
    }' /dev/null
}

# includes: "FILE:LINE HEADER" for each include of the files named on standard
# input, the header with its quotes
includes() {
    bare_text | sed -nE \
        's/^([^:]*:[0-9]*):[ \t]*#[ \t]*include[ \t]*(["<][^">]*[">]).*/\1 \2/p'
}

has_word() {
    local w
    for w in $2; do [ "$w" != "$1" ] || return 0; done
    return 1
}

# The rules. Each prints "FILE:LINE: what is wrong", or nothing.

# shared_header FILE NAME: whether NAME, as in <NAME>, is a header of a room that
# shares it with FILE. Status 2: it is a header, but not shared with FILE.
shared_header() {
    local room place users user
    while read -r room place users; do
        [ "${2%%/*}" = "$room" ] || continue
        # $place is a pattern.
        compgen -G "$place/${2#*/}" >/dev/null || continue
        for user in $users; do
            [[ $1 != "$user"/* ]] || return 0
        done
        return 2
    done <<<"$shared"
    return 1
}

is_test() {
    [[ $1 == *_test.c || $1 == test/* || $1 == bench/* ]]
}

own_headers() {
    local at f header name status
    tracked | grep '\.h$' | grep -vE '^include/' | sed 's|.*/||' | sort -u \
        >"$scratch/headers"
    # The contracts lie beside these two when they are built.
    tracked | grep '\.[chS]$' |
        grep -vE '^test/(config/mistakes|e2e/contracts|e2e/disk)/' | includes |
        while read -r at header; do
        f=${at%:*} name=${header:1:-1}
        case $header in
        *..*) echo "$at: an include path with .. in it: $name" ;;
        \"*/*) echo "$at: an include path into another room: $name" ;;
        \"check.h\" | \"said.h\" | \"kept_frames.h\" | \"panics.h\" | \
            \"host.h\" | \"configured.h\" | \"ipv6_segment.h\" | \
            \"fat_volume.h\")
            is_test "$f" || echo "$at: only unit tests include $name" ;;
        \"*) [ -e "${f%/*}/$name" ] ||
            echo "$at: $name is not in the folder of the file" ;;
        \<mirage.h\> | \<mirage/*) [ -e "include/$name" ] ||
            echo "$at: there is no include/$name" ;;
        \<*/*) is_test "$f" && continue
            status=0
            shared_header "$f" "$name" || status=$?
            case $status in
            0) ;;
            2) echo "$at: a header that ${name%%/*} does not share with" \
                    "${f%/*}: $name" ;;
            *) # Folders of system headers may have a room's name.
                [ ! -e "$name" ] ||
                    echo "$at: an include path into another room: $name" ;;
            esac ;;
        *) ! grep -qx "$name" "$scratch/headers" ||
            echo "$at: a header of the project by its bare name: $name" ;;
        esac
    done
}

host_headers() {
    local at header name
    sources $bare | grep -v '^include/mirage/config\.h$' | includes |
        while read -r at header; do
        name=${header:1:-1}
        case $header in
        \<mirage.h\> | \<mirage/*) ;;
        \<*/*) shared_header "${at%:*}" "$name" ||
            echo "$at: a host's header: $name" ;;
        \<*) has_word "${name%.h}" "$iso" || echo "$at: a host's header: $name" ;;
        esac
    done
}

example_headers() {
    local at header name
    sources example | includes | while read -r at header; do
        name=${header:1:-1}
        case $header in
        \<mirage.h\> | \<mirage/config.h\>) ;;
        \<mirage/* | \"*/*)
            echo "$at: an example includes more than mirage.h: $name" ;;
        esac
    done
}

assembly() {
    sources $bare | bare_text |
        sed -nE 's/^([^:]*:[0-9]*):.*\b(__asm__|__asm|asm)\b.*/\1: assembly/p'
}

conditions() {
    local at text word
    sources $bare | bare_text |
        sed -nE 's/^([^:]*:[0-9]*):[ \t]*#[ \t]*(el)?if[a-z]*/\1 /p' |
        while read -r at text; do
        grep -oE '\b(_[A-Za-z_][A-Za-z0-9_]*|linux|unix|MIRAGE_TARGET[A-Z0-9_]*|TARGET_[A-Z0-9_]*|XEN|UNIX|VIRTIO|POLL)\b' \
            <<<"$text" | while read -r word; do
            has_word "$word" "$tools" ||
                echo "$at: #if on a target: $word"
        done
    done
}

# compile: an object in $scratch for each source of a room, its name the source's
# with .o: the one that make has made of it, or one of our own, for which the
# headers of this machine do
compile() {
    local f at made machine
    machine=$(uname -m)
    [ ! -e "$scratch/compiled" ] || return 0
    # libc/ needs newlib's headers, so it is looked at where make has made it.
    { sources core device net store backend config tool arch | grep '\.c$'
      tracked | grep -E '^(backend|arch)/.*\.S$'
      tracked | grep '^libc/.*\.[cS]$' | while read -r f; do
          [ ! "build/image/$f.o" -nt "$f" ] || echo "$f"
      done
    } | while read -r f; do
        [ -n "$has_xen" ] || case $f in
        arch/*/bare/* | backend/bare/* | backend/pc/* | backend/virtio/* | \
            backend/xen/*) continue ;;
        esac
        case $f in
        arch/*/* | backend/xen/*/*)
            [[ $f = arch/"$machine"/* || $f = backend/xen/"$machine"/* ]] ||
                continue ;;
        backend/pc/* | backend/virtio/*) [ "$machine" = x86_64 ] || continue ;;
        esac
        echo "$f"
    done >"$scratch/sources"
    sed "s|^|$scratch/|; s|/[^/]*\$||" "$scratch/sources" | sort -u | xargs mkdir -p
    while read -r f; do
        at=$scratch/$f.o
        for made in build/{unix,sim,host}/"${f%.c}.o" "build/image/$f.o" ''; do
            [ ! "$made" -nt "$f" ] || break
        done
        if [ -n "$made" ]; then ln -s "$PWD/$made" "$at"; else echo "$f"; fi
    done <"$scratch/sources" | xargs -P 2 -I{} sh -c \
        '${CC:-cc} -std=gnu11 -O0 -w -DMIRAGE_VERSION=\"\" -Iinclude -I. \
            -Ibackend -Iarch/$2/include \
            -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__ -c \
            -o "$0/$1.o" "$1"' "$scratch" {} "$machine" || return 1
    touch "$scratch/compiled"
}

# objects ROOM...: tool/fat and arch/*/bare are rooms of their own
objects() {
    local room
    for room; do
        [ ! -d "$scratch/$room" ] || find "$scratch/$room" -name '*.o' |
            case $room in
            tool) grep -v /tool/fat/ ;;
            arch) grep -v '/arch/[^/]*/bare/' ;;
            *) cat ;;
            esac
    done | sort
}

# defines ROOM...: the names that their objects define
defines() {
    local room of
    for room; do
        of=$scratch/defined.${room//\//.}
        [ -e "$of" ] || objects "$room" | xargs -r nm -g --defined-only |
            awk 'NF == 3 { print $3 }' | sort -u >"$of"
        cat "$of"
    done
}

# calls ROOM [BELOW...]: what ROOM's objects leave undefined that is neither
# the room's own nor defined in the rooms below, nor on standard input
calls() {
    cat >"$scratch/allowed.extra"
    { defines "$@"; cat "$scratch/allowed.extra"; } >"$scratch/allowed"
    undefined "$1" | awk -v list="$scratch/allowed" '
        BEGIN { while ((getline name <list) > 0) is[name] = 1 }
        !($2 in is)' | blame
}

# undefined ROOM: "SOURCE NAME" for each name that its objects leave undefined.
# Compilers call __stack_chk_fail, and __memcpy_chk for memcpy.
undefined() {
    objects "$1" | xargs -r nm -A -u |
        sed -E "s|^$scratch/(.*)\.o: +[A-Za-z] (.*)|\1 \2|
            / __stack_chk_fail$/d
            s| __([a-z0-9]+)_chk$| \1|" | sort -u
}

# blame: says what is wrong with each "SOURCE NAME"
blame() {
    local source name
    while read -r source name; do
        echo "$source: calls what its room may not: $name$(owner "$name")"
    done
}

# owner NAME: " (of ROOM)" for a name that a room defines
owner() {
    local o
    o=$(grep -lx "$1" "$scratch"/defined.* 2>/dev/null | head -n 1)
    [ -z "$o" ] || echo " (of ${o##*defined.})"
}

words() {
    printf '%s\n' "$@"
}

# declared HEADER...: names of the functions and variables that they declare
declared() {
    cat "$@" 2>/dev/null | grep -oE '[a-z_][a-z0-9_]*[[(;]' | tr -d '[(;' | sort -u
}

# may_call: "ROOM WHAT IT MAY CALL..." for each row of the table in
# doc/architecture.md
may_call() {
    awk -F'|' -v machine="$(uname -m)" '
        /^\| `/ {
            gsub(/[`,]/, " ")
            gsub(/arch\/\*\/bare/, "arch/" machine "/bare")
            split($2, room, " ")
            sub(/\/$/, "", room[1])
            print room[1], $4
        }' doc/architecture.md
}

room_calls() {
    local room below one also
    compile || { echo "rooms: the sources do not compile"; return; }
    rm -f "$scratch"/defined.*
    may_call >"$scratch/may_call"
    read -ra all < <(cut -d ' ' -f 1 "$scratch/may_call" | tr '\n' ' ')
    # Of a C library's own names only those count that are ours.
    { defines $(words "${all[@]}" | grep -vx libc); defines libc | grep '^libc_'; } | sort -u \
        >"$scratch/rooms"
    for room in backend/*/; do
        has_word "${room%/}" "${all[*]}" ||
            echo "$room: has no row in doc/architecture.md"
    done
    while read -r room below; do
        also=
        for one in $below; do
            case $one in
            *.h) also+=" $(declared "include/mirage/$one")" ;;
            *.c) also+=" $(defines_of "$one")" ;;
            esac
        done
        # What its own headers ask of the target.
        case $room in
        arch/*/bare) also+=" $(declared "${room%/bare}"/include/arch/*.h)" ;;
        backend/*) also+=" $(declared "$room"/*.h)" ;;
        esac
        case $room in
        arch/*/bare | backend/* | libc)
            also+=" $(declared include/mirage/{platform,bare,machine,libc}.h)" ;;
        esac
        case $room in
        include | example | test | bench) ;;
        core) words $libc $image $also | calls core ;;
        device | net | store | arch)
            words $libc $also | calls "$room" $below ;;
        # The others may call a C library, so what is wrong there is a call of
        # another room.
        *) words $image $also | foreign "$room" $below ;;
        esac
    done <"$scratch/may_call"
}

defines_of() {
    nm -g --defined-only "$scratch/$1.o" 2>/dev/null |
        awk 'NF == 3 { print $3 }'
}

# foreign ROOM [BELOW...]: calls of names that only other rooms define, and that
# are not on standard input
foreign() {
    cat >"$scratch/allowed.extra"
    comm -23 "$scratch/rooms" <({ defines "$@"; echo main
                                  cat "$scratch/allowed.extra"; } | sort -u) \
        >"$scratch/foreign"
    undefined "$1" | awk -v list="$scratch/foreign" '
        BEGIN { while ((getline name <list) > 0) is[name] = 1 }
        $2 in is' | blame
}

# Expected outputs and test inputs are what they are.
texts() {
    tracked | grep -vE '^(test/config/.*/|test/fuzz/.*\.seeds/)' |
        grep -E '(\.([ch]|sh|md|mk|1|awk|gp|plan|bash)|(^|/)(Makefile|_mirage|run)|^(test|bench|\.ci)/[^.]*)$'
}

licence() {
    texts | xargs awk '
    FNR == 1 { if (file && !found) print file ":1: " none; file = FILENAME; found = 0 }
    FNR <= 2 && /SPDX-License-Identifier: ISC/ { found = 1 }
    END { if (file && !found) print file ":1: " none }
    ' none='no line SPDX-License-Identifier: ISC'
}

columns() {
    tracked | grep '\.[ch]$' | grep -v '^test/config/.*/' |
        xargs grep -nHE '^.{81,}' |
        sed -E 's|^([^:]*:[0-9]+):.*|\1: more than 80 columns|'
}

blanks() {
    local f
    texts | xargs grep -nHE '[ 	]+$' |
        sed -E 's|^([^:]*:[0-9]+):.*|\1: blanks at the end of the line|'
    # The last bytes of all: if they are line ends, none need be looked for.
    [ -z "$(texts | xargs -d '\n' tail -qc 1)" ] || texts | while read -r f; do
        [ ! -s "$f" ] || [ -z "$(tail -c 1 "$f")" ] ||
            echo "$f: no line end at the end of the file"
    done
}

rules='
own_headers      rooms meet only in include/
host_headers     no host headers in a bare room
example_headers  an example needs only mirage.h
assembly         no assembly in a bare room
conditions       no choice of target by #if
room_calls       calls go down
licence          each file names its licence
columns          80 columns
blanks           no blanks at line ends
'

# check FUNCTION RULE: a test, in the present folder
check() {
    local found
    found=$("$1" 2>&1)
    if [ -z "$found" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        sed "s|\$| (rule: $2)|" <<<"$found"
    fi
}

check_all() {
    local function rule
    while read -r function rule; do
        [ -z "$function" ] || check "$function" "$rule"
    done <<<"$rules"
}

check_all
all_passed=$passed all_failed=$failed
scratch_all=$scratch
has_xen=yes

# A tree that keeps the rules; each trial below breaks one.
spdx='/* SPDX-License-Identifier: ISC */'
small_tree() {
    scratch=$scratch_all/small
    rm -rf "$scratch"
    mkdir -p "$scratch/tree/doc" || exit 1
    cp "$top/doc/architecture.md" "$scratch/tree/doc"
    cd "$scratch/tree" || exit 1
    passed=0 failed=0
    mkdir -p include/mirage core device store net backend/{unix,sim,bare,pc} \
        backend/{virtio,xen} "arch/$(uname -m)"/{bare,include/arch} \
        config tool example/x test
    printf '%s\n' "$spdx" 'void core_go(void);' >include/mirage/core.h
    printf '%s\n' "$spdx" 'void platform_go(void);' >include/mirage/platform.h
    printf '%s\n' "$spdx" 'int near(void);' >include/mirage/near.h
    printf '%s\n' "$spdx" '#include <mirage/core.h>' >include/mirage.h
    printf '%s\n' "$spdx" '#include "core.h"' '#include <string.h>' \
        '#include <mirage/platform.h>' '/* asm, in a comment */' \
        'void core_go(void) { platform_go(); }' >core/core.c
    printf '%s\n' "$spdx" '#ifndef CORE_H' '#define CORE_H' '#endif' >core/core.h
    printf '%s\n' "$spdx" 'int near(void) { return 0; }' >core/nearest.c
    printf '%s\n' "$spdx" '#include <mirage/core.h>' 'void device_go(void);' \
        'void device_go(void) { core_go(); }' >device/device.c
    printf '%s\n' "$spdx" 'void device_go(void); void store_go(void);' \
        'void store_go(void) { device_go(); }' >store/store.c
    printf '%s\n' "$spdx" '#include <unistd.h>' \
        'void platform_go(void) { _exit(0); }' >backend/unix/platform.c
    printf '%s\n' "$spdx" '__asm__("nop");' >"arch/$(uname -m)/switch.c"
    printf '%s\n' "$spdx" 'void arch_go(void);' \
        >"arch/$(uname -m)/include/arch/cpu.h"
    printf '%s\n' "$spdx" '#include <arch/cpu.h>' 'void arch_go(void) {}' \
        >"arch/$(uname -m)/bare/cpu.c"
    printf '%s\n' "$spdx" 'void bare_go(void);' 'void bare_leave(void);' \
        >backend/bare/start.h
    printf '%s\n' "$spdx" '#include "start.h"' '#include <arch/cpu.h>' \
        'void bare_go(void) { arch_go(); bare_leave(); }' >backend/bare/start.c
    printf '%s\n' "$spdx" 'void pc_go(void);' >backend/pc/serial.h
    printf '%s\n' "$spdx" '#include "serial.h"' '#include <bare/start.h>' \
        'void pc_go(void) { bare_go(); }' >backend/pc/serial.c
    printf '%s\n' "$spdx" '#include <pc/serial.h>' '#include <bare/start.h>' \
        'void bare_leave(void) { pc_go(); }' >backend/virtio/platform.c
    printf '%s\n' "$spdx" '#include <bare/start.h>' \
        'void xen_go(void) { bare_go(); }' >backend/xen/guest.c
    printf '%s\n' "$spdx" '#include <pc/serial.h>' >test/pc_test.c
    printf '%s\n' "$spdx" 'int emit(void) { return 0; }' >config/emit.c
    printf '%s\n' "$spdx" '#include <mirage/near.h>' \
        'int main(void) { return near(); }' >tool/main.c
    printf '%s\n' "$spdx" '#include <mirage.h>' >example/x/unikernel.c
}

# verdict OK WHAT OUTPUT
verdict() {
    if "$1"; then
        all_passed=$((all_passed + 1))
    else
        all_failed=$((all_failed + 1))
        echo "$2:"
        sed 's/^/    /' <<<"$3"
    fi
}

# trial FUNCTION FILE TEXT...: with TEXT added to FILE, the rule is broken there
trial() {
    local function=$1 file=$2 out ok=true
    shift 2
    small_tree
    [ -e "$file" ] || printf '%s\n' "$spdx" >"$file"
    printf '%s\n' "$@" >>"$file"
    out=$(check "$function" X)
    grep -qE "^$file:[0-9]*:? .* \(rule: X\)\$" <<<"$out" || ok=false
    [ "$(wc -l <<<"$out")" = 1 ] || ok=false
    verdict $ok "a tree that breaks the rule $function in $file gives" "$out"
}

small_tree
out=$(check_all)
verdict "$([ -z "$out" ] && echo true || echo false)" \
    "a tree that keeps the rules gives" "$out"

small_tree
if command -v git >/dev/null && git init -q 2>/dev/null; then
    echo '/example/*/main.c' >.gitignore
    echo '#include <mirage/main.h>' >example/x/main.c
    out=$(check_all)
    verdict "$([ -z "$out" ] && echo true || echo false)" \
        "an example that was configured gives" "$out"
fi

trial own_headers device/a.c '#include "../core/core.h"'
trial own_headers device/a.c '#include "core/core.h"'
trial own_headers backend/unix/a.c '#include <core/core.h>'
trial own_headers device/a.c '#include "core.h"'
trial own_headers device/a.c '#  include <mirage/../../core/core.h>'
trial own_headers core/a.c '#include "check.h"'
trial own_headers core/a.c '#include "panics.h"'
trial own_headers tool/a.c '#include <mirage/none.h>'
trial own_headers backend/xen/a.c '#include <start.h>'
trial own_headers backend/xen/a.c '#include <pc/serial.h>'
trial own_headers backend/unix/a.c '#include <bare/start.h>'
trial own_headers test/a.c '#include "start.h"'
trial host_headers core/a.c '#include <arch/cpu.h>'
trial host_headers core/a.c '#include <sys/epoll.h>'
trial host_headers include/mirage/a.h '#include <unistd.h>'
trial example_headers example/x/unikernel.c '#include <mirage/platform.h>'
trial assembly core/a.c 'void a(void) { __asm__("nop"); }'
trial assembly device/a.c 'void a(void) { asm volatile ("nop"); }'
trial conditions core/a.c '#ifdef __linux__' '#endif'
trial conditions store/a.c '#if defined(__x86_64__)' '#endif'
trial conditions include/mirage/a.h '# if MIRAGE_TARGET_XEN' '# endif'
here=arch/$(uname -m)
# All in one tree, since compiling takes its time.
small_tree
breaches="core/a.c device_go
core/b.c sync
device/a.c store_go
device/b.c platform_go
store/a.c write
$here/a.c core_go
backend/unix/a.c emit
config/a.c core_go
tool/a.c emit
tool/b.c core_go
$here/bare/a.c bare_go
backend/bare/a.c pc_go
backend/pc/a.c bare_leave
backend/xen/a.c pc_go
backend/xen/b.c store_go
backend/virtio/a.c xen_go"
while read -r file name; do
    printf '%s\n' "$spdx" "void $name(void); void a(void);" \
        "void a(void) { $name(); }" >"$file"
done <<<"$breaches"
out=$(check room_calls X)
while read -r file name; do
    found=$(grep "^$file: calls what its room may not: $name\>" <<<"$out")
    verdict "$([ -n "$found" ] && echo true || echo false)" \
        "a call of $name in $file gives" "$out"
done <<<"$breaches"
verdict "$([ "$(wc -l <<<"$out")" = "$(wc -l <<<"$breaches")" ] && echo true || echo false)" \
    "calls that are wrong give" "$out"

trial columns core/a.c "/* $(printf '%080d' 0) */"
trial blanks core/a.c 'int a; '
small_tree
echo 'int a;' >core/a.c
out=$(check licence X)
verdict "$([[ $out == 'core/a.c:1: '*'(rule: X)' ]] && echo true || echo false)" \
    "a file without its licence gives" "$out"

scratch=$scratch_all
echo "$all_passed passed, $all_failed failed$(
    [ "$skipped" = 0 ] || echo ", $skipped skipped")"
[ "$all_failed" -eq 0 ]
