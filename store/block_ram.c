/* SPDX-License-Identifier: ISC */
/* block on memory of the heap: a disk for tests, or one that need not last. */
#include <mirage/block.h>
#include <mirage/macros.h>
#include <stdlib.h>
#include <string.h>

#define DISCARDED \
    0xdd /* the value of discarded bytes: a read of them is noticed */

struct ram {
    struct block block; /* first */
    uint8_t bytes[];
};

static struct ram *ram_of(struct block *b)
{
    return containing(b, struct ram, block);
}

static enum status ram_read(struct block *b, uint64_t sector, void *data,
                            size_t count)
{
    size_t size = b->info.sector_size;

    memcpy(data, ram_of(b)->bytes + sector * size, count * size);
    return OK;
}

static enum status ram_write(struct block *b, uint64_t sector,
                             const void *data, size_t count)
{
    size_t size = b->info.sector_size;

    memcpy(ram_of(b)->bytes + sector * size, data, count * size);
    return OK;
}

static enum status ram_discard(struct block *b, uint64_t sector,
                               uint64_t count)
{
    size_t size = b->info.sector_size;

    memset(ram_of(b)->bytes + sector * size, DISCARDED, count * size);
    return OK;
}

static enum status ram_flush(struct block *b)
{
    (void)b;
    return OK;
}

static void ram_disconnect(struct block *b)
{
    free(ram_of(b));
}

static const struct block_ops ram_ops = {
    .read = ram_read,
    .write = ram_write,
    .discard = ram_discard,
    .flush = ram_flush,
    .disconnect = ram_disconnect,
    .takes_any_data = true,
};

enum status block_ram_connect(uint64_t sectors, uint32_t sector_size,
                              struct block **block)
{
    struct ram *r = NULL;

    if (sectors <= (SIZE_MAX - sizeof *r) / sector_size)
        r = calloc(1, sizeof *r + (size_t)sectors * sector_size);
    if (!r)
        return ERR_NO_MEMORY;
    r->block.ops = &ram_ops;
    r->block.info = (struct block_info){sectors, sector_size, true};
    *block = &r->block;
    return OK;
}
