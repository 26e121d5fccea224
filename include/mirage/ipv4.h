/* SPDX-License-Identifier: ISC */
/*
 * ipv4: IPv4 packets (RFC 791, RFC 1122) over an ethernet device, with its ARP.
 *
 * A layer of the direct stack on its own, for those who assemble one by hand.
 * The type is fixed, so that configurations can name it; no target has a
 * driver for it yet, and `mirage configure` says so.
 */
#ifndef MIRAGE_IPV4_H
#define MIRAGE_IPV4_H

struct ipv4;

#endif
