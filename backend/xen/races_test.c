/* SPDX-License-Identifier: ISC */
/*
 * What another processor can do between two instructions of a driver: it
 * changes each response after the driver has fetched it, and each index after
 * the driver has read it. So a second fetch gives nonsense.
 */
#include "events.h"
#include "grant.h"
#include "guest.h"
#include "xenstore.h"
#include <fake/disk.h>
#include <fake/fake_check.h>
#include <fake/vif.h>
#include <fake/watch.h>
#include <mirage/buf.h>
#include <mirage/drivers.h>
#include <mirage/network.h>
#include <mirage/platform.h>
#include <xen/grant_table.h>

#define SECTORS 300u
#define DISK                                                     \
    "sectors=300\nsector-size=512\ninfo=0\n"                     \
    "feature-flush-cache=1\nfeature-max-indirect-segments=256\n" \
    "feature-persistent=1\nmax-ring-page-order=2"
#define VIF     "feature-rx-copy=1\nfeature-sg=1\nfeature-gso-tcpv4=1"
#define ENTRIES 256u /* of a ring, at most */

/* The start of all rings. */
struct indices {
    uint32_t req_prod, req_event, rsp_prod, rsp_event;
};

static struct {
    uint8_t *shared;
    size_t head, entry; /* bytes before the entries, and of each */
    unsigned size, accesses; /* entries; instructions of one RING_COPY */
    uint32_t prod, rsp_prod; /* published; seen last */
    bool is_garbled; /* rsp_prod */
    unsigned left; /* responses that were seen and not fetched */
    struct {
        bool is_written, is_published;
        unsigned reads;
    } at[ENTRIES];
    unsigned fetched; /* responses */
    unsigned again; /* accesses to a response that was fetched, or to the index
                       before all were fetched */
    unsigned early; /* requests published before they were written */
    unsigned late; /* writes to a request that was published */
} ring;

static void see_published(struct indices *at)
{
    for (; ring.prod != at->req_prod; ring.prod++) {
        unsigned i = ring.prod % ring.size;

        ring.early += !ring.at[i].is_written;
        ring.at[i].is_written = false;
        ring.at[i].is_published = true;
    }
}

/* The index is wrong from the fetch of a new one to the next one. */
static void see_index(struct indices *at)
{
    ring.again += ring.left > 0;
    if (ring.is_garbled) {
        at->rsp_prod = ring.rsp_prod;
        ring.is_garbled = false;
    } else if (at->rsp_prod != ring.rsp_prod) {
        ring.left = at->rsp_prod - ring.rsp_prod;
        ring.rsp_prod = at->rsp_prod;
        at->rsp_prod += 1000;
        ring.is_garbled = true;
    }
}

static void see_fetch(unsigned i)
{
    ring.at[i].is_published = false;
    if (++ring.at[i].reads > ring.accesses)
        ring.again++;
    if (ring.at[i].reads != ring.accesses)
        return;
    ring.fetched++;
    ring.left--;
    memset(ring.shared + ring.head + i * ring.entry, 0xff, ring.entry);
}

static void see_ring(void *at, bool is_write)
{
    size_t offset = (size_t)((uint8_t *)at - ring.shared);
    struct indices *indices = (void *)ring.shared;
    unsigned i = (unsigned)((offset - ring.head) / ring.entry);

    if (offset == offsetof(struct indices, req_prod) && is_write)
        see_published(indices);
    if (offset == offsetof(struct indices, rsp_prod) && !is_write)
        see_index(indices);
    if (offset < ring.head || i >= ring.size)
        return;
    if (!is_write) {
        see_fetch(i);
        return;
    }
    ring.late += ring.at[i].is_published;
    ring.at[i].is_written = true;
    ring.at[i].reads = 0;
}

static void count_access(void *at, bool is_write)
{
    (void)at;
    (void)is_write;
    ring.accesses++;
}

/* Watches a ring, whose copies take the accesses that were counted. */
static void watch_ring(void *shared, unsigned pages, size_t head, size_t entry,
                       unsigned size)
{
    const struct indices *at = shared;

    CHECK(ring.accesses > 0 && size <= ENTRIES);
    ring.shared = shared;
    ring.head = head;
    ring.entry = entry;
    ring.size = size;
    ring.prod = at->req_prod;
    ring.rsp_prod = at->rsp_prod;
    watch(shared, pages * PAGE_BYTES, see_ring);
}

