/* SPDX-License-Identifier: ISC */
/*
 * Unwinding by .eh_frame (Linux Standard Base Core 5.0, 10.6, and DWARF
 * 5, 6.4), since libraries are seldom compiled with frame pointers. Where a
 * function has no entry there, or one with expressions, the frame pointer is
 * followed.
 */
#include "unwind.h"
#include "modules.h"
#include <mirage/arch.h>
#include <string.h>

#define REMEMBERED 8

/* DW_EH_PE_*: how a pointer is written. */
#define ENCODED_ABSOLUTE     0x00
#define ENCODED_DATA4        0x03
#define ENCODED_SIGNED4      0x0b
#define ENCODED_SIGNED8      0x0c
#define ENCODED_FORM         0x0f
#define ENCODED_RELATIVE     0x10
#define ENCODED_DATA_SIGNED4 0x3b
#define ENCODED_OMITTED      0xff

/* DW_CFA_*; the first three have an operand in their low six bits. */
enum { ADVANCE = 0x40,
       OFFSET = 0x80,
       RESTORE = 0xc0,
       NOP = 0x00,
       SET_LOCATION = 0x01,
       ADVANCE1 = 0x02,
       ADVANCE2 = 0x03,
       ADVANCE4 = 0x04,
       OFFSET_EXTENDED = 0x05,
       RESTORE_EXTENDED = 0x06,
       UNDEFINED = 0x07,
       SAME_VALUE = 0x08,
       IN_REGISTER = 0x09,
       REMEMBER = 0x0a,
       RECALL = 0x0b,
       DEFINE = 0x0c,
       DEFINE_REGISTER = 0x0d,
       DEFINE_OFFSET = 0x0e,
       DEFINE_EXPRESSION = 0x0f,
       EXPRESSION = 0x10,
       OFFSET_SIGNED = 0x11,
       DEFINE_SIGNED = 0x12,
       DEFINE_OFFSET_SIGNED = 0x13,
       VALUE_EXPRESSION = 0x16,
       NEGATE_RA_STATE = 0x2d, /* AArch64: the return address is signed */
       ARGUMENTS_SIZE = 0x2e };

enum how { UNCHANGED, /* the caller's is what it is now */
           SAVED, /* at the CFA and offset */
           MOVED, /* into register offset */
           LOST }; /* or told by an expression */

struct rule {
    enum how how;
    intptr_t offset;
};

/* How the caller's registers are had. CFA: the canonical frame address, its
 * stack pointer before the call. */
struct rules {
    struct rule reg[UNWIND_COUNT];
    uint64_t cfa_register;
    intptr_t cfa_offset;
    bool is_expression;
};

struct reader {
    const uint8_t *at, *end;
    bool is_bad;
};

/* A common information entry and one of a function. */
struct entry {
    uint64_t code_unit;
    intptr_t data_unit;
    uint64_t link; /* the register with the return address */
    uint8_t encoding;
    uintptr_t start, size;
    struct reader initial, instructions;
};

static uint64_t take(struct reader *r, size_t size)
{
    uint64_t value = 0;

    if ((size_t)(r->end - r->at) < size) {
        r->is_bad = true;
        return 0;
    }
    memcpy(&value, r->at, size); /* little-endian, as all our processors */
    r->at += size;
    return value;
}

static uint64_t take_uleb(struct reader *r)
{
    uint64_t value = 0;
    uint8_t byte = 0x80;

    for (unsigned shift = 0; byte & 0x80 && !r->is_bad; shift += 7) {
        byte = (uint8_t)take(r, 1);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
    }
    return value;
}

static int64_t take_sleb(struct reader *r)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte = 0x80;

    while (byte & 0x80 && !r->is_bad) {
        byte = (uint8_t)take(r, 1);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    }
    if (shift < 64 && (byte & 0x40))
        value |= ~(uint64_t)0 << shift;
    return (int64_t)value;
}

