/* SPDX-License-Identifier: ISC */
/* Disks (virtio 1.2, 5.2) on a fake device that is correct, slow or lies. */
#include "virtio.h"
#include "check.h"
#include <conform/block_contract.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <mirage/bare.h>
#include <mirage/buf.h>
#include <mirage/drivers.h>
#include <string.h>
#include <virtio/fake/disk.h>

#define BIT(feature) (UINT64_C(1) << (feature))
#define UNITS        304u
#define PLAIN        BIT(VIRTIO_F_VERSION_1)
#define USUAL                                                      \
    (PLAIN | BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_FLUSH) | \
     BIT(VIRTIO_BLK_F_BLK_SIZE) | BIT(VIRTIO_RING_F_EVENT_IDX) |   \
     BIT(VIRTIO_RING_F_INDIRECT_DESC))

const char *const block_virtio_names[] = {
    "disk.img", "disk2.img", "a-name-of-more-than-20-bytes.img", "? ~?", NULL};

static struct virtio_device *devices;
static bool is_nothing_physical;

struct virtio_device *virtio_devices(void)
{
    return devices;
}

bool bare_is_physical(const void *at, size_t len)
{
    (void)at;
    (void)len;
    return !is_nothing_physical;
}

/* Adds a disk behind the others. */
static struct fake_disk *add(uint64_t features, uint32_t sector_size,
                             const char *serial)
{
    struct fake_disk *d = fake_disk_new(features, false, UNITS, sector_size);
    struct virtio_device **end = &devices;

    /* A serial of the greatest length has no NUL. */
    memcpy(d->serial, serial, strnlen(serial, VIRTIO_BLK_ID_BYTES));
    while (*end)
        end = &(*end)->next;
    *end = &d->fake->device;
    return d;
}

static struct fake_disk *only(uint64_t features, uint32_t sector_size)
{
    devices = NULL;
    is_nothing_physical = false;
    return add(features, sector_size, "disk.img");
}

static struct block *connect(const char *name)
{
    struct block *b = NULL;

    CHECK(block_virtio_connect(name, &b) == OK);
    return b;
}

static void check_contract(struct fake_disk *d)
{
    struct block *b;

    fake_disk_announce(d);
    b = connect("disk.img");
    CHECK(b && block_contract_failures(b, 1) == 0);
}

TEST(the_contract_is_kept_by_a_disk_that_offers_nothing)
{
    struct fake_disk *d = only(PLAIN, 512);

    check_contract(d);
    CHECK(!block_contract_discarded());
    CHECK(d->flushes == 0 && d->discards == 0 && d->most_pieces == 1);
}

TEST(the_contract_is_kept_with_flush_and_many_requests_in_flight)
{
    struct fake_disk *d = only(USUAL, 512);

    d->latency = 3 * MILLISECOND;
    check_contract(d);
    CHECK(d->flushes > 0 && d->most_in_flight > 32);
}

TEST(the_contract_is_kept_with_a_packed_ring)
{
    struct fake_disk *d = only(USUAL | BIT(VIRTIO_F_RING_PACKED), 512);

    d->latency = MILLISECOND;
    check_contract(d);
}

TEST(the_contract_is_kept_with_discard)
{
    struct fake_disk *d = only(USUAL | BIT(VIRTIO_BLK_F_DISCARD), 512);

    check_contract(d);
    CHECK(block_contract_discarded() && d->discards > 0);
}

TEST(a_disk_that_can_only_write_zeroes_discards_with_that)
{
    struct fake_disk *d = only(USUAL | BIT(VIRTIO_BLK_F_WRITE_ZEROES), 512);

    check_contract(d);
    CHECK(block_contract_discarded() && d->discards > 0);
}

TEST(zeroes_that_do_not_unmap_are_no_discard)
{
    struct fake_disk *d = only(USUAL | BIT(VIRTIO_BLK_F_WRITE_ZEROES), 512);

    d->config.write_zeroes_may_unmap = 0;
    fake_disk_announce(d);
    CHECK(block_discard(connect("disk.img"), 0, 8) == ERR_UNSUPPORTED);
}

