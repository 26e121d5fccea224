/* SPDX-License-Identifier: ISC */
/* The stack protector's canary (decision 0022), and the end of the C library.
 * */
#include <mirage/libc.h>
#include <mirage/platform.h>
#include <reent.h>

enum { SELF,
       CANARY = 5 };

uintptr_t libc_thread_block[8];

void __stack_chk_fail(void) __attribute__((noreturn));

void libc_start(void)
{
    libc_thread_block[SELF] = (uintptr_t)libc_thread_block;
    platform_entropy(&libc_thread_block[CANARY], sizeof(uintptr_t));
    /* Its first byte is zero, so that string functions stop there. */
    libc_thread_block[CANARY] &= ~(uintptr_t)0xff;
}

void __stack_chk_fail(void)
{
    platform_smashed((uintptr_t)__builtin_return_address(0));
}

/* Not linked in images that use neither. */
extern struct _reent *_impure_ptr __attribute__((weak));

void __call_exitprocs(int code, void *object) __attribute__((weak));

void libc_stop(void)
{
    if (__call_exitprocs != NULL)
        __call_exitprocs(0, NULL);
    if (&_impure_ptr != NULL && _impure_ptr->__cleanup != NULL)
        _impure_ptr->__cleanup(_impure_ptr);
}
