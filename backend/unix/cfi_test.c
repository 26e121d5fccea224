/* SPDX-License-Identifier: ISC */
/* Call frame information, on tables of the test for functions that do not
 * exist. */
#include "modules.h"
#define module_of      tested_module_of
#define module_segment tested_segment
#define module_holds   tested_holds
const struct module *module_of(uintptr_t address);
const segment_header *module_segment(const struct module *m, uint32_t type);
bool module_holds(const struct module *m, uintptr_t address, size_t size);
#include "cfi.c"
#include "check.h"

#define SIZE  4096u
#define CODE  ((uintptr_t)tables + 0x10000) /* where the functions would be */
#define LINK  16
#define COUNT 5 /* functions, of which each has LEN bytes, and a gap */
#define STEP  0x100000u
#define LEN   0xf0000u

/* The header with its sorted table, then the common entry, then the others. */
static uint8_t tables[SIZE];
static size_t at;
static struct module module;
static segment_header segment;

const struct module *tested_module_of(uintptr_t address)
{
    return address >= CODE && address < CODE + COUNT * STEP ? &module : NULL;
}

const segment_header *tested_segment(const struct module *m, uint32_t type)
{
    CHECK(m == &module && type == PT_GNU_EH_FRAME);
    return &segment;
}

bool tested_holds(const struct module *m, uintptr_t address, size_t size)
{
    size_t offset = address - (uintptr_t)tables;

    CHECK(m == &module);
    return offset <= at && size <= at - offset;
}

static void put(uint64_t value, size_t size)
{
    memcpy(tables + at, &value, size);
    at += size;
}

static void set(size_t offset, uint32_t value)
{
    memcpy(tables + offset, &value, sizeof value);
}

static void put_all(const char *bytes, size_t len)
{
    memcpy(tables + at, bytes, len);
    at += len;
}

static size_t begin_entry(void)
{
    put(0, 4);
    return at;
}

static void end_entry(size_t begun)
{
    set(begun - 4, (uint32_t)(at - begun));
}

#define CIE (12 + COUNT * 8)

/* Register 7 is the stack pointer; the return address is at CFA - 8. */
static void put_cie(const char *augmentation, const char *data, size_t len)
{
    size_t begun;

    at = CIE;
    begun = begin_entry();
    put(0, 4);
    put(1, 1);
    put_all(augmentation, strlen(augmentation) + 1);
    put_all("\x02\x78\x10", 3); /* code * 2, data * -8, link */
    put_all(data, len);
    put_all("\x0c\x07\x08\x90\x01", 5);
    end_entry(begun);
}

/* Function i, with these instructions. */
static void put_fde(unsigned i, const char *code, size_t len)
{
    size_t begun;

    set(12 + 8 * i, (uint32_t)(CODE + i * STEP - (uintptr_t)tables));
    set(12 + 8 * i + 4, (uint32_t)at);
    begun = begin_entry();
    put(at - CIE, 4);
    put(CODE + i * STEP - (uintptr_t)(tables + at), 4);
    put(LEN, 4);
    put(1, 1); /* augmentation data, which is not read */
    put(0xff, 1);
    put_all(code, len);
    end_entry(begun);
}

static void begin_tables(void)
{
    memset(tables, 0, sizeof tables);
    put_all((at = 0, "\x01\x1b\x03\x3b"), 4);
    put(0, 4);
    put(COUNT, 4);
    put_cie("zR", "\x01\x1b", 2);
    segment.p_vaddr = (uintptr_t)tables;
}

/* All functions have these instructions. */
static void begin(const char *code, size_t len)
{
    begin_tables();
    for (unsigned i = 0; i < COUNT; i++)
        put_fde(i, code, len);
}

#define BEGIN(code) begin(code, sizeof code - 1)

static struct cfi row;

static bool finds(size_t offset)
{
    return cfi_find(CODE + offset, &row);
}

static bool is_rule(unsigned reg, enum cfi_rule_type type, intptr_t offset)
{
    return row.reg[reg].type == type && row.reg[reg].offset == offset;
}

/* The offset of the CFA at this place of the function. */
static intptr_t cfa_at(size_t offset)
{
    return finds(offset) ? row.cfa_offset : -1;
}

