/* SPDX-License-Identifier: ISC */
/* A disk in memory whose power can be cut (power.h). */
#include "power.h"
#include <stdlib.h>
#include <string.h>

#define FLUSH UINT64_MAX

/* A step: a sector that was written, or a flush. */
struct step {
    uint64_t sector;
    uint8_t *bytes;
};

struct power {
    struct block block; /* first */
    uint8_t *now, *start; /* contents: now, and at power_settle */
    struct step *step;
    size_t steps, room, fail; /* from step `fail` on all fail */
};

static struct power *power_of(const struct block *b)
{
    return (struct power *)(uintptr_t)b;
}

static size_t size_of(const struct power *p)
{
    return (size_t)p->block.info.sectors * p->block.info.sector_size;
}

/* Records a step. bytes NULL: a flush. */
static enum status record(struct power *p, uint64_t sector,
                          const uint8_t *bytes)
{
    size_t size = p->block.info.sector_size;
    struct step s = {sector, bytes ? malloc(size) : NULL};
    struct step *more;

    if (p->steps >= p->fail || (bytes && !s.bytes)) {
        free(s.bytes);
        return ERR_IO;
    }
    if (p->steps == p->room) {
        p->room = p->room ? 2 * p->room : 256;
        more = realloc(p->step, p->room * sizeof *more);
        if (!more)
            abort();
        p->step = more;
    }
    if (bytes) {
        memcpy(s.bytes, bytes, size);
        memcpy(p->now + sector * size, bytes, size);
    }
    p->step[p->steps++] = s;
    return OK;
}

static enum status power_read(struct block *b, uint64_t sector, void *data,
                              size_t count)
{
    size_t size = b->info.sector_size;

    memcpy(data, power_of(b)->now + sector * size, count * size);
    return OK;
}

static enum status power_write(struct block *b, uint64_t sector,
                               const void *data, size_t count)
{
    const uint8_t *from = data;
    enum status s = OK;

    for (size_t i = 0; s == OK && i < count; i++)
        s = record(power_of(b), sector + i, from + i * b->info.sector_size);
    return s;
}

/* Overwrites the sectors with a pattern that depends on the step: the contents
 * of a discarded sector are undefined. */
static enum status power_discard(struct block *b, uint64_t sector,
                                 uint64_t count)
{
    struct power *p = power_of(b);
    uint8_t *junk = malloc(b->info.sector_size);
    enum status s = junk ? OK : ERR_IO;

    for (uint64_t i = 0; s == OK && i < count; i++) {
        memset(junk, (int)(0xd1 + p->steps % 13), b->info.sector_size);
        s = record(p, sector + i, junk);
    }
    free(junk);
    return s;
}

static enum status power_flush(struct block *b)
{
    return record(power_of(b), FLUSH, NULL);
}

static void forget(struct power *p)
{
    while (p->steps > 0)
        free(p->step[--p->steps].bytes);
}

static void power_disconnect(struct block *b)
{
    struct power *p = power_of(b);

    forget(p);
    free(p->step);
    free(p->now);
    free(p->start);
    free(p);
}

static const struct block_ops power_ops = {
    .read = power_read,
    .write = power_write,
    .discard = power_discard,
    .flush = power_flush,
    .disconnect = power_disconnect,
    .takes_any_data = true,
};

struct block *power_connect(uint64_t sectors, uint32_t sector_size)
{
    struct power *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->block.ops = &power_ops;
    p->block.info = (struct block_info){sectors, sector_size, true};
    p->fail = SIZE_MAX;
    p->now = calloc((size_t)sectors, sector_size);
    p->start = calloc((size_t)sectors, sector_size);
    if (p->now && p->start)
        return &p->block;
    power_disconnect(&p->block);
    return NULL;
}

void power_settle(struct block *b)
{
    forget(power_of(b));
    memcpy(power_of(b)->start, power_of(b)->now, size_of(power_of(b)));
}

size_t power_steps(const struct block *b)
{
    return power_of(b)->steps;
}

void power_cut(const struct block *b, size_t steps, uint64_t luck,
               uint8_t *image)
{
    const struct power *p = power_of(b);
    size_t size = b->info.sector_size, flushed = steps;
    uint64_t random = luck * 0x9e3779b97f4a7c15u | 1;

    memcpy(image, p->start, size_of(p));
    while (flushed > 0 && p->step[flushed - 1].sector != FLUSH)
        flushed--;
    for (size_t i = 0; i < steps; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        if (p->step[i].sector == FLUSH ||
            (i >= flushed && luck != 1 && (luck == 0 || random >> 63 == 0)))
            continue;
        memcpy(image + p->step[i].sector * size, p->step[i].bytes, size);
    }
}

void power_fail_after(struct block *b, size_t steps)
{
    struct power *p = power_of(b);

    p->fail = steps == SIZE_MAX ? SIZE_MAX : p->steps + steps;
}
