/* SPDX-License-Identifier: ISC */
/* Reassembly of fragments, its limits, and overlaps. */
#include "reassembly.h"
#include "check.h"
#include <stdlib.h>

#define MOST 65515 /* bytes of payload after a header of 20 */

static struct wheel wheel;
static struct reassembly *all;
static unsigned expired;
static struct ipv4_packet expired_packet;
static size_t expired_len;

static void on_expired(void *ctx, const struct ipv4_packet *packet,
                       const struct buf *start)
{
    CHECK(ctx == &wheel);
    expired++;
    expired_packet = *packet;
    expired_len = buf_length(start);
}

/* Without a fiber: the test turns the wheel. */
static void begin(void)
{
    if (buf_pages() == 0)
        CHECK(buf_reserve(TEST_PAGES) == OK);
    wheel_init(&wheel, time_now());
    all = reassembly_new(&wheel, on_expired, &wheel);
    CHECK(all != NULL);
    expired = 0;
}

/* Lets all datagrams time out; then no page may be missing. */
static void end(void)
{
    wheel_turn(&wheel, time_now() + REASSEMBLY_TIME + SECOND);
    CHECK(wheel_next(&wheel) == FOREVER);
    CHECK(buf_pages_free() == buf_pages());
    free(all);
}

static const struct reassembly_counters *counters(void)
{
    return reassembly_counters(all);
}

static uint8_t letter(size_t i)
{
    return (uint8_t)(i * 5 + i / 253);
}

/* The header of the last reassembled datagram. */
static struct ipv4_packet joined;

/* Adds bytes [from, to) of a datagram, with the other fields of f. */
static struct buf *add_fragment(struct fragment f, unsigned from, unsigned to)
{
    struct buf *first = buf_new(0), *last = first, *whole;

    CHECK(first != NULL);
    f.offset = from;
    for (unsigned i = from; i < to; i++) {
        if (buf_tailroom(last) == 0)
            last = last->next = buf_new(0);
        *buf_append(last, 1) = letter(i);
    }
    whole = reassembly_add(all, &f, first);
    if (whole)
        joined = f.packet;
    return whole;
}

/* Adds bytes [from, to) of datagram id of a host. */
static struct buf *add_of(uint8_t host, uint16_t id, unsigned from,
                          unsigned to, bool more)
{
    return add_fragment(
        (struct fragment){.packet = {.from = ipv4_address(10, 0, 1, host),
                                     .to = ipv4_address(10, 0, 0, 2),
                                     .protocol = PROTOCOL_UDP,
                                     .ttl = (uint8_t)(from / 8),
                                     .id = id},
                          .header = IPV4_HEADER,
                          .more = more},
        from, to);
}

/* The same with an ECN codepoint, or with a header of another length. */
static struct buf *add_marked(uint8_t ecn, unsigned from, unsigned to,
                              bool more)
{
    return add_fragment((struct fragment){.packet = {.service = ecn, .id = 5},
                                          .header = IPV4_HEADER,
                                          .more = more},
                        from, to);
}

static struct buf *add_behind(unsigned header, unsigned from, unsigned to,
                              bool more)
{
    return add_fragment((struct fragment){.packet = {.id = 6},
                                          .header = header,
                                          .more = more},
                        from, to);
}

static struct buf *add(unsigned from, unsigned to, bool more)
{
    return add_of(1, 7, from, to, more);
}

/* Is b the complete datagram, byte for byte? Frees it. */
static bool is_whole(struct buf *b, size_t len)
{
    bool right = b && buf_length(b) == len;
    size_t at = 0;

    for (struct buf *part = b; part; part = part->next)
        for (size_t i = 0; i < part->len; i++, at++)
            right = right && part->data[i] == letter(at);
    buf_free(b);
    return right;
}

TEST(fragments_in_order_and_reversed_are_reassembled)
{
    begin();
    CHECK(!add(0, 1480, true));
    CHECK(!add(1480, 2960, true));
    CHECK(is_whole(add(2960, 3001, false), 3001));
    CHECK(!add(2960, 3001, false));
    CHECK(!add(1480, 2960, true));
    CHECK(is_whole(add(0, 1480, true), 3001));
    CHECK(counters()->fragments == 6 && counters()->datagrams == 2);
    CHECK(buf_pages_free() == buf_pages());
    end();
    CHECK(expired == 0);
}

/* Adds four fragments in all orders; with `twice` each is repeated, except the
 * last: it would start another datagram. */