TEST(discards_that_cannot_begin_at_sectors_are_none)
{
    static const uint32_t units[] = {1, 2, 3, 6, 0};
    static const bool can[] = {true, true, false, true, true};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        struct fake_disk *d = only(USUAL | BIT(VIRTIO_BLK_F_DISCARD), 1024);

        d->config.discard_sector_alignment = units[i];
        fake_disk_announce(d);
        CHECK(block_discard(connect("disk.img"), 0, 12) ==
              (can[i] ? OK : ERR_UNSUPPORTED));
    }
}

TEST(a_disk_of_no_discard_segments_does_not_discard)
{
    struct fake_disk *d = only(USUAL | BIT(VIRTIO_BLK_F_DISCARD), 512);

    d->config.max_discard_seg = 0;
    fake_disk_announce(d);
    CHECK(block_discard(connect("disk.img"), 0, 8) == ERR_UNSUPPORTED);
}

TEST(a_discard_stays_within_its_sectors)
{
    static uint8_t data[32 * 512], found[32 * 512];
    struct fake_disk *d = only(USUAL | BIT(VIRTIO_BLK_F_DISCARD), 512);
    struct block *b;

    d->config.discard_sector_alignment = 8;
    fake_disk_announce(d);
    b = connect("disk.img");
    memset(data, 0x5a, sizeof data);
    CHECK(block_write(b, 0, data, 32) == OK);
    CHECK(block_discard(b, 4, 10) == OK && d->discards == 0);
    CHECK(block_discard(b, 4, 14) == OK && d->discards == 1);
    CHECK(block_read(b, 0, found, 32) == OK);
    CHECK(memcmp(found, data, 8 * 512) == 0);
    CHECK(memcmp(found + 16 * 512, data, 16 * 512) == 0);
}

TEST(data_that_is_not_at_its_physical_address_is_copied)
{
    struct fake_disk *d = only(USUAL, 512);

    is_nothing_physical = true;
    check_contract(d);
    CHECK(d->most_bytes <= 16 * 4096);
    is_nothing_physical = false;
}

TEST(pieces_have_at_most_size_max_bytes_and_seg_max_of_them)
{
    struct fake_disk *d = only(USUAL | BIT(VIRTIO_BLK_F_SIZE_MAX), 512);

    d->config.size_max = 700;
    d->config.seg_max = 5;
    check_contract(d);
    CHECK(d->most_pieces == 5 && d->most_bytes == 3072);
}

TEST(requests_have_a_bounded_number_of_pieces)
{
    struct fake_disk *d = only(USUAL | BIT(VIRTIO_BLK_F_SIZE_MAX), 512);

    d->config.size_max = 512;
    d->config.seg_max = 126;
    check_contract(d);
    CHECK(d->most_pieces == 32);
}

TEST(pieces_that_are_too_small_for_a_sector_are_refused)
{
    struct fake_disk *d = only(USUAL | BIT(VIRTIO_BLK_F_SIZE_MAX), 512);
    struct block *b;

    d->config.size_max = 15;
    d->config.seg_max = 126;
    fake_disk_announce(d);
    CHECK(block_virtio_connect("disk.img", &b) != OK);
}

TEST(a_disk_that_is_gone_is_not_flushed_even_without_a_cache)
{
    struct fake_disk *d = only(USUAL & ~BIT(VIRTIO_BLK_F_FLUSH), 512);
    struct block *b = connect("disk.img");

    CHECK(block_flush(b) == OK && d->flushes == 0);
    virtio_broken(&d->fake->device, "is tested");
    CHECK(time_sleep(SECOND) == OK);
    CHECK(block_flush(b) == ERR_GONE);
}

