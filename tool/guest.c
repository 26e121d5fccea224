/* SPDX-License-Identifier: ISC */
/*
 * A disk that config.c names as Xen does (xvda1) keeps that name, and gets a
 * file in dom0: disk.img, then disk2.img. A disk that it names by a file is
 * that file, and gets the next free name from xvda on. Networks are numbered
 * from 0 on. Both are sorted by name, since the order in which config.c makes
 * the arguments of a call is the compiler's choice.
 */
#define _GNU_SOURCE
#include "guest.h"
#include "quote.h"
#include "say.h"
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_disk(const struct node *t)
{
    return t->type && t->is_used && strcmp(t->type, "block") == 0;
}

static bool is_network(const struct node *t)
{
    return t->type && t->is_used && strcmp(t->type, "network") == 0;
}

static size_t place_in(const struct list *names, const char *name)
{
    size_t i = 0;

    while (i < names->count && strcmp(names->item[i], name) != 0)
        i++;
    return i;
}

/* xvd, sd or hd with letters and perhaps digits; or a number. */
static bool is_name_of_xen(const char *name)
{
    static const char digits[] = "0123456789";
    size_t kind = strncmp(name, "xvd", 3) == 0 ? 3
                  : strncmp(name, "sd", 2) == 0 ||
                          strncmp(name, "hd", 2) == 0
                      ? 2
                      : 0;
    size_t letters;

    if (isdigit((unsigned char)*name))
        return !name[strspn(name, digits)];
    letters = strspn(name + kind, "abcdefghijklmnopqrstuvwxyz");
    name += kind + letters;
    return kind && letters && !name[strspn(name, digits)];
}

static bool is_disk_of_xen(const struct node *t)
{
    return is_disk(t) && is_name_of_xen(t->argument[0].text);
}

static bool is_disk_of_file(const struct node *t)
{
    return is_disk(t) && !is_name_of_xen(t->argument[0].text);
}

