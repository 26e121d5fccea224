/* SPDX-License-Identifier: ISC */
/* Addresses: comparison, parsing, and text (RFC 5952). */
#include <mirage/address.h>
#include <mirage/bytes.h>
#include <mirage/text.h>
#include <string.h>

struct ip_address ipv4_address(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct ip_address){
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}};
}

uint32_t ipv4_number(struct ip_address a)
{
    return ip_is_ipv4(a) ? get_be32(a.byte + 12) : 0;
}

struct ip_address ipv4_of_number(uint32_t n)
{
    return ipv4_address((uint8_t)(n >> 24), (uint8_t)(n >> 16),
                        (uint8_t)(n >> 8), (uint8_t)n);
}

bool ip_is_ipv4(struct ip_address a)
{
    uint64_t zero; /* the first eight bytes, compared at once */

    memcpy(&zero, a.byte, sizeof zero);
    return zero == 0 && get_be32(a.byte + 8) == 0xffff;
}

bool ip_equal(struct ip_address a, struct ip_address b)
{
    return memcmp(a.byte, b.byte, sizeof a.byte) == 0;
}

bool mac_equal(struct mac a, struct mac b)
{
    return memcmp(a.byte, b.byte, sizeof a.byte) == 0;
}

static unsigned group(const struct ip_address *a, int i)
{
    return (unsigned)a->byte[2 * i] << 8 | a->byte[2 * i + 1];
}

/* Finds the first of the longest runs of at least two zero groups, which is
 * written "::" (RFC 5952, 4.2). Returns its length, or 0. */
static int longest_zeros(const struct ip_address *a, int *first)
{
    int most = 1;

    *first = 8;
    for (int i = 0; i < 8; i++) {
        int end = i;

        while (end < 8 && group(a, end) == 0)
            end++;
        if (end - i > most) {
            most = end - i;
            *first = i;
        }
    }
    return *first < 8 ? most : 0;
}

struct ip_text ip_text(struct ip_address a)
{
    struct ip_text text;
    size_t len = 0;
    int first, zeros;

    if (ip_is_ipv4(a)) {
        text_format(text.s, sizeof text.s, "%u.%u.%u.%u", a.byte[12],
                    a.byte[13], a.byte[14], a.byte[15]);
        return text;
    }
    zeros = longest_zeros(&a, &first);
    for (int i = 0; i < 8; i++) {
        if (i == first) {
            len += text_format(text.s + len, sizeof text.s - len, "::");
            i += zeros - 1;
            continue;
        }
        len += text_format(text.s + len, sizeof text.s - len, "%s%x",
                           i > 0 && i != first + zeros ? ":" : "",
                           group(&a, i));
    }
    return text;
}

struct mac_text mac_text(struct mac a)
{
    struct mac_text text;

    text_format(text.s, sizeof text.s, "%02x:%02x:%02x:%02x:%02x:%02x",
                a.byte[0], a.byte[1], a.byte[2], a.byte[3], a.byte[4],
                a.byte[5]);
    return text;
}

enum status ip_parse(const char *text, struct ip_address *a)
{
    uint8_t byte[4];

    for (int i = 0; i < 4; i++) {
        unsigned value = 0;
        int digits = 0;

        for (; *text >= '0' && *text <= '9'; text++, digits++)
            value = 10 * value + (unsigned)(*text - '0');
        if (digits == 0 || digits > 3 || value > 255 ||
            *text != (i < 3 ? '.' : '\0'))
            return ERR_FORMAT;
        byte[i] = (uint8_t)value;
        text++;
    }
    *a = ipv4_address(byte[0], byte[1], byte[2], byte[3]);
    return OK;
}

enum status ipv4_prefix(struct ip_address netmask, unsigned *bits)
{
    uint32_t mask = ipv4_number(netmask);
    unsigned count = 0;

    while (count < 32 && mask >> 31) {
        mask <<= 1;
        count++;
    }
    if (mask != 0 || !ip_is_ipv4(netmask))
        return ERR_FORMAT;
    *bits = count;
    return OK;
}

static uint32_t mask_of(unsigned prefix)
{
    return prefix == 0 ? 0 : 0xffffffffu << (32 - prefix);
}

bool ipv4_is_of_host(struct ip_address a)
{
    uint32_t first = ipv4_number(a) >> 24;

    return first > 0 && first < 224 && first != 127;
}

bool ipv4_is_host_in(struct ip_address a, unsigned prefix)
{
    uint32_t host = ipv4_number(a) & ~mask_of(prefix);

    return ipv4_is_of_host(a) &&
           (prefix >= 31 || (host != 0 && host != ~mask_of(prefix)));
}

bool ipv4_same_network(struct ip_address a, struct ip_address b,
                       unsigned prefix)
{
    return ((ipv4_number(a) ^ ipv4_number(b)) & mask_of(prefix)) == 0;
}
