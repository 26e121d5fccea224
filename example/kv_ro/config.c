/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, console, kv_ro, kv_ro);

static kv_ro disk(const char *dir)
{
    bool is_bare = target() == XEN || target() == VIRTIO;
    const char *mode = env("FS", is_bare ? "crunch" : "direct");

    if (is(mode, "fat"))
        return kv_ro_of_fs(fat_of_files(dir));
    if (is(mode, "crunch"))
        return crunch(dir);
    if (is(mode, "direct"))
        return direct_kv_ro(dir);
    fail("FS=%s: expected fat, crunch or direct", mode);
}

void configure(void)
{
    kv_ro t = disk("t");

    unikernel("kv_ro", start(default_console, t, t));
}
