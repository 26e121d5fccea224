/* SPDX-License-Identifier: ISC */
/* Queues of both formats on a fake device, which is honest, or lies. */
#include "virtqueue.h"
#include "check.h"
#include <virtio/fake/fake.h>
#include <linux/virtio_config.h>
#include <mirage/time.h>
#include <mirage/buf.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BIT(feature) (UINT64_C(1) << (feature))
#define EVENTS       BIT(VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT     BIT(VIRTIO_RING_F_INDIRECT_DESC)
#define PACKED       BIT(VIRTIO_F_RING_PACKED)
#define BUFFERS      64
#define PIECES       6

LOG_SOURCE(virtqueue_test);

static const struct kind {
    uint64_t features;
    bool is_legacy;
    uint16_t size;
} kinds[] = {
    {0, false, 32},
    {EVENTS, false, 32},
    {EVENTS | INDIRECT, false, 32},
    {0, true, 32},
    {EVENTS | INDIRECT, true, 32},
    {PACKED, false, 32},
    {PACKED | EVENTS, false, 32},
    {PACKED | EVENTS | INDIRECT, false, 32},
    {PACKED | EVENTS, false, 21},
};

#define KINDS       (sizeof kinds / sizeof kinds[0])
#define FOR_EACH(k) for (const struct kind *k = kinds; k < kinds + KINDS; k++)

struct user {
    struct fake *fake;
    struct virtqueue *q;
    unsigned used; /* calls of on_used */
    unsigned stopped, gone;
    unsigned reclaimed;
};

static void on_used(void *ctx)
{
    ((struct user *)ctx)->used++;
}

static enum status start(struct virtio_device *d, void *ctx)
{
    struct user *u = ctx;

    return virtqueue_create(d, 0, 64, PIECES, on_used, u, &u->q);
}

static void stopped(struct virtio_device *d, void *ctx, bool is_gone)
{
    struct user *u = ctx;

    u->stopped++;
    u->gone += is_gone;
    while (d->queue[0] && virtqueue_reclaim(d->queue[0]))
        u->reclaimed++;
    if (d->queue[0])
        CHECK(virtqueue_in_flight(d->queue[0]) == 0);
}

static const struct virtio_driver driver = {
    .log = &virtqueue_test,
    .start = start,
    .stopped = stopped,
};

static struct user *begin(const struct kind *k)
{
    struct user *u = calloc(1, sizeof *u);

    u->fake = fake_new(k->features, k->is_legacy);
    u->fake->queue_size = k->size;
    CHECK(virtio_start(&u->fake->device, &driver, u) == OK);
    CHECK(u->fake->device.is_running);
    return u;
}

/* The device ends, so that its fiber does. */
static void end(struct user *u)
{
    if (!u->fake->device.is_gone)
        virtio_broken(&u->fake->device, "is not needed");
    CHECK(time_sleep(SECOND) == OK);
    CHECK(u->gone == 1);
    fake_free(u->fake);
    free(u);
}

static unsigned pick(unsigned n)
{
    static uint64_t x = 88172645463325252u;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (unsigned)(x >> 33) % n;
}

static uint8_t memory[BUFFERS][PIECES][64];

static void describe(unsigned i, struct virtio_piece *p)
{
    for (unsigned j = 0; j < PIECES; j++)
        p[j] = (struct virtio_piece){memory[i][j], 8 + j};
}

static bool add(struct user *u, unsigned i, unsigned out, unsigned in)
{
    struct virtio_piece p[PIECES];

    describe(i, p);
    return virtqueue_add(u->q, p, out, in, &memory[i]);
}

