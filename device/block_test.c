/* SPDX-License-Identifier: ISC */
/* The front of block devices: range, alignment, splitting; block_ram. */
#include <mirage/buf.h>
#define page_alloc tested_alloc
#define page_free  tested_free
static void *tested_alloc(size_t count);
static void tested_free(void *at, size_t count);
#include "block.c"
#undef page_alloc
#undef page_free
#include "check.h"

/* Pages that were allocated at the latest, the most that can be, and those that
 * were not freed. */
static size_t allocated, most_pages = SIZE_MAX, not_freed;

static void *tested_alloc(size_t count)
{
    if (count == 0 || count > most_pages)
        return NULL;
    allocated = count;
    not_freed += count;
    return page_alloc(count);
}

static void tested_free(void *at, size_t count)
{
    not_freed -= count;
    page_free(at, count);
}

#define SECTORS ((uint64_t)300)
#define MOST    ((size_t)8192)

/* A disk that takes short requests of aligned data, and counts them. */
static uint8_t disk[SECTORS * 512];
static int requests, flushes, discards;
static bool all_aligned;
static enum status answer;

static void note(struct block *b, uint64_t sector, const void *data,
                 size_t count)
{
    requests++;
    all_aligned = all_aligned && (uintptr_t)data % PAGE_BYTES == 0;
    CHECK(count > 0 && count * b->info.sector_size <= MOST);
    CHECK(sector + count <= b->info.sectors);
}

static enum status fake_read(struct block *b, uint64_t sector, void *data,
                             size_t count)
{
    note(b, sector, data, count);
    memcpy(data, disk + sector * b->info.sector_size,
           count * b->info.sector_size);
    return answer;
}

static enum status fake_write(struct block *b, uint64_t sector,
                              const void *data, size_t count)
{
    note(b, sector, data, count);
    memcpy(disk + sector * b->info.sector_size, data,
           count * b->info.sector_size);
    return answer;
}

static enum status fake_flush(struct block *b)
{
    (void)b;
    flushes++;
    return answer;
}

static enum status fake_discard(struct block *b, uint64_t sector,
                                uint64_t count)
{
    CHECK(count > 0 && sector + count <= b->info.sectors);
    discards++;
    return answer;
}

static const struct block_ops fake_ops = {.read = fake_read,
                                          .write = fake_write,
                                          .discard = fake_discard,
                                          .flush = fake_flush,
                                          .most = MOST};
static struct block fake = {&fake_ops, {SECTORS, 512, true}};

static _Alignas(4096) uint8_t out[70 * 4096], in[70 * 4096];

static void begin(void)
{
    requests = discards = 0;
    all_aligned = true;
    answer = OK;
    fake.info = (struct block_info){SECTORS, 512, true};
}

static void fill(uint8_t *data, size_t len)
{
    random_bytes(data, len < 256 ? len : 256);
    for (size_t i = 256; i < len; i++)
        data[i] = (uint8_t)(data[i - 256] * 5 + i / 256);
}

TEST(page_aligned_data_is_not_copied_and_long_requests_are_split)
{
    begin();
    fill(out, 40 * 512);
    CHECK(block_write(&fake, 3, out, 40) == OK);
    CHECK(requests == 3 && all_aligned);
    memset(in, 0, sizeof in);
    CHECK(block_read(&fake, 3, in, 40) == OK);
    CHECK(requests == 6);
    CHECK(memcmp(in, out, 40 * 512) == 0);
    CHECK(in[40 * 512] == 0);
}

TEST(data_that_is_not_page_aligned_is_copied_through_pages)
{
    static const size_t offsets[] = {1, 8, 511, 512, 4095};
    static const size_t counts[] = {1, 7, 8, 9, 15, 16, 17, 200};

    for (size_t o = 0; o < 5; o++)
        for (size_t c = 0; c < 8; c++) {
            size_t from = offsets[o], n = counts[c], len = n * 512;

            begin();
            fill(out + from, len);
            memset(in, 0xee, sizeof in);
            CHECK(block_write(&fake, 11, out + from, n) == OK);
            CHECK(block_read(&fake, 11, in + from, n) == OK);
            CHECK(all_aligned);
            CHECK(memcmp(in + from, out + from, len) == 0);
            CHECK(in[from - 1] == 0xee && in[from + len] == 0xee);
        }
}