TEST(the_contract_is_kept_with_queues_of_each_size)
{
    const uint16_t sizes[] = {4, 8, 64, 1024};
    const uint64_t features[] = {USUAL,
                                 USUAL & ~BIT(VIRTIO_RING_F_INDIRECT_DESC)};

    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 4; k++) {
            uint64_t packed = k % 2 ? BIT(VIRTIO_F_RING_PACKED) : 0;
            struct fake_disk *d = only(features[k / 2] | packed, 512);

            d->fake->queue_size = sizes[i];
            d->config.seg_max = 126;
            d->latency = MILLISECOND;
            check_contract(d);
        }
}

TEST(requests_have_no_more_pieces_than_a_small_queue_takes)
{
    for (uint16_t size = 4; size <= 8; size += 4) {
        struct fake_disk *d = only((USUAL | BIT(VIRTIO_BLK_F_SIZE_MAX)) &
                                       ~BIT(VIRTIO_RING_F_INDIRECT_DESC),
                                   512);

        d->config.size_max = 700;
        d->config.seg_max = 126;
        d->fake->queue_size = size;
        check_contract(d);
        CHECK(d->most_pieces == size - 2u);
    }
}

TEST(a_queue_that_is_too_small_for_a_request_is_refused)
{
    for (uint16_t size = 1; size <= 2; size++) {
        struct fake_disk *d = only(USUAL, 512);
        struct block *b;

        d->fake->queue_size = size;
        CHECK(block_virtio_connect("disk.img", &b) == ERR_UNSUPPORTED);
    }
}

TEST(sectors_of_each_size_are_as_announced)
{
    for (uint32_t size = 512; size <= 4096; size *= 2) {
        struct fake_disk *d = only(USUAL, size);
        struct block *b = connect("disk.img");
        static uint8_t out[8192], in[8192];

        memset(out, 7, sizeof out);
        CHECK(b->info.sector_size == size);
        CHECK(b->info.sectors == UNITS / (size / 512));
        CHECK(block_write(b, b->info.sectors - 2, out, 2) == OK);
        CHECK(block_read(b, b->info.sectors - 2, in, 2) == OK);
        CHECK(memcmp(out, in, 2 * (size_t)size) == 0 && d->writes == 1);
    }
}

TEST(impossible_sectors_are_refused)
{
    static const uint32_t sizes[] = {0, 1, 256, 513, 768, 8192, 0x80000000u};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct fake_disk *d = only(USUAL, 512);
        struct block *b;

        d->config.blk_size = sizes[i];
        fake_disk_announce(d);
        CHECK(block_virtio_connect("disk.img", &b) != OK);
    }
}

TEST(a_disk_reads_no_field_whose_feature_is_not_offered)
{
    struct fake_disk *d = only(PLAIN | BIT(VIRTIO_BLK_F_SEG_MAX), 512);
    const bool *is_read = d->fake->is_read;

    connect("disk.img");
    CHECK(is_read[0] && is_read[7] && is_read[12]);
    for (size_t i = 8; i < FAKE_CONFIG; i++)
        CHECK(!is_read[i] || (i >= 12 && i < 16)); /* nor wce, at 32 */
}

TEST(a_disk_without_the_field_of_a_feature_is_refused)
{
    struct fake_disk *d = only(USUAL, 512);
    struct block *b;

    d->fake->config_size = offsetof(struct virtio_blk_config, blk_size);
    CHECK(block_virtio_connect("disk.img", &b) == ERR_GONE);
    d = only(PLAIN, 512);
    d->fake->config_size = 8;
    check_contract(d);
}

TEST(a_capacity_beyond_all_bytes_is_refused)
{
    struct fake_disk *d = only(USUAL, 512);
    struct block *b;

    d->config.capacity = UINT64_MAX;
    fake_disk_announce(d);
    CHECK(block_virtio_connect("disk.img", &b) == ERR_FORMAT);
}

