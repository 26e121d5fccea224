/* SPDX-License-Identifier: ISC */
/*
 * udpv4: UDP datagrams (RFC 768) over an ipv4 device.
 *
 * A layer of the direct stack on its own, for those who assemble one by hand.
 * The type is fixed, so that configurations can name it; no target has a
 * driver for it yet, and `mirage configure` says so.
 */
#ifndef MIRAGE_UDPV4_H
#define MIRAGE_UDPV4_H

struct udpv4;

#endif