static void end_watch(unsigned responses)
{
    watch_end();
    if (ring.again + ring.early + ring.late > 0)
        fake_fail("%u responses were fetched again, %u requests published "
                  "early, %u changed late",
                  ring.again, ring.early, ring.late);
    CHECK(ring.fetched == responses && responses > 0);
}

static struct fake_disk disk;

static struct block *connect_disk(void)
{
    return disk_connect(&disk, SECTORS, 51712, "xvda", DISK);
}

static void watch_disk(void)
{
    blkif_sring_t *shared = disk.ring.sring;
    blkif_front_ring_t front;
    blkif_response_t response;

    FRONT_RING_INIT(&front, shared, PAGE_BYTES * disk.pages);
    watch(shared, PAGE_BYTES * disk.pages, count_access);
    RING_COPY_RESPONSE(&front, 0, &response);
    watch_end();
    watch_ring(shared, disk.pages, offsetof(blkif_sring_t, ring),
               sizeof shared->ring[0], RING_SIZE(&front));
}

static unsigned users;

static void use_disk(void *ctx)
{
    struct block *b = ctx;
    static uint8_t data[SECTORS * 512], back[SECTORS * 512];

    memset(data, 7, sizeof data);
    for (size_t n = 1; n <= SECTORS; n *= 7) {
        CHECK(block_write(b, 0, data, n) == OK);
        CHECK(block_flush(b) == OK);
        CHECK(block_read(b, 0, back, n) == OK);
        CHECK(memcmp(data, back, n * 512) == 0);
    }
    users--;
}

TEST(each_response_of_a_disk_is_fetched_once)
{
    struct block *b = connect_disk();

    watch_disk();
    for (users = 0; users < 6;) {
        users++;
        CHECK(fiber_start(use_disk, b) == OK);
    }
    CHECK(time_sleep(60 * SECOND) == OK);
    CHECK(users == 0);
    end_watch(disk.reads + disk.writes + disk.flushes);
    CHECK(!strstr(console_text(), "error"));
}

static struct fake_vif vif;
static unsigned heard, sent;
static size_t heard_bytes;

static void hear_sent(struct fake_vif *v, const struct vif_frame *f)
{
    (void)v;
    sent += 1 + (unsigned)(f->len - 1) / 4096 + (f->segment != 0);
}

static void hear(void *ctx, struct buf *const *frames, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        heard++;
        heard_bytes += buf_length(frames[i]);
        buf_free(frames[i]);
    }
}

static struct network *connect_network(void)
{
    struct network *n = NULL;

    vif.on_frame = hear_sent;
    vif_add(&vif, 0, VIF);
    CHECK(network_xen_connect("0", &n) == OK);
    if (!n)
        panic("no network");
    network_listen(n, hear, NULL);
    CHECK(time_sleep(SECOND) == OK);
    return n;
}

static void send_frame(struct network *n, size_t len, uint16_t segment)
{
    static const uint8_t bytes[3 * 4096] = {
        [12] = 8, [14] = 0x45, [23] = 6, [46] = 0x50};
    struct buf *b = buf_copy_in(bytes, len, 0);

    if (!b)
        panic("no pages");
    if (segment)
        b->offload = (struct offload){.kind = OFFLOAD_TCP_IPV4,
                                      .csum_start = 34,
                                      .segment = segment};
    network_write(n, b);
}

TEST(each_response_to_a_sent_frame_is_fetched_once)
{
    struct network *n = connect_network();
    netif_tx_sring_t *shared = vif.tx.sring;
    netif_tx_front_ring_t front;
    netif_tx_response_t response;

    FRONT_RING_INIT(&front, shared, PAGE_BYTES);
    watch(shared, PAGE_BYTES, count_access);
    RING_COPY_RESPONSE(&front, 0, &response);
    watch_end();
    watch_ring(shared, 1, offsetof(netif_tx_sring_t, ring),
               sizeof shared->ring[0], RING_SIZE(&front));
    for (unsigned i = 0; i < 400; i++) {
        send_frame(n, i % 3 ? 60 : 5000, i % 3 ? 0 : 1460);
        if (i % 7 == 0)
            CHECK(time_sleep(MILLISECOND) == OK);
    }
    CHECK(time_sleep(SECOND) == OK);
    end_watch(ring.prod);
    CHECK(vif.frames_out == 400 && !n->gone && n->counters.dropped_out == 0);
}

