/* SPDX-License-Identifier: ISC */
/*
 * A disk's serial number is the first 20 bytes of its name in config.c
 * (VIRTIO_BLK_ID_BYTES), and a network has a MAC address that is derived from
 * its name: by these the image finds its devices. Consoles are in ports.c.
 */
#define _GNU_SOURCE
#include "virtio.h"
#include "guest.h"
#include "parts.h"
#include "ports.h"
#include "quote.h"
#include "say.h"
#include <ctype.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERIAL 20 /* bytes */

static FILE *open_text(char **text, size_t *size)
{
    FILE *out = open_memstream(text, size);

    if (!out)
        die(FAILED, "out of memory");
    return out;
}

static char *serial_of(const char *disk)
{
    return text_of("%.*s", SERIAL, disk);
}

static bool is_mac(const char *name)
{
    if (strlen(name) != 17)
        return false;
    for (int i = 0; i < 17; i++)
        if (i % 3 == 2 ? name[i] != ':' : !isxdigit((unsigned char)name[i]))
            return false;
    return true;
}

/* The MAC address that config.c names, or one of the range that QEMU uses, from
 * a hash (FNV-1a) of the names of the image and the network. */
static char *mac_of(const struct facts *f, const char *network)
{
    const char *text = text_of("%s/%s", f->image, network);
    uint32_t hash = 2166136261u;

    if (is_mac(network)) {
        char *mac = text_of("%s", network);

        for (char *c = mac; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        return mac;
    }
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619u;
    return text_of("52:54:00:%02x:%02x:%02x", hash >> 16 & 0xff,
                   hash >> 8 & 0xff, hash & 0xff);
}

/* Can it be the name of an interface of the host's? */
static bool is_interface(const char *name)
{
    return isalpha((unsigned char)*name) && strlen(name) < IFNAMSIZ &&
           !name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")];
}

static bool is_in(const struct list *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->item[i], name) == 0)
            return true;
    return false;
}

/* The TAPs of the networks, in their order: of the network's name if an
 * interface can have that, otherwise the first of tap0, tap1, ... that no
 * network of config.c is named after. */
static struct list taps_of(const struct list *networks)
{
    struct list taps = {{0}, 0};

    for (size_t i = 0; i < networks->count; i++) {
        const char *name = networks->item[i];

        for (unsigned n = 0; !is_interface(name) ||
                             is_in(&taps, name);
             n++) {
            char *tap = text_of("tap%u", n);

            if (!is_in(networks, tap))
                name = tap;
        }
        taps.item[taps.count++] = name;
    }
    return taps;
}

struct list virtio_names(const struct facts *f, const struct node *device)
{
    struct list names = {{0}, 0}, networks;

    if (strcmp(device->type, "network") != 0)
        return names;
    networks = guest_networks(f);
    for (size_t i = 0; i < networks.count && names.count + 2 < MOST; i++) {
        names.item[names.count++] = networks.item[i];
        names.item[names.count++] = mac_of(f, networks.item[i]);
    }
    return names;
}

static void check_disk(const char *name)
{
    if (!*name)
        die(FAILED, "block_of_file(\"\"): a disk is named by its file");
    guest_check_characters(name, "libvirt does not take");
}

void virtio_check(const struct facts *f)
{
    struct list disks = guest_disks(f);

    ports_check(f);
    for (size_t i = 0; i < disks.count; i++)
        check_disk(disks.item[i]);
    for (size_t i = 0; i < disks.count; i++)
        for (size_t j = 0; j < i; j++)
            if (strncmp(disks.item[i], disks.item[j], SERIAL) == 0)
                die(FAILED,
                    "the names of the disks %s and %s begin with the same %d "
                    "bytes. On virtio a disk is known by these: rename one of "
                    "them.",
                    disks.item[j], disks.item[i], SERIAL);
}

char *virtio_functions(const struct facts *f)
{
    static const struct filling none[] = {{NULL, NULL}};
    char *text;
    size_t size;
    FILE *out = open_text(&text, &size);

    if (guest_disks(f).count) {
        fputc('\n', out);
        put_part(out, "qemu-disk", none);
    }
    if (guest_networks(f).count) {
        fputc('\n', out);
        put_part(out, "qemu-network", none);
    }
    if (ports_of(f).count) {
        fputc('\n', out);
        put_part(out, "qemu-console", none);
    }
    fclose(out);
    return text;
}

/* Whether make makes the disk's file, for fat_of_files. */
static bool is_made_by_make(const struct facts *f, const char *disk)
{
    for (size_t i = 0; i < f->node_count; i++)
        if (f->node[i].makes_image &&
            strcmp(f->node[i].argument[1].device->argument[0].text, disk) == 0)
            return true;
    return false;
}

/* How to make the file of a disk that is missing. */
static char *maker_of(const struct facts *f, const char *disk)
{
    if (is_made_by_make(f, disk))
        return text_of("`make` makes it, beside the image");
    if (strncmp(disk, "/dev/", 5) == 0)
        return text_of("`lsblk` lists this host's disks");
    return text_of("`dd if=/dev/zero of=%s count=100000` makes one of 51.2 MB",
                   shell_word(disk));
}

/* A value among QEMU's options, in which a comma is doubled. */
static char *option_value_of(const char *text)
{
    char *value = get_memory(2 * strlen(text) + 1), *to = value;

    for (; *text; text++) {
        if (*text == ',')
            *to++ = ',';
        *to++ = *text;
    }
    *to = '\0';
    return value;
}

