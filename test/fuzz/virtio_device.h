/* SPDX-License-Identifier: ISC */
/*
 * virtio_device: a device of virtio that the input controls, behind models of
 * the registers (test/virtio/fake/hostile.h). The input is how the device is
 * reached, what it lies about and from when on, and then each of its choices.
 *
 * What drivers allocate for the image's whole life is freed here, so that each
 * input starts anew.
 */
#ifndef FUZZ_VIRTIO_DEVICE_H
#define FUZZ_VIRTIO_DEVICE_H

#include "taken.h"
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <mirage/buf.h>
#include <mirage/fiber.h>
#include <string.h>
#include <virtio/fake/hostile.h>

#define BIT(feature) (UINT64_C(1) << (feature))
#define POOL         2048u /* pages */
#define LEAST        600u /* that a network needs */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hostile machine;

/* A number below n. After the input, the device is honest. */
static unsigned pick(unsigned n)
{
    unsigned number = next_byte();

    if (n > 256)
        number |= (unsigned)next_byte() << 8;
    if (fuzz_left == 0)
        machine.kinds = 0;
    return n ? number % n : 0;
}

/* ---- Memory of the drivers and of the fake ---- */

void *fuzz_malloc(size_t size);
void *fuzz_calloc(size_t count, size_t size);
void fuzz_free(void *at);
void *fuzz_page_alloc(size_t count);
void fuzz_page_free(void *at, size_t count);

void *fuzz_malloc(size_t size)
{
    return note(malloc(size), 0);
}

void *fuzz_calloc(size_t count, size_t size)
{
    return note(calloc(count, size), 0);
}

void fuzz_free(void *at)
{
    forget(at);
    free(at);
}

void *fuzz_page_alloc(size_t count)
{
    return note(page_alloc(count), count);
}

/* A device that lies may go on using pages that it has given back, or whose
 * rings were reset, so they are kept until the input ends. */
void fuzz_page_free(void *at, size_t count)
{
    for (size_t i = taken_count; i-- > 0;)
        if (taken[i].at == at && !taken[i].is_freed) {
            check(taken[i].count == count);
            taken[i].is_freed = true;
            return;
        }
    check(!at);
}

/* ---- The pool, once for all inputs ---- */

enum status __wrap_buf_reserve(size_t pages);
enum status __real_buf_reserve(size_t pages);

enum status __wrap_buf_reserve(size_t pages)
{
    static bool is_done;

    if (!is_done)
        check(__real_buf_reserve(POOL) == OK);
    is_done = true;
    (void)pages;
    return OK;
}

/* ---- A run ---- */

static uint64_t features_of(const uint8_t *data, size_t size, uint64_t others)
{
    uint8_t which = size > 1 ? data[1] : 0;
    uint64_t f = which & 1 ? BIT(VIRTIO_F_RING_PACKED) : 0;

    f |= which & 2 ? BIT(VIRTIO_RING_F_EVENT_IDX) : 0;
    f |= which & 4 ? BIT(VIRTIO_RING_F_INDIRECT_DESC) : 0;
    return which & 8 ? f | others : f;
}

static enum hostile_way way_of(const uint8_t *data, size_t size)
{
    return size > 0 ? data[0] % HOSTILE_WAYS : HOSTILE_MMIO;
}

/* Puts the device into the machine. The first two bytes said which it is. */
static void begin(const uint8_t *data, size_t size, struct fake *f)
{
    size_t head = size < 2 ? size : 2;

    fake_low_pages = true;
    hostile_begin(&machine, f, way_of(data, size));
    begin_input(data + head, size - head);
    f->is_lenient = true;
    machine.pick = pick;
    machine.kinds = next_byte() & LIES_ALL;
    machine.lies_from = next_byte();
    hostile_run(&machine);
}

/* The device ends, and answers the last reset. */
static void end_device(void)
{
    struct virtio_device *d = machine.device;

    machine.kinds = 0;
    fuzz_left = 0;
    if (d && d->driver && !d->is_gone)
        virtio_broken(d, "is not needed");
    check(time_sleep(60 * SECOND) == OK);
    check(!d || !d->driver || d->is_gone);
    check(!d || !d->is_running);
}

#endif