/* A pointer, absolute or relative to where it stands. */
static uintptr_t take_pointer(struct reader *r, uint8_t encoding)
{
    uintptr_t here = (uintptr_t)r->at, value = 0;

    switch (encoding & ENCODED_FORM) {
    case ENCODED_ABSOLUTE:
    case ENCODED_SIGNED8: value = take(r, 8); break;
    case ENCODED_DATA4: value = take(r, 4); break;
    case ENCODED_SIGNED4: value = (uintptr_t)(int32_t)take(r, 4); break;
    default: r->is_bad = true;
    }
    if ((encoding & ~ENCODED_FORM) == ENCODED_RELATIVE)
        value += here;
    else if (encoding & ~ENCODED_FORM)
        r->is_bad = true;
    return value;
}

static void skip(struct reader *r, uint64_t size)
{
    if (size > (uint64_t)(r->end - r->at))
        r->is_bad = true;
    else
        r->at += size;
}

/* The entry at address, from behind its length, in memory of the module. */
static bool open_entry(const struct module *m, uintptr_t address,
                       struct reader *r)
{
    uint32_t size;

    if (!module_holds(m, address, sizeof size))
        return false;
    memcpy(&size, (const void *)address, sizeof size);
    address += sizeof size;
    if (size < 4 || size == UINT32_MAX || !module_holds(m, address, size))
        return false;
    *r = (struct reader){.at = (const void *)address};
    r->end = r->at + size;
    return true;
}

static bool parse_common(const struct module *m, uintptr_t address,
                         struct entry *e)
{
    struct reader r;
    const char *augmentation;
    uint64_t version, data_size = 0;

    if (!open_entry(m, address, &r) || take(&r, 4) != 0)
        return false;
    version = take(&r, 1);
    augmentation = (const char *)r.at;
    while (!r.is_bad && take(&r, 1))
        continue;
    e->code_unit = take_uleb(&r);
    e->data_unit = (intptr_t)take_sleb(&r);
    e->link = version == 1 ? take(&r, 1) : take_uleb(&r);
    e->encoding = ENCODED_ABSOLUTE;
    if (r.is_bad || (*augmentation && *augmentation != 'z'))
        return false;
    if (*augmentation == 'z')
        data_size = take_uleb(&r);
    e->initial = r;
    skip(&e->initial, data_size);
    for (const char *c = augmentation; *c && !r.is_bad; c++)
        switch (*c) {
        case 'R': e->encoding = (uint8_t)take(&r, 1); break;
        case 'L': (void)take(&r, 1); break;
        case 'P': (void)take_pointer(&r, (uint8_t)take(&r, 1) & 0x1f); break;
        default: break;
        }
    return !r.is_bad && !e->initial.is_bad && e->link < UNWIND_COUNT;
}

static bool parse_function(const struct module *m, uintptr_t address,
                           struct entry *e)
{
    struct reader r;
    uintptr_t here = address + 4;
    uint64_t back;

    if (!open_entry(m, address, &r) || (back = take(&r, 4)) == 0 ||
        !parse_common(m, here - back, e))
        return false;
    e->start = take_pointer(&r, e->encoding);
    e->size = take_pointer(&r, e->encoding & ENCODED_FORM);
    skip(&r, take_uleb(&r)); /* there is augmentation data: 'z' */
    e->instructions = r;
    return !r.is_bad;
}

