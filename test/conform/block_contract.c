/* SPDX-License-Identifier: ISC */
/* The contract of block devices as a test (block_contract.h). */
#include "block_contract.h"
#include <mirage/buf.h>
#include <mirage/fiber.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD  64 /* bytes around the data, which reads must not change */
#define FIBERS 40

static uint64_t sectors; /* of the disk */
static unsigned failures;
static uint64_t state;
static bool discards; /* the disk supports it; is_asked: that is known */
static bool is_asked;
static bool *is_unknown; /* a sector that was discarded */

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

static void begin(struct block *b, uint64_t seed)
{
    failures = 0;
    sectors = b->info.sectors;
    state = seed * 0x9e3779b97f4a7c15u | 1;
    is_asked = false;
    is_unknown = calloc(sectors, sizeof *is_unknown);
}

/* A random range of sectors of the disk. */
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

/* Whether data has the sectors' contents according to the model. */
static bool is_as(const uint8_t *model, const uint8_t *data, uint64_t sector,
                  size_t count, size_t size)
{
    for (uint64_t i = 0; i < count; i++)
        if (!is_unknown[sector + i] &&
            memcmp(data + i * size, model + (sector + i) * size, size) != 0)
            return false;
    return true;
}

/* A disk discards always or never. */
static bool discard(struct block *b, uint64_t sector, uint64_t count)
{
    enum status s = block_discard(b, sector, count);

    if (!is_asked && count > 0)
        discards = s == OK;
    is_asked |= count > 0;
    return s == (discards || count == 0 ? OK : ERR_UNSUPPORTED);
}

/* Reads, writes and discards, at any address, and compares with the model. */
static void play(struct block *b, uint8_t *model, uint8_t *memory)
{
    size_t size = b->info.sector_size;

    for (int i = 0; i < 150; i++) {
        uint64_t sector;
        size_t count, len;
        uint8_t *data = memory + GUARD + (below(2) ? 0 : below(PAGE_BYTES));

        choose(&sector, &count);
        len = count * size;
        if (below(4) == 0) /* on a page */
            data = memory + PAGE_BYTES;
        memset(data - GUARD, 0xa5, len + 2 * GUARD);
        if (below(5) == 0) {
            HOLDS(discard(b, sector, count));
            memset(is_unknown + sector, discards, count);
        } else if (below(2)) {
            for (size_t k = 0; k < len; k++)
                data[k] = (uint8_t)below(256);
            HOLDS(block_write(b, sector, data, count) == OK);
            memcpy(model + sector * size, data, len);
            memset(is_unknown + sector, false, count);
        } else {
            HOLDS(block_read(b, sector, data, count) == OK);
            HOLDS(is_as(model, data, sector, count, size));
        }
        HOLDS(is_kept(data - GUARD) && is_kept(data + len));
        if (below(20) == 0)
            HOLDS(block_flush(b) == OK);
    }
}

/* Writes discarded sectors again. */
static void fill_up(struct block *b, const uint8_t *model, uint8_t *memory)
{
    size_t size = b->info.sector_size;

    HOLDS(block_read(b, 0, memory, (size_t)sectors) == OK);
    HOLDS(is_as(model, memory, 0, (size_t)sectors, size));
    for (uint64_t i = 0; i < sectors; i++)
        if (is_unknown[i])
            HOLDS(block_write(b, i, model + i * size, 1) == OK);
    memset(is_unknown, false, sectors);
    HOLDS(block_read(b, 0, memory, (size_t)sectors) == OK);
    HOLDS(is_as(model, memory, 0, (size_t)sectors, size));
}

/* Ranges that are outside of the disk, also by overflow. */
static void overreach(struct block *b)
{
    static uint8_t data[GUARD];
    const struct {
        uint64_t sector;
        size_t count;
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
    enum status refused = b->info.writable ? ERR_RANGE : ERR_READ_ONLY;

    memset(data, 0xa5, GUARD);
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        HOLDS(block_read(b, beyond[i].sector, data, beyond[i].count) ==
              ERR_RANGE);
        HOLDS(block_write(b, beyond[i].sector, data, beyond[i].count) ==
              refused);
        HOLDS(block_discard(b, beyond[i].sector, beyond[i].count) ==
              refused);
        HOLDS(is_kept(data));
    }
    HOLDS(block_read(b, sectors, NULL, 0) == OK);
    HOLDS(block_read(b, 0, NULL, 0) == OK);
    refused = b->info.writable ? OK : ERR_READ_ONLY;
    HOLDS(block_write(b, sectors, NULL, 0) == refused);
    HOLDS(block_discard(b, sectors, 0) == refused);
}

