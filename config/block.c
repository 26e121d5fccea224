/* SPDX-License-Identifier: ISC */
/* Constructors of the device type block (disks), and their drivers. */
#include "block.h"
#include "path.h"
#include "place.h"
#undef block_of_file

static const struct device_type type = {.name = "block"};

CONSTRUCTOR(of_file) = {
    .name = "block_of_file",
    .type = &type,
    .on = {[UNIX] = "block_unix",
           [MACOSX] = "block_unix",
           [XEN] = "block_xen",
           [VIRTIO] = "block_virtio"},
};

/* On a host the disk is a file, and may have to be made first. */
static bool is_on_host(void)
{
    return target() == UNIX || target() == MACOSX;
}

block block_of_file(const char *path)
{
    struct node *n = device_of_text(&of_file, path);

    n->takes_maker = is_on_host();
    if (is_on_host())
        path_check_later(n->at, n->what, path, A_FILE);
    return (block){n};
}

struct node *block_of_image(struct config_place at, const char *call,
                            const char *file)
{
    struct node *n = device_at(at, &of_file, call);

    n->takes_maker = is_on_host();
    graph_text(n, file);
    return n;
}
