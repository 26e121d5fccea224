/* SPDX-License-Identifier: ISC */
/* blkfront with a fake backend that is correct, slow, restarted or gone. */
#include <conform/block_contract.h>
#include <fake/disk.h>
#include <fake/fake_check.h>
#include "grant.h"
#include <mirage/drivers.h>
#include <conform/power.h>
#include "suspend.h"

#define SECTORS 300u
#define PLAIN   "sectors=300\nsector-size=512\ninfo=0"
#define ALL                                              \
    PLAIN "\nfeature-flush-cache=1\nfeature-barrier=1\n" \
          "feature-max-indirect-segments=256\n"          \
          "feature-persistent=1\nmax-ring-page-order=4"

#define DISCARD ALL "\nfeature-discard=1\n"

static struct fake_disk disk;

/* Waits until text is on the console. */
static void check_said(const char *text)
{
    CHECK(time_sleep(SECOND) == OK);
    if (!strstr(console_text(), text))
        fake_fail("the console has no \"%s\":\n%s", text, console_text());
}

static struct block *connect(const char *offers)
{
    return disk_connect(&disk, SECTORS, 51713, "xvda1", offers);
}

static void check_contract(const char *offers)
{
    struct block *b = connect(offers);

    for (uint64_t seed = 1; seed <= 2; seed++) {
        static const uint8_t zeros[SECTORS * 4096];

        CHECK(block_contract_failures(b, seed) == 0);
        CHECK(block_write(b, 0, zeros, (size_t)b->info.sectors) == OK);
    }
}

TEST(the_contract_is_kept_with_a_backend_that_offers_nothing)
{
    check_contract(PLAIN);
    CHECK(!block_contract_discarded());
    CHECK(disk.flushes == 0 && disk.barriers == 0);
    CHECK(disk.most_segments == 11);
    CHECK(disk.most_in_flight == 32);
}

TEST(the_contract_is_kept_with_a_backend_that_offers_all)
{
    disk.keeps_pages = true;
    check_contract(ALL);
    CHECK(disk.flushes > 0);
    CHECK(disk.most_segments == 38);
    CHECK(disk.most_in_flight > 32);
}

TEST(the_contract_is_kept_when_requests_are_done_slowly_and_in_any_order)
{
    disk.latency = 100 * MICROSECOND;
    disk.latency_spread = 3 * MILLISECOND;
    check_contract(ALL);
}

TEST(the_contract_is_kept_with_a_backend_that_discards)
{
    check_contract(DISCARD);
    CHECK(block_contract_discarded());
    CHECK(disk.discards > 100 && disk.discarded > disk.discards);
}

TEST(the_contract_is_kept_with_a_backend_that_discards_in_granules)
{
    check_contract(DISCARD "discard-granularity=4096\n"
                           "discard-alignment=1536\ndiscard-secure=1");
    CHECK(block_contract_discarded());
    CHECK(disk.discards > 3 && disk.discarded >= 8 * disk.discards);
}

TEST(the_contract_is_kept_on_two_processors)
{
    fake.at_once = true;
    check_contract(ALL);
}

static void check_sector_size(uint32_t size)
{
    char text[64];

    CHECK(block_ram_connect(SECTORS, size, &disk.store) == OK);
    snprintf(text, sizeof text, "sectors=%u\nsector-size=%u\ninfo=0",
             SECTORS * size / 512, size);
    check_contract(text);
}

TEST(sectors_of_1024_bytes)
{
    check_sector_size(1024);
}

TEST(sectors_of_2048_bytes)
{
    check_sector_size(2048);
}

TEST(sectors_of_4096_bytes)
{
    check_sector_size(4096);
}

TEST(a_disk_has_the_size_and_mode_that_its_backend_announces)
{
    uint8_t data[512] = {1};
    struct block *b = connect("sectors=123456789012\nsector-size=512\ninfo=4");

    CHECK(b->info.sectors == 123456789012);
    CHECK(b->info.sector_size == 512);
    CHECK(!b->info.writable);
    CHECK(block_write(b, 0, data, 1) == ERR_READ_ONLY);
    CHECK(disk.writes == 0);
}

TEST(an_impossible_disk_is_refused)
{
    static const char *const offers[] = {
        "sectors=300\nsector-size=0",
        "sectors=300\nsector-size=511",
        "sectors=300\nsector-size=8192",
        "sectors=300\nsector-size=768",
        "sectors=18446744073709551615\nsector-size=512",
    };
    static struct fake_disk disks[5];

    for (unsigned i = 0; i < 5; i++) {
        char name[12];
        struct block *b;

        CHECK(block_ram_connect(SECTORS, 512, &disks[i].store) == OK);
        disk_add(&disks[i], 51712 + 16 * i, offers[i]);
        snprintf(name, sizeof name, "%u", 51712 + 16 * i);
        CHECK(block_xen_connect(name, &b) == ERR_FORMAT);
        CHECK(fake_mapped == 1); /* its ring, until it is notified */
        backend_remove(&disks[i].backend);
        CHECK(fake_mapped == 0);
    }
    check_said("300 sectors of 768 bytes, which cannot be");
}

