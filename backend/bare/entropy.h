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

/* Logs the sources, which are used before there is a log. */
void entropy_report(void);

#endif
