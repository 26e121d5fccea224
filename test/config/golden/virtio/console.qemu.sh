#!/bin/sh
# Made by `mirage configure`. Runs mir-console.virtio in QEMU, prints QEMU's command
# line, and ends with the exit status of the image.
#
#     sh console.qemu.sh --key=value...    boot arguments
#     MACHINE=q35                          another machine than microvm
#     MEMORY=256                           MiB; or with K, M or G behind it
#     ACCEL=tcg                            another accelerator than the best
#     FORWARD='8080:80 53:53/udp'          ports of 127.0.0.1 that are passed on
#                                          to the image, in place of a TAP
#     QEMU_ARGS='-gdb tcp::1234 -S'        more for QEMU
#
# Exit status: the image's, or 126 if that is larger; 70 if the image crashed or
# the virtual machine stopped without a status; 1 if QEMU could not start;
# 128 + n if this script was ended by signal n.
set -f # QEMU_ARGS is split at blanks and not expanded further

folder=$(dirname "$0")
case $folder in . | /* | ./*) ;; *) folder=./$folder ;; esac
image=$folder/mir-console.virtio
machine=${MACHINE:-microvm}

# virtio devices are on microvm's own bus, and otherwise on PCI. No network has a
# boot ROM: the image boots without it.
case $machine in
microvm*) bus=device rom= ;;
*) bus=pci rom=,romfile= ;;
esac

# boot_line WORD...: one line of quoted words, which the image splits into the
# same words. The dot keeps newlines at the end of a word from $().
boot_line() {
    line=
    for word; do
        word=$(printf '%s.' "$word" | sed 's/[\\"]/\\&/g')
        line="$line \"${word%.}\""
    done
    printf %s "${line# }"
}

# print_command WORD...: prints a line that can be pasted into a shell.
print_command() {
    line=+
    for word; do
        case $word in
        '' | *[!A-Za-z0-9_+=./:,@%-]*)
            word=$(printf '%s.' "$word" | sed "s/'/'\\\\''/g")
            word="'${word%.}'"
            ;;
        esac
        line="$line $word"
    done
    printf '%s\n' "$line"
}

# with_qemu COMMAND ACCELERATOR MEMORY SERIAL LINE [WORD...]: runs COMMAND, its
# last arguments being the command line of QEMU.
with_qemu() {
    command=$1 accel=$2 memory=$3 serial=$4 line=$5
    shift 5
    $command qemu-system-x86_64 -M "$machine" -accel "$accel" -cpu max \
        -m "$memory" -nodefaults -no-user-config -display none \
        -serial "$serial" -no-reboot \
        -device isa-debug-exit,iobase=0xf4,iosize=4 \
        -global virtio-mmio.force-legacy=false \
        -kernel "$image" -append "$line" "$@"
}

# kvm_runs ACCELERATOR: does the image run with it? On some machines QEMU starts
# with KVM, but KVM cannot emulate an instruction that images use, and QEMU
# pauses the image for ever. So the image itself is run, with --help, for at most
# 2 seconds.
kvm_runs() {
    with_qemu 'timeout -s KILL 2' "$1" 64 null '"--help"' \
        </dev/null >/dev/null 2>&1
    [ $? -eq 3 ]
}

# watch PID: copies QEMU's messages, and ends QEMU some time after KVM has given
# up, which leaves the virtual machine paused.
watch() {
    while IFS= read -r message; do
        printf '%s\n' "$message" >&2
        case $message in
        'KVM internal error'*)
            (sleep 1; kill "$1"; sleep 2; kill -9 "$1") >/dev/null 2>&1 3>&- &
            ;;
        esac
    done
}

# in_background: is standard input a terminal, and this script not in its
# foreground? By the fields of proc(5)'s stat: state, parent, group, session,
# terminal, the terminal's group.
in_background() {
    [ -t 0 ] && [ -r /proc/self/stat ] || return
    IFS= read -r fields </proc/self/stat
    # shellcheck disable=SC2086
    set -- ${fields##*) }
    [ "$6" -gt 0 ] && [ "$3" -ne "$6" ]
}

# run COMMAND...: prints and runs QEMU, passes signals on to it, and sets status
# to QEMU's and signal to the one that has ended it here. QEMU is terminated,
# too, when this script is killed.
run() {
    print_command "$@" >&2
    [ -e /proc/self/fd/0 ] || [ ! -d /proc/self/fd ] || exec </dev/null # closed
    # QEMU sets the terminal's modes, for which it would be stopped there.
    ! in_background || exec </dev/null
    modes=
    [ ! -t 0 ] || modes=$(stty -g)
    ! setpriv --pdeathsig TERM true 2>/dev/null ||
        set -- setpriv --pdeathsig TERM "$@"
    exec 3<&0
    signal=0
    trap 'signal=1; kill "$qemu"' HUP
    trap 'signal=2; kill "$qemu"' INT
    trap 'signal=15; kill "$qemu"' TERM
    scratch=
    case $accel in
    kvm*) scratch=$(mktemp -d) && mkfifo "$scratch/messages" ;;
    esac
    if [ -n "$scratch" ]; then
        "$@" <&3 2>"$scratch/messages" 3<&- &
        qemu=$!
        watch "$qemu" <"$scratch/messages" &
    else
        "$@" <&3 3<&- &
        qemu=$!
    fi
    # A signal ends `wait`, and not QEMU.
    while
        wait "$qemu"
        status=$?
        kill -0 "$qemu" 2>/dev/null
    do :; done
    [ -z "$scratch" ] || rm -rf "$scratch"
    [ -z "$modes" ] || in_background || stty "$modes"
}

# image_size: the KiB from 0 to where the image ends in memory, by its program
# headers (ELF64: 56 bytes each, from byte 64 on); 0 if it has none.
image_size() {
    count=$(od -An -v -t u2 -j 56 -N 2 "$image" | tr -d ' ')
    od -An -v -t u8 -j 64 -N $((56 * ${count:-0})) "$image" | awk '
        { for (i = 1; i <= NF; i++) field[n++] = $i }
        END {
            for (i = 0; i + 6 < n; i += 7)
                if (field[i] % 4294967296 == 1 &&
                    field[i + 3] + field[i + 5] > end)
                    end = field[i + 3] + field[i + 5]
            print int((end + 1023) / 1024)
        }'
}

# check_memory SIZE: ends the script if that is no size, or less than the image
# itself, which QEMU would load into nothing and run for ever.
check_memory() {
    number=$(printf %s "${1%[KMGkmg]}" | sed 's/^0*\([0-9]\)/\1/')
    case $number in
    '' | *[!0-9]* | ????????*)
        echo "MEMORY=$1: expected MiB, such as 64" >&2
        exit 1
        ;;
    esac
    case $1 in
    *[Kk]) ;;
    *[Gg]) number=$((number * 1048576)) ;;
    *) number=$((number * 1024)) ;;
    esac
    need=$(image_size)
    if [ "$number" -lt "$need" ]; then
        echo "MEMORY=$1: mir-console.virtio needs at least" \
            "MEMORY=$(((need + 1023) / 1024)) (MiB)" >&2
        exit 1
    fi
}

if ! command -v qemu-system-x86_64 >/dev/null; then
    echo "there is no qemu-system-x86_64 on PATH. On Debian:" \
        "apt-get install qemu-system-x86" >&2
    exit 1
fi
if [ ! -r "$image" ]; then
    echo "cannot read $image: run \`make\`" >&2
    exit 1
fi

check_memory "${MEMORY:-64}"

use=${ACCEL:-kvm}
case $use in
kvm*)
    if kvm_runs "$use"; then
        :
    elif [ -n "${ACCEL:-}" ]; then
        echo "QEMU cannot run mir-console.virtio with ACCEL=$ACCEL here; ACCEL=tcg" \
            "works anywhere" >&2
        exit 1
    else
        echo "QEMU cannot use /dev/kvm here; it goes on without (ACCEL=tcg)" >&2
        [ ! -e /dev/kvm ] || [ -w /dev/kvm ] ||
            echo "(This user may not open it. As root: adduser \$USER kvm;" \
                "then log in anew.)" >&2
        use=tcg
    fi
    ;;
esac

# The devices of config.c, in the order of their names. By its serial number, or
# its MAC address, the image knows each.
boot=$(boot_line "$@")
set --
if [ -n "${FORWARD:-}" ]; then
    echo "FORWARD=$FORWARD: config.c has no network" >&2
    exit 1
fi
set -- "$@" -device virtio-rng-$bus \
    -device virtio-balloon-$bus,deflate-on-oom=on

# shellcheck disable=SC2086
with_qemu run "$use" "${MEMORY:-64}" stdio "$boot" "$@" ${QEMU_ARGS:-}
[ "$signal" -eq 0 ] || exit $((128 + signal))
case $status in
0)
    # -no-reboot makes a reset an end of QEMU, with this status.
    echo "mir-console.virtio was reset, or QEMU was ended, before the image gave an exit" \
        "status" >&2
    exit 70
    ;;
1 | 126 | 127) exit "$status" ;; # QEMU's own mistake
esac
# The image's status s arrives as 2 * (s + 1) + 1.
[ $((status % 2)) -eq 0 ] || exit $(((status - 3) / 2))
exit "$status"
# hash as made: e2c9740d6cf16b38 console.qemu.sh