TEST(the_error_for_a_missing_disk_lists_the_existing_ones)
{
    struct block *b;
    static struct fake_disk other;

    other.store = connect(PLAIN);
    disk_add(&other, 51728, PLAIN);
    CHECK(block_xen_connect("xvdz", &b) == ERR_NOT_FOUND);
    check_said("there is no disk xvdz; what there is: "
               "xvda1, xvdb. ");
    CHECK(block_xen_connect("floppy", &b) == ERR_NAME);
}

TEST(a_transaction_with_conflicts_is_repeated)
{
    stored.conflicts = 3;
    (void)connect(PLAIN);
    CHECK(stored.conflicts == 0);
    CHECK(disk.backend.connections == 1);
}

/* Flushed data survives a power cut. */
static void check_flush(const char *offers)
{
    static uint8_t model[SECTORS * 512], image[SECTORS * 512];
    struct block *b;
    size_t steps;

    disk.store = power_connect(SECTORS, 512);
    b = connect(offers);
    power_settle(disk.store);
    for (unsigned i = 0; i < 20; i++) {
        uint8_t data[7 * 512];

        memset(data, (int)i + 1, sizeof data);
        CHECK(block_write(b, i * 13, data, 7) == OK);
        memcpy(model + (size_t)i * 13 * 512, data, sizeof data);
        if (i % 5)
            continue;
        CHECK(block_flush(b) == OK);
        steps = power_steps(disk.store);
        power_cut(disk.store, steps, 0, image);
        CHECK(memcmp(image, model, sizeof image) == 0);
    }
}

TEST(flushed_data_survives_a_power_cut)
{
    check_flush(ALL);
    CHECK(disk.flushes == 4 && disk.barriers == 0);
}

TEST(flushed_data_survives_a_power_cut_with_barriers_alone)
{
    check_flush(PLAIN "\nfeature-barrier=1");
    CHECK(disk.flushes == 0 && disk.barriers == 4);
}

static bool refuse_flush(struct fake_disk *d, unsigned operation, uint64_t at,
                         int16_t *status)
{
    (void)d;
    (void)at;
    *status = BLKIF_RSP_EOPNOTSUPP;
    return operation == BLKIF_OP_FLUSH_DISKCACHE;
}

TEST(a_refused_flush_succeeds_without_a_cache)
{
    struct block *b;

    disk.on_request = refuse_flush;
    b = connect(PLAIN "\nfeature-flush-cache=1");
    CHECK(block_flush(b) == OK);
    CHECK(block_flush(b) == OK);
}

/* Granules of 8 sectors, from sector 3 on. */
TEST(only_whole_granules_are_discarded)
{
    struct block *b = connect(DISCARD "discard-granularity=4096\n"
                                      "discard-alignment=1536");
    static const struct {
        unsigned at, count, discarded;
    } some[] = {
        {0, 10, 0},
        {0, 11, 8},
        {3, 8, 8},
        {3, 7, 0},
        {4, 14, 0},
        {4, 15, 8},
        {2, 18, 16},
        {0, 300, 296},
        {291, 8, 8},
        {295, 5, 0},
    };

    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        disk.discarded = 0;
        CHECK(block_discard(b, some[i].at, some[i].count) == OK);
        CHECK(disk.discarded == some[i].discarded);
    }
}

TEST(granules_of_incomplete_sectors_are_not_discarded)
{
    static const char *const odd[] = {
        DISCARD "discard-granularity=0",
        DISCARD "discard-granularity=700",
        DISCARD "discard-alignment=4294967295",
        ALL "\nfeature-discard=2",
    };
    struct block *b = connect(DISCARD);

    CHECK(block_discard(b, 0, 1) == OK);
    for (unsigned i = 0; i < 4; i++) {
        disk.backend.offers = PLAIN "\ndiscard-granularity=512\n"
                                    "discard-alignment=0";
        backend_restart(&disk.backend);
        CHECK(time_sleep(SECOND) == OK);
        disk.backend.offers = odd[i];
        backend_restart(&disk.backend);
        CHECK(time_sleep(SECOND) == OK);
        CHECK(block_discard(b, 0, 1) == ERR_UNSUPPORTED);
    }
}

static bool refuse_discard(struct fake_disk *d, unsigned operation,
                           uint64_t at, int16_t *status)
{
    (void)at;
    d->discards += operation == BLKIF_OP_DISCARD;
    *status = BLKIF_RSP_EOPNOTSUPP;
    return operation == BLKIF_OP_DISCARD;
}

TEST(after_a_refused_discard_no_other_is_sent)
{
    struct block *b;

    disk.on_request = refuse_discard;
    b = connect(DISCARD);
    CHECK(block_discard(b, 0, 1) == ERR_UNSUPPORTED);
    CHECK(block_discard(b, 0, 1) == ERR_UNSUPPORTED);
    CHECK(disk.discards == 1);
}

