/* SPDX-License-Identifier: ISC */
/* network_tx: the transmit ring of a network. */
#ifndef XEN_NETWORK_TX_H
#define XEN_NETWORK_TX_H

#include "netfront.h"

/* Makes all slots free, for a new ring. */
void network_tx_init(struct interface *i);

/* Puts a frame into the ring, or drops and counts it. Takes frame. False: it
 * was dropped. */
bool network_tx_send(struct interface *i, struct buf *frame);

/* Handles responses, and frees the frames that were sent. */
void network_tx_complete(struct interface *i);

#endif
