/* SPDX-License-Identifier: ISC */
/*
 * arch: what the processor's assembly does for fibers and crash reports.
 */
#ifndef MIRAGE_ARCH_H
#define MIRAGE_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Prepares a stack whose first byte past the end is top (16-byte aligned) so
 * that switching to the result calls entry, which must not return.
 */
void *arch_stack(void *top, void (*entry)(void));

/*
 * Saves what a call must preserve on the running stack, its place in *from,
 * and goes on where the stack at to was left. Returns when somebody switches
 * back.
 */
void arch_switch(void **from, void *to);

/*
 * Writes up to max return addresses, innermost first, following the frame
 * pointers from frame on, as long as they lie in [low, high) and rise.
 * Returns how many.
 */
size_t arch_backtrace(uintptr_t frame, uintptr_t low, uintptr_t high,
                      uintptr_t *addresses, size_t max);

/*
 * Is this where a call returns to? holds_code says of an address whether a
 * function lies there that can be read.
 */
bool arch_is_return_address(uintptr_t address, bool (*holds_code)(uintptr_t));

#endif