TEST(buffers_come_back_in_any_order_with_their_lengths)
{
    FOR_EACH(k)
    {
        struct user *u = begin(k);
        static struct fake_buffer held[BUFFERS];
        struct {
            unsigned out, in;
            bool is_added;
            uint32_t written;
        } mine[BUFFERS] = {0};
        unsigned holds = 0, returned = 0;

        for (int turn = 0; turn < 20000; turn++) {
            unsigned i = pick(BUFFERS), at;
            uint32_t written;
            void *token;

            switch (pick(5)) {
            case 0:
            case 1:
                if (mine[i].is_added)
                    break;
                mine[i].out = pick(PIECES / 2);
                mine[i].in = pick(PIECES / 2) + (mine[i].out == 0);
                mine[i].is_added = add(u, i, mine[i].out, mine[i].in);
                if (!mine[i].is_added)
                    CHECK(virtqueue_room(u->q) <
                          (k->features & INDIRECT
                               ? 1
                               : mine[i].out + mine[i].in));
                if (pick(2))
                    virtqueue_kick(u->q);
                break;
            case 2:
                if (holds < BUFFERS && fake_take(u->fake, 0, &held[holds]))
                    holds++;
                break;
            case 3:
                if (holds == 0)
                    break;
                at = pick(holds);
                i = (unsigned)((held[at].piece[0].data - memory[0][0]) /
                               sizeof memory[0]);
                CHECK(held[at].out == mine[i].out);
                CHECK(held[at].in == mine[i].in);
                mine[i].written = 0;
                for (unsigned j = 0; j < held[at].out + held[at].in; j++) {
                    CHECK(held[at].piece[j].data == memory[i][j]);
                    CHECK(held[at].piece[j].len == 8 + j);
                    if (j >= held[at].out)
                        mine[i].written += 8 + j;
                }
                mine[i].written -= held[at].in ? pick(8) : 0;
                fake_give(u->fake, 0, &held[at], mine[i].written);
                held[at] = held[--holds];
                break;
            default:
                token = virtqueue_used(u->q, &written);
                if (!token)
                    break;
                i = (unsigned)(((uint8_t *)token - memory[0][0]) /
                               (long)sizeof memory[0]);
                CHECK(mine[i].is_added);
                CHECK(written == mine[i].written);
                mine[i].is_added = false;
                returned++;
            }
        }
        CHECK(returned > 1000);
        CHECK(!u->fake->device.is_gone);
        end(u);
    }
}

TEST(a_full_queue_takes_nothing_more_until_a_buffer_is_used)
{
    FOR_EACH(k)
    {
        struct user *u = begin(k);
        unsigned pieces = k->features & INDIRECT ? 3 : 1, n = 0;
        struct fake_buffer b;
        uint32_t written;

        while (add(u, n % BUFFERS, pieces, 0))
            n++;
        CHECK(n >= k->size - 1u && n <= k->size);
        CHECK(virtqueue_in_flight(u->q) == n);
        virtqueue_kick(u->q);
        CHECK(fake_take(u->fake, 0, &b));
        fake_give(u->fake, 0, &b, 0);
        CHECK(virtqueue_used(u->q, &written));
        CHECK(add(u, 0, pieces, 0));
        end(u);
        (void)written;
    }
}

TEST(frames_added_together_cost_one_notification_at_most)
{
    FOR_EACH(k)
    {
        struct user *u = begin(k);
        struct fake_buffer b;
        uint32_t written;
        unsigned notified;

        for (unsigned i = 0; i < 20; i++)
            CHECK(add(u, i, 1, 0));
        CHECK(u->fake->queue[0].notified == 0);
        CHECK(!fake_take(u->fake, 0, &b)); /* nothing is visible */
        virtqueue_kick(u->q);
        CHECK(u->fake->queue[0].notified == 1);
        virtqueue_kick(u->q);
        CHECK(u->fake->queue[0].notified == 1);
        for (unsigned i = 0; i < 20; i++) {
            CHECK(fake_take(u->fake, 0, &b));
            CHECK(b.piece[0].data == memory[i][0]);
            fake_give(u->fake, 0, &b, 0);
            CHECK(virtqueue_used(u->q, &written));
        }
        /* A device that polls is not notified. */
        u->fake->ignores_notify = true;
        CHECK(!fake_take(u->fake, 0, &b));
        notified = u->fake->queue[0].notified;
        for (unsigned i = 0; i < 200; i++) {
            CHECK(add(u, i % BUFFERS, 1, 1));
            virtqueue_kick(u->q);
            CHECK(fake_take(u->fake, 0, &b));
            fake_give(u->fake, 0, &b, 0);
            CHECK(virtqueue_used(u->q, &written));
        }
        CHECK(u->fake->queue[0].notified == notified);
        end(u);
    }
}

