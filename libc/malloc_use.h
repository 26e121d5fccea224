/* SPDX-License-Identifier: ISC */
/* What the heap has, for the calls of newlib's malloc.h that report it. */
#ifndef LIBC_MALLOC_USE_H
#define LIBC_MALLOC_USE_H

#include <stddef.h>

/* Returns the bytes of the heap. Sets the bytes and the number of its free
 * pieces. */
size_t mirage__heap_use(size_t *free_bytes, size_t *free_chunks);

#endif
