/* SPDX-License-Identifier: ISC */
/*
 * checksum: the Internet checksum (RFC 1071).
 *
 * A 64-bit sum is carried from piece to piece, and folded at the end. Over data
 * that contain their correct checksum, checksum_finish gives 0.
 */
#ifndef MIRAGE_CHECKSUM_H
#define MIRAGE_CHECKSUM_H

#include <mirage/address.h>
#include <mirage/buf.h>
#include <stddef.h>
#include <stdint.h>

/* Adds len bytes, which begin at an even offset of the whole, to sum. */
uint64_t checksum_add(uint64_t sum, const void *data, size_t len);

/* Adds bytes [from, from + len) of the list b, which must exist, to sum. */
uint64_t checksum_add_bufs(uint64_t sum, const struct buf *b, size_t from,
                           size_t len);

/* The sum of the pseudo header of TCP and UDP, for IPv4 and IPv6 (RFC 9293,
 * 3.1; RFC 8200, 8.1). len is in bytes. */
uint64_t checksum_pseudo(struct ip_address from, struct ip_address to,
                         uint8_t protocol, size_t len);

/* The complement of the folded sum, as a header carries it. */
uint16_t checksum_finish(uint64_t sum);

/* The folded sum. */
uint16_t checksum_fold(uint64_t sum);

/*
 * Computes the checksum that b's offload asks for, puts it into its field, and
 * withdraws the request. False: the field is not in the first buf, or the
 * offload has no kind; nothing was changed.
 */
bool checksum_fill(struct buf *b);

#endif
