/* SPDX-License-Identifier: ISC */
/* shortage: the warning that the heap cannot grow. */
#ifndef BARE_SHORTAGE_H
#define BARE_SHORTAGE_H

#include <stddef.h>

/*
 * Logs a warning with the size and the function that called malloc or the like.
 * Of n shortages about log2(n) are logged. Called by platform_heap.
 */
void shortage_report(size_t size);

#endif