static bool fail_at_7(struct fake_disk *d, unsigned operation, uint64_t at,
                      int16_t *status)
{
    (void)d;
    (void)operation;
    *status = BLKIF_RSP_ERROR;
    return at == 7;
}

TEST(an_error_response_fails_the_request)
{
    uint8_t data[512] = {0};
    struct block *b;

    disk.on_request = fail_at_7;
    b = connect(ALL);
    CHECK(block_write(b, 6, data, 1) == OK);
    CHECK(block_write(b, 7, data, 1) == ERR_IO);
    CHECK(block_read(b, 7, data, 1) == ERR_IO);
    CHECK(block_read(b, 8, data, 1) == OK);
    check_said("xvda1: writing failed at sector 7");
}

TEST(requests_of_one_turn_cost_one_notification)
{
    struct block *b = connect(ALL);
    unsigned before = disk.backend.notified;

    CHECK(block_contract_failures(b, 1) == 0);
    CHECK(disk.backend.notified - before <=
          disk.reads + disk.writes + disk.flushes);
}

/* Uses the disk, which must never fail. */
static void use(void *ctx)
{
    struct block *b = ctx;
    uint8_t data[512 * 3], back[512 * 3];

    for (unsigned i = 0; i < 100; i++) {
        memset(data, (int)i + 1, sizeof data);
        CHECK(block_write(b, i, data, 3) == OK);
        CHECK(block_read(b, i, back, 3) == OK);
        CHECK(memcmp(data, back, sizeof data) == 0);
    }
}

static void restart(void)
{
    backend_restart(&disk.backend);
    if (disk.backend.connections < 4)
        fake_after(30 * MILLISECOND, restart);
}

static void restart_once(void)
{
    backend_restart(&disk.backend);
}

TEST(requests_continue_when_the_backend_comes_back)
{
    struct fiber *f;
    struct block *b;

    disk.latency = MILLISECOND;
    b = connect(ALL);
    fake_after(20 * MILLISECOND, restart);
    CHECK(fiber_spawn(NULL, use, b, &f) == OK);
    use(b);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(disk.backend.connections >= 4);
    check_said("xvda1: its backend is back");
}

TEST(a_backend_that_comes_back_with_less_gets_smaller_requests)
{
    static uint8_t data[SECTORS * 512];
    struct block *b = connect(ALL);

    CHECK(block_write(b, 0, data, SECTORS) == OK);
    disk.backend.offers = PLAIN "\nfeature-max-indirect-segments=0\n"
                                "max-ring-page-order=0";
    backend_restart(&disk.backend);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(disk.backend.connections == 2);
    disk.most_segments = 0;
    CHECK(block_write(b, 0, data, SECTORS) == OK);
    CHECK(disk.most_segments == 11);
}

/* Writes the whole disk while its backend goes away, and reads it back. */
static void write_all(void *ctx)
{
    static uint8_t data[SECTORS * 512], back[SECTORS * 512];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 512);
    CHECK(block_write(ctx, 0, data, SECTORS) == OK);
    memset(back, 0, sizeof back);
    CHECK(block_read(ctx, 0, back, SECTORS) == OK);
    CHECK(memcmp(data, back, sizeof data) == 0);
}

static struct block *busy_disk(const char *offers)
{
    disk.latency = SECOND;
    return connect(offers);
}