TEST(a_device_that_has_taken_all_is_notified_of_each_batch)
{
    FOR_EACH(k)
    {
        struct user *u = begin(k);
        struct fake_buffer b;
        uint32_t written;

        for (unsigned i = 0; i < 100; i++) {
            for (unsigned j = 0; j < 5; j++)
                CHECK(add(u, j, 1, 0));
            virtqueue_kick(u->q);
            CHECK(u->fake->queue[0].notified == i + 1);
            while (fake_take(u->fake, 0, &b))
                fake_give(u->fake, 0, &b, 0);
            while (virtqueue_used(u->q, &written))
                ;
        }
        end(u);
    }
}

/* The device uses the next available buffer. */
static void use(struct user *u)
{
    struct fake_buffer b;

    CHECK(fake_take(u->fake, 0, &b));
    fake_give(u->fake, 0, &b, 0);
}

TEST(a_handler_is_called_once_for_each_time_it_is_enabled)
{
    FOR_EACH(k)
    {
        struct user *u = begin(k);
        uint32_t written;

        for (unsigned i = 0; i < 12; i++)
            CHECK(add(u, i, 1, 0));
        virtqueue_kick(u->q);
        use(u);
        CHECK(u->fake->queue[0].interrupted == 0);
        CHECK(!virtqueue_enable(u->q)); /* one is used already */
        CHECK(virtqueue_used(u->q, &written));
        use(u);
        CHECK(u->used == 0);
        CHECK(u->fake->queue[0].interrupted == 0);
        CHECK(virtqueue_used(u->q, &written));
        CHECK(virtqueue_enable(u->q));
        virtio_queue_interrupt(&u->fake->device, 0); /* for nothing */
        CHECK(u->used == 0);
        use(u);
        CHECK(u->used == 1);
        use(u);
        use(u);
        CHECK(u->used == 1);
        CHECK(u->fake->queue[0].interrupted == 1);
        for (int i = 0; i < 3; i++)
            CHECK(virtqueue_used(u->q, &written));
        /* 7 are left. */
        CHECK(virtqueue_enable_late(u->q));
        for (int i = 0; i < 5 && (k->features & EVENTS); i++)
            use(u);
        CHECK(u->used == 1);
        use(u);
        CHECK(u->used == 2);
        virtqueue_disable(u->q);
        while (virtqueue_used(u->q, &written))
            ;
        CHECK(virtqueue_enable(u->q));
        virtqueue_disable(u->q);
        use(u);
        CHECK(u->used == 2);
        /* Interrupts without end are no calls without end. */
        for (int i = 0; i < 1000; i++)
            virtio_queue_interrupt(&u->fake->device, 0);
        CHECK(u->used == 2);
        end(u);
    }
}

TEST(a_device_that_asks_for_a_later_buffer_is_notified_of_that)
{
    FOR_EACH(k)
    {
        struct user *u = begin(k);

        if (k->features & EVENTS && k->features & PACKED) {
            u->q->device_event->off_wrap = 5 | 1 << 15;
            u->q->device_event->flags = VRING_PACKED_EVENT_FLAG_DESC;
        } else if (k->features & EVENTS) {
            uint16_t event = 5;

            memcpy(&u->q->used->ring[u->q->size], &event, sizeof event);
        }
        for (unsigned i = 0; i < 10; i++) {
            CHECK(add(u, i, 1, 0));
            virtqueue_kick(u->q);
            CHECK(u->fake->queue[0].notified ==
                  (k->features & EVENTS ? i >= 5 : i + 1));
        }
        end(u);
    }
}

TEST(a_device_that_is_gone_is_not_notified)
{
    FOR_EACH(k)
    {
        struct user *u = begin(k);

        CHECK(add(u, 0, 1, 0));
        virtio_broken(&u->fake->device, "is tested");
        CHECK(!add(u, 1, 1, 0));
        virtqueue_kick(u->q);
        CHECK(u->fake->queue[0].notified == 0);
        end(u);
    }
}

