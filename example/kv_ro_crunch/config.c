/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, console, kv_ro, kv_ro);

void configure(void)
{
    kv_ro disk1 = crunch("t");
    kv_ro disk2 = crunch("t");

    unikernel("kv_ro", start(default_console, disk1, disk2));
}