/* Each fiber has sectors of its own; all submit requests at the same time. */
struct part {
    struct block *b;
    int number;
    bool ok;
};

static void use_part(void *ctx)
{
    struct part *p = ctx;
    size_t size = p->b->info.sector_size;
    uint64_t first = (uint64_t)p->number * (p->b->info.sectors / FIBERS);
    uint8_t *data = malloc(2 * size + 1);

    p->ok = true;
    for (int i = 0; i < 20 && p->ok; i++) {
        memset(data, p->number + i, 2 * size);
        p->ok = block_write(p->b, first + (uint64_t)i % 5, data, 2) == OK;
        memset(data, 0, 2 * size);
        p->ok = p->ok &&
                block_read(p->b, first + (uint64_t)i % 5, data + 1, 2) == OK &&
                data[1] == (uint8_t)(p->number + i) &&
                data[2 * size] == data[1] &&
                (i % 4 > 0 || discard(p->b, first, 5));
    }
    free(data);
}

static void crowd(struct block *b)
{
    struct part part[FIBERS];
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

/* In a cancelled fiber every call fails, and does nothing. */
static void use_cancelled(void *ctx)
{
    struct part *p = ctx;
    uint8_t data[4096];

    p->ok = time_sleep(SECOND) == ERR_CANCELLED &&
            block_write(p->b, 0, data, 1) == ERR_CANCELLED &&
            block_read(p->b, 0, data, 1) == ERR_CANCELLED &&
            block_discard(p->b, 0, 1) == ERR_CANCELLED &&
            block_flush(p->b) == ERR_CANCELLED;
    fiber_shield();
    p->ok = p->ok && block_read(p->b, 0, data, 1) == OK;
    fiber_unshield();
}

static void cancel(struct block *b, const uint8_t *model)
{
    struct part part = {b, 0, false};
    struct fiber *fiber;
    uint8_t data[4096];

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

    HOLDS(block_write(b, 0, data, 1) == ERR_READ_ONLY);
    HOLDS(block_write(b, sectors, data, 1) == ERR_READ_ONLY);
    HOLDS(block_discard(b, 0, 1) == ERR_READ_ONLY);
    HOLDS(block_discard(b, sectors, 1) == ERR_READ_ONLY);
}

unsigned block_contract_failures(struct block *b, uint64_t seed)
{
    size_t len = (size_t)b->info.sectors * b->info.sector_size;
    uint8_t *model = calloc(1, len);
    uint8_t *memory = aligned_alloc(PAGE_BYTES,
                                    (len / PAGE_BYTES + 4) * PAGE_BYTES);

    begin(b, seed);
    play(b, model, memory);
    fill_up(b, model, memory);
    overreach(b);
    b->info.writable = false;
    refuse_writing(b);
    b->info.writable = true;
    cancel(b, model);
    HOLDS(block_read(b, 0, memory, (size_t)sectors) == OK);
    HOLDS(memcmp(memory, model, len) == 0);
    crowd(b);
    free(is_unknown);
    free(model);
    free(memory);
    return failures;
}

bool block_contract_discarded(void)
{
    return discards;
}

unsigned block_contract_failures_read_only(struct block *b)
{
    size_t size = b->info.sector_size, len = (size_t)b->info.sectors * size;
    uint8_t *model = malloc(len), *data = malloc(len);

    begin(b, 1);
    HOLDS(!b->info.writable);
    HOLDS(block_read(b, 0, model, (size_t)sectors) == OK);
    for (int i = 0; i < 50; i++) {
        uint64_t sector;
        size_t count;

        choose(&sector, &count);
        HOLDS(block_read(b, sector, data, count) == OK);
        HOLDS(is_as(model, data, sector, count, size));
    }
    overreach(b);
    refuse_writing(b);
    HOLDS(block_flush(b) == OK);
    HOLDS(block_read(b, 0, data, (size_t)sectors) == OK);
    HOLDS(is_as(model, data, 0, (size_t)sectors, size));
    free(is_unknown);
    free(model);
    free(data);
    return failures;
}
