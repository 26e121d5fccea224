/* SPDX-License-Identifier: ISC */
/*
 * entropy: platform_entropy of bare images. All sources are mixed: the
 * processor's instructions and the loader's seed. Without any of those, timing
 * jitter is used, with a warning. An image without any source crashes before it
 * gives out random numbers.
 */
#ifndef BARE_ENTROPY_H
#define BARE_ENTROPY_H

#include <stddef.h>

/* Mixes a seed from the loader, before the first call of platform_entropy. */
void entropy_seed(const void *data, size_t len);

/* Mixes what a device gave. */
void entropy_device(const void *data, size_t len);

/*
 * Has the next call of platform_entropy call `wait` first, once, if neither the
 * processor nor the loader nor a device has given entropy: for a device that
 * will soon. wait runs handlers of interrupts, and switches to no fiber.
 */
void entropy_wait_for(void (*wait)(void));

/* Logs the sources, which are used before there is a log. */
void entropy_report(void);

#endif
