/* SPDX-License-Identifier: ISC */
/*
 * tcpv4: TCP connections (RFC 9293) over an ipv4 device, each a flow.
 *
 * A layer of the direct stack on its own, for those who assemble one by hand.
 * The type is fixed, so that configurations can name it; no target has a
 * driver for it yet, and `mirage configure` says so.
 */
#ifndef MIRAGE_TCPV4_H
#define MIRAGE_TCPV4_H

struct tcpv4;

#endif