TEST(a_read_only_disk_is_not_written)
{
    struct fake_disk *d = only(USUAL | BIT(VIRTIO_BLK_F_RO), 512);
    struct block *b = connect("disk.img");

    CHECK(!b->info.writable);
    CHECK(block_contract_failures_read_only(b) == 0);
    CHECK(d->writes == 0);
}

TEST(an_error_of_the_host_is_an_io_error_and_not_the_end)
{
    struct fake_disk *d = only(USUAL, 512);
    struct block *b = connect("disk.img");
    uint8_t data[512];

    d->status = VIRTIO_BLK_S_IOERR;
    CHECK(block_read(b, 0, data, 1) == ERR_IO);
    d->status = VIRTIO_BLK_S_UNSUPP;
    CHECK(block_read(b, 0, data, 1) == ERR_IO);
    d->status = -1;
    CHECK(block_read(b, 0, data, 1) == OK);
}

TEST(reads_behind_a_shrunken_end_are_io_errors_and_the_length_stays)
{
    struct fake_disk *d = only(USUAL, 512);
    struct block *b = connect("disk.img");
    uint8_t data[512];

    d->config.capacity = 8;
    fake_disk_announce(d);
    fake_change_config(d->fake);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(b->info.sectors == UNITS);
    CHECK(block_read(b, 8, data, 1) == ERR_IO);
    CHECK(block_read(b, 7, data, 1) == OK);
}

TEST(requests_behind_a_shrunken_end_are_not_sent)
{
    struct fake_disk *d = only(USUAL | BIT(VIRTIO_BLK_F_DISCARD), 512);
    struct block *b = connect("disk.img");
    uint8_t data[4 * 512] = {0};

    d->config.capacity = 8;
    fake_disk_announce(d);
    fake_change_config(d->fake);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(block_read(b, 8, data, 1) == ERR_IO);
    CHECK(block_read(b, 5, data, 4) == ERR_IO);
    CHECK(block_write(b, UNITS - 1, data, 1) == ERR_IO);
    CHECK(block_discard(b, 5, 4) == ERR_IO);
    CHECK(block_read(b, 4, data, 4) == OK);
    CHECK(block_flush(b) == OK);
    CHECK(d->beyond == 0);
    d->config.capacity = UNITS;
    fake_disk_announce(d);
    fake_change_config(d->fake);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(block_read(b, UNITS - 4, data, 4) == OK);
}

static void check_gone(struct block *b)
{
    uint8_t data[512] = {0};
    size_t before;

    CHECK(block_read(b, 0, data, 1) == ERR_GONE);
    CHECK(time_sleep(SECOND) == OK);
    before = log_errors();
    CHECK(block_read(b, 0, data, 1) == ERR_GONE);
    CHECK(block_write(b, 0, data, 1) == ERR_GONE);
    CHECK(block_flush(b) == ERR_GONE);
    CHECK(log_errors() == before);
}

TEST(a_status_that_is_never_written_ends_the_disk)
{
    struct fake_disk *d = only(USUAL, 512);
    struct block *b = connect("disk.img");

    d->has_no_status = true;
    check_gone(b);
}

TEST(a_status_that_is_nonsense_ends_the_disk)
{
    struct fake_disk *d = only(USUAL, 512);
    struct block *b = connect("disk.img");

    d->status = 3;
    check_gone(b);
}

TEST(a_written_length_of_0_or_beyond_the_buffer_is_not_used)
{
    struct fake_disk *d = only(USUAL, 512);

    d->written = 0;
    check_contract(d);
    d = only(USUAL, 512);
    d->written = 4096;
    check_contract(d);
}

TEST(an_unplugged_disk_is_gone)
{
    struct fake_disk *d = only(USUAL, 512);
    struct block *b = connect("disk.img");

    d->fake->status = 0xff;
    check_gone(b);
}

struct reader {
    struct block *b;
    uint64_t sector;
    enum status s;
    bool is_done;
};

static void read_one(void *ctx)
{
    struct reader *r = ctx;
    uint8_t data[512];

    r->s = block_read(r->b, r->sector, data, 1);
    r->is_done = true;
}

