/* SPDX-License-Identifier: ISC */
/*
 * sanitizer: tells the address sanitizer of a switch of stacks, and of a stack
 * that is freed while frames on it have not returned (LLVM's
 * sanitizer/common_interface_defs.h). Empty in a build without it.
 */
#ifndef CORE_SANITIZER_H
#define CORE_SANITIZER_H

#include <stddef.h>

#ifdef __SANITIZE_ADDRESS__
void __sanitizer_start_switch_fiber(void **save, const void *low, size_t size);
void __sanitizer_finish_switch_fiber(void *save, const void **low,
                                     size_t *size);
#define sanitizer_leave(save, low, size) \
    __sanitizer_start_switch_fiber(save, low, size)
#define sanitizer_arrive(save, low, size) \
    __sanitizer_finish_switch_fiber(save, low, size)
void __asan_unpoison_memory_region(void const volatile *low, size_t size);
#define sanitizer_forget(low, size) __asan_unpoison_memory_region(low, size)
#else
#define sanitizer_forget(low, size)       ((void)0)
#define sanitizer_leave(save, low, size)  ((void)0)
#define sanitizer_arrive(save, low, size) ((void)0)
#endif

#endif
