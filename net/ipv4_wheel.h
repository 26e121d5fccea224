/* SPDX-License-Identifier: ISC */
/*
 * The timing wheel that the layers of a stack share.
 */
#ifndef NET_IPV4_WHEEL_H
#define NET_IPV4_WHEEL_H

#include "wheel.h"
#include <mirage/arp.h>
#include <mirage/ipv4.h>

/* ipv4_connect_to, with timers on w. Keeps w. */
MUST_CHECK enum status ipv4_connect_with_wheel(packet_sink *out, void *ctx,
                                               struct wheel *w, uint16_t mtu,
                                               unsigned features,
                                               struct ipv4 **ip);

struct wheel *ipv4_wheel(const struct ipv4 *ip);
struct wheel *arp_wheel(struct arp *arp);

#endif
