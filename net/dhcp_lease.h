/* SPDX-License-Identifier: ISC */
/*
 * The lease that a DHCP server offers or grants: checks and times.
 */
#ifndef NET_DHCP_LEASE_H
#define NET_DHCP_LEASE_H

#include "dhcp_message.h"
#include <mirage/dhcp.h>

/* Can a host have the address? If not, logs why; the reply is to be dropped. */
bool dhcp_lease_is_acceptable(struct dhcp *d, const struct dhcp_reply *r);

/* Sets d->lease by an OFFER or ACK. Values that a host cannot use are left out,
 * and logged. Times count from d->asked, when the request was sent (4.4.1). */
void dhcp_lease_set(struct dhcp *d, const struct dhcp_reply *r);

#endif
