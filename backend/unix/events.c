/* SPDX-License-Identifier: ISC */
/* Events: what both implementations share. */
#include "events.h"
#include <mirage/platform.h>
#include <unistd.h>

void events_on_wake(int wake)
{
    char bytes[16];

    if (read(wake, bytes, sizeof bytes) > 0)
        image_stop();
}

nanoseconds events_shorten(nanoseconds length)
{
    return length > 50 * MILLISECOND && length != FOREVER
               ? length - length / 256
               : length;
}