/* Restarts the backend with other entries; those not in offers are removed. */
static void come_back_with(const char *offers)
{
    static const char *const names[] = {
        "feature-flush-cache", "feature-barrier", "feature-discard",
        "feature-max-indirect-segments", "max-ring-page-order",
        "discard-granularity", "discard-alignment"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        backend_write(&disk.backend, names[i], NULL);
    disk.backend.offers = offers;
    backend_restart(&disk.backend);
}

/* The fake fails the test if a request needs what the backend does not offer.
 */
static void check_asked_again(const char *offers, unsigned segments)
{
    struct fiber *f;
    struct block *b = busy_disk(ALL);

    CHECK(fiber_spawn(NULL, write_all, b, &f) == OK);
    CHECK(time_sleep(500 * MILLISECOND) == OK);
    CHECK(disk.most_segments == 38);
    disk.most_segments = 0;
    come_back_with(offers);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(disk.backend.connections == 2);
    CHECK(disk.most_segments == segments);
}

TEST(large_requests_are_resent_in_parts_without_indirect_segments)
{
    check_asked_again(PLAIN, 11);
}

TEST(large_requests_are_resent_in_parts_that_the_backend_takes)
{
    check_asked_again(PLAIN "\nfeature-max-indirect-segments=13", 13);
}

TEST(large_requests_are_resent_whole_if_the_backend_takes_them)
{
    check_asked_again(PLAIN "\nfeature-max-indirect-segments=64", 38);
}

/* The backend changes again while a request is in parts. */
TEST(parts_continue_where_they_were_when_the_backend_goes_again)
{
    struct fiber *f;
    struct block *b = busy_disk(ALL);

    CHECK(fiber_spawn(NULL, write_all, b, &f) == OK);
    CHECK(time_sleep(500 * MILLISECOND) == OK);
    come_back_with(PLAIN);
    CHECK(time_sleep(1500 * MILLISECOND) == OK);
    CHECK(disk.writes == 1);
    come_back_with(ALL);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(disk.backend.connections == 3 && disk.writes == 2);
}

static bool fail_the_second(struct fake_disk *d, unsigned operation,
                            uint64_t at, int16_t *status)
{
    (void)d;
    (void)operation;
    *status = BLKIF_RSP_ERROR;
    return at == 88;
}

static void write_in_vain(void *ctx)
{
    static const uint8_t data[SECTORS * 512];

    CHECK(block_write(ctx, 0, data, SECTORS) == ERR_IO);
}

TEST(an_error_of_one_part_fails_the_request)
{
    struct fiber *f;
    struct block *b = busy_disk(ALL);

    disk.on_request = fail_the_second;
    CHECK(fiber_spawn(NULL, write_in_vain, b, &f) == OK);
    CHECK(time_sleep(500 * MILLISECOND) == OK);
    come_back_with(PLAIN);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(disk.writes == 1);
}

/* Many requests at once, each in several parts, through a smaller ring. */
TEST(all_requests_in_flight_are_resent_to_a_backend_that_takes_less)
{
    struct fiber *f[8];
    struct block *b = busy_disk(ALL);

    for (unsigned i = 0; i < 8; i++)
        CHECK(fiber_spawn(NULL, write_all, b, &f[i]) == OK);
    CHECK(time_sleep(500 * MILLISECOND) == OK);
    come_back_with(PLAIN);
    for (unsigned i = 0; i < 8; i++)
        CHECK(fiber_join(f[i], FOREVER) == OK);
}

static void flush(void *ctx)
{
    CHECK(block_flush(ctx) == OK);
}

static void check_flushed_again(const char *offers, unsigned flushes,
                                unsigned barriers)
{
    struct fiber *f;
    struct block *b = busy_disk(ALL);

    CHECK(fiber_spawn(NULL, flush, b, &f) == OK);
    CHECK(time_sleep(500 * MILLISECOND) == OK);
    come_back_with(offers);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(disk.flushes == flushes && disk.barriers == barriers);
}

TEST(a_flush_is_resent_as_a_barrier_if_there_are_only_barriers)
{
    check_flushed_again(PLAIN "\nfeature-barrier=1", 0, 1);
}

TEST(a_flush_is_resent_as_a_flush)
{
    check_flushed_again(PLAIN "\nfeature-flush-cache=1", 1, 0);
}

TEST(a_flush_succeeds_if_the_backend_comes_back_without_a_cache)
{
    check_flushed_again(PLAIN, 0, 0);
}

TEST(a_barrier_is_tried_after_a_refused_flush)
{
    struct block *b;

    disk.on_request = refuse_flush;
    b = connect(PLAIN "\nfeature-flush-cache=1\nfeature-barrier=1");
    CHECK(block_flush(b) == OK && disk.barriers == 1);
    CHECK(block_flush(b) == OK && disk.barriers == 2);
}

static void discard_some(void *ctx)
{
    CHECK(block_discard(ctx, 1, 30) == OK);
}

/* The fake fails the test if a discard is not of whole granules. */
static void check_discarded_again(const char *offers, uint64_t discarded)
{
    struct fiber *f;
    struct block *b = busy_disk(DISCARD "discard-granularity=512");

    CHECK(fiber_spawn(NULL, discard_some, b, &f) == OK);
    CHECK(time_sleep(500 * MILLISECOND) == OK);
    come_back_with(offers);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(disk.discarded == discarded);
}

TEST(a_discard_is_resent_in_the_granules_of_the_next_backend)
{
    check_discarded_again(DISCARD "discard-granularity=4096\n"
                                  "discard-alignment=1536",
                          24);
}

TEST(a_resent_discard_of_no_whole_granule_succeeds)
{
    check_discarded_again(DISCARD "discard-granularity=1048576", 0);
}

static void move(void)
{
    disk.backend.offers = PLAIN;
    fake_restore(fake.now, 1);
}

TEST(large_requests_are_resent_in_parts_after_a_migration)
{
    struct fiber *f;
    struct block *b = busy_disk(ALL);

    CHECK(fiber_spawn(NULL, write_all, b, &f) == OK);
    CHECK(time_sleep(500 * MILLISECOND) == OK);
    for (const char *const *n = (const char *const[]){
             "feature-max-indirect-segments", "max-ring-page-order",
             "feature-flush-cache", "feature-barrier", NULL};
         *n; n++)
        backend_write(&disk.backend, *n, NULL);
    fake.suspended = move;
    suspend_guest();
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(disk.backend.connections == 2 && fake.suspensions == 1);
}

/* The disk is taken away while its backend has four pages mapped. */
TEST(a_disk_that_is_gone_keeps_only_pages_that_its_backend_has_mapped)
{
    uint32_t grant[4], last = 7;
    struct block *b = connect(ALL);

    write_all(b);
    for (unsigned i = 0; i < 4; i++) {
        last = grant[i] = fake_any_grant(0, last + 1, true);
        CHECK(last != 0 && fake_map(0, last, true) != NULL);
    }
    backend_remove(&disk.backend);
    CHECK(time_sleep(10 * SECOND) == OK);
    check_said("xvda1: its backend, domain 0, still uses 4 pages");
    for (unsigned i = 0; i < 4; i++)
        fake_unmap(grant[i], true);
    CHECK(time_sleep(3600 * SECOND) == OK);
    CHECK(fake_any_grant(0, 8, false) == 0);
}

/* Keeps the ring of each connection mapped. */
static uint32_t rings[64];
static unsigned kept_rings;

static void keep_ring_and_restart(void)
{
    for (unsigned i = 0; i < disk.pages && kept_rings < 60; i++) {
        rings[kept_rings] = disk.page[i];
        CHECK(fake_map(0, rings[kept_rings++], true) != NULL);
    }
    backend_restart(&disk.backend);
    if (kept_rings < 60)
        fake_after(10 * SECOND, keep_ring_and_restart);
}

/* As Linux's blkback does that has I/O in flight. */
static void let_the_old_ring_go(void)
{
    CHECK(disk.backend.connections == 2);
    for (; kept_rings > 0; kept_rings--)
        fake_unmap(rings[kept_rings - 1], true);
}

static void keep_ring_until_connected(void)
{
    for (unsigned i = 0; i < disk.pages; i++) {
        rings[kept_rings] = disk.page[i];
        CHECK(fake_map(0, rings[kept_rings++], true) != NULL);
    }
    backend_restart(&disk.backend);
    fake_after(SECOND, let_the_old_ring_go);
}

TEST(a_backend_may_keep_the_ring_mapped_until_the_next_connection)
{
    uint8_t data[512];
    struct block *b = connect(ALL);

    for (unsigned i = 0; i < 10; i++) {
        disk.backend.connections = 1;
        fake_after(SECOND, keep_ring_until_connected);
        CHECK(time_sleep(3 * SECOND) == OK);
        CHECK(disk.backend.connections == 2 && kept_rings == 0);
        CHECK(block_read(b, 0, data, 1) == OK);
    }
}

TEST(a_backend_that_keeps_rings_mapped_gets_at_most_five)
{
    uint8_t data[512];
    struct block *b = connect(ALL);

    fake_after(SECOND, keep_ring_and_restart);
    CHECK(time_sleep(100 * SECOND) == OK);
    CHECK(disk.backend.connections == 5 && kept_rings == 20);
    CHECK(block_read(b, 0, data, 1) == ERR_GONE);
    check_said("xvda1: its backend, domain 0, keeps pages in use of the "
               "connection before");
    for (; kept_rings > 0; kept_rings--)
        fake_unmap(rings[kept_rings - 1], true);
    kept_rings = 60;
    CHECK(time_sleep(3600 * SECOND) == OK);
    CHECK(fake_any_grant(0, 8, false) == 0);
}

static void read_gone(void *ctx)
{
    uint8_t data[512];

    CHECK(block_read(ctx, 3, data, 1) == ERR_GONE);
}

static void lie(void)
{
    disk.ring.sring->rsp_prod += 7;
    backend_notify(&disk.backend);
    disk.backend.is_stopped = true; /* the frontend frees its pages */
}

/* Without xenstore the states are unknown, but the ring is not. */
TEST(without_xenstore_a_protocol_error_ends_requests)
{
    struct xsd_sockmsg wrong = {XS_READ, 0, 0, XENSTORE_PAYLOAD_MAX + 1};
    struct block *b = busy_disk(ALL);
    struct fiber *f;
    uint8_t data[512];

    store_send_raw(&wrong, sizeof wrong);
    CHECK(time_sleep(SECOND) == OK);
    check_said("xvda1: xenstore: ");
    CHECK(block_read(b, 0, data, 1) == OK);
    CHECK(fiber_spawn(NULL, read_gone, b, &f) == OK);
    fake_after(500 * MILLISECOND, lie);
    CHECK(fiber_join(f, time_after(60 * SECOND)) == OK);
    CHECK(block_write(b, 0, data, 1) == ERR_GONE);
    check_said("xvda1: its backend, domain 0, answers more than was asked");
}

static void close_again(void)
{
    CHECK(disk.backend.state == XenbusStateClosed);
    disk.backend.is_online = true;
    backend_set_state(&disk.backend, XenbusStateClosing);
}

/* The backend closes once more before it is ready, and waits for the frontend.
 */
TEST(a_backend_that_closes_twice_before_it_comes_back_is_followed)
{
    uint8_t data[512];
    struct block *b = connect(ALL);

    disk.backend.is_online = false;
    backend_restart(&disk.backend);
    fake_after(SECOND, close_again);
    CHECK(block_read(b, 0, data, 1) == OK);
    CHECK(disk.backend.connections == 2);
}

static void flicker(void)
{
    if (disk.backend.state == XenbusStateConnected)
        backend_restart(&disk.backend);
    fake_after(MILLISECOND, flicker);
}

TEST(a_backend_that_flickers_is_reconnected_once_a_second)
{
    (void)connect(ALL);
    fake_after(SECOND, flicker);
    CHECK(time_sleep(100 * SECOND) == OK);
    CHECK(disk.backend.connections > 80 && disk.backend.connections < 120);
}

static bool unended_list(const struct xsd_sockmsg *request, const char *body)
{
    static char names[1023];

    (void)body;
    if (request->type != XS_DIRECTORY)
        return false;
    memset(names, '7', sizeof names);
    store_send(XS_DIRECTORY, request->req_id, names, sizeof names);
    return true;
}

TEST(a_list_of_disks_without_an_end_is_not_shown)
{
    struct block *b;

    stored.on_request = unended_list;
    CHECK(block_xen_connect("xvdz", &b) == ERR_NOT_FOUND);
    stored.on_request = NULL;
    check_said("there is no disk xvdz; what there is: unknown (xenstore's "
               "list");
}

static void discard_all(void *ctx)
{
    CHECK(block_discard(ctx, 0, SECTORS) == ERR_UNSUPPORTED);
}

TEST(a_discard_in_flight_is_resent_to_the_next_backend)
{
    struct block *b;
    struct fiber *f;

    disk.latency = SECOND;
    fake_after(500 * MILLISECOND, restart_once);
    b = connect(DISCARD);
    CHECK(block_discard(b, 0, SECTORS) == OK);
    CHECK(disk.backend.connections == 2 && disk.discards == 1);
    CHECK(fiber_spawn(NULL, discard_all, b, &f) == OK);
    CHECK(time_sleep(500 * MILLISECOND) == OK);
    disk.backend.offers = PLAIN "\nfeature-discard=0"; /* no longer */
    backend_restart(&disk.backend);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(disk.discards == 1);
}

static void take_away(void)
{
    backend_remove(&disk.backend);
}

TEST(requests_end_when_the_disk_is_taken_away)
{
    struct fiber *f[200];
    struct block *b;
    uint8_t data[512];

    disk.latency = 3600 * SECOND;
    b = connect(ALL);
    for (int i = 0; i < 200; i++) /* more than the ring has room for */
        CHECK(fiber_spawn(NULL, read_gone, b, &f[i]) == OK);
    fake_after(SECOND, take_away);
    for (int i = 0; i < 200; i++)
        CHECK(fiber_join(f[i], FOREVER) == OK);
    CHECK(block_write(b, 0, data, 1) == ERR_GONE);
    CHECK(block_flush(b) == ERR_GONE);
    CHECK(block_discard(b, 0, 1) == ERR_GONE);
    CHECK(fake_mapped == 0);
    check_said("xvda1 was taken away");
}

TEST(a_backend_that_comes_back_with_another_disk_is_not_used)
{
    struct block *b = connect(ALL);
    uint8_t data[512];

    disk.backend.offers = "sectors=200\nsector-size=512\ninfo=0";
    backend_restart(&disk.backend);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(block_read(b, 0, data, 1) == ERR_GONE);
    check_said("xvda1: it is another disk than before");
}

TEST(a_disk_can_be_taken_away_while_it_waits_for_its_backend)
{
    struct block *b = connect(ALL);
    uint8_t data[512];

    disk.backend.is_online = false; /* it does not come back */
    backend_restart(&disk.backend);
    fake_after(SECOND, take_away);
    CHECK(block_read(b, 0, data, 1) == ERR_GONE);
    check_said("xvda1 was taken away");
}

/* A fiber that can be cancelled, after it has used the disk. */
static enum status requested, slept;

static void request_and_sleep(void *ctx)
{
    uint8_t data[512];

    requested = block_read(ctx, 3, data, 1);
    slept = time_sleep(FOREVER);
}

static void check_cancelled(struct block *b, enum status wanted)
{
    struct fiber *f;

    CHECK(fiber_spawn(NULL, request_and_sleep, b, &f) == OK);
    CHECK(time_sleep(SECOND) == OK);
    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(requested == wanted && slept == ERR_CANCELLED);
}

TEST(cancellation_waits_for_a_request_and_not_longer)
{
    struct block *b;

    disk.latency = MILLISECOND;
    b = connect(ALL);
    check_cancelled(b, OK);
    take_away();
    CHECK(time_sleep(SECOND) == OK);
    check_cancelled(b, ERR_GONE);
}

static void use_up_grants(void)
{
    static uint8_t page[2 * 4096];
    const void *at = page + 4096 - (uintptr_t)page % 4096;

    while (grants_free() > 0)
        CHECK(grant_access(1, at, false) != 0);
}

TEST(a_request_that_gets_no_pages_and_waits_for_none_fails)
{
    struct block *b = connect(PLAIN);
    uint8_t data[512];

    use_up_grants();
    check_cancelled(b, ERR_NO_MEMORY);
    CHECK(block_read(b, 3, data, 1) == ERR_NO_MEMORY);
}

TEST(each_connection_gives_all_its_pages_and_grants_back)
{
    struct block *b = connect(ALL);
    uint8_t data[512];
    unsigned unused;
    size_t pages;

    CHECK(block_read(b, 0, data, 1) == OK);
    pages = fake.pages;
    unused = grants_free();
    for (unsigned i = 0; i < 20; i++) {
        uint32_t kept = disk.page[i % 4];

        /* One page of the ring stays mapped for a while. */
        CHECK(fake_map(0, kept, true) != NULL);
        backend_restart(&disk.backend);
        CHECK(time_sleep(5 * SECOND) == OK);
        fake_unmap(kept, true);
        CHECK(block_read(b, 0, data, 1) == OK);
    }
    CHECK(disk.backend.connections == 21);
    backend_restart(&disk.backend);
    CHECK(time_sleep(5 * SECOND) == OK);
    CHECK(fake.pages == pages && grants_free() == unused);
}

/* A correct request of this kind, whose response is changed by the test. */
static void respond_with(uint64_t id, int16_t status)
{
    blkif_response_t *r = RING_GET_RESPONSE(&disk.ring,
                                            disk.ring.rsp_prod_pvt++);

    *r = (blkif_response_t){.id = id, .status = status};
    disk.ring.sring->rsp_prod = disk.ring.rsp_prod_pvt;
    backend_notify(&disk.backend);
}

/* The ids of requests in flight are the first few. */
static uint64_t wrong_id;

static void respond_wrongly(void)
{
    respond_with(wrong_id, BLKIF_RSP_OKAY);
    disk.backend.is_stopped = true;
}

static void check_wrong_id(uint64_t id)
{
    struct block *b;
    struct fiber *f;

    disk.latency = 3600 * SECOND;
    b = connect(ALL);
    wrong_id = id;
    fake_after(500 * MILLISECOND, respond_wrongly);
    CHECK(fiber_spawn(NULL, read_gone, b, &f) == OK);
    CHECK(fiber_join(f, time_after(60 * SECOND)) == OK);
    check_said("xvda1: its backend, domain 0, answers what nobody has asked");
}

TEST(a_response_to_a_free_slot_is_a_protocol_error)
{
    check_wrong_id(1);
}

TEST(a_response_to_the_last_slot_is_a_protocol_error_if_it_is_free)
{
    check_wrong_id(127);
}

TEST(a_response_beyond_the_last_slot_is_a_protocol_error)
{
    check_wrong_id(128);
}

TEST(a_response_far_beyond_the_slots_is_a_protocol_error)
{
    check_wrong_id(UINT64_C(1) << 32);
}

static void respond_twice(void)
{
    respond_with(0, BLKIF_RSP_OKAY);
    respond_with(0, BLKIF_RSP_OKAY);
    disk.backend.is_stopped = true;
}

static void read_once(void *ctx)
{
    uint8_t data[512];
    enum status s = block_read(ctx, 3, data, 1);

    CHECK(s == OK || s == ERR_GONE);
}

TEST(a_second_response_to_a_request_is_a_protocol_error)
{
    struct block *b;
    struct fiber *f[2];

    disk.latency = 3600 * SECOND;
    b = connect(ALL);
    fake_after(500 * MILLISECOND, respond_twice);
    CHECK(fiber_spawn(NULL, read_once, b, &f[0]) == OK);
    CHECK(fiber_spawn(NULL, read_once, b, &f[1]) == OK);
    CHECK(fiber_join(f[0], FOREVER) == OK && fiber_join(f[1], FOREVER) == OK);
    check_said("xvda1: its backend, domain 0, answers what nobody has asked");
}

static void respond_beyond(void)
{
    disk.ring.sring->rsp_prod = disk.ring.sring->req_prod + 1;
    backend_notify(&disk.backend);
    disk.backend.is_stopped = true;
}

TEST(one_response_more_than_there_are_requests_is_a_protocol_error)
{
    struct block *b;
    struct fiber *f;

    disk.latency = 3600 * SECOND;
    b = connect(ALL);
    fake_after(500 * MILLISECOND, respond_beyond);
    CHECK(fiber_spawn(NULL, read_gone, b, &f) == OK);
    CHECK(fiber_join(f, FOREVER) == OK);
    check_said("xvda1: its backend, domain 0, answers more than was asked");
}

static void respond_backwards(void)
{
    disk.ring.sring->rsp_prod--;
    backend_notify(&disk.backend);
    disk.backend.is_stopped = true;
}

/* The response before has the id of the request that is in flight. */
TEST(a_response_index_that_goes_back_is_a_protocol_error)
{
    struct block *b = connect(ALL);
    struct fiber *f;
    uint8_t data[512];

    CHECK(block_read(b, 0, data, 1) == OK);
    disk.latency = 3600 * SECOND;
    fake_after(500 * MILLISECOND, respond_backwards);
    CHECK(fiber_spawn(NULL, read_gone, b, &f) == OK);
    CHECK(fiber_join(f, FOREVER) == OK);
    check_said("xvda1: its backend, domain 0, answers more than was asked");
}

static bool starts_within_a_sector(const char *alignment)
{
    struct block *b;
    char offers[200];

    CHECK(block_ram_connect(SECTORS, 1024, &disk.store) == OK);
    snprintf(offers, sizeof offers,
             "sectors=%u\nsector-size=1024\ninfo=0\nfeature-discard=1\n"
             "discard-granularity=2048\ndiscard-alignment=%s",
             2 * SECTORS, alignment);
    b = connect(offers);
    return block_discard(b, 0, 8) == ERR_UNSUPPORTED;
}

TEST(granules_that_start_within_a_sector_are_not_discarded)
{
    CHECK(starts_within_a_sector("512"));
}

TEST(granules_that_start_at_any_sector_are_discarded)
{
    CHECK(!starts_within_a_sector("1024"));
    CHECK(disk.discarded == 6);
}

static size_t most_with(const char *segments)
{
    char offers[100];

    snprintf(offers, sizeof offers, "%s\nfeature-max-indirect-segments=%s",
             PLAIN, segments);
    return connect(offers)->ops->most / 4096;
}

TEST(a_request_has_256_pages_at_most_whatever_the_backend_takes)
{
    CHECK(most_with("257") == 256);
}

TEST(a_request_has_11_pages_at_least_whatever_the_backend_says)
{
    CHECK(most_with("1") == 11);
}

TEST(a_request_has_as_many_pages_as_the_backend_takes)
{
    CHECK(most_with("200") == 200);
}

TEST(a_request_without_indirect_segments_has_11_pages)
{
    CHECK(most_with("18446744073709551616") == 11);
}

TEST(a_backend_in_a_domain_that_cannot_be_is_not_looked_for)
{
    static const char *const domains[] = {"32752", "65535", "65536", "-1"};
    struct block *b;

    for (unsigned i = 0; i < 4; i++) {
        store_set("device/vbd/51714/backend-id", domains[i]);
        store_set("device/vbd/51714/backend", "/local/domain/0/backend/vbd");
        CHECK(block_xen_connect("xvda2", &b) == ERR_NOT_FOUND);
    }
}

TEST(a_backend_that_is_reconfigured_stays_connected)
{
    struct block *b = connect(ALL);
    uint8_t data[512];

    for (unsigned state = XenbusStateReconfiguring;
         state <= XenbusStateReconfigured; state++) {
        backend_set_state(&disk.backend, (enum xenbus_state)state);
        CHECK(time_sleep(SECOND) == OK);
        CHECK(block_read(b, 0, data, 1) == OK);
    }
    CHECK(disk.backend.connections == 1);
    CHECK(!strstr(console_text(), "has gone"));
}

TEST(a_state_that_cannot_be_is_that_of_no_backend)
{
    static const char *const states[] = {"9", "32", "4294967300", "x"};
    struct block *b = connect(ALL);
    uint8_t data[512];

    for (unsigned i = 0; i < 4; i++) {
        backend_write(&disk.backend, "state", states[i]);
        disk.backend.state = XenbusStateClosing;
        CHECK(time_sleep(5 * SECOND) == OK);
        CHECK(disk.backend.connections == i + 2);
        CHECK(block_read(b, 0, data, 1) == OK);
    }
}

static void come_back(void)
{
    disk.backend.is_online = true;
    backend_set_state(&disk.backend, XenbusStateInitWait);
}

TEST(a_request_to_a_disk_that_is_not_connected_waits_for_its_backend)
{
    struct block *b = connect(ALL);
    uint8_t data[512];
    nanoseconds begin;

    backend_write(&disk.backend, "online", "1");
    disk.backend.is_online = false; /* it does not come back by itself */
    backend_restart(&disk.backend);
    CHECK(time_sleep(5 * SECOND) == OK);
    CHECK(disk.backend.connections == 1);
    begin = time_now();
    fake_after(5 * SECOND, come_back);
    CHECK(block_read(b, 0, data, 1) == OK);
    CHECK(time_now() - begin >= 5 * SECOND);
    CHECK(disk.backend.connections == 2);
}
