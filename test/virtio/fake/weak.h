/* SPDX-License-Identifier: ISC */
/*
 * weak: memory that is ordered weakly. The driver and the device have a view
 * each of the memory that they share, and a store reaches the other view as
 * late, or, alone, as early, as the order of the atomic accesses permits. So a
 * barrier that is missing on any processor is missed here.
 *
 * The sources of the rings are compiled with this header before all others
 * (Makefile), so that their atomic accesses and fences are these calls. Other
 * stores stay in the driver's view until a release or a fence.
 *
 * At each access the other side may do a step: weak_step.
 */
#ifndef VIRTIO_FAKE_WEAK_H
#define VIRTIO_FAKE_WEAK_H

#include <stddef.h>
#include <stdint.h>

/* The memory that they share: the driver's view is the memory itself. Forgets
 * what was shared before: weak_share(NULL, 0) forgets all. */
void weak_share(void *at, size_t len);

/* Where the device sees it, for fake_view. */
void *weak_view(uint64_t address);

/* All stores of both sides reach the other one. */
void weak_settle(void);

/* The device writes to it, and the driver sees that at once. */
void weak_overwrite(const volatile void *at, const void *data, size_t len);

/* A number below n; what the device does between any two accesses of the
 * driver; and once the driver has read `len` bytes at `at`. The latter may be
 * NULL. */
extern unsigned (*weak_pick)(unsigned n);
extern void (*weak_step)(void);
extern void (*weak_was_read)(const volatile void *at, size_t len);

void weak_load(const volatile void *at, size_t len, int order);
void weak_loaded(const volatile void *at, size_t len);
void weak_store(int order);
void weak_stored(const volatile void *at, size_t len, int order);
void weak_fence(int order);

#ifdef WEAK_REPLACED
#define __atomic_load_n(at, order)          \
    ({                                      \
        weak_load(at, sizeof *(at), order); \
        __auto_type weak_value = *(at);     \
        weak_loaded(at, sizeof *(at));      \
        weak_value;                         \
    })
#define __atomic_store_n(at, value, order)       \
    (weak_store(order), (void)(*(at) = (value)), \
     weak_stored(at, sizeof *(at), order))
#define __atomic_thread_fence(order) weak_fence(order)
#endif

#endif
