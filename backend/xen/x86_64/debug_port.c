/* SPDX-License-Identifier: ISC */
/* Port 0xe9, a debugging console that Xen gives to PVH guests alone. */
#include <arch/cpu.h>
#include <xen/guest.h>

void guest_debug_put(const char *text, size_t len)
{
    for (size_t i = 0; !xen.is_pv && i < len; i++)
        outb(0xe9, (uint8_t)text[i]);
}