static void all_orders(bool twice)
{
    static const unsigned at[] = {0, 8, 24, 64, 67};

    for (unsigned order = 0; order < 256; order++) {
        unsigned seen = 0;

        for (unsigned i = 0; i < 4; i++)
            seen |= 1u << (order >> 2 * i & 3);
        if (seen != 15)
            continue;
        for (unsigned i = 0; i < 4; i++) {
            unsigned k = order >> 2 * i & 3;
            struct buf *b = add(at[k], at[k + 1], k < 3);

            if (i < 3) {
                CHECK(!b);
                CHECK(!twice || !add(at[k], at[k + 1], k < 3));
            } else {
                CHECK(is_whole(b, 67));
            }
        }
        CHECK(buf_pages_free() == buf_pages());
    }
    CHECK(counters()->datagrams == 24 && counters()->overlaps == 0);
}

TEST(four_fragments_are_reassembled_in_every_order)
{
    begin();
    all_orders(false);
    end();
}

TEST(a_duplicate_fragment_is_ignored)
{
    begin();
    all_orders(true);
    end();
}

TEST(a_datagram_with_an_overlap_is_dropped)
{
    static const unsigned other[][2] = {
        {0, 24},
        {8, 24},
        {16, 24},
        {16, 32},
        {24, 40},
        {24, 48},
        {32, 48},
        {8, 48},
        {24, 32},
        {0, 64},
    };

    begin();
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        CHECK(!add(16, 40, true));
        CHECK(!add(other[i][0], other[i][1], true));
        CHECK(counters()->overlaps == i + 1);
        CHECK(buf_pages_free() == buf_pages());
    }
    /* Adjacent fragments do not overlap. */
    CHECK(!add(16, 40, true));
    CHECK(!add(8, 16, true));
    CHECK(!add(40, 48, true));
    CHECK(counters()->overlaps == 10);
    CHECK(buf_pages() - buf_pages_free() == 3);
    end();
}

TEST(an_overlap_drops_all_fragments_received_before)
{
    begin();
    CHECK(!add(0, 16, true));
    CHECK(!add(16, 32, true));
    CHECK(!add(8, 24, true));
    CHECK(buf_pages_free() == buf_pages());
    CHECK(!add(32, 40, false));
    CHECK(counters()->datagrams == 0);
    end();
    CHECK(expired == 0); /* its first piece was not there any more */
}

TEST(a_datagram_with_a_hole_waits_for_the_fragment)
{
    begin();
    CHECK(!add(0, 8, true));
    CHECK(!add(16, 24, true));
    CHECK(!add(24, 25, false));
    CHECK(is_whole(add(8, 16, true), 25));
    end();
}

TEST(fragments_with_conflicting_lengths_drop_the_datagram)
{
    begin();
    /* A second last fragment, later and earlier; */
    CHECK(!add(32, 40, false));
    CHECK(!add(48, 56, false));
    CHECK(counters()->overlaps == 1);
    CHECK(!add(32, 40, false));
    CHECK(!add(8, 16, false));
    CHECK(counters()->overlaps == 2);
    /* one before a received fragment; */
    CHECK(!add(32, 40, true));
    CHECK(!add(8, 16, false));
    CHECK(counters()->overlaps == 3);
    /* and a fragment after it. */
    CHECK(!add(32, 40, false));
    CHECK(!add(40, 48, true));
    CHECK(counters()->overlaps == 4);
    CHECK(buf_pages_free() == buf_pages());
    end();
}

TEST(empty_fragments_and_lengths_not_of_eight_bytes_are_dropped)
{
    begin();
    CHECK(!add(0, 0, true));
    CHECK(!add(8, 8, false));
    CHECK(!add(0, 7, true));
    CHECK(!add(8, 17, true));
    CHECK(buf_pages_free() == buf_pages());
    CHECK(wheel_next(&wheel) == FOREVER);
    CHECK(counters()->fragments == 4);
    end();
}

TEST(a_datagram_has_65535_bytes_at_most_with_its_header)
{
    begin();
    for (unsigned from = 0; from < 65512; from += 4088)
        CHECK(!add(from, from + 4088 < 65512 ? from + 4088 : 65512, true));
    CHECK(!add(65512, MOST + 1, false));
    CHECK(!add(65512, 65520, true));
    CHECK(!add(65520, 65535, false));
    CHECK(!add(65528, 65528 + 1400, false));
    CHECK(is_whole(add(65512, MOST, false), MOST));
    CHECK(buf_pages_free() == buf_pages());
    end();
}

TEST(options_of_the_first_fragment_count_towards_65535_bytes)
{
    for (unsigned header = 20; header <= 64; header += 4) {
        begin();
        for (unsigned from = 0; from < 65472; from += 4088)
            CHECK(!add_behind(from == 0 ? header : 20, from,
                              from + 4088 < 65472 ? from + 4088 : 65472,
                              true));
        if (header <= 60)
            CHECK(is_whole(add_behind(20, 65472, 65475, false), 65475));
        else
            CHECK(!add_behind(20, 65472, 65475, false));
        CHECK(buf_pages_free() == buf_pages());
        end();
    }
}