TEST(requests_are_asked_again_after_a_reset_that_the_disk_asks_for)
{
    struct fake_disk *d = only(USUAL, 512);
    struct block *b = connect("disk.img");
    struct reader r[100];
    unsigned resets = d->fake->resets;

    d->holds = true;
    for (unsigned i = 0; i < 100; i++) {
        r[i] = (struct reader){.b = b, .sector = i};
        CHECK(fiber_start(read_one, &r[i]) == OK);
    }
    CHECK(time_sleep(SECOND) == OK);
    fake_need_reset(d->fake);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(!r[0].is_done && d->fake->resets > resets);
    d->holds = false;
    CHECK(time_sleep(SECOND) == OK);
    for (unsigned i = 0; i < 100; i++)
        CHECK(r[i].is_done && r[i].s == OK);
}

TEST(requests_end_when_a_disk_that_has_them_is_given_up)
{
    struct fake_disk *d = only(USUAL, 512);
    struct block *b = connect("disk.img");
    struct reader r[100];

    d->holds = true;
    for (unsigned i = 0; i < 100; i++) {
        r[i] = (struct reader){.b = b, .sector = i};
        CHECK(fiber_start(read_one, &r[i]) == OK);
    }
    CHECK(time_sleep(SECOND) == OK);
    virtio_broken(&d->fake->device, "lied");
    CHECK(time_sleep(SECOND) == OK);
    for (unsigned i = 0; i < 100; i++)
        CHECK(r[i].is_done && r[i].s == ERR_GONE);
}

TEST(a_disk_that_is_another_after_a_reset_is_gone)
{
    struct fake_disk *d = only(USUAL, 512);
    struct block *b = connect("disk.img");

    d->config.blk_size = 4096;
    fake_disk_announce(d);
    fake_need_reset(d->fake);
    CHECK(time_sleep(SECOND) == OK);
    check_gone(b);
}

TEST(disks_are_found_by_serial_number)
{
    struct fake_disk *first = only(USUAL, 512);

    strcpy(first->serial, "disk2.img");
    add(USUAL, 1024, "disk.img");
    add(USUAL, 2048, "a-name-of-more-than-");
    CHECK(connect("disk2.img")->info.sector_size == 512);
    CHECK(connect("disk.img")->info.sector_size == 1024);
    CHECK(connect(block_virtio_names[2])->info.sector_size == 2048);
}

TEST(bytes_of_a_serial_number_that_are_not_printable_are_question_marks)
{
    struct fake_disk *d = only(USUAL, 512);

    strcpy(d->serial, "\x1f ~\x7f");
    CHECK(connect("? ~?") != NULL);
}

TEST(a_name_without_a_disk_is_no_guess_where_another_one_matches)
{
    struct block *b;

    only(USUAL, 512);
    add(USUAL, 1024, "other");
    CHECK(block_virtio_connect("disk2.img", &b) == ERR_NOT_FOUND);
    CHECK(connect("disk.img")->info.sector_size == 512);
}

TEST(disks_without_known_serial_numbers_are_taken_in_order)
{
    struct fake_disk *first = only(USUAL, 512);
    struct block *b;

    strcpy(first->serial, "x");
    add(USUAL, 1024, "");
    CHECK(connect("disk2.img")->info.sector_size == 1024);
    CHECK(connect("disk.img")->info.sector_size == 512);
    CHECK(block_virtio_connect(block_virtio_names[2], &b) == ERR_NOT_FOUND);
}

TEST(a_serial_number_of_two_disks_is_refused)
{
    struct block *b;

    only(USUAL, 512);
    add(USUAL, 1024, "disk.img");
    CHECK(block_virtio_connect("disk.img", &b) == ERR_IN_USE);
}

TEST(a_disk_has_one_name)
{
    struct block *b;

    only(USUAL, 512);
    connect("disk.img");
    CHECK(block_virtio_connect("disk.img", &b) == ERR_IN_USE);
}
