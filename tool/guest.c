/* SPDX-License-Identifier: ISC */
/*
 * A disk that config.c names as Xen does (xvda1) is that; the file that it is
 * in dom0 can only be guessed: disk.img, the next one disk2.img. A disk that it
 * names by a file is that file, and gets the next name that is free, from xvda
 * on. Networks are numbered in the order in which config.c names them first.
 */
#define _GNU_SOURCE
#include "guest.h"
#include "emit.h"
#include "say.h"
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_disk(const struct thing *t)
{
    return t->type && t->is_used && strcmp(t->type, "block") == 0;
}

static bool is_network(const struct thing *t)
{
    return t->type && t->is_used && strcmp(t->type, "network") == 0;
}

/* xvd, sd or hd, letters, and perhaps digits; or a number. */
static bool is_name_of_xen(const char *name)
{
    static const char digits[] = "0123456789";
    size_t            kind = strncmp(name, "xvd", 3) == 0 ? 3
                             : strncmp(name, "sd", 2) == 0 ||
                          strncmp(name, "hd", 2) == 0
                                 ? 2
                                 : 0;
    size_t            letters;

    if (isdigit((unsigned char)*name))
        return !name[strspn(name, digits)];
    letters = strspn(name + kind, "abcdefghijklmnopqrstuvwxyz");
    name += kind + letters;
    return kind && letters && !name[strspn(name, digits)];
}

/* The place among those of the image that are the same in is. */
static size_t place_of(const struct facts *f, const struct thing *device,
                       bool (*is)(const struct thing *t), bool    by_file)
{
    size_t place = 0;

    for (size_t i = 0; &f->thing[i] != device; i++)
        if (is(&f->thing[i]) &&
            is_name_of_xen(f->thing[i].argument[0].text) != by_file)
            place++;
    return place;
}

/* Has config.c itself given somebody this disk, or a partition of it? */
static bool is_taken(const struct facts *f, const char *disk)
{
    for (size_t i = 0; i < f->thing_count; i++) {
        const struct thing *t = &f->thing[i];

        if (is_disk(t) && is_name_of_xen(t->argument[0].text) &&
            strncmp(t->argument[0].text, disk, strlen(disk)) == 0)
            return true;
    }
    return false;
}

static char *name_of_disk(const struct facts *f, const struct thing *device)
{
    const char *name = device->argument[0].text;
    size_t      place;

    if (is_name_of_xen(name))
        return text_of("%s", name);
    place = place_of(f, device, is_disk, true);
    for (char letter = 'a'; letter <= 'z'; letter++) {
        char *disk = text_of("xvd%c", letter);

        if (!is_taken(f, disk) && place-- == 0)
            return disk;
    }
    die(FAILED, "more disks than Xen has letters for");
}

static char *file_of_disk(const struct facts *f, const struct thing *device)
{
    const char *name = device->argument[0].text;
    size_t      place;

    if (!is_name_of_xen(name))
        return text_of("%s", name);
    place = place_of(f, device, is_disk, false);
    return place ? text_of("disk%zu.img", place + 1) : text_of("disk.img");
}

/* Its number; and whether an earlier device has the same name, and so is it. */
static size_t number_of_network(const struct facts *f,
                                const struct thing *device, bool *is_known)
{
    struct list names = {{0}, 0};
    size_t      number = 0;

    *is_known = false;
    for (size_t i = 0; &f->thing[i] != device; i++)
        if (is_network(&f->thing[i]))
            add_item(&names, f->thing[i].argument[0].text);
    while (number < names.count &&
           strcmp(names.item[number], device->argument[0].text) != 0)
        number++;
    *is_known = number < names.count;
    return number;
}

char *guest_device(const struct facts *f, const struct thing *device)
{
    bool is_known;

    if (is_disk(device))
        return name_of_disk(f, device);
    if (is_network(device))
        return text_of("%zu", number_of_network(f, device, &is_known));
    return NULL;
}

