/* SPDX-License-Identifier: ISC */
/*
 * Unwinding by call frame information (cfi.h), since libraries are seldom
 * compiled with frame pointers. Where a function has none, or one with
 * expressions, the return address at the stack pointer or the frame pointer is
 * used.
 */
#include "unwind.h"
#include "cfi.h"
#include "modules.h"
#include <mirage/arch.h>
#include <string.h>

static bool is_known(const struct unwind *u, uint64_t reg)
{
    return reg < UNWIND_COUNT && (u->known >> reg & 1);
}

static bool read_word(const struct unwind *u, uintptr_t address,
                      uintptr_t *word)
{
    if (address % sizeof *word != 0 || address < u->low ||
        u->high - u->low < sizeof *word ||
        address > u->high - sizeof *word)
        return false;
    memcpy(word, (const void *)address, sizeof *word);
    return true;
}

static uintptr_t strip(uintptr_t link)
{
#ifdef __aarch64__
    return link & 0x0000ffffffffffffu; /* without its authentication code */
#else
    return link;
#endif
}

/* Restores the registers of the caller. Call-clobbered ones that no rule
 * mentions keep their values, which no later rule refers to. */
static bool apply(struct unwind *u, const struct cfi *row)
{
    struct unwind next = {.low = u->low, .high = u->high, .is_return = true};
    uintptr_t cfa;

    if (row->is_expression || !is_known(u, row->cfa_register))
        return false;
    cfa = u->value[row->cfa_register] + (uintptr_t)row->cfa_offset;
    if (cfa < u->low || cfa > u->high ||
        (is_known(u, UNWIND_STACK) &&
         cfa < u->value[UNWIND_STACK] + u->is_return))
        return false;
    for (unsigned i = 0; i < UNWIND_COUNT; i++) {
        const struct cfi_rule *rule = &row->reg[i];
        unsigned from = i;

        if (rule->type == CFI_SAVED) {
            if (read_word(u, cfa + (uintptr_t)rule->offset, &next.value[i]))
                next.known |= (uint64_t)1 << i;
            continue;
        }
        if (rule->type == CFI_MOVED && rule->offset < UNWIND_COUNT)
            from = (unsigned)rule->offset;
        if (rule->type == CFI_LOST || !is_known(u, from))
            continue;
        next.value[i] = u->value[from];
        next.known |= (uint64_t)1 << i;
    }
    if (!is_known(&next, row->link))
        return false;
    next.pc = strip(next.value[row->link]);
    next.value[UNWIND_STACK] = cfa;
    next.known |= (uint64_t)1 << UNWIND_STACK;
    /* The link register now belongs to the frame that was left. */
    next.known &= ~((uint64_t)1 << UNWIND_LINK);
    *u = next;
    return true;
}

static bool step_by_table(struct unwind *u)
{
    struct cfi row;

    /* A return address may be the first of the next function: the call is
     * before it. */
    return cfi_find(u->pc - u->is_return, &row) && apply(u, &row);
}

/* By the return address where the call left it. For a fault in a function that
 * has no frame yet or never makes one, or in a call of an invalid address. */
static bool step_by_link(struct unwind *u)
{
    uintptr_t link, sp = u->value[UNWIND_STACK];

#ifdef __x86_64__
    if (!read_word(u, sp, &link))
        return false;
    /* The prologue may have pushed the frame pointer of the caller. */
    if (link == u->value[UNWIND_FRAME]) {
        sp += sizeof link;
        if (!read_word(u, sp, &link))
            return false;
    }
    sp += sizeof link;
#else
    link = strip(u->value[UNWIND_LINK]);
#endif
    if (!arch_is_return_address(link, modules_hold_code))
        return false;
    u->pc = link;
    u->is_return = true;
    u->value[UNWIND_STACK] = sp;
    return true;
}

static bool step_by_frame(struct unwind *u)
{
    uintptr_t frame = u->value[UNWIND_FRAME], before, link;

    if (!is_known(u, UNWIND_FRAME) || !read_word(u, frame, &before) ||
        !read_word(u, frame + sizeof before, &link))
        return false;
    if (before != 0 && before <= frame)
        before = 0; /* not an outer frame: end after this one */
    u->pc = strip(link);
    u->is_return = true;
    u->known = (uint64_t)1 << UNWIND_FRAME;
    u->value[UNWIND_FRAME] = before;
#ifdef __x86_64__
    u->known |= (uint64_t)1 << UNWIND_STACK;
    u->value[UNWIND_STACK] = frame + 2 * sizeof frame;
#endif
    return true;
}

bool unwind_step(struct unwind *u)
{
    return (step_by_table(u) || (!u->is_return && step_by_link(u)) ||
            step_by_frame(u)) &&
           u->pc != 0;
}
