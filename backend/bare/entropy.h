/* SPDX-License-Identifier: ISC */
/*
 * entropy: platform_entropy, for every bare image. All sources that a machine
 * has are mixed: the processor's (RDSEED, RDRAND) and the loader's seed; the
 * jitter of its timing, with a warning, only where there is none of those. An
 * image that has none at all crashes before it gives out anything.
 */
#ifndef BARE_ENTROPY_H
#define BARE_ENTROPY_H

#include <stddef.h>

/* A seed from the loader, before anybody has asked for entropy. */
void entropy_seed(const void *data, size_t len);

/* Logs the sources. platform_entropy works before the log does. */
void entropy_report(void);

#endif
