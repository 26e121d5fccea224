/* SPDX-License-Identifier: ISC */
/* "In use" marks, and which copy of the table is read. */
#include "fat_marks.h"
#include "fat_table.h"
#include <stdlib.h>

/* The byte of the boot sector with the "in use" bit. */
#define IN_USE   37 /* FAT12, FAT16 */
#define IN_USE32 65

/* Of the table's second entry. */
static uint32_t clean_bit(const struct fat *f)
{
    return f->l.type == FAT32 ? 0x08000000 : 0x8000;
}

enum status fat_mark_table(struct fat *f, bool in_use)
{
    uint32_t bit = clean_bit(f), v;
    enum status s;

    if (f->l.type == FAT12)
        return OK;
    s = fat_table_get(f, 1, &v);
    return s ? s : fat_table_set(f, 1, in_use ? v & ~bit : v | bit);
}

/* FAT32's boot sector has a copy, which should not differ at any moment. */
enum status fat_mark_boot(struct fat *f, bool in_use)
{
    uint8_t *boot;
    enum status s;

    if (f->l.type == FAT32)
        return OK;
    boot = malloc(f->l.sector_size);
    s = boot ? block_read(f->block, 0, boot, 1) : ERR_NO_MEMORY;
    if (s == OK) {
        boot[IN_USE] = (uint8_t)((boot[IN_USE] & ~1) | in_use);
        s = fat_write_data(f, 0, boot, 1);
    }
    free(boot);
    return s;
}

enum status fat_is_in_use(struct fat *f, bool *in_use)
{
    uint8_t *boot = malloc(f->l.sector_size);
    enum status s = boot ? block_read(f->block, 0, boot, 1) : ERR_NO_MEMORY;
    uint32_t v = UINT32_MAX;

    if (s == OK && f->l.type != FAT12)
        s = fat_table_get(f, 1, &v);
    if (s == OK)
        *in_use = boot[f->l.type == FAT32 ? IN_USE32 : IN_USE] & 1 ||
                  !(v & clean_bit(f));
    free(boot);
    return s;
}