TEST(the_reassembled_packet_has_the_header_of_the_first_fragment)
{
    begin();
    CHECK(!add(0, 8, true));
    CHECK(!add(8, 16, true));
    CHECK(is_whole(add(16, 17, false), 17));
    CHECK(joined.ttl == 0 && joined.id == 7);
    CHECK(!add(16, 17, false));
    CHECK(!add(8, 16, true));
    CHECK(is_whole(add(0, 8, true), 17));
    CHECK(joined.ttl == 0);
    CHECK(!add(16, 17, false));
    CHECK(!add(0, 8, true));
    CHECK(is_whole(add(8, 16, true), 17));
    CHECK(joined.ttl == 0);
    end();
}

/* RFC 3168, 5.3. Codepoints: 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE. */
TEST(congestion_marks_of_fragments_are_combined)
{
    for (unsigned marks = 0; marks < 64; marks++) {
        uint8_t first = marks & 3, second = marks >> 2 & 3, third = marks >> 4;
        bool none = !first && !second && !third;
        bool capable = first && second && third;
        bool ce = first == 3 || second == 3 || third == 3;
        bool joins = none || capable;
        unsigned order = marks % 2;

        begin();
        CHECK(!add_marked(order ? first : third, order ? 0 : 16,
                          order ? 8 : 20, order));
        CHECK(!add_marked(second, 8, 16, true));
        if (joins) {
            CHECK(is_whole(add_marked(order ? third : first, order ? 16 : 0,
                                      order ? 20 : 8, !order),
                           20));
            CHECK(joined.service == (ce ? 3 : first));
        } else {
            CHECK(!add_marked(order ? third : first, order ? 16 : 0,
                              order ? 20 : 8, !order));
            CHECK(counters()->mixed >= 1);
        }
        end();
    }
}

TEST(fragments_of_different_datagrams_are_not_mixed)
{
    struct fragment f = {.packet = {.from = ipv4_address(10, 0, 1, 1),
                                    .to = ipv4_address(10, 0, 0, 2),
                                    .protocol = PROTOCOL_TCP,
                                    .id = 7},
                         .offset = 8};
    struct buf *b;

    begin();
    CHECK(!add_of(1, 7, 0, 8, true));
    CHECK(!add_of(1, 8, 8, 16, false)); /* another id, */
    CHECK(!add_of(2, 7, 8, 16, false)); /* sender, */
    b = buf_new(0);
    memset(buf_append(b, 8), 0, 8);
    CHECK(!reassembly_add(all, &f, b)); /* protocol, */
    f.packet.protocol = PROTOCOL_UDP;
    f.packet.to = ipv4_address(10, 0, 0, 255);
    b = buf_new(0);
    memset(buf_append(b, 8), 0, 8);
    CHECK(!reassembly_add(all, &f, b)); /* receiver */
    CHECK(is_whole(add_of(2, 7, 0, 8, true), 16));
    CHECK(is_whole(add_of(1, 7, 8, 16, false), 16));
    CHECK(is_whole(add_of(1, 8, 0, 8, true), 16));
    end();
}

TEST(a_checksum_checked_in_a_fragment_does_not_hold_for_the_datagram)
{
    struct fragment f = {.packet = {.id = 9}, .offset = 0, .more = true};
    struct buf *b;

    begin();
    b = buf_new(0);
    memset(buf_append(b, 8), 0, 8);
    b->offload.csum_good = true;
    CHECK(!reassembly_add(all, &f, b));
    f.offset = 8;
    f.more = false;
    b = buf_new(0);
    memset(buf_append(b, 8), 0, 8);
    b = reassembly_add(all, &f, b);
    CHECK(b && !b->offload.csum_good);
    buf_free(b);
    end();
}

TEST(datagrams_of_one_sender_are_limited_and_the_oldest_is_dropped)
{
    begin();
    for (uint16_t id = 0; id < REASSEMBLY_OF_ONE; id++)
        CHECK(!add_of(1, id, 0, 8, true));
    CHECK(!add_of(2, 0, 0, 8, true));
    CHECK(counters()->overflows == 0);
    CHECK(!add_of(1, REASSEMBLY_OF_ONE, 0, 8, true));
    CHECK(counters()->overflows == 1);
    CHECK(buf_pages() - buf_pages_free() == REASSEMBLY_OF_ONE + 1);
    /* The oldest was dropped; the others are complete, and so is that of the
     * other sender. */
    CHECK(is_whole(add_of(1, 1, 8, 16, false), 16));
    CHECK(is_whole(add_of(1, REASSEMBLY_OF_ONE, 8, 16, false), 16));
    CHECK(is_whole(add_of(2, 0, 8, 16, false), 16));
    CHECK(!add_of(1, 0, 8, 16, false));
    end();
}