TEST(each_response_with_a_received_frame_is_fetched_once)
{
    static uint8_t bytes[9000] = {[12] = 8, [14] = 0x45, [23] = 6};
    struct network *n = connect_network();
    netif_rx_sring_t *shared = vif.rx.sring;
    netif_rx_front_ring_t front;
    netif_rx_response_t response;
    size_t sum = 0;

    FRONT_RING_INIT(&front, shared, PAGE_BYTES);
    watch(shared, PAGE_BYTES, count_access);
    RING_COPY_RESPONSE(&front, 0, &response);
    watch_end();
    watch_ring(shared, 1, offsetof(netif_rx_sring_t, ring),
               sizeof shared->ring[0], RING_SIZE(&front));
    for (unsigned i = 0; i < 400; i++) {
        size_t len = i % 3 ? 60 + i : 9000;

        sum += len;
        vif_send(&vif, &(struct vif_frame){.bytes = bytes,
                                           .len = len,
                                           .segment = i % 6 ? 0 : 1460});
        if (i % 7 == 0)
            CHECK(time_sleep(MILLISECOND) == OK);
    }
    CHECK(time_sleep(SECOND) == OK);
    end_watch(ring.rsp_prod);
    CHECK(heard == 400 && heard_bytes == sum && !n->gone);
    CHECK(n->counters.dropped_in == 0);
}

/* Grants. */

static grant_entry_v1_t *table;
static struct {
    uint64_t frame;
    uint16_t domain, flags;
} wanted;
static unsigned usable, mapped_as;

/* The entry that a page of another domain's is granted by. */
static void see_grant(void *at, bool is_write)
{
    size_t i = (size_t)((uint8_t *)at - (uint8_t *)table) / sizeof *table;

    if (!is_write || table[i].flags == 0)
        return;
    usable++;
    if (table[i].flags != wanted.flags || table[i].domid != wanted.domain ||
        table[i].frame != (uint32_t)wanted.frame)
        fake_fail("another domain can use a grant that is incomplete");
}

TEST(a_grant_is_complete_before_another_domain_can_use_it)
{
    uint8_t *pages = page_alloc(64);
    uint32_t grant[64];

    CHECK(grant_start() == OK);
    table = guest_grant_table();
    watch(table, GRANT_PAGES * PAGE_BYTES, see_grant);
    for (unsigned i = 0; i < 192; i++) {
        const void *page = pages + i % 64 * PAGE_BYTES;

        wanted.frame = guest_frame(page);
        wanted.domain = (uint16_t)i;
        wanted.flags = (uint16_t)(GTF_permit_access |
                                  (i % 3 ? 0 : GTF_readonly));
        if (i >= 64)
            CHECK(grant_end(grant[i % 64]));
        grant[i % 64] = grant_access(wanted.domain, page, i % 3);
        CHECK(grant[i % 64] != 0);
    }
    watch_end();
    CHECK(usable == 192);
}

/* Xen marks a grant as used, as soon as its flags were read. */
static void map_now(void *at, bool is_write)
{
    grant_entry_v1_t *e =
        &table[(size_t)((uint8_t *)at - (uint8_t *)table) / sizeof *table];

    if (is_write || !mapped_as || (void *)&e->flags != at)
        return;
    e->flags |= (uint16_t)mapped_as;
    mapped_as = 0;
}

static void check_stays(unsigned how)
{
    void *page = page_alloc(1);
    uint32_t grant = grant_access(7, page, true);
    unsigned unused = grants_free();

    mapped_as = how;
    watch(table, GRANT_PAGES * PAGE_BYTES, map_now);
    CHECK(!grant_end(grant));
    watch_end();
    CHECK(mapped_as == 0 && grants_free() == unused);
    CHECK(table[grant].flags == (GTF_permit_access | how));
    CHECK(!grant_end(grant));
    table[grant].flags &= (uint16_t)~how;
    CHECK(grant_end(grant));
    CHECK(table[grant].flags == 0 && grants_free() == unused + 1);
    page_free(page, 1);
}

