/* SPDX-License-Identifier: ISC */
/*
 * The drivers of disks and networks, over each transport and with each format
 * of rings, on devices that lie: the device ends at most, and the image never.
 */
#include "virtio.h"
#include "check.h"
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <mirage/buf.h>
#include <mirage/drivers.h>
#include <mirage/network.h>
#include <mirage/random.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <virtio/fake/disk.h>
#include <virtio/fake/hostile.h>
#include <virtio/fake/nic.h>

#define BIT(feature) (UINT64_C(1) << (feature))
#define RINGS        (BIT(VIRTIO_RING_F_EVENT_IDX) | \
               BIT(VIRTIO_RING_F_INDIRECT_DESC))
#define DISK (RINGS | BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_FLUSH) | \
              BIT(VIRTIO_BLK_F_BLK_SIZE) | BIT(VIRTIO_BLK_F_DISCARD))
#define NIC (RINGS | BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) | \
             BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO4) |    \
             BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_GUEST_TSO6) |    \
             BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_CTRL_VQ) |       \
             BIT(VIRTIO_NET_F_GUEST_ANNOUNCE))
#define UNITS    304u
#define USERS    3u
#define REQUESTS 8u
#define FRAMES   24u
#define POOL     4096u /* pages */

const char *const block_virtio_names[] = {"disk.img", NULL};
static const char *const names[] = {"net", "02:00:00:00:00:01", NULL};

static struct hostile *h;
static bool is_network; /* or a disk */
static bool is_packed;
static struct fake_disk *disk;
static struct nic *nic;
static struct block *block;
static struct network *network;
static enum status result; /* of connecting */
static bool is_working;
static unsigned heard, statuses[32], users_left;
static unsigned pages_before;
static size_t bufs_before;
static size_t errors_before;

/* The linker gives us the calls of the drivers. */
enum status __wrap_buf_reserve(size_t pages);
enum status __real_buf_reserve(size_t pages);

enum status __wrap_buf_reserve(size_t pages)
{
    (void)pages;
    return OK; /* once for all devices */
}

/* A checksum that is to be filled in lies in the first buf. */
static void check_offload(const struct buf *b)
{
    const struct offload *o = &b->offload;

    if (o->kind != OFFLOAD_NONE)
        CHECK(o->csum_start + offload_csum_offset(o->kind) + 2u <= b->len);
}

static void hear(void *ctx, struct buf *const *frames, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        CHECK(buf_length(frames[i]) >= 14);
        CHECK(buf_length(frames[i]) <= 17 * 4096);
        check_offload(frames[i]);
        heard++;
        buf_free(frames[i]);
    }
}

/* A new device in the machine, which is honest so far. */
static void begin(bool of_network, enum hostile_way way, bool packed)
{
    static bool is_started;
    bool is_legacy = way == HOSTILE_LEGACY;
    uint64_t features = packed ? BIT(VIRTIO_F_RING_PACKED) : 0;

    if (!is_started) {
        is_started = fake_low_pages = true;
        CHECK(__real_buf_reserve(POOL) == OK);
    }
    is_network = of_network;
    is_packed = packed;
    h = calloc(1, sizeof *h); /* its device lives on */
    block = NULL;
    network = NULL;
    heard = 0;
    memset(statuses, 0, sizeof statuses);
    pages_before = fake_pages;
    bufs_before = buf_pages_free();
    if (is_network) {
        nic = calloc(1, sizeof *nic);
        nic_add(nic, NIC | features, is_legacy, 1);
        hostile_begin(h, nic->fake, way);
    } else {
        disk = fake_disk_new(DISK | features, is_legacy, UNITS, 512);
        strcpy(disk->serial, "disk.img");
        hostile_begin(h, disk->fake, way);
    }
    errors_before = log_errors();
}

static void note(enum status s)
{
    CHECK((unsigned)s < 32);
    statuses[s]++;
}

static void use_disk(void *ctx)
{
    unsigned what = *(unsigned *)ctx;
    static uint8_t data[USERS][4 * 512];

    for (unsigned i = 0; i < REQUESTS; i++, what += 7) {
        uint64_t at = what % (UNITS - 4);
        uint8_t *mine = data[*(unsigned *)ctx];

        switch (what % 4) {
        case 0:
            note(block_read(block, at, mine, 1 + what % 3));
            break;
        case 1:
            note(block_write(block, at, mine, 1 + what % 4));
            break;
        case 2:
            note(block_flush(block));
            break;
        default:
            note(block->ops->discard ? block_discard(block, at, 3) : OK);
        }
    }
    users_left--;
}

