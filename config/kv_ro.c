/* SPDX-License-Identifier: ISC */
/* Constructors of the device type kv_ro, and their drivers. */
#include "device.h"
#include "path.h"
#undef kv_ro_of_fs
#undef crunch
#undef direct_kv_ro

static const struct device_type type = {.name = "kv_ro"};

CONSTRUCTOR(of_fs) = {
    .name = "kv_ro_of_fs",
    .type = &type,
    .on = {[EVERY_TARGET] = "kv_ro_fs"},
};

CONSTRUCTOR(crunched) = {
    .name = "crunch",
    .type = &type,
    .on = {[EVERY_TARGET] = "kv_ro_crunch"},
    .folder = CRUNCHED,
};

CONSTRUCTOR(direct) = {
    .name = "direct_kv_ro",
    .type = &type,
    .on = {[UNIX] = "kv_ro_unix",
           [MACOSX] = "kv_ro_unix",
           [SIM] = "kv_ro_unix"},
    .nature = "reads the host's files",
    .instead = &crunched,
    .same_arguments = true,
};

kv_ro kv_ro_of_fs(fs files)
{
    return (kv_ro){device_of_device(&of_fs, files.node)};
}

kv_ro crunch(const char *dir)
{
    struct node *n = device_of_text(&crunched, dir);

    n->arguments[0].text = path_for_make(n->at, n->what, dir, A_FOLDER);
    return (kv_ro){n};
}

kv_ro direct_kv_ro(const char *dir)
{
    struct node *n = device_of_text(&direct, dir);

    path_check_later(n->at, n->what, dir, A_FOLDER);
    return (kv_ro){n};
}
