/* SPDX-License-Identifier: ISC */
/*
 * completion: the end of a request that a device finishes later. A driver puts
 * one into each of its requests; the fiber that submitted the request waits for
 * it. Zeroed, the request is pending.
 */
#ifndef MIRAGE_COMPLETION_H
#define MIRAGE_COMPLETION_H

#include <mirage/fiber.h>
#include <mirage/status.h>
#include <stdbool.h>

struct completion {
    bool is_done;
    enum status status; /* of the request, once it is done */
    struct waiters waiters;
};

/* Ends the request with a status, and wakes the fibers that wait for it. At
 * most once for each request. Does not block. */
void completion_finish(struct completion *c, enum status s);

/*
 * Waits until the request is done, and returns its status. Blocks. A fiber that
 * is cancelled waits all the same, since the device still uses the request's
 * memory.
 */
MUST_CHECK enum status completion_wait(struct completion *c);

#endif
