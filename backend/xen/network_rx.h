/* SPDX-License-Identifier: ISC */
/* network_rx: the receive ring of a network. */
#ifndef XEN_NETWORK_RX_H
#define XEN_NETWORK_RX_H

#include "netfront.h"

/* Fills the ring with pages to receive in. False: there were not enough. */
bool network_rx_fill(struct interface *i);

/* Handles responses, and delivers the received frames. */
void network_rx_receive(struct interface *i);

#endif
