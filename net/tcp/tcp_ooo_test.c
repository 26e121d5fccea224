/* SPDX-License-Identifier: ISC */
/* The out-of-order queue in random and hostile orders. */
#include "check.h"
#include "tcp.h"
#include <stdlib.h>
#include <mirage/buf.h>

#define WINDOW 65536

static struct tcpv4 tcp;
static struct connection connection, *c = &connection;
static struct ooo_run pool[TCP_OOO_RUNS];
static uint32_t base;

static void begin(uint32_t first)
{
    if (buf_pages() == 0)
        CHECK(buf_reserve(TEST_PAGES) == OK);
    memset(&tcp, 0, sizeof tcp);
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < TCP_OOO_RUNS; i++) {
        pool[i].next = tcp.ooo_free;
        tcp.ooo_free = &pool[i];
    }
    tcp.ooo_free_count = TCP_OOO_RUNS;
    tcp.ooo_random = 7;
    c->tcp = &tcp;
    base = c->rcv.nxt = first;
}

static uint8_t byte_at(uint32_t at)
{
    return (uint8_t)(at * 7 + (at >> 8));
}

/* Inserts bytes [from, from + len), relative to the first, in bufs of piece
 * bytes. */
static void receive_in(uint32_t from, uint32_t len, uint32_t piece)
{
    uint8_t bytes[4000];
    struct buf *first = NULL, **last = &first;

    for (uint32_t i = 0; i < len; i++)
        bytes[i] = byte_at(from + i);
    for (uint32_t at = 0; at < len; at += piece) {
        *last = buf_copy_in(bytes + at, len - at < piece ? len - at : piece, 0);
        last = &(*last)->next;
    }
    ooo_insert(c, base + from, first, len);
}

static void receive(uint32_t from, uint32_t len)
{
    receive_in(from, len, len);
}

/* Are all runs in order, apart and counted? */
static bool is_sound(void)
{
    uint32_t bytes = 0, last = c->rcv.nxt;
    unsigned runs = 0, bufs = 0;
    struct ooo_run *end = NULL;

    for (struct ooo_run *h = c->ooo.first; h; end = h, h = h->next) {
        uint8_t *copy = malloc(h->end - h->seq);
        bool is_right = copy && seq_after(h->seq, last) &&
                        seq_after(h->end, h->seq) &&
                        buf_length(h->data) == h->end - h->seq &&
                        buf_last(h->data) == h->last;

        if (is_right)
            buf_copy_out(h->data, 0, copy, h->end - h->seq);
        for (uint32_t i = h->seq; is_right && i != h->end; i++)
            is_right = copy[i - h->seq] == byte_at(i - base);
        free(copy);
        if (!is_right)
            return false;
        last = h->end;
        bytes += h->end - h->seq;
        runs++;
        for (const struct buf *b = h->data; b; b = b->next)
            bufs++;
        if (bufs != 0 && h->bufs == 0)
            return false;
    }
    return bytes == c->ooo.len && runs == c->ooo.count && bufs == c->ooo.bufs &&
           end == c->ooo.last && tcp.ooo_free_count + runs == TCP_OOO_RUNS &&
           !c->ooo.first == !c->ooo.tree;
}

static void take_all(void)
{
    uint32_t len;

    for (struct buf *b; (b = ooo_remove_next(c, &len)) != NULL; buf_free(b)) {
        CHECK(buf_length(b) == len);
        c->rcv.nxt += len;
    }
}

static void end(void)
{
    ooo_clear(c);
    CHECK(is_sound() && c->ooo.len == 0);
    CHECK(buf_pages_free() == buf_pages());
}

TEST(adjacent_runs_are_merged_in_any_order_of_arrival)
{
    static const uint32_t orders[6][3] = {
        {1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}};

    for (int i = 0; i < 6; i++) {
        begin(0xffffff00);
        for (int k = 0; k < 3; k++)
            receive(orders[i][k] * 200, 200);
        CHECK(is_sound() && c->ooo.count == 1 && c->ooo.len == 600);
        c->rcv.nxt = base + 300;
        take_all();
        CHECK(c->rcv.nxt == base + 800 && !c->ooo.first);
        end();
    }
}

TEST(overlapping_data_are_queued_once)
{
    begin(0);
    receive(100, 100);
    receive(300, 100);
    receive(150, 200); /* merges both */
    CHECK(is_sound() && c->ooo.count == 1 && c->ooo.len == 300);
    receive(120, 50); /* already queued */
    CHECK(c->ooo.len == 300 && tcp.counters.duplicates_in == 1);
    receive(50, 1000); /* covers the whole run */
    CHECK(is_sound() && c->ooo.count == 1 && c->ooo.len == 1000);
    end();
}