TEST(a_copy_goes_through_as_many_pages_as_it_fills_up_to_16)
{
    static const size_t counts[] = {1, 7, 8, 9, 16, 17, 120, 121, 128, 200};
    static const size_t pages[] = {1, 1, 1, 2, 2, 3, 15, 16, 16, 16};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        begin();
        CHECK(block_write(&fake, 0, out + 1, counts[i]) == OK);
        CHECK(allocated == pages[i] && not_freed == 0);
        allocated = 0;
        CHECK(block_read(&fake, 0, in + 1, counts[i]) == OK);
        CHECK(allocated == pages[i] && not_freed == 0);
    }
    allocated = 0;
    CHECK(block_read(&fake, 0, in, 128) == OK);
    CHECK(block_read(&fake, 0, in + 1, 0) == OK && allocated == 0);
}

TEST(with_fewer_pages_a_copy_takes_more_requests_and_without_any_it_fails)
{
    static const size_t most[] = {15, 12, 6, 3, 1};
    static const size_t pages[] = {13, 6, 6, 3, 1};

    fill(out + 1, 100 * 512);
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        size_t each = pages[i] * PAGE_BYTES < MOST ? pages[i] * 8 : MOST / 512;

        begin();
        most_pages = most[i];
        CHECK(block_write(&fake, 5, out + 1, 100) == OK);
        CHECK(allocated == pages[i] && not_freed == 0);
        CHECK((size_t)requests == (100 + each - 1) / each);
        memset(in, 0, sizeof in);
        CHECK(block_read(&fake, 5, in + 2, 100) == OK && not_freed == 0);
        CHECK(memcmp(in + 2, out + 1, 100 * 512) == 0);
    }
    begin();
    most_pages = 0;
    CHECK(block_write(&fake, 5, out + 1, 1) == ERR_NO_MEMORY);
    CHECK(block_read(&fake, 5, in + 1, 1) == ERR_NO_MEMORY);
    CHECK(requests == 0);
    most_pages = SIZE_MAX;
    answer = ERR_IO;
    CHECK(block_read(&fake, 5, in + 1, 100) == ERR_IO && not_freed == 0);
    CHECK(block_write(&fake, 5, out + 1, 100) == ERR_IO && not_freed == 0);
}

TEST(a_failed_read_leaves_data_that_was_to_be_copied_alone)
{
    begin();
    answer = ERR_IO;
    memset(in, 0xee, sizeof in);
    CHECK(block_read(&fake, 0, in + 1, 1) == ERR_IO);
    CHECK(in[1] == 0xee && in[512] == 0xee);
}

/* A driver of any length and any data is asked once. */
TEST(a_driver_without_limits_gets_each_request_whole)
{
    struct block_ops any = fake_ops;

    begin();
    any.takes_any_data = true;
    fake.ops = &any;
    CHECK(block_write(&fake, 0, out + 1, 16) == OK);
    CHECK(requests == 1 && !all_aligned);
    CHECK(block_read(&fake, 0, in + 1, 17) == OK && requests == 3);
    fake.ops = &fake_ops;
}

static void use_cancelled(void *ctx)
{
    (void)ctx;
    CHECK(block_read(&fake, 0, in, 1) == ERR_CANCELLED);
    CHECK(block_write(&fake, 0, out, 1) == ERR_CANCELLED);
    CHECK(block_discard(&fake, 0, 1) == ERR_CANCELLED);
    CHECK(block_flush(&fake) == ERR_CANCELLED);
}

TEST(a_cancelled_fiber_asks_the_driver_for_nothing)
{
    struct fiber *f = NULL;

    begin();
    flushes = 0;
    CHECK(fiber_spawn(NULL, use_cancelled, NULL, &f) == OK);
    fiber_cancel(f);
    CHECK(fiber_join(f, FOREVER) == OK);
    CHECK(requests == 0 && flushes == 0 && discards == 0);
}

TEST(requests_past_the_end_are_refused)
{
    begin();
    memset(in, 0xee, sizeof in);
    CHECK(block_read(&fake, SECTORS, in, 1) == ERR_RANGE);
    CHECK(block_read(&fake, SECTORS - 11, in, 12) == ERR_RANGE);
    CHECK(block_read(&fake, SECTORS + 1, in, 0) == ERR_RANGE);
    CHECK(block_read(&fake, UINT64_MAX, in, 2) == ERR_RANGE);
    CHECK(block_read(&fake, 1, in, SIZE_MAX) == ERR_RANGE);
    CHECK(block_write(&fake, SECTORS, in, 1) == ERR_RANGE);
    CHECK(block_write(&fake, SECTORS - 11, in, 12) == ERR_RANGE);
    CHECK(block_write(&fake, UINT64_MAX - 3, in, 8) == ERR_RANGE);
    CHECK(requests == 0 && in[0] == 0xee);
    CHECK(block_read(&fake, SECTORS, in, 0) == OK);
    CHECK(block_read(&fake, SECTORS - 12, in, 12) == OK);
    CHECK(block_write(&fake, SECTORS - 1, in, 1) == OK);
    CHECK(requests == 2);
}