static void start_users(void)
{
    static unsigned numbers[USERS];

    users_left = USERS;
    for (unsigned i = 0; i < USERS; i++) {
        numbers[i] = i;
        CHECK(fiber_start(use_disk, &numbers[i]) == OK);
    }
}

static void send_and_receive(void)
{
    static const uint8_t none[NIC_HEADER];
    static uint8_t bytes[9000];

    CHECK(time_sleep(MILLISECOND) == OK); /* it has buffers then */
    for (unsigned i = 0; i < FRAMES; i++) {
        struct buf *b = buf_copy_in(bytes, 60 + i % 3 * 700, 0);

        CHECK(b != NULL);
        if (b)
            network_write(network, b);
        if ((nic->fake->status | VIRTIO_CONFIG_S_FEATURES_OK) == 15)
            (void)nic_receive(nic, none, bytes, i % 5 == 0 ? 9000 : 64);
        CHECK(time_sleep(500 * MICROSECOND) == OK);
    }
}

static void work(void *ctx)
{
    (void)ctx;
    result = is_network ? network_virtio_connect("net", names, &network)
                        : block_virtio_connect("disk.img", &block);
    if (result == OK && is_network) {
        network_listen(network, hear, NULL);
        send_and_receive();
    } else if (result == OK) {
        start_users();
    }
    is_working = false;
}

/* Uses the device for a while. */
static void run(void)
{
    users_left = 0;
    is_working = true;
    result = ERR_TIMEOUT;
    hostile_run(h);
    CHECK(fiber_start(work, NULL) == OK);
    for (int i = 0; i < 1500 && (is_working || users_left > 0); i++)
        CHECK(time_sleep(20 * MILLISECOND) == OK);
}

/* Ends the device. All requests have ended then, and all memory is back. */
static void end(void)
{
    struct virtio_device *d = h->device;

    if (d && d->driver && !d->is_gone)
        virtio_broken(d, "is not needed");
    CHECK(time_sleep(60 * SECOND) == OK);
    CHECK(users_left == 0 && !is_working);
    if (d && d->driver)
        CHECK(d->is_gone);
    if (is_network && network)
        CHECK(network->gone && !network->up);
    if (!d || !d->keeps_memory) {
        CHECK(fake_pages <= pages_before + 4); /* of slots and commands */
        CHECK(buf_pages_free() == bufs_before);
    }
    hostile_end();
}

#define FOR_EACH_WAY(network)                          \
    for (int network = 0; network < 2; network++)      \
        for (int way = 0; way < HOSTILE_WAYS; way++)   \
            for (int packed = 0; packed < 2; packed++) \
                if (way == HOSTILE_LEGACY && packed) { \
                } else

TEST(honest_devices_work_over_each_transport_with_each_format)
{
    FOR_EACH_WAY(of_network)
    {
        begin(of_network, way, packed);
        run();
        CHECK(result == OK);
        CHECK(!h->device->is_gone && log_errors() == errors_before);
        CHECK(virtio_has(h->device, VIRTIO_F_RING_PACKED) == packed);
        CHECK(h->device->has_msix == (way == HOSTILE_MSIX ||
                                      way == HOSTILE_LEGACY));
        if (of_network)
            CHECK(heard == FRAMES && nic->sent == FRAMES);
        else
            CHECK(statuses[OK] == USERS * REQUESTS);
        end();
    }
}

/* The accesses of an honest run, a few more than are needed. */
static unsigned count_accesses(bool of_network, enum hostile_way way,
                               bool packed)
{
    unsigned count;

    begin(of_network, way, packed);
    run();
    count = h->accesses;
    end();
    CHECK(count > 30 && count < 2000);
    return count;
}

TEST(a_reset_that_is_needed_at_any_access_loses_no_request)
{
    FOR_EACH_WAY(of_network)
    {
        unsigned count = count_accesses(of_network, way, packed);

        for (unsigned n = 1; n <= count; n++) {
            begin(of_network, way, packed);
            h->reset_at = n;
            run();
            CHECK(time_sleep(SECOND) == OK);
            CHECK(result == OK && !h->device->is_gone);
            CHECK(h->device->is_running);
            if (of_network)
                CHECK(network->up && heard > 0);
            else
                CHECK(statuses[OK] == USERS * REQUESTS);
            end();
        }
    }
}

TEST(registers_that_are_all_ones_from_any_access_on_end_the_device_once)
{
    FOR_EACH_WAY(of_network)
    {
        unsigned count = count_accesses(of_network, way, packed);

        for (unsigned n = 1; n <= count; n++) {
            size_t errors;

            begin(of_network, way, packed);
            h->gone_at = n;
            run();
            if (h->device && h->device->driver)
                virtio_check(h->device); /* networks do not wait for long */
            CHECK(time_sleep(20 * SECOND) == OK);
            CHECK(users_left == 0);
            errors = log_errors();
            CHECK(statuses[OK] + statuses[ERR_GONE] ==
                  (result == OK && !of_network ? USERS * REQUESTS : 0));
            if (result == OK) {
                CHECK(h->device->is_gone);
                CHECK(errors == errors_before + 1);
            }
            end();
            CHECK(log_errors() == errors);
        }
    }
}

