/* SPDX-License-Identifier: ISC */
/* The table of targets. */
#define _GNU_SOURCE
#include "target.h"
#include "guest.h"
#include "list.h"
#include "root.h"
#include "say.h"
#include "virtio.h"
#include <string.h>
#include <unistd.h>

/* For two targets: how the Makefile's libvirt goal is described. */
#define LIBVIRT "#     make libvirt   writes %s_libvirt.xml\n"

#ifdef __APPLE__
#define ONLY_ON_A_MAC NULL
#else
#define ONLY_ON_A_MAC                                         \
    "target macosx is built on a Mac, with its compiler and " \
    "its libraries; this is another system.\n"                \
    "`mirage configure --unix` makes the same program here."
#endif

const struct image_target targets[] = {
    {
        .name = "unix",
        .part = "unix.mk",
    },
    {
        .name = "macosx",
        .part = "unix.mk",
        .refusal = ONLY_ON_A_MAC,
    },
    {
        .name = "xen",
        .is_bare = true,
        .machine = XEN_DOMAIN,
        .part = "xen.mk",
        .files = {{".xl", "xl", false},
                  {".xl.in", "xl", true},
                  {"_libvirt.xml.in", "libvirt.xml.in", false}},
        .goal = LIBVIRT,
        .goal_suffix = "_libvirt.xml",
        .name_of = guest_device,
    },
    {
        .name = "virtio",
        .is_bare = true,
        .machine = QEMU,
        .part = "virtio.mk",
        .files = {{".qemu.sh", "qemu.sh", false},
                  {"_libvirt.xml.in", "virtio-libvirt.xml.in", false},
                  {".firecracker.json", "firecracker.json", false}},
        .goal = LIBVIRT,
        .goal_suffix = "_libvirt.xml",
        .names_of = virtio_names,
    },
    {
        .name = "sim",
        .part = "unix.mk",
    },
    {0},
};

const struct image_target *find_target(const char *name)
{
    for (const struct image_target *t = targets; t->name; t++)
        if (strcmp(t->name, name) == 0)
            return t;
    return NULL;
}

const struct image_target *target_of(const char *name)
{
    const struct image_target *t = find_target(name);

    return t ? t : targets;
}

void check_target(const char *name)
{
    const struct image_target *t = find_target(name);
    struct list names = {{0}, 0};

    if (!t) {
        for (t = targets; t->name; t++)
            add_item(&names, t->name);
        die_unknown("target", name, names.item);
    }
    if (t->refusal)
        die(FAILED, "%s", t->refusal);
}

void check_libraries(const char *name)
{
    if (!target_of(name)->is_bare)
        return;
    if (access(text_of("%s/lib/mirage/%s/libmirage.a", root(), name),
               R_OK) != 0)
        die(FAILED, "target %s needs the libraries of bare images, which are "
                    "not built here.\n"
                    "`make images`, in the clone of mirage, builds them.",
            name);
}

char *program_name(const char *image, const char *target)
{
    return target_of(target)->is_bare ? text_of("mir-%s.%s", image, target)
                                      : text_of("mir-%s", image);
}

struct list built_files(const char *image, const char *target)
{
    const struct image_target *t = target_of(target);
    char *program = program_name(image, target);
    struct list l = {{0}, 0};

    add_item(&l, program);
    if (t->is_bare)
        add_item(&l, text_of("%s.debug", program));
    if (t->goal_suffix)
        add_item(&l, text_of("%s%s", image, t->goal_suffix));
    return l;
}
