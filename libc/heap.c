/* SPDX-License-Identifier: ISC */
/* sbrk, from which malloc gets memory, on the platform's heap; and
 * posix_memalign. */
#include <mirage/platform.h>
#include <errno.h>
#include <malloc.h>
#include <unistd.h>

/* The break, and the bytes between it and the end of the platform's heap, which
 * never shrinks. */
static char *end;
static size_t spare;

void *sbrk(ptrdiff_t by)
{
    char *before;

    if (end == NULL)
        end = platform_heap(0);
    before = end;
    if (by > 0 && (size_t)by > spare) {
        if (platform_heap((size_t)by - spare) == NULL) {
            errno = ENOMEM;
            return (void *)-1;
        }
        spare = (size_t)by;
    }
    spare -= (size_t)by; /* by may be negative */
    end += by;
    return before;
}

int posix_memalign(void **memory, size_t align, size_t size);

int posix_memalign(void **memory, size_t align, size_t size)
{
    if (align % sizeof(void *) || (align & (align - 1)) || align == 0)
        return EINVAL;
    *memory = memalign(align, size);
    return *memory == NULL ? ENOMEM : 0;
}
