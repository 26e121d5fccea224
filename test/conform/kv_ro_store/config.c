/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, console, kv_ro, kv_ro);

static kv_ro store(const char *make)
{
    if (is(make, "crunch"))
        return crunch("t");
    if (is(make, "direct"))
        return direct_kv_ro("t");
    if (is(make, "fat"))
        return kv_ro_of_fs(fat(block_of_file("t.img")));
    fail("STORE=%s: expected crunch, direct or fat", make);
}

void configure(void)
{
    unikernel("kv_ro_store", start(default_console, crunch("wanted"),
                                   store(env("STORE", "crunch"))));
}
