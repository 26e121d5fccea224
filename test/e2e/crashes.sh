# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
#
# crashes.sh   for bash, sourced: all crashes of the image odd. The sourcing test
#              defines `crash ACT CAUSE FRAME [LINE]`, which checks the report of
#              one, with that line if it is given. After a stack is smashed, the
#              frames of the callers are lost.
guarded='to address 0x[0-9a-f]+, which is protected'
crash null \
    'page fault: write to address 0x0 \(a null pointer\), in fiber "start"' \
    null_pointer '^ rip [0-9a-f]{16}  rsp [0-9a-f]{16}'
crash divide 'division by zero, in fiber "start"' divide
crash overflow 'stack overflow in fiber "start": its 256 KiB are used up' dig
crash write-code "page fault: write $guarded" write_code
crash run-data 'page fault: execution at address 0x[0-9a-f]+, which is' run_data
crash no-memory \
    'out of memory: 4611686018427387904 bytes were asked for' no_memory
crash require \
    'unikernel.c:[0-9]+, in fiber "start": require\(zero == 1\) failed' \
    broken_promise
crash flow-close \
    "in fiber \"start\": flow_close of a tcp_handler's flow: it is closed when" \
    close_handlers_flow
crash abort 'in fiber "start"' aborted
smashed='has written past the end of an array$'
crash smash "in fiber \"start\": stack smashing detected: fill_name $smashed" \
    fill_name
crash smash-store \
    "in fiber \"start\": stack smashing detected: of_fs_size $smashed" of_fs_size

# protected IMAGE: the functions that have a canary, by the image's debug file
protected() {
    objdump -d --no-show-raw-insn "$1" | awk '
        /^[0-9a-f]+ <.*>:$/ { name = substr($2, 2, length($2) - 3) }
        /%fs:0x28/ { sub(/^mirage__/, "", name); sub(/[.].*/, "", name)
                     print name }' | sort -u
}

# canaries IMAGE ONE OTHER: functions that handle foreign bytes have a canary,
# which differs between the two boots, and none that run before it is set
canaries() {
    local name have
    have=$(protected "$1")
    for name in fill_name of_fs_size console_log; do
        has "canaries" "$have" "^$name$"
    done
    for name in bare_start linux_start pv_start pv_init pvh_init start_devices target_start libc_start \
        platform_entropy seed entropy_seed random_mix random_instructions random_draw \
        jitter_collect start_image start_add_region serial_start \
        start_read_pvh start_read_linux start_set_line start_set_rsdp traps_init clock_start \
        set_traps place_shared_page console_start parameter ring; do
        ! grep -qx "$name" <<<"$have" ||
            wrong "$name has a canary, before there is one"
    done
    has "the canary" "$2" '^canary [0-9a-f]{14}00$'
    has "the other canary" "$3" '^canary [0-9a-f]{14}00$'
    [ "$2" != "$3" ] || wrong "two boots have the same canary: $2"
}
