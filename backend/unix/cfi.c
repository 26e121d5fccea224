/* SPDX-License-Identifier: ISC */
/*
 * Call frame information: parses .eh_frame and .eh_frame_hdr (Linux Standard
 * Base Core 5.0, 10.6) and executes their instructions (DWARF 5, 6.4). All
 * that it reads is checked to be in the module's memory.
 */
#include "cfi.h"
#include "modules.h"
#include <string.h>

#define REMEMBERED 8

/* DW_EH_PE_*: pointer encodings. */
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

struct reader {
    const uint8_t *at, *end;
    bool is_bad;
};

/* A frame description entry (of one function), and its common information
 * entry. */
struct entry {
    uint64_t code_unit;
    intptr_t data_unit;
    uint64_t link; /* the register that holds the return address */
    uint8_t encoding;
    uintptr_t start, size;
    struct reader initial, instructions;
};

static uint64_t read_bytes(struct reader *r, size_t size)
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

static uint64_t read_uleb(struct reader *r)
{
    uint64_t value = 0;
    uint8_t byte = 0x80;

    for (unsigned shift = 0; byte & 0x80 && !r->is_bad; shift += 7) {
        byte = (uint8_t)read_bytes(r, 1);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
    }
    return value;
}

static int64_t read_sleb(struct reader *r)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte = 0x80;

    while (byte & 0x80 && !r->is_bad) {
        byte = (uint8_t)read_bytes(r, 1);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    }
    if (shift < 64 && (byte & 0x40))
        value |= ~(uint64_t)0 << shift;
    return (int64_t)value;
}

