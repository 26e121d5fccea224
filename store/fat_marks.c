/* SPDX-License-Identifier: ISC */
#include "fat_marks.h"
#include "fat_table.h"
#include <stdlib.h>

/* BS_Reserved1 in the boot sector. */
#define RESERVED1    37 /* FAT12, FAT16 */
#define RESERVED1_32 65

/* ClnShutBitMask of FAT[1]. */
static uint32_t shutdown_bit(const struct fat *f)
{
    return f->l.type == FAT32 ? 0x08000000 : 0x8000;
}

enum status fat_mark_table(struct fat *f, bool in_use)
{
    uint32_t bit = shutdown_bit(f), v;
    enum status s;

    if (f->l.type == FAT12)
        return OK;
    s = fat_table_get(f, 1, &v);
    return s ? s : fat_table_set(f, 1, in_use ? v & ~bit : v | bit);
}

/* FAT32's boot sector is left alone: fsck.fat complains whenever it differs
 * from its backup. */
enum status fat_mark_boot(struct fat *f, bool in_use)
{
    uint8_t *boot;
    enum status s;

    if (f->l.type == FAT32)
        return OK;
    boot = malloc(f->l.sector_size);
    s = boot ? block_read(f->block, 0, boot, 1) : ERR_NO_MEMORY;
    if (s == OK) {
        boot[RESERVED1] = (uint8_t)((boot[RESERVED1] & ~1) | in_use);
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
        *in_use = boot[f->l.type == FAT32 ? RESERVED1_32 : RESERVED1] & 1 ||
                  !(v & shutdown_bit(f));
    free(boot);
    return s;
}
