/* SPDX-License-Identifier: ISC */
/*
 * The end of a layer's own fiber.
 */
#ifndef NET_FIBER_STOP_H
#define NET_FIBER_STOP_H

#include <mirage/fiber.h>

/* Cancels a fiber of fiber_spawn's, whose waits end then, and frees it. Blocks,
 * also if the caller is cancelled. NULL is fine. */
void fiber_stop(struct fiber *fiber);

#endif
