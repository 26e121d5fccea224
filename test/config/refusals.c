/* SPDX-License-Identifier: ISC */
/*
 * refusals CASE: the sentences for devices that a target lacks, from a table
 * in which other targets have them.
 */
#include "devices.h"
#include <stdlib.h>
#include <string.h>

static const struct device table[] = {
    {"default_console",
     "console",
     {"console_unix", "console_unix", "console_xen", "console_virtio"},
     0,
     0},
    {"crunch",
     "kv_ro",
     {"kv_ro_crunch", "kv_ro_crunch", "kv_ro_crunch", "kv_ro_crunch"},
     0,
     0},
    {"direct_kv_ro",
     "kv_ro",
     {"kv_ro_unix", "kv_ro_unix", 0, 0},
     "reads the host's files",
     "crunch"},
    {"netif", "network", {0, 0, "network_xen", 0}, 0, 0},
    {"block_of_file", "block", {"block_unix", 0, 0, 0}, 0, 0},
    {"block_of_name", "block", {0, 0, "block_xen", 0}, 0, 0},
    {"fat", "fs", {0}, 0, 0},
    {0, 0, {0}, 0, 0},
};

/* What libconfig's main calls. */
void configure(void)
{
    struct config_place at = {"config.c", 5};
    const char *which = env("CASE", "");

    if (strcmp(which, "other target") == 0)
        device_driver(table, at, "direct_kv_ro", "direct_kv_ro(\"t\")", XEN);
    if (strcmp(which, "its like") == 0)
        device_driver(table, at, "block_of_file", "block_of_file(...)", XEN);
    if (strcmp(which, "no substitute") == 0)
        device_driver(table, at, "netif", "netif(\"eth0\")", UNIX);
    if (strcmp(which, "nowhere") == 0)
        device_driver(table, at, "fat", "fat(...)", XEN);
    if (strcmp(which, "found") == 0 &&
        strcmp(device_driver(table, at, "crunch", "crunch(\"t\")", XEN),
               "kv_ro_crunch") == 0)
        config_fail(at, "found");
}
