/* SPDX-License-Identifier: ISC */
/* Constructors of the device type fs (file systems), and their drivers. */
#include "block.h"
#include "path.h"
#include "place.h"
#include <stdio.h>
#undef fat
#undef fat_of_files

static const struct device_type type = {.name = "fs", .flush = "fs_flush"};

CONSTRUCTOR(on_disk) = {
    .name = "fat",
    .type = &type,
    .on = {[EVERY_TARGET] = "fat"},
};

/* Wherever block_of_file has a driver. */
CONSTRUCTOR(of_files) = {
    .name = "fat_of_files",
    .type = &type,
    .on = {[UNIX] = "fat",
           [MACOSX] = "fat",
           [XEN] = "fat",
           [VIRTIO] = "fat"},
    .folder = AS_IMAGE,
};

fs fat(block disk)
{
    return (fs){device_of_device(&on_disk, disk.node)};
}

fs fat_of_files(const char *dir)
{
    static int images;
    struct config_place at = place_of_call();
    char call[512], name[32];
    struct node *n, *disk;

    dir = path_for_make(at, of_files.name, dir, A_FOLDER);
    snprintf(call, sizeof call, "%s(\"%s\")", of_files.name, dir);
    device_driver(&of_files, device_constructors(), at, call, target());
    snprintf(name, sizeof name, "fat%d.img", ++images);
    disk = block_of_image(at, call, name);
    n = device_at(at, &of_files, call);
    graph_text(n, dir);
    graph_device(n, disk);
    return (fs){n};
}
