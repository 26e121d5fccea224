/* SPDX-License-Identifier: ISC */
/* Backtraces by frame pointers: each points to the caller's, above which is the
 * return address, on both processors. */
#include <mirage/arch.h>

size_t arch_backtrace(uintptr_t frame, uintptr_t low, uintptr_t high,
                      uintptr_t *addresses, size_t max)
{
    size_t count = 0;

    while (count < max && frame >= low && frame % sizeof frame == 0 &&
           high - frame >= 2 * sizeof frame && frame < high) {
        const uintptr_t *at = (const uintptr_t *)frame;

        if (at[1] == 0)
            break;
        addresses[count++] = at[1];
        if (at[0] <= frame)
            break;
        frame = at[0];
    }
    return count;
}