/* Reads a pointer, absolute or relative to its own address. */
static uintptr_t read_pointer(struct reader *r, uint8_t encoding)
{
    uintptr_t here = (uintptr_t)r->at, value = 0;

    switch (encoding & ENCODED_FORM) {
    case ENCODED_ABSOLUTE:
    case ENCODED_SIGNED8: value = read_bytes(r, 8); break;
    case ENCODED_DATA4: value = read_bytes(r, 4); break;
    case ENCODED_SIGNED4: value = (uintptr_t)(int32_t)read_bytes(r, 4); break;
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

/* Opens the entry at address, which must be in the module: *r is what follows
 * its length. */
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

static bool parse_cie(const struct module *m, uintptr_t address,
                      struct entry *e)
{
    struct reader r;
    const char *augmentation;
    uint64_t version, data_size = 0;

    if (!open_entry(m, address, &r) || read_bytes(&r, 4) != 0)
        return false;
    version = read_bytes(&r, 1);
    augmentation = (const char *)r.at;
    while (!r.is_bad && read_bytes(&r, 1))
        continue;
    e->code_unit = read_uleb(&r);
    e->data_unit = (intptr_t)read_sleb(&r);
    e->link = version == 1 ? read_bytes(&r, 1) : read_uleb(&r);
    e->encoding = ENCODED_ABSOLUTE;
    if (r.is_bad || (*augmentation && *augmentation != 'z'))
        return false;
    if (*augmentation == 'z')
        data_size = read_uleb(&r);
    e->initial = r;
    skip(&e->initial, data_size);
    for (const char *c = augmentation; *c && !r.is_bad; c++)
        switch (*c) {
        case 'R': e->encoding = (uint8_t)read_bytes(&r, 1); break;
        case 'L': (void)read_bytes(&r, 1); break;
        case 'P':
            (void)read_pointer(&r, (uint8_t)read_bytes(&r, 1) & 0x1f);
            break;
        default: break;
        }
    return !r.is_bad && !e->initial.is_bad && e->link < UNWIND_COUNT;
}

static bool parse_fde(const struct module *m, uintptr_t address,
                      struct entry *e)
{
    struct reader r;
    uintptr_t here = address + 4;
    uint64_t back;

    if (!open_entry(m, address, &r) || (back = read_bytes(&r, 4)) == 0 ||
        !parse_cie(m, here - back, e))
        return false;
    e->start = read_pointer(&r, e->encoding);
    e->size = read_pointer(&r, e->encoding & ENCODED_FORM);
    skip(&r, read_uleb(&r)); /* augmentation data ('z') */
    e->instructions = r;
    return !r.is_bad;
}

/* Finds the entry of the function by the sorted table of .eh_frame_hdr. */
static bool find_fde(uintptr_t pc, struct entry *e)
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
    return parse_fde(m, header + (uintptr_t)found[1], e) &&
           pc - e->start < e->size;
}

static void set_rule(struct cfi *row, uint64_t reg, enum cfi_rule_type type,
                     intptr_t offset)
{
    if (reg < UNWIND_COUNT)
        row->reg[reg] = (struct cfi_rule){type, offset};
}

/* Executes an instruction that defines a register or the CFA. False: unknown.
 */
static bool execute_definition(struct reader *r, uint8_t instruction,
                               const struct entry *e, struct cfi *row)
{
    uint64_t reg;

    switch (instruction) {
    case OFFSET_EXTENDED:
        reg = read_uleb(r);
        set_rule(row, reg, CFI_SAVED, (intptr_t)read_uleb(r) * e->data_unit);
        return true;
    case OFFSET_SIGNED:
        reg = read_uleb(r);
        set_rule(row, reg, CFI_SAVED, (intptr_t)read_sleb(r) * e->data_unit);
        return true;
    case UNDEFINED: set_rule(row, read_uleb(r), CFI_LOST, 0); return true;
    case SAME_VALUE: set_rule(row, read_uleb(r), CFI_UNCHANGED, 0); return true;
    case IN_REGISTER:
        reg = read_uleb(r);
        set_rule(row, reg, CFI_MOVED, (intptr_t)read_uleb(r));
        return true;
    case EXPRESSION:
    case VALUE_EXPRESSION:
        set_rule(row, read_uleb(r), CFI_LOST, 0);
        skip(r, read_uleb(r));
        return true;
    case DEFINE:
    case DEFINE_SIGNED:
        row->cfa_register = read_uleb(r);
        row->cfa_offset = instruction == DEFINE
                              ? (intptr_t)read_uleb(r)
                              : (intptr_t)read_sleb(r) * e->data_unit;
        row->is_expression = false;
        return true;
    case DEFINE_REGISTER: row->cfa_register = read_uleb(r); return true;
    case DEFINE_OFFSET: row->cfa_offset = (intptr_t)read_uleb(r); return true;
    case DEFINE_OFFSET_SIGNED:
        row->cfa_offset = (intptr_t)read_sleb(r) * e->data_unit;
        return true;
    case DEFINE_EXPRESSION:
        row->is_expression = true;
        skip(r, read_uleb(r));
        return true;
    case ARGUMENTS_SIZE: (void)read_uleb(r); return true;
    case NOP: return true;
    default: return false;
    }
}

/* Executes the instructions up to the row of the table that holds pc. */
static bool execute(struct reader r, const struct entry *e, uintptr_t pc,
                    const struct cfi *initial, struct cfi *row)
{
    struct cfi remembered[REMEMBERED];
    size_t depth = 0;
    uintptr_t location = e->start;

    while (r.at < r.end && !r.is_bad && location <= pc) {
        uint8_t byte = (uint8_t)read_bytes(&r, 1), low = byte & 0x3f;
        uint64_t reg;

        switch (byte & 0xc0) {
        case ADVANCE: location += low * e->code_unit; continue;
        case OFFSET:
            set_rule(row, low, CFI_SAVED,
                     (intptr_t)read_uleb(&r) * e->data_unit);
            continue;
        case RESTORE:
            if (low < UNWIND_COUNT)
                row->reg[low] = initial->reg[low];
            continue;
        }
        switch (byte) {
        case SET_LOCATION: location = read_pointer(&r, e->encoding); break;
        case ADVANCE1: location += read_bytes(&r, 1) * e->code_unit; break;
        case ADVANCE2: location += read_bytes(&r, 2) * e->code_unit; break;
        case ADVANCE4: location += read_bytes(&r, 4) * e->code_unit; break;
        case RESTORE_EXTENDED:
            reg = read_uleb(&r);
            if (reg < UNWIND_COUNT)
                row->reg[reg] = initial->reg[reg];
            break;
        case REMEMBER:
            if (depth == REMEMBERED)
                return false;
            remembered[depth++] = *row;
            break;
        case RECALL:
            if (depth == 0)
                return false;
            *row = remembered[--depth];
            break;
        case NEGATE_RA_STATE: break; /* unwind.c strips every link */
        default:
            if (!execute_definition(&r, byte, e, row))
                return false;
        }
    }
    return !r.is_bad;
}

bool cfi_find(uintptr_t pc, struct cfi *found)
{
    struct entry e;
    struct cfi initial = {0};

    if (!find_fde(pc, &e) ||
        !execute(e.initial, &e, pc, &initial, &initial))
        return false;
    initial.link = e.link;
    *found = initial;
    return execute(e.instructions, &e, pc, &initial, found);
}
