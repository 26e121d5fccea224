/* SPDX-License-Identifier: ISC */
/* Two views of memory: what one side has stored is where its view differs from
 * what both have seen. */
#include "weak.h"
#include "fake.h"
#include <stdlib.h>
#include <string.h>

#define AREAS 4
#define WORD  2u
#define CHUNK 256u /* compared at once */

static struct area {
    uint8_t *driver, *device, *both;
    size_t len;
} areas[AREAS];
static unsigned areas_count;
/* A release store that the device does not see yet: nothing before it may be
 * seen after it. */
static bool has_release, is_eager;

unsigned (*weak_pick)(unsigned n);
void (*weak_step)(void);
void (*weak_was_read)(const volatile void *at, size_t len);

void weak_share(void *at, size_t len)
{
    struct area *a = &areas[areas_count++];

    if (!at) {
        while (--areas_count > 0) {
            free(areas[areas_count - 1].device);
            free(areas[areas_count - 1].both);
        }
        has_release = false;
        return;
    }
    if (areas_count == AREAS)
        fake_fail("more areas than there may be");
    *a = (struct area){at, malloc(len), malloc(len), len};
    memcpy(a->device, at, len);
    memcpy(a->both, at, len);
}

static struct area *area_of(uint64_t address)
{
    for (unsigned i = 0; i < areas_count; i++)
        if (address - (uintptr_t)areas[i].driver < areas[i].len)
            return &areas[i];
    return NULL;
}

void *weak_view(uint64_t address)
{
    const struct area *a = area_of(address);

    if (!a)
        fake_fail("the device is given memory that is not shared");
    return a->device + (address - (uintptr_t)a->driver);
}

enum { TO_DEVICE = 1,
       TO_DRIVER = 2,
       SOME = 4 }; /* of the stores, at random */

static void pass_word(struct area *a, size_t i, unsigned how)
{
    bool by_driver = memcmp(a->driver + i, a->both + i, WORD) != 0;
    bool by_device = memcmp(a->device + i, a->both + i, WORD) != 0;

    if (how & SOME && weak_pick(2))
        return;
    if (by_driver && by_device)
        fake_fail("driver and device both write at %zu", i);
    if (by_driver && how & TO_DEVICE) {
        memcpy(a->device + i, a->driver + i, WORD);
        memcpy(a->both + i, a->driver + i, WORD);
    }
    if (by_device && how & TO_DRIVER) {
        memcpy(a->driver + i, a->device + i, WORD);
        memcpy(a->both + i, a->device + i, WORD);
    }
}

static void pass(struct area *a, size_t from, size_t end, unsigned how)
{
    for (size_t at = from, n; at < end; at += n) {
        n = end - at < CHUNK ? end - at : CHUNK;
        if (memcmp(a->driver + at, a->both + at, n) == 0 &&
            memcmp(a->device + at, a->both + at, n) == 0)
            continue;
        for (size_t i = at; i < at + n; i += WORD)
            pass_word(a, i, how);
    }
}

static void pass_all(unsigned how)
{
    for (unsigned i = 0; i < areas_count; i++)
        pass(&areas[i], 0, areas[i].len, how);
    if (how & TO_DEVICE)
        has_release = false;
}

static void pass_one(const volatile void *at, size_t len, unsigned how)
{
    struct area *a = area_of((uintptr_t)at);
    size_t from = a ? (uintptr_t)at - (uintptr_t)a->driver : 0;

    if (a)
        pass(a, from, from + len, how);
}

void weak_settle(void)
{
    pass_all(TO_DEVICE | TO_DRIVER);
}

void weak_overwrite(const volatile void *at, const void *data, size_t len)
{
    memcpy(weak_view((uintptr_t)at), data, len);
    pass_one(at, len, TO_DRIVER);
}

/* Stores may be seen before their time, but for those behind a release. */
static void leak(void)
{
    if (!has_release && weak_pick(4) == 0)
        pass_all(TO_DEVICE | SOME);
    weak_step();
}

void weak_load(const volatile void *at, size_t len, int order)
{
    leak();
    if (weak_pick(2))
        return; /* an old value */
    if (order == __ATOMIC_RELAXED)
        pass_one(at, len, TO_DRIVER);
    else
        pass_all(TO_DRIVER);
}

void weak_loaded(const volatile void *at, size_t len)
{
    if (weak_was_read && area_of((uintptr_t)at))
        weak_was_read(at, len);
    leak();
}

void weak_store(int order)
{
    leak();
    is_eager = weak_pick(2);
    if (is_eager && order != __ATOMIC_RELAXED) {
        pass_all(TO_DEVICE);
        leak();
    }
}

void weak_stored(const volatile void *at, size_t len, int order)
{
    if (is_eager)
        pass_one(at, len, TO_DEVICE);
    else if (order != __ATOMIC_RELAXED)
        has_release = true;
    leak();
}

void weak_fence(int order)
{
    leak();
    if (order == __ATOMIC_SEQ_CST)
        weak_settle();
    leak();
}
