/* SPDX-License-Identifier: ISC */
/* arch: stack switching and backtraces, which depend on the processor. */
#ifndef MIRAGE_ARCH_H
#define MIRAGE_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Prepares the stack that ends below top (16-byte aligned). Returns a pointer
 * for arch_switch, which then calls entry; entry must not return.
 */
void *arch_stack(void *top, void (*entry)(void));

/*
 * Saves the registers that a call preserves on the running stack and the stack
 * pointer in *from, and continues on the stack `to`, which arch_switch or
 * arch_stack gave. Returns when another call switches back.
 */
void arch_switch(void **from, void *to);

/*
 * Writes up to max return addresses, innermost first, and returns their number.
 * Follows the frame pointers from `frame` on, as long as they ascend and are in
 * [low, high).
 */
size_t arch_backtrace(uintptr_t frame, uintptr_t low, uintptr_t high,
                      uintptr_t *addresses, size_t max);

/*
 * Is this a return address, one after a call instruction? holds_code says
 * whether an address is in a function and may be read.
 */
bool arch_is_return_address(uintptr_t address, bool (*holds_code)(uintptr_t));

#endif
