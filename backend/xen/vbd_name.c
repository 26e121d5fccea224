/* SPDX-License-Identifier: ISC */
/* Names and numbers of virtual disks by Xen's xen-vbd-interface(7). */
#include "vbd_name.h"
#include <mirage/text.h>
#include <stdint.h>
#include <string.h>

#define EXTENDED 0x10000000ul /* set in numbers of disks beyond the first 16 */
#define DISKS    (1ul << 20) /* of extended numbers */

/* Names whose numbers are major << 8 | minor, as in Linux. */
static const struct family {
    char name[4];
    unsigned major, other_major; /* of the first disks, and the rest */
    unsigned long disks, disks_each;
    unsigned shift; /* bits of the partition */
} families[] = {
    {"xvd", 202, 202, 16, 16, 4},
    {"sd", 8, 8, 16, 16, 4},
    {"hd", 3, 22, 4, 2, 6},
};

/* Parses the whole text as digits of a base. */
static bool read_digits(const char *text, unsigned base, unsigned long *number)
{
    static const char digits[] = "0123456789abcdef";

    *number = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        const char *d = strchr(digits, *text);

        if (!d || (unsigned)(d - digits) >= base || *number > UINT32_MAX)
            return false;
        *number = *number * base + (unsigned long)(d - digits);
    }
    return *number <= UINT32_MAX;
}

/* Parses a to z, aa, ab, ... Returns the end of the letters. NULL: there are
 * none, or too many. */
static const char *read_letters(const char *text, unsigned long *disk)
{
    unsigned long n = 0;

    if (*text < 'a' || *text > 'z')
        return NULL;
    for (; *text >= 'a' && *text <= 'z'; text++) {
        if (n > DISKS)
            return NULL;
        n = n * 26 + (unsigned long)(*text - 'a') + 1;
    }
    *disk = n - 1;
    return text;
}

static bool number_in(const struct family *f, const char *rest,
                      unsigned long *number)
{
    unsigned long disk, partition = 0;

    rest = read_letters(rest, &disk);
    if (!rest || (*rest && (*rest == '0' ||
                            !read_digits(rest, 10, &partition))))
        return false;
    if (disk < f->disks && partition < 1ul << f->shift) {
        unsigned major = disk < f->disks_each ? f->major : f->other_major;

        *number = (unsigned long)major << 8 |
                  (disk % f->disks_each) << f->shift | partition;
        return true;
    }
    if (f != families || disk >= DISKS || partition > 255)
        return false;
    *number = EXTENDED | disk << 8 | partition;
    return true;
}

bool vbd_number(const char *name, unsigned long *number)
{
    if (strncmp(name, "/dev/", 5) == 0)
        name += 5;
    if (strncmp(name, "0x", 2) == 0)
        return read_digits(name + 2, 16, number);
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        size_t len = strlen(families[i].name);

        if (strncmp(name, families[i].name, len) == 0)
            return number_in(&families[i], name + len, number);
    }
    return read_digits(name, 10, number);
}

static void put_letters(unsigned long disk, char *to)
{
    char text[8], *at = text + sizeof text;
    char *end = at;

    for (disk++; disk > 0; disk = (disk - 1) / 26)
        *--at = (char)('a' + (disk - 1) % 26);
    memcpy(to, at, (size_t)(end - at));
    to[end - at] = '\0';
}

static void put_name(const char *kind, unsigned long disk,
                     unsigned long partition, char name[VBD_NAME])
{
    char letters[8];

    put_letters(disk, letters);
    if (partition)
        text_format(name, VBD_NAME, "%s%s%lu", kind, letters, partition);
    else
        text_format(name, VBD_NAME, "%s%s", kind, letters);
}

void vbd_name(unsigned long number, char name[VBD_NAME])
{
    if (number >> 28 == 1) {
        put_name(families[0].name, (number & (EXTENDED - 1)) >> 8,
                 number & 255, name);
        return;
    }
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        const struct family *f = &families[i];
        unsigned long major = number >> 8, minor = number & 255;
        unsigned long disk = minor >> f->shift;

        if ((major != f->major && major != f->other_major) ||
            disk >= f->disks_each)
            continue;
        if (major != f->major)
            disk += f->disks_each;
        put_name(f->name, disk, minor & ((1ul << f->shift) - 1), name);
        return;
    }
    text_format(name, VBD_NAME, "%lu", number);
}
