/* SPDX-License-Identifier: ISC */
/*
 * What newlib's malloc and its relatives call, in place of newlib's own, which
 * is four times as long. An application can define malloc itself.
 *
 * Free chunks are in lists by size, two levels of them, with a bit for each
 * list ("TLSF", M. Masmano et al., 2004), so that the time of malloc and free
 * does not depend on their number.
 */
#include "malloc_use.h"
#include <errno.h>
#include <mirage/panic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct _reent;
void *_malloc_r(struct _reent *r, size_t len);
void _free_r(struct _reent *r, void *memory);
void *_calloc_r(struct _reent *r, size_t count, size_t each);
void *_realloc_r(struct _reent *r, void *memory, size_t len);
void *_memalign_r(struct _reent *r, size_t align, size_t len);
size_t _malloc_usable_size_r(struct _reent *r, void *memory);

/*
 * A chunk. Its memory begins at list, which is 16-byte aligned, and ends behind
 * the next chunk's field before. The next chunk follows, to the end of the
 * heap, which is a chunk of 0 bytes that is never free. A free chunk is not
 * followed by another.
 */
struct chunk {
    struct chunk *before; /* the one before, if that is free */
    size_t head; /* bytes to the next chunk, and flags */
    struct { /* of free chunks of about this size */
        struct chunk *next, *previous;
    } list;
};

#define FREE        ((size_t)1) /* flags of head */
#define BEFORE_FREE ((size_t)2) /* the chunk before is free */
#define ALIGN       ((size_t)16)
#define LEAST       sizeof(struct chunk)
#define USED_HEAD   sizeof(size_t) /* bytes of a chunk that are not memory */
#define END_HEAD    offsetof(struct chunk, list)
#define GROWTH      ((size_t)4096) /* bytes; of a multiple the heap grows */
#define MOST        ((size_t)1 << 47) /* bytes of a chunk */

#define STEPS 8 /* lists of sizes from a power of two to the next */
#define LISTS 384 /* for more than MOST */

static struct chunk *lists[LISTS];
static uint64_t filled[LISTS / 64]; /* bit i: list i is not empty */
static struct chunk *heap_end; /* the chunk of 0 bytes; NULL: no heap yet */
static size_t heap_bytes;

static size_t size_of(const struct chunk *b)
{
    return b->head & ~(FREE | BEFORE_FREE);
}

static struct chunk *at(const struct chunk *b, size_t offset)
{
    return (struct chunk *)((uintptr_t)b + offset);
}

static struct chunk *after(const struct chunk *b)
{
    return at(b, size_of(b));
}

static struct chunk *chunk_of(const void *memory)
{
    return (struct chunk *)((uintptr_t)memory - END_HEAD);
}

/* The number of the list for a size of at least LEAST bytes. */
static unsigned list_of(size_t size)
{
    unsigned shift = 60 - (unsigned)__builtin_clzl(size);

    return shift * STEPS + (unsigned)(size >> shift) - STEPS;
}

static void insert(struct chunk *b)
{
    unsigned i = list_of(size_of(b));

    b->head |= FREE;
    b->list.previous = NULL;
    b->list.next = lists[i];
    if (lists[i])
        lists[i]->list.previous = b;
    lists[i] = b;
    filled[i / 64] |= (uint64_t)1 << i % 64;
    after(b)->before = b;
    after(b)->head |= BEFORE_FREE;
}

static void detach(struct chunk *b)
{
    unsigned i = list_of(size_of(b));

    if (b->list.next)
        b->list.next->list.previous = b->list.previous;
    if (b->list.previous)
        b->list.previous->list.next = b->list.next;
    else
        lists[i] = b->list.next;
    if (!lists[i])
        filled[i / 64] &= ~((uint64_t)1 << i % 64);
    b->head &= ~FREE;
    after(b)->head &= ~BEFORE_FREE;
}

/* Frees a chunk, and joins it with free neighbours. */
static void release(struct chunk *b)
{
    struct chunk *next = after(b);

    if (next->head & FREE) {
        detach(next);
        b->head += size_of(next);
    }
    if (b->head & BEFORE_FREE) {
        next = b;
        b = b->before;
        detach(b);
        b->head += size_of(next);
    }
    insert(b);
}

/* Frees what a used chunk has beyond `size` bytes, if that can be a chunk. */
static void cut(struct chunk *b, size_t size)
{
    size_t rest = size_of(b) - size;

    if (rest < LEAST)
        return;
    b->head -= rest;
    at(b, size)->head = rest;
    release(at(b, size));
}

/* Finds a free chunk: the first one of its list if that is long enough, or any
 * one of the next list that has one. NULL: there is none. */
static struct chunk *find(size_t size)
{
    unsigned i = list_of(size), word;
    uint64_t bits;