/* Finds the function's entry by the sorted table of .eh_frame_hdr. */
static bool find_entry(uintptr_t pc, struct entry *e)
{
    const struct module *m = module_of(pc);
    const segment_header *h = m ? module_segment(m, PT_GNU_EH_FRAME) : NULL;
    uintptr_t header, table;
    const uint8_t *at;
    uint32_t count, low = 0, high;
    int32_t found[2];

    if (!h)
        return false;
    header = m->bias + h->p_vaddr;
    if (!module_holds(m, header, 12))
        return false;
    at = (const void *)header;
    if (at[0] != 1 || (at[1] & ENCODED_FORM) != ENCODED_SIGNED4 ||
        at[2] != ENCODED_DATA4 || at[3] != ENCODED_DATA_SIGNED4)
        return false;
    memcpy(&count, at + 8, sizeof count);
    table = header + 12;
    if (count == 0 || !module_holds(m, table, (size_t)count * sizeof found))
        return false;
    for (high = count; high - low > 1;) {
        uint32_t middle = low + (high - low) / 2;

        memcpy(found, (const void *)(table + middle * sizeof found),
               sizeof found);
        if (header + (uintptr_t)found[0] <= pc)
            low = middle;
        else
            high = middle;
    }
    memcpy(found, (const void *)(table + low * sizeof found), sizeof found);
    return parse_function(m, header + (uintptr_t)found[1], e) &&
           pc - e->start < e->size;
}

static void set_rule(struct rules *rules, uint64_t reg, enum how how,
                     intptr_t offset)
{
    if (reg < UNWIND_COUNT)
        rules->reg[reg] = (struct rule){how, offset};
}

/* The instructions that define a register or the CFA. False: unknown. */
static bool define(struct reader *r, uint8_t instruction,
                   const struct entry *e, struct rules *rules)
{
    uint64_t reg;

    switch (instruction) {
    case OFFSET_EXTENDED:
        reg = take_uleb(r);
        set_rule(rules, reg, SAVED, (intptr_t)take_uleb(r) * e->data_unit);
        return true;
    case OFFSET_SIGNED:
        reg = take_uleb(r);
        set_rule(rules, reg, SAVED, (intptr_t)take_sleb(r) * e->data_unit);
        return true;
    case UNDEFINED: set_rule(rules, take_uleb(r), LOST, 0); return true;
    case SAME_VALUE: set_rule(rules, take_uleb(r), UNCHANGED, 0); return true;
    case IN_REGISTER:
        reg = take_uleb(r);
        set_rule(rules, reg, MOVED, (intptr_t)take_uleb(r));
        return true;
    case EXPRESSION:
    case VALUE_EXPRESSION:
        set_rule(rules, take_uleb(r), LOST, 0);
        skip(r, take_uleb(r));
        return true;
    case DEFINE:
    case DEFINE_SIGNED:
        rules->cfa_register = take_uleb(r);
        rules->cfa_offset = instruction == DEFINE
                                ? (intptr_t)take_uleb(r)
                                : (intptr_t)take_sleb(r) * e->data_unit;
        rules->is_expression = false;
        return true;
    case DEFINE_REGISTER: rules->cfa_register = take_uleb(r); return true;
    case DEFINE_OFFSET: rules->cfa_offset = (intptr_t)take_uleb(r); return true;
    case DEFINE_OFFSET_SIGNED:
        rules->cfa_offset = (intptr_t)take_sleb(r) * e->data_unit;
        return true;
    case DEFINE_EXPRESSION:
        rules->is_expression = true;
        skip(r, take_uleb(r));
        return true;
    case ARGUMENTS_SIZE: (void)take_uleb(r); return true;
    case NOP: return true;
    default: return false;
    }
}

/* Carries out instructions as far as they concern pc. */
static bool run(struct reader r, const struct entry *e, uintptr_t pc,
                const struct rules *initial, struct rules *rules)
{
    struct rules remembered[REMEMBERED];
    size_t depth = 0;
    uintptr_t location = e->start;

    while (r.at < r.end && !r.is_bad && location <= pc) {
        uint8_t byte = (uint8_t)take(&r, 1), low = byte & 0x3f;
        uint64_t reg;

        switch (byte & 0xc0) {
        case ADVANCE: location += low * e->code_unit; continue;
        case OFFSET:
            set_rule(rules, low, SAVED,
                     (intptr_t)take_uleb(&r) * e->data_unit);
            continue;
        case RESTORE:
            if (low < UNWIND_COUNT)
                rules->reg[low] = initial->reg[low];
            continue;
        }
        switch (byte) {
        case SET_LOCATION: location = take_pointer(&r, e->encoding); break;
        case ADVANCE1: location += take(&r, 1) * e->code_unit; break;
        case ADVANCE2: location += take(&r, 2) * e->code_unit; break;
        case ADVANCE4: location += take(&r, 4) * e->code_unit; break;
        case RESTORE_EXTENDED:
            reg = take_uleb(&r);
            if (reg < UNWIND_COUNT)
                rules->reg[reg] = initial->reg[reg];
            break;
        case REMEMBER:
            if (depth == REMEMBERED)
                return false;
            remembered[depth++] = *rules;
            break;
        case RECALL:
            if (depth == 0)
                return false;
            *rules = remembered[--depth];
            break;
        case NEGATE_RA_STATE: break; /* the link is stripped, always */
        default:
            if (!define(&r, byte, e, rules))
                return false;
        }
    }
    return !r.is_bad;
}