/* One of those that Xen leaves to its users, out of the name: FNV-1a. */
static char *mac_of(const char *image, size_t number)
{
    uint32_t hash = 2166136261u;

    for (; *image; image++)
        hash = (hash ^ (uint8_t)*image) * 16777619u;
    hash = (hash ^ (uint8_t)number) * 16777619u;
    return text_of("00:16:3e:%02x:%02x:%02x", hash >> 16 & 0x7f,
                   hash >> 8 & 0xff, hash & 0xff);
}

/* A list of xl's: each item on a line of its own if there are several. */
static void put_items(FILE *out, const char *name, const struct list *items)
{
    if (items->count == 0)
        return;
    fprintf(out, "%s = [", name);
    for (size_t i = 0; i < items->count; i++)
        fprintf(out, "%s\"%s\"%s", items->count > 1 ? "\n    " : " ",
                items->item[i], i + 1 < items->count ? "," : "");
    fputs(items->count > 1 ? ",\n]\n" : " ]\n", out);
}

static void put_disks(FILE *out, const struct facts *f)
{
    struct list items = {{0}, 0};

    for (size_t i = 0; i < f->thing_count; i++)
        if (is_disk(&f->thing[i]))
            add_item(&items, text_of("%s,raw,%s,w",
                                     file_of_disk(f, &f->thing[i]),
                                     name_of_disk(f, &f->thing[i])));
    if (items.count)
        fputs("\n# Disks: a file or block device of this host's, its format, "
              "the guest's\n# name for it, and w for writing or r.\n",
              out);
    put_items(out, "disk", &items);
}

static void put_networks(FILE *out, const struct facts *f, const char *bridge)
{
    struct list items = {{0}, 0};

    for (size_t i = 0; i < f->thing_count; i++) {
        bool   is_known = true;
        size_t number = 0;

        if (is_network(&f->thing[i]))
            number = number_of_network(f, &f->thing[i], &is_known);
        if (!is_known)
            add_item(&items, text_of("mac=%s,bridge=%s",
                                     mac_of(f->image, number), bridge));
    }
    if (items.count)
        fputs("\n# Networks. The address is always the same for this name; a "
              "copy of the guest\n# on the same bridge needs one of its "
              "own.\n",
              out);
    put_items(out, "vif", &items);
}

char *guest_lines(const struct facts *f, const char *bridge)
{
    char  *text;
    size_t size;
    FILE  *out = open_memstream(&text, &size);

    if (!out)
        die(FAILED, "out of memory");
    put_disks(out, f);
    put_networks(out, f, bridge);
    fclose(out);
    return text;
}

static void put_xml(FILE *out, const char *text)
{
    for (; *text; text++)
        if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '\'' || *text == '"')
            fprintf(out, "&#%d;", *text);
        else
            fputc(*text, out);
}

char *guest_elements(const struct facts *f)
{
    char  *text;
    size_t size;
    FILE  *out = open_memstream(&text, &size);

    if (!out)
        die(FAILED, "out of memory");
    for (size_t i = 0; i < f->thing_count; i++) {
        const struct thing *t = &f->thing[i];
        bool                is_known = true;

        if (is_disk(t)) {
            const char *file = file_of_disk(f, t);

            fprintf(out, "    <disk type=\"file\" device=\"disk\">\n"
                         "      <driver name=\"qemu\" type=\"raw\"/>\n"
                         "      <source file=\"%s",
                    *file == '/' ? "" : "@HERE@/");
            put_xml(out, file);
            fprintf(out, "\"/>\n      <target dev=\"%s\" bus=\"xen\"/>\n"
                         "    </disk>\n",
                    name_of_disk(f, t));
        } else if (is_network(t)) {
            size_t number = number_of_network(f, t, &is_known);

            if (!is_known)
                fprintf(out, "    <interface type=\"bridge\">\n"
                             "      <mac address=\"%s\"/>\n"
                             "      <source bridge=\"xenbr0\"/>\n"
                             "    </interface>\n",
                        mac_of(f->image, number));
        }
    }
    fclose(out);
    return text;
}
