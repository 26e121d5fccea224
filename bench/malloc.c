/* SPDX-License-Identifier: ISC */
/*
 * The allocator of images, or newlib's own, in a process of the host: the time
 * of an allocation with its release. Which one it is, is linked (malloc.plan).
 */
#include "measure.h"
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define LIVE   1000 /* blocks at a time */
#define TURNS  2000000
#define BURSTS 1000
#define GROWS  2000
#define STEP   ((size_t)64) /* bytes by which a block grows */
#define GROWN  ((size_t)16384)

/* As newlib's malloc and its relatives call them. */
struct _reent;
void *_malloc_r(struct _reent *r, size_t len);
void _free_r(struct _reent *r, void *memory);
void *_realloc_r(struct _reent *r, void *memory, size_t len);

/* What the two need of an image. */
void *_sbrk_r(struct _reent *r, ptrdiff_t by);
void __malloc_lock(struct _reent *r);
void __malloc_unlock(struct _reent *r);
int *__errno(void);
void image_panic(const char *file, int line, const char *fmt, ...)
    __attribute__((noreturn));

void *_sbrk_r(struct _reent *r, ptrdiff_t by)
{
    (void)r;
    return sbrk(by);
}

void __malloc_lock(struct _reent *r)
{
    (void)r;
}

void __malloc_unlock(struct _reent *r)
{
    (void)r;
}

int *__errno(void)
{
    static int error;

    return &error;
}

void image_panic(const char *file, int line, const char *fmt, ...)
{
    (void)file, (void)line;
    give_up(fmt);
    for (;;)
        ;
}

static _Alignas(16) char reent[4096]; /* newlib's, for its error number */

static struct _reent *r(void)
{
    return (struct _reent *)(void *)reent;
}

/* The processor time since then, divided by count: nothing here waits. */
static void report_time(const char *figure, struct moment since, double count)
{
    report(figure, (moment_now().cpu - since.cpu) / count, "s");
}

static uint32_t dice(void)
{
    static uint32_t state = 1;

    state = state * 1103515245 + 12345;
    return state >> 8;
}

static void *get(size_t len)
{
    char *p = _malloc_r(r(), len);

    if (!p)
        give_up("there is no memory");
    p[0] = 1;
    return p;
}

/* As the state of connections: all of one size. */
static size_t fixed(void)
{
    return 192;
}

/* From 16 bytes to 4 KiB, small ones more often. */
static size_t mixed(void)
{
    return 16 + dice() % ((size_t)16 << dice() % 9);
}

/* Replaces blocks in a random order. */
static void replace(const char *figure, size_t (*size)(void))
{
    static void *live[LIVE];
    struct moment since;

    for (size_t i = 0; i < LIVE; i++)
        live[i] = get(size());
    since = moment_now();
    for (int i = 0; i < TURNS; i++) {
        void **block = &live[dice() % LIVE];

        _free_r(r(), *block);
        *block = get(size());
    }
    report_time(figure, since, TURNS);
    for (size_t i = 0; i < LIVE; i++)
        _free_r(r(), live[i]);
}

/* Allocates many, and frees them in their order. */
static void burst(void)
{
    static void *block[LIVE];
    struct moment since = moment_now();

    for (int round = 0; round < BURSTS; round++) {
        for (size_t i = 0; i < LIVE; i++)
            block[i] = get(mixed());
        for (size_t i = 0; i < LIVE; i++)
            _free_r(r(), block[i]);
    }
    report_time("burst", since, (double)BURSTS * LIVE);
}

/* A block grows step by step, and shrinks again, while others are allocated. */
static void grow(void)
{
    struct moment since = moment_now();
    double count = 0;

    for (int round = 0; round < GROWS; round++) {
        char *p = get(STEP), *other;
        size_t len = STEP;

        for (; len < GROWN; len += STEP, count++)
            if (!(p = _realloc_r(r(), p, len)))
                give_up("there is no memory");
        other = get(100);
        for (; len > STEP; len -= STEP, count++)
            if (!(p = _realloc_r(r(), p, len)))
                give_up("there is no memory");
        _free_r(r(), p);
        _free_r(r(), other);
    }
    report_time("grow", since, count);
}

int main(void)
{
    replace("fixed", fixed);
    replace("mixed", mixed);
    burst();
    grow();
    return 0;
}