TEST(a_read_only_device_is_not_written_to)
{
    begin();
    fake.info.writable = false;
    CHECK(block_write(&fake, 0, out, 1) == ERR_READ_ONLY);
    CHECK(block_write(&fake, SECTORS, out, 1) == ERR_READ_ONLY);
    CHECK(requests == 0);
    CHECK(block_read(&fake, 0, in, 1) == OK);
}

TEST(an_error_ends_the_request_and_is_returned)
{
    begin();
    answer = ERR_IO;
    flushes = 0;
    CHECK(block_write(&fake, 0, out, 100) == ERR_IO);
    CHECK(requests == 1);
    CHECK(block_read(&fake, 0, in + 1, 100) == ERR_IO);
    CHECK(requests == 2);
    CHECK(block_flush(&fake) == ERR_IO && flushes == 1);
}

TEST(discards_are_checked_as_writes_are)
{
    struct block_ops none = fake_ops;

    begin();
    CHECK(block_discard(&fake, 0, SECTORS) == OK && discards == 1);
    CHECK(block_discard(&fake, SECTORS - 1, 1) == OK && discards == 2);
    CHECK(block_discard(&fake, SECTORS, 0) == OK);
    CHECK(block_discard(&fake, SECTORS, 1) == ERR_RANGE);
    CHECK(block_discard(&fake, 1, UINT64_MAX) == ERR_RANGE);
    answer = ERR_IO;
    CHECK(block_discard(&fake, 0, 1) == ERR_IO && discards == 3);
    none.discard = NULL;
    fake.ops = &none;
    CHECK(block_discard(&fake, 0, 1) == ERR_UNSUPPORTED);
    CHECK(block_discard(&fake, SECTORS, 1) == ERR_RANGE);
    fake.ops = &fake_ops;
    fake.info.writable = false;
    CHECK(block_discard(&fake, 0, 1) == ERR_READ_ONLY && discards == 3);
}

TEST(large_sectors_are_whole_pages)
{
    begin();
    fake.info = (struct block_info){SECTORS / 8, 4096, true};
    fill(out + 1, 9 * 4096);
    CHECK(block_write(&fake, 2, out + 1, 9) == OK);
    CHECK(requests == 5 && all_aligned);
    CHECK(block_read(&fake, 2, in + 3, 9) == OK);
    CHECK(memcmp(in + 3, out + 1, 9 * 4096) == 0);
    CHECK(block_read(&fake, SECTORS / 8 - 1, in, 2) == ERR_RANGE);
}

/* Random requests, against a copy of the disk. */
TEST(a_disk_in_memory_returns_what_was_written)
{
    static uint8_t copy[300 * 4096];
    struct block *ram;

    for (uint32_t size = 512; size <= 4096; size *= 2) {
        CHECK(block_ram_connect(SECTORS, size, &ram) == OK);
        CHECK(ram->info.sectors == SECTORS && ram->info.sector_size == size);
        memset(copy, 0, sizeof copy);
        for (int i = 0; i < 300; i++) {
            uint64_t sector = random_below(SECTORS);
            size_t n = random_below(sizeof in / size / 2);
            size_t at = random_below(3) * 509, len = n * size;
            bool fits = n <= SECTORS - sector;

            fill(out + at, len);
            if (random_below(2)) {
                CHECK(block_write(ram, sector, out + at, n) ==
                      (fits ? OK : ERR_RANGE));
                if (fits)
                    memcpy(copy + sector * size, out + at, len);
            } else {
                CHECK(block_read(ram, sector, in + at, n) ==
                      (fits ? OK : ERR_RANGE));
                CHECK(!fits ||
                      memcmp(in + at, copy + sector * size, len) == 0);
            }
        }
        CHECK(block_flush(ram) == OK);
        block_disconnect(ram);
    }
    CHECK(block_ram_connect(3, 512, &ram) == OK);
    CHECK(block_discard(ram, 1, 1) == OK);
    CHECK(block_read(ram, 0, in, 3) == OK);
    CHECK(in[511] == 0 && in[512] != 0 && in[1023] != 0 && in[1024] == 0);
    block_disconnect(ram);
    CHECK(block_ram_connect(UINT64_MAX / 2, 4096, &ram) == ERR_NO_MEMORY);
}
