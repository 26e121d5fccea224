/* SPDX-License-Identifier: ISC */
/*
 * fat_name: names as people write them, and as the slots of a FAT directory
 * hold them: a short name of 8 and 3 characters, and before it, where that
 * does not say all, a long one in pieces of 13.
 */
#ifndef STORE_FAT_NAME_H
#define STORE_FAT_NAME_H

#include <mirage/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAT_NAME_UNITS   255 /* units of a long name */
#define FAT_NAME_BYTES   (3 * FAT_NAME_UNITS + 1)
#define FAT_SHORT_BYTES  11
#define FAT_LONG_UNITS   13 /* units of a slot */
#define FAT_LONG_ENTRIES ((FAT_NAME_UNITS + FAT_LONG_UNITS - 1) / FAT_LONG_UNITS)

struct fat_name {
    uint16_t unit[FAT_NAME_UNITS]; /* UTF-16 */
    size_t len;
};

/*
 * A name to look for: all that fat_name_text can give, since others may have
 * made the disk. ERR_NAME: len bytes of text that no directory lists.
 */
MUST_CHECK enum status fat_name_parse(const char *text, size_t len,
                                      struct fat_name *name);

/* ERR_NAME: a name that may not be made, as FAT has it. */
MUST_CHECK enum status fat_name_check_new(const struct fat_name *name);

/* As UTF-8. false: it is none, or one that a path could not hold. */
bool fat_name_text(const struct fat_name *name, char text[FAT_NAME_BYTES]);

/* The same but for upper and lower case; what is the same has the same hash. */
bool fat_name_is_same(const struct fat_name *a, const struct fat_name *b);
uint32_t fat_name_hash(const struct fat_name *name, uint32_t seed);

/*
 * A short name for name: one that says all of it, all but upper and lower
 * case, or just how it begins. fat_short_make_numbered makes others of it, one for
 * each number from 1.
 */
enum fat_fit { FAT_FITS,
               FAT_FITS_IN_CAPITALS,
               FAT_IS_LOSSY };

enum fat_fit fat_short_make(const struct fat_name *name,
                            uint8_t name_83[FAT_SHORT_BYTES]);
void fat_short_make_numbered(const struct fat_name *name,
                             const uint8_t basis[FAT_SHORT_BYTES], uint32_t number,
                             uint8_t name_83[FAT_SHORT_BYTES]);

/* What a long name's slots say of the short one that they belong to. */
uint8_t fat_short_checksum(const uint8_t name_83[FAT_SHORT_BYTES]);

/* The short name of a slot; its byte 12 tells what is in lower case. */
void fat_short_read(const uint8_t slot[32], struct fat_name *name);

/* Slots that hold name before its short one, and the nth, from 1. */
static inline size_t fat_long_entries(const struct fat_name *name)
{
    return (name->len + FAT_LONG_UNITS - 1) / FAT_LONG_UNITS;
}
void fat_long_put(const struct fat_name *name, size_t n, uint8_t sum,
                  uint8_t slot[32]);

/*
 * A long name that is read from its slots, the last piece first as they
 * stand. Zeroed: nothing yet.
 */
struct fat_long_name {
    struct fat_name name;
    uint8_t sum, wanted; /* the next piece's number; 0: all are there */
    bool is_whole;
};
void fat_long_get(struct fat_long_name *p, const uint8_t slot[32]);

#endif
