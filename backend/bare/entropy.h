/* SPDX-License-Identifier: ISC */
/*
 * entropy: platform_entropy of bare images. All sources are mixed: the
 * processor's instructions and the loader's seed. Without any of those, timing
 * jitter is used, with a warning. An image without any source crashes before it
 * gives out random numbers.
 */
#ifndef BARE_ENTROPY_H
#define BARE_ENTROPY_H

#include <stdbool.h>
#include <stddef.h>

/* Mixes a seed from the loader, before the first call of platform_entropy. */
void entropy_seed(const void *data, size_t len);

/*
 * Asks devices that give entropy, and returns whether they report what there is
 * (entropy_report) once they have answered. Blocks. Weak: it does nothing
 * unless the target has such a driver, and the image draws random numbers.
 */
bool entropy_ask_devices(void);

/* Mixes what a device gave, perhaps in parts. */
void entropy_device(const void *data, size_t len);

/* Is there no source but, perhaps, jitter? */
bool entropy_is_weak(void);

/* Logs the sources, which are used before there is a log, but for a device,
 * which entropy_device logs. */
void entropy_report(void);

#endif