TEST(bufs_that_an_overlap_cuts_off_are_not_counted)
{
    begin(0);
    receive(3000, 1000);
    receive_in(1000, 2500, 1000); /* the third is all there */
    CHECK(is_sound() && c->ooo.count == 1 && c->ooo.len == 3000);
    receive_in(500, 1500, 500); /* the second and the third are */
    CHECK(is_sound() && c->ooo.count == 1 && c->ooo.len == 3500);
    end();
}

static uint32_t chance;

static uint32_t below(uint32_t n)
{
    chance = chance * 1664525 + 1013904223;
    return (chance >> 8) % n;
}

TEST(random_insertions_match_a_map_of_bytes)
{
    static bool there[WINDOW + 4000];

    for (chance = 0; chance < 40; chance++) {
        uint32_t seed = chance, most = 1 + below(3) * 700, wanted = 0;

        begin(seed * 0x11111111);
        memset(there, 0, sizeof there);
        for (int i = 0; i < 300; i++) {
            uint32_t from = 1 + below(WINDOW), len = 1 + below(most);
            uint64_t dropped = tcp.counters.held_dropped;

            receive(from, len);
            if (tcp.counters.held_dropped == dropped)
                memset(there + from, true, len);
        }
        CHECK(is_sound());
        for (struct ooo_run *h = c->ooo.first; h; h = h->next)
            for (uint32_t at = h->seq - base; at != h->end - base; at++)
                CHECK(there[at]);
        for (uint32_t at = 0; at < sizeof there; at++)
            wanted += there[at];
        /* (Dropped data may have replaced the runs that it covered.) */
        CHECK(c->ooo.len == wanted || tcp.counters.held_dropped > 0);
        end();
        chance = seed;
    }
}

/* The steps per segment for count segments, in the worst of some orders. */
static void work(uint32_t (*place)(uint32_t i, uint32_t count), uint32_t count,
                 unsigned most)
{
    begin(1);
    for (uint32_t i = 0; i < count; i++)
        receive(1 + 1400 * place(i, count), 700);
    CHECK(is_sound() && c->ooo.count == count);
    CHECK(tcp.counters.held_steps <= (uint64_t)most * count);
    if (tcp.counters.held_steps > (uint64_t)most * count)
        printf("%u pieces took %llu steps\n", count,
               (unsigned long long)tcp.counters.held_steps);
    end();
}

static uint32_t forwards(uint32_t i, uint32_t count)
{
    (void)count;
    return i;
}

static uint32_t backwards(uint32_t i, uint32_t count)
{
    return count - 1 - i;
}

static uint32_t from_both_ends(uint32_t i, uint32_t count)
{
    return i % 2 ? i / 2 : count - 1 - i / 2;
}

static uint32_t scattered(uint32_t i, uint32_t count)
{
    return i * 331 % count; /* count is no multiple of it */
}

TEST(insertion_takes_logarithmic_time_in_every_order)
{
    uint32_t (*const orders[])(uint32_t, uint32_t) = {
        forwards, backwards, from_both_ends, scattered};

    for (size_t i = 0; i < 4; i++)
        for (uint32_t count = 32; count <= 256; count *= 2)
            work(orders[i], count, 48);
}

TEST(single_bytes_between_holes_do_not_pin_a_page_each)
{
    begin(1);
    for (uint32_t i = 0; i < 2000; i++)
        receive(1 + 2 * i, 1);
    CHECK(is_sound() && c->ooo.bufs <= 17);
    end();
    /* Adjacent data share pages, even in descending order. */
    begin(1);
    for (uint32_t i = 2000; i > 0; i--)
        receive(i, 1);
    CHECK(is_sound() && c->ooo.count == 1 && c->ooo.len == 2000);
    CHECK(c->ooo.bufs <= 8);
    end();
}

TEST(one_connection_leaves_runs_and_pages_for_others)
{
    static struct connection many[40];
    unsigned got[40];

    begin(1);
    memset(many, 0, sizeof many);
    for (int i = 0; i < 40; i++) {
        many[i].tcp = &tcp;
        many[i].rcv.nxt = 1;
        c = &many[i];
        for (uint32_t k = 0; k < 1000; k++)
            receive(1 + 1400 * k, 700);
        got[i] = c->ooo.count;
    }
    CHECK(got[0] > 300 && got[20] >= 16 && got[39] >= 4);
    CHECK(buf_pages_free() >= buf_pages() / 4);
    for (int i = 0; i < 40; i++)
        ooo_clear(&many[i]);
    c = &connection;
    end();
}