TEST(a_late_handler_is_called_when_three_quarters_are_used)
{
    FOR_EACH(k)
    {
        struct user *u = begin(k);
        unsigned before = k->features & EVENTS ? 3 : 0;
        uint32_t written;

        for (unsigned round = 0; round < 50; round++) {
            u->used = 0;
            for (unsigned i = 0; i < 5; i++)
                CHECK(add(u, i, 1, 1));
            virtqueue_kick(u->q);
            CHECK(virtqueue_enable_late(u->q));
            for (unsigned i = 0; i < 5; i++) {
                use(u);
                CHECK(u->used == (i >= before));
            }
            while (virtqueue_used(u->q, &written))
                ;
        }
        end(u);
    }
}

TEST(indices_go_on_beyond_their_16_bits)
{
    for (const struct kind *k = kinds; k < kinds + 2; k++) {
        struct user *u = begin(k);
        struct fake_queue *device = &u->fake->queue[0];
        uint32_t written;

        /* Both sides have passed as many buffers. */
        u->q->next = u->q->last_used = device->next = device->used = 65520;
        u->q->avail->idx = u->q->used->idx = 65520;
        virtqueue_disable(u->q);
        CHECK(!fake_take(u->fake, 0, &(struct fake_buffer){0}));
        for (unsigned i = 0; i < 200; i++) {
            bool is_kept = add(u, 0, 1, 0);

            virtqueue_kick(u->q);
            use(u);
            if (!is_kept || !virtqueue_used(u->q, &written)) {
                CHECK(!"a buffer is lost");
                break;
            }
        }
        CHECK(!u->fake->device.is_gone);
        end(u);
    }
}

/* Flags of packed rings that virtio has not. */
TEST(a_descriptor_is_used_when_both_flags_say_so)
{
    struct user *u = begin(&kinds[5]);
    struct vring_packed_desc *ring;
    uint32_t written;

    CHECK(add(u, 0, 1, 1));
    virtqueue_kick(u->q);
    ring = u->q->descriptors.packed;
    for (uint32_t flags = 0; flags < 0x10000; flags += 0x80) {
        if ((flags & 0x8080) == 0x8080)
            continue;
        ring[0].flags = (uint16_t)flags;
        CHECK(!virtqueue_used(u->q, &written));
        CHECK(virtqueue_enable(u->q));
    }
    CHECK(!u->fake->device.is_gone);
    end(u);
}

TEST(reserved_bits_of_event_flags_mean_nothing)
{
    static const struct {
        uint16_t flags;
        bool notifies;
    } events[] = {{0, true},
                  {1, false},
                  {3, true},
                  {0xfffc, true},
                  {0xfffd, false},
                  {0xffff, true}};

    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        struct user *u = begin(&kinds[6]);

        CHECK(add(u, 0, 1, 1));
        u->q->device_event->flags = events[i].flags;
        virtqueue_kick(u->q);
        CHECK(u->fake->queue[0].notified == events[i].notifies);
        end(u);
    }
}

/* Has 4 buffers added, two of them taken by the device and one used. */
static struct user *begin_lie(const struct kind *k, struct fake_buffer *b)
{
    struct user *u = begin(k);
    uint32_t written;

    for (unsigned i = 0; i < 4; i++)
        CHECK(add(u, i, 1, 1));
    virtqueue_kick(u->q);
    CHECK(fake_take(u->fake, 0, &b[0]) && fake_take(u->fake, 0, &b[1]));
    fake_give(u->fake, 0, &b[0], 1);
    CHECK(virtqueue_used(u->q, &written) == &memory[0]);
    CHECK(written == 1);
    return u;
}

static void end_lie(struct user *u)
{
    uint32_t written;

    CHECK(!virtqueue_used(u->q, &written));
    CHECK(u->fake->device.is_gone);
    CHECK(!add(u, 5, 1, 0));
    virtqueue_kick(u->q);
    CHECK(virtqueue_enable(u->q));
    CHECK(time_sleep(SECOND) == OK);
    CHECK(u->gone == 1);
    CHECK(u->reclaimed == 3);
    CHECK(u->fake->status == VIRTIO_CONFIG_S_FAILED);
    end(u);
}

