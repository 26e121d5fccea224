# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
#
# crashes.sh   for bash, sourced: each crash of the image odd, which has to be
#              reported as `crash ACT CAUSE FRAME` of the sourcing test checks, as
#              `crash ACT CAUSE FRAME LINE` where it has to say such a line, too
protected='to address 0x[0-9a-f]+, which is protected'
crash null \
    'page fault: write to address 0x0 \(a null pointer\), in fiber "start"' \
    null_pointer '^ rip [0-9a-f]{16}  rsp [0-9a-f]{16}'
crash divide 'division by zero, in fiber "start"' divide
crash overflow 'stack overflow in fiber "start": its 256 KiB are used up' dig
crash write-code "page fault: write $protected" write_code
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
