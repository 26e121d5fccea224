/* SPDX-License-Identifier: ISC */
/*
 * fat_name: names in UTF-8 and UTF-16, and their two forms in directory
 * entries: a short name of 8 and 3 characters, and, if that does not say all,
 * up to 20 long name entries of 13 UTF-16 units before it.
 */
#ifndef STORE_FAT_NAME_H
#define STORE_FAT_NAME_H

#include <mirage/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAT_NAME_UNITS  255 /* UTF-16 units of a long name, at most */
#define FAT_NAME_BYTES  (3 * FAT_NAME_UNITS + 1) /* in UTF-8, with the NUL */
#define FAT_SHORT_BYTES 11
#define FAT_LONG_UNITS  13 /* UTF-16 units of a long name entry */
#define FAT_LONG_ENTRIES \
    ((FAT_NAME_UNITS + FAT_LONG_UNITS - 1) / FAT_LONG_UNITS)

struct fat_name {
    uint16_t unit[FAT_NAME_UNITS]; /* UTF-16 */
    size_t len;
};

/*
 * Parses a name to look up, len bytes of UTF-8. It accepts all that
 * fat_name_text gives, since others may have written the volume. ERR_NAME: no
 * directory lists such a name.
 */
MUST_CHECK enum status fat_name_parse(const char *text, size_t len,
                                      struct fat_name *name);

/* Checks a name that is to be created, by the rules of FAT. ERR_NAME. */
MUST_CHECK enum status fat_name_check_new(const struct fat_name *name);

/* Writes a name as UTF-8. false: it is not UTF-16, or no part of a path. */
bool fat_name_text(const struct fat_name *name, char text[FAT_NAME_BYTES]);

/* Compare names without regard to case. Names that are the same have the same
 * hash; seed makes it unpredictable. */
bool fat_name_is_same(const struct fat_name *a, const struct fat_name *b);
uint32_t fat_name_hash(const struct fat_name *name, uint32_t seed);

/* What of a name its short name says. */
enum fat_fit { FAT_FITS, /* all of it */
               FAT_FITS_IN_CAPITALS, /* all but upper and lower case */
               FAT_IS_LOSSY };

/* Makes the short name of a name. */
enum fat_fit fat_short_make(const struct fat_name *name,
                            uint8_t name_83[FAT_SHORT_BYTES]);

/* Makes other short names of one that fat_short_make made (basis), one for each
 * number from 1 on: the numeric tail of the specification. */
void fat_short_make_numbered(const struct fat_name *name,
                             const uint8_t basis[FAT_SHORT_BYTES],
                             uint32_t number,
                             uint8_t name_83[FAT_SHORT_BYTES]);

/* The checksum of a short name, which its long name entries have (LDIR_Chksum).
 */
uint8_t fat_short_checksum(const uint8_t name_83[FAT_SHORT_BYTES]);

/* Reads the short name of an entry, in the case that its DIR_NTRes says. */
void fat_short_read(const uint8_t slot[32], struct fat_name *name);

/* The number of long name entries that a name needs. */
static inline size_t fat_long_entries(const struct fat_name *name)
{
    return (name->len + FAT_LONG_UNITS - 1) / FAT_LONG_UNITS;
}

/* Makes the nth long name entry, from 1, of a name. */
void fat_long_put(const struct fat_name *name, size_t n, uint8_t sum,
                  uint8_t slot[32]);

/*
 * A long name that is read from its entries, in the order of the directory: the
 * last part of the name comes first. Zeroed: no entry was read.
 */
struct fat_long_name {
    struct fat_name name;
    uint8_t sum, wanted; /* the number of the next entry; 0: it was the last */
    bool is_whole; /* all entries were read, and belong together */
};
void fat_long_get(struct fat_long_name *p, const uint8_t slot[32]);

#endif
