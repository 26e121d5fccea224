/* SPDX-License-Identifier: ISC */
/*
 * An address by DHCP for the direct stack.
 */
#ifndef NET_DIRECT_LEASE_H
#define NET_DIRECT_LEASE_H

#include "stackv4_direct.h"

/*
 * Begins to ask for a lease, and waits for the first; host is our name, NULL:
 * none. The stack keeps it and follows its changes from then on. Blocks.
 * ERR_TIMEOUT, ERR_CANCELLED, ERR_NO_MEMORY.
 */
MUST_CHECK enum status lease_await(struct direct *d, const char *host,
                                   nanoseconds deadline);

/* Call when the link has gone up or down. */
void lease_follow_link(struct direct *d);

/* Gives the lease back, if there is one. Blocks for half a second at most. */
void lease_give_back(struct direct *d);

/* Stops the fiber of DHCP, if there is one. Blocks. */
void lease_end(struct direct *d);

#endif