static bool has(const struct unwind *u, uint64_t reg)
{
    return reg < UNWIND_COUNT && (u->known >> reg & 1);
}

static bool word_at(const struct unwind *u, uintptr_t address, uintptr_t *word)
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
    return link & 0x0000ffffffffffffu; /* without a signature */
#else
    return link;
#endif
}

/* The registers that a call does not keep are of no use to the caller. */
static bool apply(struct unwind *u, const struct entry *e,
                  const struct rules *rules)
{
    struct unwind next = {.low = u->low, .high = u->high, .is_return = true};
    uintptr_t cfa;

    if (rules->is_expression || !has(u, rules->cfa_register))
        return false;
    cfa = u->value[rules->cfa_register] + (uintptr_t)rules->cfa_offset;
    if (cfa < u->low || cfa > u->high ||
        (has(u, UNWIND_STACK) &&
         cfa < u->value[UNWIND_STACK] + u->is_return))
        return false;
    for (unsigned i = 0; i < UNWIND_COUNT; i++) {
        const struct rule *rule = &rules->reg[i];
        unsigned from = i;

        if (rule->how == SAVED) {
            if (word_at(u, cfa + (uintptr_t)rule->offset, &next.value[i]))
                next.known |= (uint64_t)1 << i;
            continue;
        }
        if (rule->how == MOVED && rule->offset < UNWIND_COUNT)
            from = (unsigned)rule->offset;
        if (rule->how == LOST || !has(u, from))
            continue;
        next.value[i] = u->value[from];
        next.known |= (uint64_t)1 << i;
    }
    if (!has(&next, e->link))
        return false;
    next.pc = strip(next.value[e->link]);
    next.value[UNWIND_STACK] = cfa;
    next.known |= (uint64_t)1 << UNWIND_STACK;
    /* It is the caller's own no more, once it is used. */
    next.known &= ~((uint64_t)1 << UNWIND_LINK);
    *u = next;
    return true;
}

static bool step_by_table(struct unwind *u)
{
    struct entry e;
    struct rules initial = {0}, rules;
    uintptr_t pc = u->pc - u->is_return; /* the call stands before it */

    if (!find_entry(pc, &e))
        return false;
    if (!run(e.initial, &e, pc, &initial, &initial))
        return false;
    rules = initial;
    return run(e.instructions, &e, pc, &initial, &rules) &&
           apply(u, &e, &rules);
}

/* What a call has left for the return, before a function has a frame: small
 * ones never have one, and a call of what is no code has none. */
static bool step_by_link(struct unwind *u)
{
    uintptr_t link, sp = u->value[UNWIND_STACK];

#ifdef __x86_64__
    if (!word_at(u, sp, &link))
        return false;
    /* The caller's frame pointer may have been pushed already, but no more. */
    if (link == u->value[UNWIND_FRAME]) {
        sp += sizeof link;
        if (!word_at(u, sp, &link))
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

    if (!has(u, UNWIND_FRAME) || !word_at(u, frame, &before) ||
        !word_at(u, frame + sizeof before, &link))
        return false;
    if (before != 0 && before <= frame)
        before = 0; /* the last that can be believed */
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