TEST(an_id_that_is_given_twice_ends_the_device)
{
    FOR_EACH(k)
    {
        struct fake_buffer b[2];
        struct user *u = begin_lie(k, b);

        fake_give(u->fake, 0, &b[0], 0);
        end_lie(u);
    }
}

TEST(an_id_that_was_never_given_ends_the_device)
{
    static const uint32_t wrong[] = {20, 31, 32, 0x8000, 0xffff};

    FOR_EACH(k)
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct fake_buffer b[2];
        struct user *u = begin_lie(k, b);

        fake_give_as(u->fake, 0, wrong[i], 1, 0, 1);
        end_lie(u);
    }
}

TEST(an_id_of_more_than_16_bits_ends_the_device)
{
    struct fake_buffer b[2];
    struct user *u = begin_lie(&kinds[0], b);

    fake_give_as(u->fake, 0, 0x10000u + b[1].id, 1, 0, 1);
    end_lie(u);
}

TEST(a_used_index_beyond_what_was_added_ends_the_device)
{
    static const uint16_t by[] = {4, 33, 0x7fff, 0xffff};

    for (size_t i = 0; i < sizeof by / sizeof by[0]; i++)
        for (size_t j = 0; j < 5; j++) {
            struct fake_buffer b[2];
            struct user *u = begin_lie(&kinds[j], b);

            fake_give_as(u->fake, 0, b[1].id, 1, 0, by[i]);
            end_lie(u);
        }
}

TEST(a_length_beyond_the_buffer_ends_a_modern_device)
{
    FOR_EACH(k)
    {
        struct fake_buffer b[2];
        struct user *u = begin_lie(k, b);
        uint32_t written;

        fake_give(u->fake, 0, &b[1], b[1].piece[1].len + 1);
        if (k->is_legacy) {
            CHECK(virtqueue_used(u->q, &written) == &memory[1]);
            CHECK(written == b[1].piece[1].len);
            end(u);
        } else {
            end_lie(u);
        }
    }
}

TEST(a_length_of_a_buffer_that_is_only_read_means_nothing)
{
    FOR_EACH(k)
    {
        struct user *u = begin(k);
        struct fake_buffer b;
        uint32_t written = 1;

        CHECK(add(u, 0, 2, 0));
        virtqueue_kick(u->q);
        CHECK(fake_take(u->fake, 0, &b));
        fake_give(u->fake, 0, &b, UINT32_MAX);
        CHECK(virtqueue_used(u->q, &written) == &memory[0]);
        CHECK(written == 0);
        end(u);
    }
}

/* What a second processor does to the rings meanwhile. */
struct liar {
    uint8_t *rings;
    size_t len;
    bool ends;
};

static void *lie(void *ctx)
{
    struct liar *l = ctx;
    uint64_t x = 12345;

    while (!__atomic_load_n(&l->ends, __ATOMIC_RELAXED)) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        __atomic_store_n(&l->rings[(x >> 33) % l->len], (uint8_t)(x >> 25),
                         __ATOMIC_RELAXED);
    }
    return NULL;
}

TEST(memory_that_changes_while_it_is_read_ends_the_device_at_most)
{
    FOR_EACH(k)
    for (int round = 0; round < 20; round++) {
        struct user *u = begin(k);
        struct liar l = {0};
        pthread_t thread;
        unsigned in_flight = 0, i = 0, enabled = 0;
        uint32_t written;

        l.rings = fake_rings(u->fake, 0, &l.len);
        CHECK(pthread_create(&thread, NULL, lie, &l) == 0);
        for (int turn = 0; turn < 100000 && !u->fake->device.is_gone; turn++) {
            struct virtio_piece p[PIECES];
            uint8_t(*token)[PIECES][64];

            describe(i, p);
            if (virtqueue_add(u->q, p, turn % 3, 1, &memory[i++ % BUFFERS]))
                in_flight++;
            i %= BUFFERS;
            virtqueue_kick(u->q);
            token = virtqueue_used(u->q, &written);
            if (token) {
                CHECK(token >= memory && token < memory + BUFFERS);
                CHECK(written <= 64 * PIECES);
                in_flight--;
            }
            if (virtqueue_enable(u->q))
                enabled++;
            virtio_queue_interrupt(&u->fake->device, 0);
            CHECK(virtqueue_in_flight(u->q) == in_flight);
        }
        __atomic_store_n(&l.ends, true, __ATOMIC_RELAXED);
        CHECK(pthread_join(thread, NULL) == 0);
        virtio_broken(&u->fake->device, "is not needed");
        CHECK(time_sleep(SECOND) == OK);
        CHECK(u->reclaimed == in_flight);
        CHECK(enabled > 0);
        end(u);
    }
}