    if (lists[i] && size_of(lists[i]) >= size)
        return lists[i];
    i++;
    word = i / 64;
    bits = filled[word] >> i % 64 << i % 64;
    while (!bits && ++word < LISTS / 64)
        bits = filled[word];
    return bits ? lists[64 * word + (unsigned)__builtin_ctzll(bits)] : NULL;
}

/* Finds a free chunk where the heap cannot grow: any of its list. */
static struct chunk *search(size_t size)
{
    struct chunk *b = lists[list_of(size)];

    while (b && size_of(b) < size)
        b = b->list.next;
    return b;
}

/* Grows the heap so that its last chunk is free, and has `size` bytes; perhaps
 * fewer, if others have called sbrk. False: there is no memory. */
static bool heap_grow(size_t size)
{
    size_t bytes = size + END_HEAD + ALIGN;
    struct chunk *b = heap_end;
    void *from;

    if (b && b->head & BEFORE_FREE && size_of(b->before) < size)
        bytes -= size_of(b->before);
    bytes = (bytes + GROWTH - 1) / GROWTH * GROWTH;
    from = sbrk((ptrdiff_t)bytes);
    if (from == (void *)-1)
        return false;
    heap_bytes += bytes;
    if (!b || from != at(b, END_HEAD)) { /* the first, or others call sbrk */
        size_t gap = -(uintptr_t)from % ALIGN;

        b = (struct chunk *)((uintptr_t)from + gap);
        b->head = 0;
        bytes = (bytes - gap - END_HEAD) / ALIGN * ALIGN;
    }
    b->head |= bytes;
    heap_end = after(b);
    heap_end->head = 0;
    release(b);
    return true;
}

/* The bytes of a chunk with `len` bytes of memory. 0: too many. */
static size_t size_for(size_t len)
{
    size_t size = (len + USED_HEAD + ALIGN - 1) & ~(ALIGN - 1);

    if (len > MOST) {
        errno = ENOMEM;
        return 0;
    }
    return size < LEAST ? LEAST : size;
}

void *_malloc_r(struct _reent *r, size_t len)
{
    size_t size = size_for(len);
    struct chunk *b;

    (void)r;
    if (size == 0)
        return NULL;
    do
        b = find(size);
    while (!b && heap_grow(size));
    if (!b && !(b = search(size)))
        return NULL; /* errno is sbrk's */
    detach(b);
    cut(b, size);
    return &b->list;
}

void _free_r(struct _reent *r, void *memory)
{
    (void)r;
    if (!memory)
        return;
    require(!(chunk_of(memory)->head & FREE));
    release(chunk_of(memory));
}

void *_calloc_r(struct _reent *r, size_t count, size_t each)
{
    size_t len;
    void *memory;

    if (__builtin_mul_overflow(count, each, &len))
        len = SIZE_MAX;
    memory = _malloc_r(r, len);
    return memory ? memset(memory, 0, len) : NULL;
}

size_t _malloc_usable_size_r(struct _reent *r, void *memory)
{
    (void)r;
    return memory ? size_of(chunk_of(memory)) - USED_HEAD : 0;
}

void *_realloc_r(struct _reent *r, void *memory, size_t len)
{
    size_t size = size_for(len);
    struct chunk *b = chunk_of(memory), *next;
    void *moved;

    if (!memory || size == 0)
        return memory ? NULL : _malloc_r(r, len);
    next = after(b);
    if (size_of(b) < size && next->head & FREE &&
        size_of(b) + size_of(next) >= size) {
        detach(next);
        b->head += size_of(next);
    }
    if (size_of(b) >= size) {
        cut(b, size);
        return memory;
    }
    moved = _malloc_r(r, len);
    if (!moved)
        return NULL;
    memcpy(moved, memory, size_of(b) - USED_HEAD);
    _free_r(r, memory);
    return moved;
}

void *_memalign_r(struct _reent *r, size_t align, size_t len)
{
    size_t size = size_for(len), front;
    void *memory;
    struct chunk *b;

    if (align <= ALIGN || size == 0)
        return _malloc_r(r, len);
    if (align > MOST) {
        errno = ENOMEM;
        return NULL;
    }
    memory = _malloc_r(r, size + align + LEAST);
    if (!memory)
        return NULL;
    b = chunk_of(memory);
    if ((uintptr_t)memory % align) {
        front = -((uintptr_t)memory + LEAST) % align + LEAST;
        at(b, front)->head = size_of(b) - front;
        b->head -= at(b, front)->head;
        release(b);
        b = at(b, front);
    }
    cut(b, size);
    return &b->list;
}

size_t mirage__heap_use(size_t *free_bytes, size_t *free_chunks)
{
    *free_bytes = *free_chunks = 0;
    for (unsigned i = 0; i < LISTS; i++)
        for (struct chunk *b = lists[i]; b; b = b->list.next) {
            *free_bytes += size_of(b);
            ++*free_chunks;
        }
    return heap_bytes;
}
