/* SPDX-License-Identifier: ISC */
/*
 * cfi: call frame information, by which a debugger or an exception restores
 * the registers of a caller. For crash reports: takes no lock, allocates
 * nothing.
 */
#ifndef UNIX_CFI_H
#define UNIX_CFI_H

#include "unwind.h"

enum cfi_rule_type { CFI_UNCHANGED, /* the register was not written */
                     CFI_SAVED, /* on the stack, at CFA + offset */
                     CFI_MOVED, /* in the register number offset */
                     CFI_LOST }; /* or told by an expression */

struct cfi_rule {
    enum cfi_rule_type type;
    intptr_t offset;
};

/*
 * The row of the unwind table for one address: how the registers of the caller
 * are restored. The CFA (canonical frame address) is the caller's stack pointer
 * before the call.
 */
struct cfi {
    struct cfi_rule reg[UNWIND_COUNT];
    uint64_t cfa_register;
    intptr_t cfa_offset;
    bool is_expression; /* the CFA is told by one, and not by the two above */
    uint64_t link; /* the register that holds the return address */
};

/*
 * Finds the row for pc, after modules_read. False: no table covers pc, or it is
 * malformed or has an instruction that is unknown; *found is undefined then.
 */
bool cfi_find(uintptr_t pc, struct cfi *found);

#endif
