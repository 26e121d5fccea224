/* SPDX-License-Identifier: ISC */
/*
 * Constructors of the device type console (consoles), and their drivers.
 *
 * On target virtio console "0" is the serial port, and the driver of its
 * substitute needs the bus. An image without other virtio devices has that
 * driver only if config.c writes custom_console("0") (decision 0025).
 */
#include "console.h"
#include "device.h"
#include <string.h>
#undef custom_console

static const struct device_type type = {.name = "console"};

CONSTRUCTOR(default_made) = {
    .name = "default_console",
    .type = &type,
    .on = {[UNIX] = "console_unix",
           [MACOSX] = "console_unix",
           [XEN] = "console_xen",
           [VIRTIO] = "console_serial",
           [SIM] = "console_unix"},
    .is_value = true,
};

CONSTRUCTOR(custom) = {
    .name = "custom_console",
    .type = &type,
    .on = {[UNIX] = "console_unix",
           [MACOSX] = "console_unix",
           [XEN] = "console_xen",
           [VIRTIO] = "console_serial",
           [SIM] = "console_unix"},
};

static struct node *default_node; /* NULL: config.c has not used it */

console config_default_console(void)
{
    return (console){device_once(&default_node, &default_made, "0")};
}

console custom_console(const char *name)
{
    struct node *n = device_of_text(&custom, name);

    if (target() == VIRTIO)
        n->driver = strcmp(name, "0") == 0 ? "console_virtio" : "console_port";
    return (console){n};
}

static bool is_of_virtio(const struct node *n)
{
    static const char *const drivers[] = {"block_virtio", "network_virtio",
                                          "console_virtio", "console_port"};

    for (size_t i = 0; n->driver && i < sizeof drivers / sizeof *drivers; i++)
        if (strcmp(n->driver, drivers[i]) == 0)
            return true;
    return false;
}

void console_choose_driver(void)
{
    if (!default_node || target() != VIRTIO)
        return;
    for (const struct node *n = graph_first(); n; n = n->next)
        if (is_of_virtio(n))
            default_node->driver = "console_virtio";
}