TEST(a_grant_that_xen_maps_while_it_is_ended_does_not_end)
{
    CHECK(grant_start() == OK);
    table = guest_grant_table();
    check_stays(GTF_reading);
    check_stays(GTF_writing | GTF_reading);
    check_stays(GTF_writing);
}

TEST(grants_are_given_until_the_table_is_full_and_none_is_reserved)
{
    static uint32_t grant[GRANT_PAGES * 512];
    void *page = page_alloc(1);
    unsigned count = 0;

    CHECK(grant_start() == OK);
    CHECK(grants_free() == GRANT_PAGES * 512 - GNTTAB_NR_RESERVED_ENTRIES);
    for (uint32_t g; (g = grant_access(7, page, true)) != 0; count++) {
        CHECK(g >= GNTTAB_NR_RESERVED_ENTRIES && g < GRANT_PAGES * 512);
        grant[count] = g;
    }
    CHECK(count == GRANT_PAGES * 512 - GNTTAB_NR_RESERVED_ENTRIES);
    CHECK(grants_free() == 0);
    for (unsigned i = 0; i < count; i++)
        CHECK(grant_end(grant[i]));
    CHECK(grants_free() == count && fake_any_grant(7, 1, false) == 0);
    CHECK(grant_access(7, page, true) == grant[count - 1]);
}

/* Events and clocks. */

#define FIRST 130u
#define PORTS 5u /* in one word */

static unsigned came[PORTS];

static void on_port(void *ctx)
{
    ++*(unsigned *)ctx;
}

/* Another event comes each time that the word was read. */
static void come_now(void *at, bool is_write)
{
    static unsigned others;
    volatile unsigned long *word =
        &guest_shared()->evtchn_pending[FIRST / 64];

    if (is_write || at != (const void *)word || others == PORTS - 1)
        return;
    others++;
    *word |= 1ul << (FIRST + others) % 64;
}

TEST(an_event_that_comes_while_another_is_consumed_is_not_lost)
{
    static struct event events[PORTS];
    volatile struct shared_info *s = guest_shared();

    for (unsigned i = 0; i < PORTS; i++) {
        events[i] = (struct event){
            .port = FIRST + i, .on_event = on_port, .ctx = &came[i]};
        events_listen(&events[i]);
    }
    fake_event(FIRST);
    watch((void *)(uintptr_t)s->evtchn_pending, sizeof s->evtchn_pending,
          come_now);
    for (int i = 0; i < 5; i++)
        CHECK(time_sleep(MILLISECOND) == OK);
    watch_end();
    for (unsigned i = 0; i < PORTS; i++)
        CHECK(came[i] == 1);
}

static unsigned clock_reads, clock_steps;

/* Xen sets the wall clock while it is read: first it is being written. */
static void set_clock(void *at, bool is_write)
{
    volatile struct shared_info *s = guest_shared();

    if (is_write)
        return;
    clock_reads++;
    if (at == (const void *)&s->wc_sec && clock_steps == 0) {
        s->wc_version = 5;
        s->wc_sec = 1000;
        clock_steps = 1;
    } else if (at == (const void *)&s->wc_version && clock_reads > 9 &&
               clock_steps == 1) {
        s->wc_nsec = 77;
        s->wc_version = 6;
        clock_steps = 2;
    }
}

TEST(a_wall_clock_that_is_set_while_it_is_read_is_read_again)
{
    volatile struct shared_info *s = guest_shared();
    nanoseconds wall;

    s->wc_version = 4;
    watch((void *)(uintptr_t)&s->wc_version,
          sizeof s->wc_version + sizeof s->wc_sec + sizeof s->wc_nsec,
          set_clock);
    wall = time_wall();
    watch_end();
    CHECK(clock_steps == 2);
    CHECK(wall >= 1000 * SECOND + 77 + fake.now);
    CHECK(wall < 1000 * SECOND + 77 + fake.now + MILLISECOND);
}

/* Streams of bytes: xenstore and console. */

