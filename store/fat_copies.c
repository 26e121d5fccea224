/* SPDX-License-Identifier: ISC */
/* Decision 0014 tells when FAT12's second copy is trusted. */
#include "fat_copies.h"
#include "fat_table.h"
#include <stdlib.h>
#include <string.h>

/* Whether FAT[0] is valid: the media byte, and ones above it. */
static bool is_media(const struct fat *f, uint32_t value)
{
    uint32_t media = value & 0xff;

    return (media == 0xf0 || media >= 0xf8) &&
           (value | 0xff) == fat_eoc(f);
}

/* Reads the sectors with entries of both copies. FAT12. *copies: yours, to
 * free. */
static enum status read_copies(struct fat *f, uint8_t **copies)
{
    size_t len = (size_t)f->l.table_used * f->l.sector_size;
    uint8_t *b = malloc(2 * len);
    enum status s = b ? OK : ERR_NO_MEMORY;

    for (uint32_t i = 0; s == OK && i < 2; i++)
        s = block_read(f->block, f->l.table + i * f->l.table_size, b + i * len,
                       f->l.table_used);
    if (s == OK)
        *copies = b;
    else
        free(b);
    return s;
}

/*
 * Whether the second copy can be that which our commit completed before it
 * began to write the first. Since such a step frees no cluster, it then has a
 * link wherever the first copy has one; a copy that its device never updates
 * has not. Entries that lie in two sectors are not compared: the first copy may
 * have half of one.
 */
static bool is_second_whole(const struct fat *f, const uint8_t *copies)
{
    uint32_t size = f->l.sector_size;
    const uint8_t *second = copies + (size_t)f->l.table_used * size;

    if (!is_media(f, fat_table_entry(f, second, 0)))
        return false;
    for (uint32_t i = FAT_FIRST; i < f->l.clusters + FAT_FIRST; i++)
        if (i * 3 / 2 % size != size - 1 &&
            fat_table_entry(f, copies, i) != 0 &&
            fat_table_entry(f, second, i) == 0)
            return false;
    return true;
}

static enum status read_first_entry(struct fat *f, uint32_t *value)
{
    uint8_t *sector = malloc(f->l.sector_size);
    enum status s = sector ? block_read(f->block, f->l.table, sector, 1)
                           : ERR_NO_MEMORY;

    if (s == OK)
        *value = fat_table_entry(f, sector, 0);
    free(sector);
    return s;
}

enum status fat_choose_copy(struct fat *f)
{
    uint32_t value = 0;
    uint8_t *copies;
    enum status s = read_first_entry(f, &value);

    f->copies.reads_second = false;
    if (s || is_media(f, value) || f->l.tables < 2)
        return s;
    if (f->l.type == FAT12 && value == FAT_TORN_MARK &&
        read_copies(f, &copies) == OK) {
        f->copies.reads_second = is_second_whole(f, copies);
        free(copies);
    }
    if (f->copies.reads_second)
        log_warning(&fat, "the first copy of the table was being written when "
                          "power failed; the second is used");
    else
        log_warning(&fat, "the first entry of the table is damaged; the table "
                          "is used all the same. `fsck.fat -a` would take the "
                          "second copy, whatever that holds: keep a copy of "
                          "the disk before you run it");
    return OK;
}

/* Writes the second copy over the first. The first sector, which has
 * FAT_TORN_MARK, is written last, after a flush. */
static enum status copy_second(struct fat *f, const uint8_t *second)
{
    size_t size = f->l.sector_size;
    enum status s = OK;

    log_warning(&fat, "copying the second copy of the table over the first, "
                      "which was not written to its end");
    for (uint32_t i = f->l.table_used; s == OK && i-- > 0;) {
        if (i == 0)
            s = fat_barrier(f);
        if (s == OK)
            s = fat_write_data(f, f->l.table + i, second + i * size, 1);
    }
    return s ? s : fat_barrier(f);
}

enum status fat_prepare_copies(struct fat *f)
{
    size_t len = (size_t)f->l.table_used * f->l.sector_size;
    uint8_t *copies = NULL;
    enum status s;

    if (f->copies.is_prepared || f->l.type != FAT12 || f->l.tables < 2)
        return OK;
    s = read_copies(f, &copies);
    if (f->copies.reads_second) {
        if (s == OK)
            s = copy_second(f, copies + len);
        free(copies);
        if (s)
            return s;
        f->copies.are_alike = true;
    } else { /* a second copy that cannot be read is not used */
        f->copies.are_alike = s == OK && memcmp(copies, copies + len, len) == 0;
        free(copies);
        if (!f->copies.are_alike)
            log_warning(&fat, "the copies of the table differ; both will get "
                              "what changes, and `fsck.fat` compares them");
    }
    f->copies.reads_second = false;
    f->copies.is_prepared = true;
    return OK;
}
