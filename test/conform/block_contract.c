/* SPDX-License-Identifier: ISC */
#include "block_contract.h"
#include <mirage/buf.h>
#include <mirage/fiber.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD  64 /* bytes around what is read, which must stay */
#define FIBERS 40

static uint64_t sectors; /* of the disk */
static unsigned failures;
static uint64_t state;

static uint32_t below(uint32_t bound)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state * 0x2545f4914f6cdd1du >> 32) % bound;
}

#define HOLDS(condition)                             \
    ((condition) ? (void)0                           \
                 : (void)(failures++,                \
                          printf("%s: not so: %s\n", \
                                 __func__, #condition)))

/* Sectors from a random place on, all of them there. */
static void choose(uint64_t *sector, size_t *count)
{
    *sector = below(sectors);
    *count = below(10) ? below(12) : below(sectors);
    if (*count > sectors - *sector)
        *count = (size_t)(sectors - *sector);
}

static bool is_kept(const uint8_t *guard)
{
    for (int i = 0; i < GUARD; i++)
        if (guard[i] != 0xa5)
            return false;
    return true;
}

/* Reads and writes, at any address, and compares with the model. */
static void play(struct block *b, uint8_t *model, uint8_t *memory)
{
    size_t size = b->info.sector_size;

    for (int i = 0; i < 150; i++) {
        uint64_t sector;
        size_t   count, len;
        uint8_t *data = memory + GUARD + (below(2) ? 0 : below(PAGE_BYTES));

        choose(&sector, &count);
        len = count * size;
        if (below(4) == 0) /* on a page */
            data = memory + PAGE_BYTES;
        memset(data - GUARD, 0xa5, len + 2 * GUARD);
        if (below(2)) {
            for (size_t k = 0; k < len; k++)
                data[k] = (uint8_t)below(256);
            HOLDS(block_write(b, sector, data, count) == OK);
            memcpy(model + sector * size, data, len);
        } else {
            HOLDS(block_read(b, sector, data, count) == OK);
            HOLDS(memcmp(data, model + sector * size, len) == 0);
        }
        HOLDS(is_kept(data - GUARD) && is_kept(data + len));
        if (below(20) == 0)
            HOLDS(block_flush(b) == OK);
    }
}

/* What leads outside, in every way that numbers can. */
static void overreach(struct block *b, uint8_t *model)
{
    const struct {
        uint64_t sector;
        size_t   count;
    } beyond[] = {
        {sectors, 1},
        {sectors - 1, 2},
        {0, sectors + 1},
        {UINT64_MAX, 1},
        {UINT64_MAX, 2},
        {1, SIZE_MAX},
        {sectors, SIZE_MAX},
        {sectors + 1, 0},
        {1, SIZE_MAX / 2},
        {UINT64_MAX - 3, 8},
        {UINT64_MAX / 2, 3},
        {7, SIZE_MAX - 6},
    };
    uint8_t *data = model + sectors * b->info.sector_size;

    memset(data, 0xa5, GUARD);
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        HOLDS(block_read(b, beyond[i].sector, data, beyond[i].count) ==
              ERR_RANGE);
        HOLDS(block_write(b, beyond[i].sector, data, beyond[i].count) ==
              ERR_RANGE);
        HOLDS(is_kept(data));
    }
    HOLDS(block_read(b, sectors, NULL, 0) == OK);
    HOLDS(block_write(b, sectors, NULL, 0) == OK);
    HOLDS(block_read(b, 0, NULL, 0) == OK);
}

/* Each fiber has sectors of its own, and asks at the same time as all. */
struct part {
    struct block *b;
    int           number;
    bool          ok;
};

static void use_part(void *ctx)
{
    struct part *p = ctx;
    size_t       size = p->b->info.sector_size;
    uint64_t     first = (uint64_t)p->number * (p->b->info.sectors / FIBERS);
    uint8_t     *data = malloc(2 * size + 1);

    p->ok = true;
    for (int i = 0; i < 20 && p->ok; i++) {
        memset(data, p->number + i, 2 * size);
        p->ok = block_write(p->b, first + (uint64_t)i % 5, data, 2) == OK;
        memset(data, 0, 2 * size);
        p->ok = p->ok &&
                block_read(p->b, first + (uint64_t)i % 5, data + 1, 2) == OK &&
                data[1] == (uint8_t)(p->number + i) &&
                data[2 * size] == data[1];
    }
    free(data);
}

static void crowd(struct block *b)
{
    struct part   part[FIBERS];
    struct fiber *fiber[FIBERS];

    for (int i = 0; i < FIBERS; i++) {
        part[i] = (struct part){b, i, false};
        HOLDS(fiber_spawn(NULL, use_part, &part[i], &fiber[i]) == OK);
    }
    for (int i = 0; i < FIBERS; i++) {
        HOLDS(fiber_join(fiber[i], FOREVER) == OK);
        HOLDS(part[i].ok);
    }
    HOLDS(block_flush(b) == OK);
}

/* A fiber that was asked to end does nothing more. */
static void use_cancelled(void *ctx)
{
    struct part *p = ctx;
    uint8_t      data[4096];

    p->ok = time_sleep(SECOND) == ERR_CANCELLED &&
            block_write(p->b, 0, data, 1) == ERR_CANCELLED &&
            block_read(p->b, 0, data, 1) == ERR_CANCELLED &&
            block_flush(p->b) == ERR_CANCELLED;
    fiber_shield();
    p->ok = p->ok && block_read(p->b, 0, data, 1) == OK;
    fiber_unshield();
}

static void cancel(struct block *b, const uint8_t *model)
{
    struct part   part = {b, 0, false};
    struct fiber *fiber;
    uint8_t       data[4096];

    HOLDS(fiber_spawn(NULL, use_cancelled, &part, &fiber) == OK);
    fiber_cancel(fiber);
    HOLDS(fiber_join(fiber, FOREVER) == OK);
    HOLDS(part.ok);
    HOLDS(block_read(b, 0, data, 1) == OK);
    HOLDS(memcmp(data, model, b->info.sector_size) == 0);
}

static void refuse_writing(struct block *b)
{
    static const uint8_t data[4096];

    b->info.writable = false;
    HOLDS(block_write(b, 0, data, 1) == ERR_READ_ONLY);
    HOLDS(block_write(b, sectors, data, 1) == ERR_READ_ONLY);
    b->info.writable = true;
}

unsigned block_contract_failures(struct block *b, uint64_t seed)
{
    size_t   len = (size_t)b->info.sectors * b->info.sector_size;
    uint8_t *model = calloc(1, len + GUARD);
    uint8_t *memory = aligned_alloc(PAGE_BYTES,
                                    (len / PAGE_BYTES + 4) * PAGE_BYTES);

    failures = 0;
    sectors = b->info.sectors;
    state = seed * 0x9e3779b97f4a7c15u | 1;
    play(b, model, memory);
    overreach(b, model);
    refuse_writing(b);
    cancel(b, model);
    HOLDS(block_read(b, 0, memory, (size_t)sectors) == OK);
    HOLDS(memcmp(memory, model, len) == 0);
    crowd(b);
    free(model);
    free(memory);
    return failures;
}