TEST(rows_begin_with_those_of_the_common_entry)
{
    BEGIN("");
    CHECK(finds(0));
    CHECK(row.cfa_register == 7 && row.cfa_offset == 8 && row.link == LINK);
    CHECK(!row.is_expression && is_rule(16, CFI_SAVED, -8));
    CHECK(is_rule(3, CFI_UNCHANGED, 0));
}

TEST(a_row_holds_from_its_location_on)
{
    BEGIN("\x41\x0e\x10" /* by 1 * 2 */
          "\x02\xc8\x0e\x18" /* by 200 * 2 */
          "\x03\x34\x12\x0e\x20" /* by 0x1234 * 2 */
          "\x04\x45\x23\x01\x00\x0e\x28" /* by 0x12345 * 2 */);
    CHECK(cfa_at(1) == 8 && cfa_at(2) == 0x10);
    CHECK(cfa_at(401) == 0x10 && cfa_at(402) == 0x18);
    CHECK(cfa_at(402 + 0x2467) == 0x18 && cfa_at(402 + 0x2468) == 0x20);
    CHECK(cfa_at(402 + 0x2468 + 0x24689) == 0x20);
    CHECK(cfa_at(402 + 0x2468 + 0x2468a) == 0x28);
}

/* By the encoding of the common entry: relative to its own address. */
TEST(a_location_can_be_set)
{
    char code[] = "\x01....\x0e\x30";
    uint32_t to;

    BEGIN("");
    begin_tables();
    to = (uint32_t)(CODE + 0x5000 - (uintptr_t)(tables + at + 19));
    memcpy(code + 1, &to, 4);
    put_fde(0, code, 7);
    for (unsigned i = 1; i < COUNT; i++)
        put_fde(i, "", 0);
    CHECK(cfa_at(0x4fff) == 8 && cfa_at(0x5000) == 0x30);
}

TEST(registers_are_saved_moved_lost_and_restored)
{
    BEGIN("\x86\x02" /* 6 at CFA - 16 */
          "\x05\x0c\x81\x01" /* 12 at CFA - 129 * 8 */
          "\x11\x0d\x7d" /* 13 at CFA + 24 */
          "\x09\x03\x0e" /* 3 is in 14 */
          "\x07\x01" /* 1 is lost */
          "\x10\x02\x03\xff\xff\xff" /* 2 by an expression, */
          "\x16\x04\x02\xff\xff" /* 4 as well */
          "\x83\x05\x08\x03" /* 3 is the same */
          "\x2e\x90\x01\x2d\x00" /* size of arguments, signed link, nothing */
          "\x41\xc6\x06\x0c\x06\x10");
    CHECK(finds(0));
    CHECK(is_rule(6, CFI_SAVED, -16) && is_rule(12, CFI_SAVED, -129 * 8));
    CHECK(is_rule(13, CFI_SAVED, 24) && is_rule(3, CFI_UNCHANGED, 0));
    CHECK(row.reg[1].type == CFI_LOST && row.reg[2].type == CFI_LOST);
    CHECK(row.reg[4].type == CFI_LOST && is_rule(16, CFI_SAVED, -8));
    CHECK(finds(2)); /* RESTORE of 6, RESTORE_EXTENDED of 12 and 16 */
    CHECK(is_rule(6, CFI_UNCHANGED, 0) && is_rule(12, CFI_UNCHANGED, 0));
    CHECK(is_rule(13, CFI_SAVED, 24) && is_rule(16, CFI_SAVED, -8));
    BEGIN("\x09\x03\x0e");
    CHECK(finds(0) && is_rule(3, CFI_MOVED, 14));
}

TEST(the_cfa_is_a_register_and_an_offset_or_an_expression)
{
    BEGIN("\x12\x06\x7e\x41" /* register 6, -2 * -8 */
          "\x0d\x05\x41"
          "\x13\x70\x41" /* -16 * -8 */
          "\x0f\x02\x77\x08\x41"
          "\x0c\x07\x80\x01");
    CHECK(finds(0) && row.cfa_register == 6 && row.cfa_offset == 16);
    CHECK(finds(2) && row.cfa_register == 5 && row.cfa_offset == 16);
    CHECK(finds(4) && row.cfa_register == 5 && row.cfa_offset == 128);
    CHECK(finds(6) && row.is_expression);
    CHECK(finds(8) && !row.is_expression);
    CHECK(row.cfa_register == 7 && row.cfa_offset == 128);
}