/* One lie about a used buffer of a queue; `matters` if it ends the device. */
static void check_lie(enum hostile_used lie, unsigned queue, bool matters)
{
    static const unsigned at[] = {1, 2, 5, 17, 24};
    bool of_network = is_network, packed = is_packed;
    enum hostile_way way = h->way;

    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        begin(of_network, way, packed);
        h->used = lie;
        h->used_queue = queue;
        h->used_at = at[i];
        run();
        CHECK(time_sleep(SECOND) == OK);
        CHECK(h->given[queue] >= at[i]);
        CHECK(h->device->is_gone == matters);
        CHECK(log_errors() == errors_before + matters);
        CHECK(users_left == 0);
        end();
    }
}

TEST(a_lie_about_any_used_buffer_ends_the_device_and_all_requests)
{
    FOR_EACH_WAY(of_network)
    {
        bool uses_length = of_network && way != HOSTILE_LEGACY;

        begin(of_network, way, packed);
        end();
        check_lie(USED_TWICE, 0, true);
        check_lie(USED_NEVER_GIVEN, 0, true);
        check_lie(USED_TOO_LONG, 0, uses_length);
        if (!packed)
            check_lie(USED_BEYOND, 0, true);
        if (of_network) {
            check_lie(USED_NEVER_GIVEN, 1, true);
            check_lie(USED_TOO_LONG, 1, false); /* it is only read */
        }
        if (of_network && !packed) {
            check_lie(USED_TWICE, 1, true);
            check_lie(USED_BEYOND, 1, true);
        }
    }
}

TEST(features_that_are_withdrawn_at_a_reset_are_not_used_any_more)
{
    FOR_EACH_WAY(of_network)
    for (unsigned n = 10; n < 100; n += 7) {
        begin(of_network, way, packed);
        h->features_at = n;
        h->fake->is_lenient = true; /* they are accepted meanwhile */
        run();
        CHECK(time_sleep(SECOND) == OK);
        CHECK(users_left == 0);
        if (h->device->is_running && h->accesses >= n)
            CHECK((h->device->features & ~BIT(VIRTIO_F_VERSION_1)) == 0);
        end();
    }
}

TEST(queues_of_forbidden_sizes_start_no_device_and_of_the_largest_do)
{
    static const uint16_t sizes[] = {0, 1, 2, 3, 12, 255, 257, 32768, 32769,
                                     65535};

    FOR_EACH_WAY(of_network)
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint16_t size = sizes[i];

        begin(of_network, way, packed);
        h->fake->queue_size = h->mmio.queue_most = h->pci.queue_most = size;
        run();
        if (size == 0 || size > 32768 || (!packed && (size & (size - 1))))
            CHECK(result == ERR_UNSUPPORTED);
        if (size == 32768)
            CHECK(result == OK);
        if (result == OK && of_network)
            CHECK(heard > 0);
        if (result == OK && !of_network)
            CHECK(statuses[OK] == USERS * REQUESTS);
        end();
    }
}

TEST(a_configuration_that_changes_while_it_is_read_is_given_up)
{
    FOR_EACH_WAY(of_network)
    {
        begin(of_network, way, packed);
        h->changes = true;
        run();
        if (!of_network && way != HOSTILE_LEGACY)
            CHECK(result == ERR_GONE);
        fake_change_config(h->fake);
        CHECK(time_sleep(SECOND) == OK);
        end();
    }
}

TEST(a_configuration_that_changes_for_ever_stops_no_request)
{
    FOR_EACH_WAY(of_network)
    {
        begin(of_network, way, packed);
        run();
        h->changes = true;
        for (int i = 0; i < 20; i++) {
            fake_change_config(h->fake);
            CHECK(time_sleep(MILLISECOND) == OK);
        }
        h->changes = false;
        CHECK(!h->device->is_gone && users_left == 0);
        if (!of_network) {
            start_users();
            CHECK(time_sleep(SECOND) == OK);
            CHECK(statuses[OK] == 2 * USERS * REQUESTS);
        }
        end();
    }
}

