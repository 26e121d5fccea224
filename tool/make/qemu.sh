#!/bin/sh
# SPDX-License-Identifier: ISC
# Made by `mirage configure`. Runs @PROGRAM@ in QEMU, prints QEMU's command
# line, and ends with the exit status of the image.
#
#     sh @IMAGE@.qemu.sh --key=value...    boot arguments
#     MACHINE=q35                          another machine than microvm
#     MEMORY=256                           MiB
#     ACCEL=tcg                            another accelerator than the best
#     QEMU_ARGS='-gdb tcp::1234 -S'        more for QEMU

# Each word is quoted, so that the image finds it as it was given.
append=
for word; do
    append="$append \"$(printf %s "$word" | sed 's/[\\"]/\\&/g')\""
done

# /dev/kvm may be there and be of no use, as inside of another virtual machine.
accel=${ACCEL:-tcg}
if [ -z "${ACCEL:-}" ] && [ -w /dev/kvm ]; then
    if (echo quit | qemu-system-x86_64 -M microvm -accel kvm -cpu max -S \
        -nodefaults -no-user-config -display none -monitor stdio || exit) \
        >/dev/null 2>&1; then
        accel=kvm
    else
        echo "QEMU cannot use /dev/kvm here; it goes on without (ACCEL=tcg)" >&2
    fi
fi

# shellcheck disable=SC2086
set -- qemu-system-x86_64 -M "${MACHINE:-microvm}" -accel "$accel" -cpu max \
    -m "${MEMORY:-@MEMORY@}" -nodefaults -no-user-config -display none \
    -serial stdio -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4 \
    -kernel "$(dirname "$0")/@PROGRAM@" -append "${append# }" ${QEMU_ARGS:-}
echo "+ $*" >&2
"$@"
status=$?
# The image's exit status comes as twice that and one; QEMU's own mistakes are
# 1, as is an image's 0, but then nothing has run.
[ $((status % 2)) -eq 0 ] || exit $((status / 2))
exit $status
