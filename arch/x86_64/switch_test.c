/* SPDX-License-Identifier: ISC */
/* Which addresses are behind a call, by the bytes before them, and stacks. */
#include "check.h"
#include <mirage/arch.h>

static uint8_t code[64];
static uintptr_t code_from, code_end;

static bool holds_code(uintptr_t at)
{
    return at >= code_from && at < code_end;
}

/* Is the address behind these bytes one to which a call returns? */
static bool returns(const uint8_t *bytes, size_t len)
{
    memset(code, 0x90, sizeof code);
    memcpy(code + 32 - len, bytes, len);
    code_from = (uintptr_t)code;
    code_end = code_from + sizeof code;
    return arch_is_return_address((uintptr_t)code + 32, holds_code);
}

#define RETURNS(...) \
    returns((const uint8_t[]){__VA_ARGS__}, sizeof(uint8_t[]){__VA_ARGS__})

TEST(an_address_behind_a_call_is_a_return_address)
{
    CHECK(RETURNS(0xe8, 1, 2, 3, 4)); /* call relative */
    CHECK(RETURNS(0xff, 0xd0)); /* call *%rax */
    CHECK(RETURNS(0xff, 0x53, 8)); /* call *8(%rbx) */
    CHECK(RETURNS(0xff, 0x54, 0x24, 8)); /* call *8(%rsp) */
    CHECK(RETURNS(0xff, 0x15, 1, 2, 3, 4)); /* call *x(%rip) */
    CHECK(RETURNS(0xff, 0x94, 0xc3, 1, 2, 3, 4)); /* call *x(%rbx,%rax,8) */
}

TEST(an_address_behind_other_instructions_is_none)
{
    CHECK(!RETURNS(0x90));
    CHECK(!RETURNS(0xe8, 1, 2, 3));
    CHECK(!RETURNS(0xe8, 1, 2, 3, 4, 5));
    CHECK(!RETURNS(0xff, 0xe0)); /* jmp *%rax */
    CHECK(!RETURNS(0xff, 0xc8)); /* dec %eax */
    CHECK(!RETURNS(0xff, 0x18)); /* a far call */
    CHECK(!RETURNS(0xfe, 0xd0));
    CHECK(!RETURNS(0xff));
    CHECK(!RETURNS(0xff, 0x94, 1, 2, 3, 4, 5, 6)); /* too long */
}

TEST(bytes_that_are_no_code_are_not_read)
{
    CHECK(RETURNS(0xff, 0xd0));
    code_end = (uintptr_t)code + 33;
    CHECK(arch_is_return_address((uintptr_t)code + 32, holds_code));
    code_end--;
    CHECK(!arch_is_return_address((uintptr_t)code + 32, holds_code));
    code_end++;
    code_from = (uintptr_t)code + 24;
    CHECK(arch_is_return_address((uintptr_t)code + 32, holds_code));
    code_from++;
    CHECK(!arch_is_return_address((uintptr_t)code + 32, holds_code));
}

static void entry(void)
{
}

TEST(a_new_stack_starts_at_its_function_and_ends_backtraces)
{
    static _Alignas(16) uint64_t stack[16];
    uint64_t *sp;

    memset(stack, 0xee, sizeof stack);
    sp = arch_stack(stack + 16, entry);
    CHECK(sp == stack + 8);
    for (int i = 0; i < 6; i++)
        CHECK(sp[i] == 0);
    CHECK(sp[6] == (uintptr_t)entry && sp[7] == 0);
    /* As at the first instruction of a function (System V ABI, 3.2.2). */
    CHECK((uintptr_t)(sp + 7) % 16 == 8);
}