TEST(interrupts_without_end_stop_no_request)
{
    FOR_EACH_WAY(of_network)
    {
        begin(of_network, way, packed);
        h->storms = true;
        run();
        CHECK(result == OK && !h->device->is_gone);
        if (of_network)
            CHECK(heard == FRAMES && nic->sent == FRAMES);
        else
            CHECK(statuses[OK] == USERS * REQUESTS);
        h->storms = false;
        end();
    }
}

static uint64_t random_state;

static unsigned pick(unsigned n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return n ? (unsigned)(random_state >> 33) % n : 0;
}

TEST(devices_that_lie_half_of_the_time_end_at_most)
{
    unsigned gone = 0, works = 0;
    unsigned rounds = getenv("SOAK") ? 400u : 16u;

    memset(hostile_count, 0, sizeof hostile_count);
    FOR_EACH_WAY(of_network)
    for (unsigned round = 0; round < rounds; round++) {
        random_state = round * 64 + (unsigned)(way * 4 + packed * 2 +
                                               of_network);
        begin(of_network, way, packed);
        h->pick = pick;
        h->fake->is_lenient = true;
        h->lies_from = pick(3) ? pick(120) : 0;
        h->kinds = pick(2) ? 1u << round % LIES_KINDS : 1 + pick(LIES_ALL);
        run();
        CHECK(time_sleep(SECOND) == OK);
        gone += h->device && h->device->is_gone;
        works += heard > 0 || statuses[OK] > 0;
        h->kinds = 0; /* or it would not answer a reset */
        end();
    }
    for (unsigned n = 0; n < LIES_KINDS; n++) {
        CHECK(hostile_count[n].acts > 50);
        CHECK(2 * hostile_count[n].lies >= hostile_count[n].acts);
    }
    CHECK(gone > 0 && works > 0);
}

/* Devices of every way and format, one after the other, until they have told
 * this many lies of a kind without a true word about that between them. */
static void lie_always(unsigned n, unsigned many)
{
    memset(hostile_count, 0, sizeof hostile_count);
    for (unsigned i = 0; i < many && hostile_count[n].row < many; i++) {
        enum hostile_way way = i % HOSTILE_WAYS;

        random_state = i;
        begin(i / 2 % 2, way, i / 8 % 2 && way != HOSTILE_LEGACY);
        h->pick = pick;
        h->fake->is_lenient = true;
        h->always = true;
        h->kinds = 1u << n;
        run();
        h->kinds = 0;
        end();
    }
    CHECK(hostile_count[n].row >= many);
    CHECK(hostile_count[n].lies == hostile_count[n].acts);
}

TEST(thousands_of_lies_of_one_kind_in_a_row_end_devices_at_most)
{
    for (unsigned n = 0; n < LIES_KINDS; n++)
        lie_always(n, 2000);
}

/* What a second processor does meanwhile. */
struct liar {
    pthread_t thread;
    bool ends;
    unsigned lies; /* that it has tried */
};

static void *lie(void *ctx)
{
    struct liar *l = ctx;
    uint64_t x = 12345;

    while (!__atomic_load_n(&l->ends, __ATOMIC_RELAXED)) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        hostile_scribble(h, (uint32_t)(x >> 32));
        __atomic_fetch_add(&l->lies, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

/* Returns how many times the driver has looked at what changes. */
static unsigned use_while(const struct liar *l)
{
    unsigned enough = 3000, turns = 0;

    if (!is_network)
        start_users();
    for (; turns < 20000 && !h->device->is_gone; turns++) {
        struct buf *b = is_network ? buf_new(0) : NULL;

        if (b) {
            (void)buf_append(b, 60);
            network_write(network, b);
        }
        hostile_interrupt(h);
        CHECK(time_sleep(MILLISECOND) == OK);
        if (__atomic_load_n(&l->lies, __ATOMIC_RELAXED) > enough)
            break;
    }
    return turns;
}

TEST(rings_status_and_configuration_may_change_while_they_are_read)
{
    unsigned written[3] = {0}, turns = 0, gone = 0;

    FOR_EACH_WAY(of_network)
    for (unsigned round = 0; round < 14; round++) {
        struct liar l = {0};

        begin(of_network, way, packed);
        run();
        CHECK(result == OK);
        hostile_scribbles(h, 1 + round % 7);
        CHECK(pthread_create(&l.thread, NULL, lie, &l) == 0);
        turns += use_while(&l);
        __atomic_store_n(&l.ends, true, __ATOMIC_RELAXED);
        CHECK(pthread_join(l.thread, NULL) == 0);
        gone += h->device->is_gone;
        for (unsigned i = 0; i < 3; i++)
            written[i] += h->written[i];
        hostile_scribbles(h, 0);
        end();
    }
    for (unsigned i = 0; i < 3; i++)
        CHECK(written[i] > 2000);
    CHECK(turns > 500 && gone > 0);
}
