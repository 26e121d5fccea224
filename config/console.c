/* SPDX-License-Identifier: ISC */
/* Constructors of the device type console (consoles), and their drivers. */
#include "device.h"
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

console config_default_console(void)
{
    static struct node *n;

    return (console){device_once(&n, &default_made, "0")};
}

console custom_console(const char *name)
{
    return (console){device_of_text(&custom, name)};
}
