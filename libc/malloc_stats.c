/* SPDX-License-Identifier: ISC */
/*
 * Further calls of newlib's malloc.h. There is nothing to be set, and memory is
 * not given back to the platform.
 */
#include "malloc_use.h"
#include <malloc.h>
#include <stdio.h>

struct mallinfo _mallinfo_r(struct _reent *r)
{
    struct mallinfo m = {0};

    (void)r;
    m.arena = mirage__heap_use(&m.fordblks, &m.ordblks);
    m.uordblks = m.arena - m.fordblks;
    return m;
}

void _malloc_stats_r(struct _reent *r)
{
    struct mallinfo m = _mallinfo_r(r);

    fprintf(stderr, "system bytes     = %10zu\n", m.arena);
    fprintf(stderr, "in use bytes     = %10zu\n", m.uordblks);
}

int _mallopt_r(struct _reent *r, int parameter, int value)
{
    (void)r;
    (void)parameter;
    (void)value;
    return 0;
}

int _malloc_trim_r(struct _reent *r, size_t pad)
{
    (void)r;
    (void)pad;
    return 0;
}