TEST(datagrams_of_all_senders_are_limited)
{
    begin();
    for (unsigned i = 0; i < REASSEMBLY_DATAGRAMS; i++)
        CHECK(!add_of((uint8_t)i, 1, 0, 8, true));
    CHECK(counters()->overflows == 0);
    CHECK(!add_of(200, 1, 0, 8, true));
    CHECK(counters()->overflows == 1);
    CHECK(buf_pages() - buf_pages_free() == REASSEMBLY_DATAGRAMS);
    CHECK(is_whole(add_of(200, 1, 8, 16, false), 16));
    CHECK(is_whole(add_of(1, 1, 8, 16, false), 16));
    CHECK(!add_of(0, 1, 8, 16, false));
    end();
}

TEST(fragments_of_one_datagram_are_limited)
{
    begin();
    for (unsigned i = 0; i < REASSEMBLY_FRAGMENTS; i++)
        CHECK(!add(16 * i, 16 * i + 8, true));
    CHECK(buf_pages() - buf_pages_free() == REASSEMBLY_FRAGMENTS);
    CHECK(!add(16 * REASSEMBLY_FRAGMENTS, 16 * REASSEMBLY_FRAGMENTS + 8,
               true));
    CHECK(counters()->overflows == 1);
    CHECK(buf_pages_free() == buf_pages());
    end();
}

TEST(fragments_of_all_datagrams_are_limited_and_reusable)
{
    begin();
    for (uint8_t host = 0; host < 20; host++)
        for (unsigned i = 0; i < 100; i++)
            CHECK(!add_of(host, 1, 16 * i, 16 * i + 8, true));
    CHECK(buf_pages() - buf_pages_free() <= REASSEMBLY_PIECES);
    CHECK(counters()->overflows > 0);
    wheel_turn(&wheel, time_now() + REASSEMBLY_TIME + SECOND);
    CHECK(buf_pages_free() == buf_pages());
    wheel_init(&wheel, time_now());
    CHECK(!add(0, 8, true));
    CHECK(is_whole(add(8, 16, false), 16));
    end();
}

TEST(a_timeout_is_reported_if_the_first_fragment_was_received)
{
    nanoseconds began;

    begin();
    began = time_now();
    CHECK(!add_of(1, 1, 8, 16, true));
    CHECK(!add_of(2, 2, 32, 40, false));
    CHECK(!add_of(2, 2, 0, 24, true));
    wheel_turn(&wheel, began + REASSEMBLY_TIME - SECOND);
    CHECK(expired == 0 && buf_pages() - buf_pages_free() == 3);
    wheel_turn(&wheel, time_now() + REASSEMBLY_TIME + SECOND);
    CHECK(expired == 1 && expired_len == 24 && expired_packet.id == 2);
    CHECK(ip_equal(expired_packet.from, ipv4_address(10, 0, 1, 2)));
    CHECK(expired_packet.ttl == 0); /* of the first piece */
    CHECK(counters()->timeouts == 2);
    CHECK(buf_pages_free() == buf_pages());
    end();
}

TEST(a_complete_datagram_does_not_time_out)
{
    begin();
    CHECK(!add(8, 16, false));
    CHECK(is_whole(add(0, 8, true), 16));
    CHECK(wheel_next(&wheel) == FOREVER);
    end();
    CHECK(expired == 0);
}

TEST(the_end_frees_fragments_and_their_timers)
{
    begin();
    CHECK(!add(0, 800, true) && !add_of(2, 9, 80, 160, true));
    CHECK(wheel_next(&wheel) != FOREVER);
    CHECK(buf_pages_free() < buf_pages());
    reassembly_free(all);
    CHECK(wheel_next(&wheel) == FOREVER);
    CHECK(buf_pages_free() == buf_pages());
}

TEST(fragments_leave_a_quarter_of_the_pages_to_others)
{
    struct buf *pages = NULL, *b;
    uint64_t overflows;

    begin();
    CHECK(!add(0, 80, true));
    while (buf_pages_free() >= buf_pages() / 4 && (b = buf_new(0)) != NULL) {
        b->next = pages;
        pages = b;
    }
    overflows = counters()->overflows;
    CHECK(!add(160, 240, true) && counters()->overflows == overflows + 1);
    buf_free(pages);
    CHECK(buf_pages_free() == buf_pages());
    CHECK(!add(0, 80, true));
    CHECK(is_whole(add(80, 100, false), 100));
    end();
}