char *virtio_lines(const struct facts *f)
{
    struct list disks = guest_disks(f), networks = guest_networks(f);
    struct list taps = taps_of(&networks);
    char *text;
    size_t size;
    FILE *out = open_text(&text, &size);

    for (size_t i = 0; i < disks.count; i++) {
        const char *serial = text_of(
            "serial=%s", option_value_of(serial_of(disks.item[i])));

        fprintf(out, "find_disk %s %s\n", shell_word(disks.item[i]),
                shell_word(maker_of(f, disks.item[i])));
        fprintf(out,
                "set -- \"$@\" "
                "-drive \"if=none,id=disk%zu,format=raw,$file\" \\\n"
                "    -device virtio-blk-$bus,drive=disk%zu,%s\n",
                i, i, shell_word(serial));
    }
    for (size_t i = 0; i < networks.count; i++)
        fprintf(out,
                "find_network %s\n"
                "set -- \"$@\" -netdev \"$netdev,id=net%zu\" \\\n"
                "    -device virtio-net-$bus,netdev=net%zu,mac=%s$rom\n",
                taps.item[i], i, i, mac_of(f, networks.item[i]));
    fputs(ports_lines(f), out);
    if (!networks.count)
        fputs("if [ -n \"${FORWARD:-}\" ]; then\n"
              "    echo \"FORWARD=$FORWARD: config.c has no network\" >&2\n"
              "    exit 1\n"
              "fi\n",
              out);
    fclose(out);
    return text;
}

/* Does libvirt take all serials? Its schema has few characters for them. */
static bool has_plain_serials(const struct list *disks)
{
    for (size_t i = 0; i < disks->count; i++) {
        const char *serial = serial_of(disks->item[i]);

        if (serial[strspn(serial, "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_.+- ")])
            return false;
    }
    return true;
}

/* The last letters of the guest's name for a disk, which libvirt wants: a to z,
 * aa, ... */
static char *letters_of(size_t i)
{
    return i < 26 ? text_of("%c", (int)('a' + i))
                  : text_of("%s%c", letters_of(i / 26 - 1),
                            (int)('a' + i % 26));
}

static void put_disk(FILE *out, const char *disk, size_t i, bool has_serial)
{
    fprintf(out,
            "    <disk type=\"%s\" device=\"disk\">\n"
            "      <driver name=\"qemu\" type=\"raw\"/>\n"
            "      <source %s=\"%s",
            strncmp(disk, "/dev/", 5) == 0 ? "block" : "file",
            strncmp(disk, "/dev/", 5) == 0 ? "dev" : "file",
            *disk == '/' ? "" : "@HERE@/");
    put_xml_text(out, disk);
    fprintf(out, "\"/>\n      <target dev=\"vd%s\" bus=\"virtio\"/>\n",
            letters_of(i));
    if (has_serial)
        fprintf(out, "      <serial>%s</serial>\n", serial_of(disk));
    fputs("    </disk>\n", out);
}

char *virtio_elements(const struct facts *f)
{
    struct list disks = guest_disks(f), networks = guest_networks(f);
    struct list taps = taps_of(&networks);
    bool has_serials = has_plain_serials(&disks);
    char *text;
    size_t size;
    FILE *out = open_text(&text, &size);

    if (!has_serials)
        fputs("    <!-- No serial numbers: libvirt does not take the names of "
              "all disks as\n         such, so the image takes the disks in "
              "this order. -->\n",
              out);
    for (size_t i = 0; i < disks.count; i++)
        put_disk(out, disks.item[i], i, has_serials);
    for (size_t i = 0; i < networks.count; i++)
        fprintf(out,
                "    <interface type=\"ethernet\">\n"
                "      <mac address=\"%s\"/>\n"
                "      <target dev=\"%s\" managed=\"no\"/>\n"
                "      <model type=\"virtio\"/>\n"
                "      <rom enabled=\"no\"/>\n"
                "    </interface>\n",
                mac_of(f, networks.item[i]), taps.item[i]);
    fputs(ports_elements(f), out);
    fclose(out);
    return text;
}

char *virtio_drives(const struct facts *f)
{
    struct list disks = guest_disks(f);
    char *text;
    size_t size;
    FILE *out = open_text(&text, &size);

    for (size_t i = 0; i < disks.count; i++) {
        fprintf(out, "%s\n    {\n      \"drive_id\": \"disk%zu\",\n"
                     "      \"path_on_host\": ",
                i ? "," : "", i);
        put_json_string(out, disks.item[i]);
        fputs(",\n      \"is_root_device\": false,\n"
              "      \"is_read_only\": false\n    }",
              out);
    }
    fputs(disks.count ? "\n  " : "", out);
    fclose(out);
    return text;
}

char *virtio_interfaces(const struct facts *f)
{
    struct list networks = guest_networks(f);
    struct list taps = taps_of(&networks);
    char *text;
    size_t size;
    FILE *out = open_text(&text, &size);

    for (size_t i = 0; i < networks.count; i++)
        fprintf(out,
                "%s\n    {\n      \"iface_id\": \"net%zu\",\n"
                "      \"guest_mac\": \"%s\",\n"
                "      \"host_dev_name\": \"%s\"\n    }",
                i ? "," : "", i, mac_of(f, networks.item[i]), taps.item[i]);
    fputs(networks.count ? "\n  " : "", out);
    fclose(out);
    return text;
}
