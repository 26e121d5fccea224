/* SPDX-License-Identifier: ISC */
#include <mirage.h>
#include <string.h>

void start(struct console *c, struct kv_ro *x, struct kv_ro *y)
{
    char vx[4096], vy[4096];
    size_t nx, ny;

    do {
        if (kv_ro_read(x, "a", 0, vx, sizeof vx, &nx) != OK ||
            kv_ro_read(y, "a", 0, vy, sizeof vy, &ny) != OK)
            console_log(c, "NO! NO!");
        else if (nx == ny && memcmp(vx, vy, nx) == 0)
            console_log(c, "YES!");
        else
            console_log(c, "NO!");
    } while (time_sleep(1 * SECOND) == OK); /* until we are asked to stop */
}
