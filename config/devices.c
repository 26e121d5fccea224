/* SPDX-License-Identifier: ISC */
/*
 * The table of devices, and what is said when a target lacks one.
 */
#include "devices.h"
#include <stdio.h>
#include <string.h>

#define UNIX_FILES "reads the host's files"
#define UNIX_TCP   "uses the host's TCP/IP"

/* clang-format off */
const struct device devices[] = {
    /* constructor, type, drivers for unix, macosx, xen, virtio, sim */
    {"default_console", "console",
     {"console_unix", "console_unix", "console_xen", "console_serial",
      "console_unix"}, 0, 0},
    {"custom_console", "console",
     {"console_unix", "console_unix", "console_xen", "console_serial",
      "console_unix"}, 0, 0},
    {"block_of_file", "block",
     {"block_unix", "block_unix", "block_xen", NULL}, 0, 0},
    {"fat", "fs", {"fat", "fat", "fat", "fat", "fat"}, 0, 0},
    {"fat_of_files", "fs", {"fat", "fat", "fat", NULL}, 0, 0},
    {"kv_ro_of_fs", "kv_ro",
     {"kv_ro_fs", "kv_ro_fs", "kv_ro_fs", "kv_ro_fs", "kv_ro_fs"}, 0, 0},
    {"crunch", "kv_ro",
     {"kv_ro_crunch", "kv_ro_crunch", "kv_ro_crunch", "kv_ro_crunch",
      "kv_ro_crunch"}, 0, 0},
    {"direct_kv_ro", "kv_ro",
     {"kv_ro_unix", "kv_ro_unix", NULL, NULL, "kv_ro_unix"},
     UNIX_FILES, "crunch"},
    {"tap0", "network",
     {"network_unix", NULL, "network_xen", NULL, "network_sim"}, 0, 0},
    {"netif", "network",
     {"network_unix", NULL, "network_xen", NULL, "network_sim"}, 0, 0},
    {"direct_stackv4_with_default_ipv4", "stackv4",
     {"stackv4_default", NULL, "stackv4_default", NULL, "stackv4_default"},
     0, 0},
    {"direct_stackv4_with_static_ipv4", "stackv4",
     {"stackv4_static", NULL, "stackv4_static", NULL, "stackv4_static"}, 0, 0},
    {"direct_stackv4_with_dhcp", "stackv4",
     {"stackv4_dhcp", NULL, "stackv4_dhcp", NULL, "stackv4_dhcp"}, 0, 0},
    {"socket_stackv4", "stackv4", {"stackv4_socket", "stackv4_socket"},
     UNIX_TCP, "direct_stackv4_with_default_ipv4"},
    {"resolver", "dns",
     {"dns_stub", "dns_stub", "dns_stub", "dns_stub", "dns_stub"}, 0, 0},
    {0, 0, {0}, 0, 0},
};
/* clang-format on */

static const struct device *find(const struct device *table,
                                 const char *constructor)
{
    while (table->constructor && strcmp(table->constructor, constructor) != 0)
        table++;
    return table;
}

/* The targets that have the device, as people list them. */
static void list_targets(const struct device *d, char *text, size_t size)
{
    int count = 0, left;

    *text = '\0';
    for (int t = 0; t < TARGETS; t++)
        count += d->driver[t] != NULL;
    left = count;
    for (int t = 0; t < TARGETS; t++)
        if (d->driver[t]) {
            size_t len = strlen(text);

            snprintf(text + len, size - len, "%s%s",
                     left == count ? "" : left == 1 ? " or "
                                                    : ", ",
                     target_names[t]);
            left--;
        }
}

/* The constructors that the target has, for a device of the same type first. */
static void list_devices(const struct device *table, const char *type,
                         enum target t, char *text, size_t size)
{
    *text = '\0';
    for (const struct device *d = table; d->constructor; d++)
        if (d->driver[t] && (!type || strcmp(d->type, type) == 0)) {
            size_t len = strlen(text);

            snprintf(text + len, size - len, "%s%s", len ? ", " : "",
                     d->constructor);
        }
}

static void refuse(const struct device *table, const struct device *d,
                   struct config_place at, const char *call, enum target t)
    __attribute__((noreturn));

static void refuse(const struct device *table, const struct device *d,
                   struct config_place at, const char *call, enum target t)
{
    const struct device *other = d->instead ? find(table, d->instead) : NULL;
    char text[512];
    const char *arguments = strchr(call, '(');

    list_targets(d, text, sizeof text);
    if (*text && other && other->driver[t])
        config_fail(at,
                    "%s %s, so it needs target %s;\nthe target is %s. "
                    "%s%s works there.",
                    call, d->nature, text, target_names[t], other->constructor,
                    arguments && strcmp(other->type, "kv_ro") == 0 ? arguments
                                                                   : "");
    if (*text) {
        char others[512];

        list_devices(table, d->type, t, others, sizeof others);
        if (*others)
            config_fail(at,
                        "%s needs target %s; the target is %s.\n"
                        "A %s there can be had from: %s.",
                        call, text, target_names[t], d->type, others);
        config_fail(at,
                    "%s needs target %s; the target is %s.\n"
                    "There is no %s there yet; `mirage configure --%.*s` "
                    "chooses another target.",
                    call, text, target_names[t], d->type,
                    (int)strcspn(text, " ,"), text);
    }
    list_devices(table, d->type, t, text, sizeof text);
    if (*text)
        config_fail(at,
                    "%s has no driver yet, on any target.\n"
                    "A %s on target %s can be had from: %s.",
                    call, d->type, target_names[t], text);
    list_devices(table, NULL, t, text, sizeof text);
    config_fail(at,
                "%s has no driver yet, on any target; nor has any other %s.\n"
                "What target %s has: %s.",
                call, d->type, target_names[t], text);
}

const char *device_driver(const struct device *table, struct config_place at,
                          const char *constructor, const char *call,
                          enum target t)
{
    const struct device *d = find(table, constructor);

    if (!d->driver[t])
        refuse(table, d, at, call, t);
    return d->driver[t];
}
