/* SPDX-License-Identifier: ISC */
/* shortage: the heap could not grow, and somebody must say so. */
#ifndef BARE_SHORTAGE_H
#define BARE_SHORTAGE_H

#include <stddef.h>

/*
 * Logs a warning that names who asked malloc, or the like, for the memory;
 * to be called by what the C library asks. Of many, less and less.
 */
void shortage_of_heap(size_t size);

#endif