TEST(a_row_is_remembered_and_recalled)
{
    BEGIN("\x0a\x0e\x10\x0a\x0e\x18\x41\x0b\x41\x0b");
    CHECK(cfa_at(0) == 0x18 && cfa_at(2) == 0x10 && cfa_at(4) == 8);
    BEGIN("\x0b");
    CHECK(!finds(0));
    BEGIN("\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a");
    CHECK(finds(0));
    BEGIN("\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a");
    CHECK(!finds(0));
}

TEST(an_address_in_no_function_has_no_row)
{
    BEGIN("");
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK(finds(i * STEP) && finds(i * STEP + LEN - 1));
        CHECK(!finds(i * STEP + LEN) && !finds(i * STEP + STEP - 1));
    }
    CHECK(!finds(COUNT * STEP) && !finds((size_t)-1));
}

TEST(each_function_has_its_own_rows)
{
    begin_tables();
    for (unsigned i = 0; i < COUNT; i++) {
        char code[] = {0x0e, (char)(0x10 * (i + 1))};

        put_fde(i, code, 2);
    }
    for (unsigned i = 0; i < COUNT; i++)
        CHECK(cfa_at(i * STEP + 7) == 0x10 * (intptr_t)(i + 1));
}

TEST(an_instruction_or_a_header_that_is_not_known_is_refused)
{
    BEGIN("\x3f");
    CHECK(!finds(0));
    BEGIN("\x41\x3f"); /* beyond the row that is wanted */
    CHECK(finds(1) && !finds(2));
    for (size_t i = 0; i < 4; i++) {
        BEGIN("");
        tables[i] ^= 2;
        CHECK(!finds(0));
    }
    BEGIN("");
    set(8, 0); /* no function */
    CHECK(!finds(0));
    set(8, UINT32_MAX);
    CHECK(!finds(0));
    BEGIN("");
    segment.p_vaddr = (uintptr_t)tables + SIZE;
    CHECK(!finds(0));
}

/* 'L', and 'P' with a pointer of 4 bytes, as C++ has them. */
TEST(augmentations_of_the_common_entry_are_skipped)
{
    BEGIN("");
    put_cie("zPLR", "\x07\x1b....\x1b\x1b", 8);
    for (unsigned i = 0; i < COUNT; i++)
        put_fde(i, "", 0);
    CHECK(cfa_at(0) == 8);
    put_cie("eh", "", 0);
    for (unsigned i = 0; i < COUNT; i++)
        put_fde(i, "", 0);
    CHECK(!finds(0));
    put_cie("zR", "\x01\x2b", 2); /* relative to the text */
    for (unsigned i = 0; i < COUNT; i++)
        put_fde(i, "", 0);
    CHECK(!finds(0));
}

/* Lengths, operands and tables that end early: nothing beyond is read. */
TEST(tables_that_are_cut_anywhere_have_no_row)
{
    size_t whole;

    BEGIN("\x0f\x02\x77\x08\x11\x0d\x7d");
    whole = at;
    CHECK(finds((COUNT - 1) * STEP));
    for (at = 0; at < whole; at++)
        CHECK(!finds((COUNT - 1) * STEP));
    BEGIN("\x0f\x7f"); /* an expression that is longer than the entry */
    CHECK(!finds(0));
    BEGIN("\x0e\x80");
    CHECK(!finds(0));
    BEGIN("");
    set(CIE, UINT32_MAX);
    CHECK(!finds(0));
    BEGIN("");
    set(CIE + 4, 1); /* it is no common entry */
    CHECK(!finds(0));
}

TEST(numbers_have_seven_bits_a_byte_and_a_sign)
{
    static const uint8_t bytes[] = {0xe5, 0x8e, 0x26, 0x80, 0x7f, 0x3f, 0x7f};
    struct reader r = {.at = bytes, .end = bytes + sizeof bytes};

    CHECK(read_uleb(&r) == 624485);
    CHECK(read_sleb(&r) == -128);
    CHECK(read_sleb(&r) == 63);
    CHECK(read_sleb(&r) == -1 && !r.is_bad);
    (void)read_sleb(&r);
    CHECK(r.is_bad);
}