/* tap10 comes after tap9. */
static int by_name(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the devices for which `is` holds, each once, sorted. */
static struct list names_of(const struct facts *f,
                            bool (*is)(const struct node *t))
{
    struct list names = {{0}, 0};

    for (size_t i = 0; i < f->node_count; i++) {
        const struct node *t = &f->node[i];

        if (is(t) && place_in(&names, t->argument[0].text) == names.count)
            add_item(&names, t->argument[0].text);
    }
    qsort(names.item, names.count, sizeof names.item[0], by_name);
    return names;
}

struct list guest_disks(const struct facts *f)
{
    return names_of(f, is_disk);
}

/* Whether config.c names this disk, or a partition of it. */
static bool is_taken(const struct facts *f, const char *disk)
{
    for (size_t i = 0; i < f->node_count; i++) {
        const struct node *t = &f->node[i];

        if (is_disk_of_xen(t) &&
            strncmp(t->argument[0].text, disk, strlen(disk)) == 0)
            return true;
    }
    return false;
}

static char *name_of_disk(const struct facts *f, const char *name)
{
    struct list files = names_of(f, is_disk_of_file);
    size_t place = place_in(&files, name);

    if (is_name_of_xen(name))
        return text_of("%s", name);
    for (char letter = 'a'; letter <= 'z'; letter++) {
        char *disk = text_of("xvd%c", letter);

        if (!is_taken(f, disk) && place-- == 0)
            return disk;
    }
    die(FAILED, "more disks than Xen has letters for");
}

static char *file_of_disk(const struct facts *f, const char *name)
{
    struct list disks = names_of(f, is_disk_of_xen);
    size_t place = place_in(&disks, name);

    if (!is_name_of_xen(name))
        return text_of("%s", name);
    return place ? text_of("disk%zu.img", place + 1) : text_of("disk.img");
}

char *guest_device(const struct facts *f, const struct node *device)
{
    const char *name = device->argument[0].text;
    struct list networks;

    if (is_disk(device))
        return name_of_disk(f, name);
    if (!is_network(device))
        return NULL;
    networks = names_of(f, is_network);
    return text_of("%zu", place_in(&networks, name));
}

struct list guest_networks(const struct facts *f)
{
    return names_of(f, is_network);
}

/* A MAC address of the range that Xen leaves to its users, from a hash (FNV-1a)
 * of the name. */
static char *mac_of(const char *image, size_t number)
{
    uint32_t hash = 2166136261u;

    for (; *image; image++)
        hash = (hash ^ (uint8_t)*image) * 16777619u;
    hash = (hash ^ (uint8_t)number) * 16777619u;
    return text_of("00:16:3e:%02x:%02x:%02x", hash >> 16 & 0x7f,
                   hash >> 8 & 0xff, hash & 0xff);
}

/*
 * An item of xl's list of disks. xl splits an item at commas, and removes
 * prefixes such as "phy:" from a name; but it takes all that follows target=
 * as the name, except for one comma at the end.
 */
static char *disk_item(const char *file, const char *disk)
{
    size_t len = strlen(file);

    if (strpbrk(file, ",:= \t"))
        return text_of("format=raw,vdev=%s,access=w,target=%s%s", disk, file,
                       file[len - 1] == ',' ? "," : "");
    return text_of("%s,raw,%s,w", file, disk);
}

void guest_check_characters(const char *name, const char *refusal)
{
    if (!is_utf8(name))
        die(FAILED, "the name of a disk's file is not UTF-8, which libvirt's "
                    "XML is");
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        if (*c < ' ' || *c == 127)
            die(FAILED, "the name of a disk's file has a control character in "
                        "it, which %s",
                refusal);
}

/* Refuses a name that xl or XML cannot have: xl splits lists at line ends, XML
 * has no control characters; or that has a placeholder of NAME.xl.in. */
static void check_file_name(const char *name)
{
    static const char *const holes[] = {"@NAME@", "@KERNEL@", "@TYPE@",
                                        "@MEMORY@", "@EXTRA@", "@BRIDGE@",
                                        NULL};

    for (const char *const *h = holes; *h; h++)
        if (strstr(name, *h))
            die(FAILED, "the name of a disk's file has %s in it, which is to "
                        "be filled in in NAME.xl.in",
                *h);
    guest_check_characters(name, "neither xl nor libvirt takes");
    if (!*name)
        die(FAILED, "block_of_file(\"\"): a disk is named by its file, or as "
                    "Xen does");
}

/* Writes a list for xl, with one item a line if there are several. */
static void put_items(FILE *out, const char *name, const struct list *items)
{
    if (items->count == 0)
        return;
    fprintf(out, "%s = [", name);
    for (size_t i = 0; i < items->count; i++)
        fprintf(out, "%s%s%s", items->count > 1 ? "\n    " : " ",
                xl_string(items->item[i]), i + 1 < items->count ? "," : "");
    fputs(items->count > 1 ? ",\n]\n" : " ]\n", out);
}

static void put_disks(FILE *out, const struct facts *f)
{
    struct list disks = names_of(f, is_disk), items = {{0}, 0};

    for (size_t i = 0; i < disks.count; i++) {
        check_file_name(disks.item[i]);
        add_item(&items, disk_item(file_of_disk(f, disks.item[i]),
                                   name_of_disk(f, disks.item[i])));
    }
    if (items.count)
        fputs("\n# Disks: a file or block device of this host's, its format, "
              "the guest's\n# name for it, and w for writing or r.\n",
              out);
    put_items(out, "disk", &items);
}

static void put_networks(FILE *out, const struct facts *f, const char *bridge)
{
    struct list networks = names_of(f, is_network), items = {{0}, 0};

    for (size_t i = 0; i < networks.count; i++)
        add_item(&items,
                 text_of("mac=%s,bridge=%s", mac_of(f->image, i), bridge));
    if (items.count)
        fputs("\n# Networks. The address is always the same for this name; a "
              "copy of the guest\n# on the same bridge needs one of its "
              "own.\n",
              out);
    put_items(out, "vif", &items);
}

char *guest_lines(const struct facts *f, const char *bridge)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        die(FAILED, "out of memory");
    put_disks(out, f);
    put_networks(out, f, bridge);
    fclose(out);
    return text;
}

static void put_disk(FILE *out, const struct facts *f, const char *name)
{
    const char *file = file_of_disk(f, name);

    fprintf(out,
            "    <disk type=\"file\" device=\"disk\">\n"
            "      <driver name=\"qemu\" type=\"raw\"/>\n"
            "      <source file=\"%s",
            *file == '/' ? "" : "@HERE@/");
    put_xml_text(out, file);
    fprintf(out,
            "\"/>\n      <target dev=\"%s\" bus=\"xen\"/>\n"
            "    </disk>\n",
            name_of_disk(f, name));
}

char *guest_elements(const struct facts *f)
{
    struct list disks = names_of(f, is_disk);
    struct list networks = names_of(f, is_network);
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        die(FAILED, "out of memory");
    for (size_t i = 0; i < disks.count; i++)
        put_disk(out, f, disks.item[i]);
    for (size_t i = 0; i < networks.count; i++)
        fprintf(out,
                "    <interface type=\"bridge\">\n"
                "      <mac address=\"%s\"/>\n"
                "      <source bridge=\"xenbr0\"/>\n"
                "    </interface>\n",
                mac_of(f->image, i));
    fclose(out);
    return text;
}