TEST(the_device_s_part_of_new_rings_is_zero)
{
    FOR_EACH(k)
    {
        void *dirty = page_alloc(4);
        struct user *u;
        const uint16_t *at;

        memset(dirty, 0xff, 4 * PAGE_BYTES);
        page_free(dirty, 4);
        u = begin(k);
        at = (const void *)(uintptr_t)u->fake->queue[0].device;
        CHECK(at[0] == 0 && at[1] == 0); /* flags; index or position */
        end(u);
    }
}

/* ---- A device that is another processor ---- */

#define PASSED 5000u /* buffers */

struct other {
    struct fake *fake;
    bool is_notified, ends;
};

static void note_notified(struct fake *f, unsigned index)
{
    struct other *o = f->ctx;

    (void)index;
    __atomic_store_n(&o->is_notified, true, __ATOMIC_SEQ_CST);
}

static void ignore_interrupt(struct fake *f, uint8_t bits)
{
    (void)f;
    (void)bits;
}

/* Gives each buffer back with the bytes of its first piece as its length. It
 * looks again only when it is notified, as fake_take has asked for. */
static void *serve(void *ctx)
{
    struct other *o = ctx;
    struct fake_buffer b;

    while (!__atomic_load_n(&o->ends, __ATOMIC_RELAXED)) {
        while (fake_take(o->fake, 0, &b)) {
            memcpy(b.piece[1].data, b.piece[0].data, 8);
            fake_give(o->fake, 0, &b, 8);
        }
        if (fake_take(o->fake, 0, &b)) {
            memcpy(b.piece[1].data, b.piece[0].data, 8);
            fake_give(o->fake, 0, &b, 8);
            continue;
        }
        while (!__atomic_exchange_n(&o->is_notified, false,
                                    __ATOMIC_SEQ_CST) &&
               !__atomic_load_n(&o->ends, __ATOMIC_RELAXED))
            sched_yield();
    }
    return NULL;
}

TEST(a_device_on_another_processor_sees_what_was_written_and_is_woken)
{
    FOR_EACH(k)
    {
        struct user *u = begin(k);
        struct other o = {.fake = u->fake};
        uint64_t sent[BUFFERS] = {0}, number = 0, got = 0;
        unsigned in_flight = 0;
        time_t limit = time(NULL) + 60;
        pthread_t thread;

        u->fake->ctx = &o;
        u->fake->notified = note_notified;
        u->fake->interrupts = ignore_interrupt;
        CHECK(pthread_create(&thread, NULL, serve, &o) == 0);
        while (got < PASSED && time(NULL) < limit) {
            unsigned i = (unsigned)(number % BUFFERS);
            uint8_t(*token)[PIECES][64];
            uint32_t written;

            if (sent[i] == 0 && in_flight < 3 && number < PASSED) {
                sent[i] = ++number;
                memcpy(memory[i][0], &number, 8);
                memset(memory[i][1], 0, 9);
                CHECK(add(u, i, 1, 1));
                in_flight++;
                virtqueue_kick(u->q);
            }
            token = virtqueue_used(u->q, &written);
            if (!token)
                continue;
            i = (unsigned)(token - memory);
            CHECK(sent[i] != 0 && written == 8);
            CHECK(memcmp((*token)[1], &sent[i], 8) == 0);
            sent[i] = 0;
            in_flight--;
            got++;
        }
        CHECK(got == PASSED); /* or a notification was lost */
        __atomic_store_n(&o.ends, true, __ATOMIC_RELAXED);
        CHECK(pthread_join(thread, NULL) == 0);
        end(u);
    }
}
