/* SPDX-License-Identifier: ISC */
/*
 * refusals: prints the message for a device that the target lacks, from a list
 * of constructors of its own. The environment variable CASE names one of them.
 */
#include <config/device.h>
#include <string.h>

static const struct device_type console_type = {.name = "console"},
                                block_type = {.name = "block"},
                                fs_type = {.name = "fs"},
                                kv_ro_type = {.name = "kv_ro"},
                                network_type = {.name = "network"};

static const struct constructor
    default_made = {.name = "default_console",
                    .type = &console_type,
                    .on = {[UNIX] = "console_unix",
                           [MACOSX] = "console_unix",
                           [XEN] = "console_xen",
                           [VIRTIO] = "console_virtio"}},
    crunched = {.name = "crunch",
                .type = &kv_ro_type,
                .on = {[UNIX] = "kv_ro_crunch",
                       [MACOSX] = "kv_ro_crunch",
                       [XEN] = "kv_ro_crunch",
                       [VIRTIO] = "kv_ro_crunch"}},
    direct = {.name = "direct_kv_ro",
              .type = &kv_ro_type,
              .on = {[UNIX] = "kv_ro_unix", [MACOSX] = "kv_ro_unix"},
              .nature = "reads the host's files",
              .instead = &crunched,
              .same_arguments = true},
    by_name = {.name = "netif",
               .type = &network_type,
               .on = {[XEN] = "network_xen"}},
    of_file = {.name = "block_of_file",
               .type = &block_type,
               .on = {[UNIX] = "block_unix"}},
    of_name = {.name = "block_of_name",
               .type = &block_type,
               .on = {[XEN] = "block_xen"}},
    on_disk = {.name = "fat", .type = &fs_type};

static const struct constructor *const table[] = {
    &default_made, &crunched, &direct, &by_name, &of_file, &of_name, &on_disk};

static const char *driver(const struct constructor *c, const char *call,
                          enum target t)
{
    static const struct constructors all = {
        table, table + sizeof table / sizeof *table};

    return device_driver(c, all, (struct config_place){"config.c", 5}, call, t);
}

/* What libconfig's main calls. */
void configure(void)
{
    struct config_place at = {"config.c", 5};
    const char *which = env("CASE", "");

    if (strcmp(which, "other target") == 0)
        driver(&direct, "direct_kv_ro(\"t\")", XEN);
    if (strcmp(which, "its like") == 0)
        driver(&of_file, "block_of_file(...)", XEN);
    if (strcmp(which, "no substitute") == 0)
        driver(&by_name, "netif(\"eth0\")", UNIX);
    if (strcmp(which, "nowhere") == 0)
        driver(&on_disk, "fat(...)", XEN);
    if (strcmp(which, "found") == 0 &&
        strcmp(driver(&crunched, "crunch(\"t\")", XEN), "kv_ro_crunch") == 0)
        config_fail(at, "found");
}