static struct {
    unsigned reads, writes; /* since the index was written last */
    unsigned early; /* indices that were written before their bytes */
    unsigned again; /* bytes and indices that were fetched again */
    bool was_read[4096];
    uint32_t in, out; /* indices that the image has written */
    uint32_t honest; /* in the place of a wrong index */
    bool is_garbled;
} stream;

/* The index of the bytes that come in is wrong from its fetch on, until they
 * were consumed. */
static void see_produced(volatile uint32_t *index)
{
    stream.again += stream.is_garbled;
    if (stream.is_garbled || *index == stream.in)
        return;
    stream.honest = *index;
    *index += 5000;
    stream.is_garbled = true;
}

static void see_consumed(uint32_t consumed, volatile uint32_t *index)
{
    if (stream.is_garbled)
        *index = stream.honest;
    stream.is_garbled = false;
    stream.early += stream.reads != consumed - stream.in;
    stream.in = consumed;
    stream.reads = 0;
    memset(stream.was_read, 0, sizeof stream.was_read);
}

static void see_byte(volatile char *at, size_t i)
{
    stream.again += stream.was_read[i];
    stream.was_read[i] = true;
    stream.reads++;
    *at = (char)0xff;
}

static void see_sent(uint32_t produced)
{
    stream.early += stream.writes != produced - stream.out;
    stream.out = produced;
    stream.writes = 0;
}

static void see_store(void *at, bool is_write)
{
    volatile struct xenstore_domain_interface *s = stored.ring;
    size_t offset = (size_t)((uint8_t *)at - (uint8_t *)(uintptr_t)s);

    if (offset < sizeof s->req)
        stream.writes += is_write;
    else if (offset < sizeof s->req + sizeof s->rsp && !is_write)
        see_byte(at, offset - sizeof s->req);
    else if (at == (const void *)&s->rsp_prod && !is_write)
        see_produced(&s->rsp_prod);
    else if (at == (const void *)&s->rsp_cons && is_write)
        see_consumed(s->rsp_cons, &s->rsp_prod);
    else if (at == (const void *)&s->req_prod && is_write)
        see_sent(s->req_prod);
}

TEST(each_byte_of_a_reply_is_fetched_once_and_before_its_index)
{
    char value[1000], got[1001];

    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = '\0';
    CHECK(xenstore_write("first", "value") == OK);
    stream.in = stored.ring->rsp_cons;
    stream.out = stored.ring->req_prod;
    watch((void *)(uintptr_t)stored.ring, sizeof *stored.ring, see_store);
    CHECK(xenstore_write("a", value) == OK);
    CHECK(xenstore_read("a", got, sizeof got) == OK);
    watch_end();
    CHECK_TEXT(got, value);
    CHECK(stream.early == 0 && stream.again == 0);
    CHECK(stream.in == stored.ring->rsp_prod && stream.in > 1000);
}

static void see_console(void *at, bool is_write)
{
    volatile struct xencons_interface *c = consoled.ring;
    size_t offset = (size_t)((uint8_t *)at - (uint8_t *)(uintptr_t)c);

    if (offset < sizeof c->in && !is_write)
        see_byte(at, offset);
    else if (offset >= sizeof c->in && offset < sizeof c->in + sizeof c->out)
        stream.writes += is_write;
    else if (at == (const void *)&c->in_prod && !is_write)
        see_produced(&c->in_prod);
    else if (at == (const void *)&c->in_cons && is_write)
        see_consumed(c->in_cons, &c->in_prod);
    else if (at == (const void *)&c->out_prod && is_write)
        see_sent(c->out_prod);
}

TEST(each_byte_of_input_is_fetched_once_and_output_is_there_before_its_index)
{
    char got[8] = "";
    size_t len = 0;

    console_type("seven\r\n");
    stream.in = consoled.ring->in_cons;
    stream.out = consoled.ring->out_prod;
    watch((void *)(uintptr_t)consoled.ring, sizeof *consoled.ring,
          see_console);
    platform_put("some text\n", 10);
    CHECK(platform_input(got, 7, &len) == OK);
    CHECK(time_sleep(SECOND) == OK);
    watch_end();
    CHECK(len == 7 && memcmp(got, "seven\n\n", 7) == 0);
    CHECK(stream.early == 0 && stream.again == 0);
    CHECK(strstr(console_text(), "some text\n") != NULL);
}
