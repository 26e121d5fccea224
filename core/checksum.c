/* SPDX-License-Identifier: ISC */
/*
 * The Internet checksum (RFC 1071). The sum is computed in the byte order of
 * the processor, eight bytes at a time; the byte order matters only when the
 * folded sum is read (RFC 1071, 2, B and C).
 */
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <string.h>

/* One's complement addition: the carry is added again. */
static uint64_t add(uint64_t a, uint64_t b)
{
    a += b;
    return a + (a < b);
}

uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t a = sum, b = 0;

    /* Two independent chains of additions, which the processor overlaps. */
    for (; len >= 16; len -= 16, p += 16) {
        uint64_t v, w;

        memcpy(&v, p, 8);
        memcpy(&w, p + 8, 8);
        a = add(a, v);
        b = add(b, w);
    }
    a = add(a, b);
    while (len > 0) {
        uint64_t v = 0;
        size_t n = len < 8 ? len : 8;

        memcpy(&v, p, n);
        a = add(a, v);
        p += n;
        len -= n;
    }
    return a;
}

/* The sum of data that begin at an odd offset, where the high and low bytes of
 * words are swapped. */
static uint64_t swapped(uint64_t sum)
{
    return sum << 8 | sum >> 56;
}

uint64_t checksum_add_bufs(uint64_t sum, const struct buf *b, size_t from,
                           size_t len)
{
    bool odd = false;

    for (; b && from >= b->len; b = b->next)
        from -= b->len;
    for (; b && len > 0; b = b->next) {
        size_t n = b->len - from < len ? b->len - from : len;
        uint64_t part = checksum_add(0, b->data + from, n);

        sum = add(sum, odd ? swapped(part) : part);
        odd ^= n & 1;
        len -= n;
        from = 0;
    }
    return sum;
}

uint64_t checksum_pseudo(struct ip_address from, struct ip_address to,
                         uint8_t protocol, size_t len)
{
    uint8_t end[8] = {0};
    uint64_t sum = checksum_add(0, from.byte, sizeof from.byte);

    /* The ffff of an IPv4-mapped address is 0 in one's complement. */
    put_be32(end, (uint32_t)len);
    end[7] = protocol;
    return checksum_add(checksum_add(sum, to.byte, sizeof to.byte), end,
                        sizeof end);
}

uint16_t checksum_fold(uint64_t sum)
{
    uint8_t byte[2];
    uint16_t folded;

    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    folded = (uint16_t)sum;
    memcpy(byte, &folded, 2);
    return get_be16(byte);
}

uint16_t checksum_finish(uint64_t sum)
{
    return (uint16_t)~checksum_fold(sum);
}

bool checksum_fill(struct buf *b)
{
    struct offload *o = &b->offload;
    size_t start = o->csum_start, len = buf_length(b);
    size_t at = start + offload_csum_offset(o->kind);
    uint16_t sum;

    if (o->kind == OFFLOAD_NONE || at + 2 > b->len)
        return false;
    sum = checksum_finish(checksum_add_bufs(0, b, start, len - start));
    /* RFC 768: a UDP checksum of zero says that there is none. For TCP ffff is
     * the same number in one's complement. */
    put_be16(b->data + at, sum == 0 ? 0xffff : sum);
    o->kind = OFFLOAD_NONE;
    o->csum_start = 0;
    return true;
}
