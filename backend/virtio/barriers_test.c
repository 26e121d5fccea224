/* SPDX-License-Identifier: ISC */
/*
 * The barriers of the rings (virtio 1.2, 2.7.13, 2.8.21), on a device that sees
 * the driver's stores in any order that these permit (test/virtio/fake/weak.h).
 */
#include "virtqueue.h"
#include "check.h"
#include <virtio/fake/fake.h>
#include <virtio/fake/weak.h>
#include <linux/virtio_config.h>
#include <mirage/buf.h>
#include <mirage/time.h>
#include <stdlib.h>

#define BIT(feature) (UINT64_C(1) << (feature))
#define EVENTS       BIT(VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT     BIT(VIRTIO_RING_F_INDIRECT_DESC)
#define PACKED       BIT(VIRTIO_F_RING_PACKED)
#define BUFFERS      6u
#define PIECES       4u /* of a buffer: out, out, in, in */
#define TURNS        4000

LOG_SOURCE(barriers_test);

static const struct kind {
    uint64_t features;
    bool is_legacy;
    uint16_t size;
} kinds[] = {
    {0, false, 16},
    {EVENTS, false, 16},
    {EVENTS | INDIRECT, false, 8},
    {EVENTS, true, 16},
    {PACKED, false, 16},
    {PACKED | EVENTS, false, 13},
    {PACKED | EVENTS | INDIRECT, false, 8},
};

#define KINDS       (sizeof kinds / sizeof kinds[0])
#define FOR_EACH(k) for (const struct kind *k = kinds; k < kinds + KINDS; k++)

static struct fake *fake;
static struct virtqueue *q;
static uint64_t memory[BUFFERS][PIECES];
static uint64_t sent[BUFFERS]; /* the numbers that are out; 0: none */
static unsigned in_flight, given, got;
static bool is_asleep, is_in_step, is_interrupted;

static unsigned pick(unsigned n)
{
    static uint64_t x = 88172645463325252u;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (unsigned)(x >> 33) % n;
}

/* ---- The device ---- */

static void check_buffer(const struct fake_buffer *b)
{
    uint8_t(*mine)[PIECES][8] = weak_view((uintptr_t)memory);
    size_t i = (size_t)(b->piece[0].data - mine[0][0]) / sizeof mine[0];
    uint64_t out[2], in[2];

    if (i >= BUFFERS || b->out + b->in != PIECES)
        fake_fail("a buffer that is none");
    for (unsigned n = 0; n < PIECES; n++)
        CHECK(b->piece[n].data == mine[i][n] && b->piece[n].len == 8);
    memcpy(out, mine[i], sizeof out);
    CHECK(sent[i] != 0 && out[0] == sent[i] && out[1] == ~sent[i]);
    in[0] = out[0] + 1;
    in[1] = out[0] + 2;
    memcpy(mine[i][2], in, sizeof in);
}

static bool serve(void)
{
    static struct fake_buffer b;

    if (!fake_take(fake, 0, &b))
        return false;
    check_buffer(&b);
    fake_give(fake, 0, &b, 16);
    given++;
    return true;
}

/* It is not notified while it works, and asks for that before it sleeps. */
static void work(void)
{
    fake->ignores_notify = pick(2);
    if (serve())
        return;
    fake->ignores_notify = false;
    is_asleep = !serve();
}

static void step(void)
{
    if (is_in_step || is_asleep || pick(3))
        return;
    is_in_step = true;
    work();
    is_in_step = false;
}

static void note_notified(struct fake *f, unsigned index)
{
    (void)f;
    (void)index;
    is_asleep = false;
}

static void note_interrupt(struct fake *f, uint8_t bits)
{
    (void)f;
    is_interrupted |= bits & 1;
}

/* ---- The driver ---- */

static void on_used(void *ctx)
{
    (void)ctx;
}

static enum status start(struct virtio_device *d, void *ctx)
{
    enum status s = virtqueue_create(d, 0, 16, PIECES, on_used, ctx, &q);

    if (s == OK)
        weak_share(q->pages, q->pages_count * PAGE_BYTES);
    return s;
}

static const struct virtio_driver driver = {
    .log = &barriers_test,
    .start = start,
};

static void begin(const struct kind *k)
{
    memset(sent, 0, sizeof sent);
    in_flight = given = got = 0;
    is_asleep = true;
    weak_pick = pick;
    weak_step = step;
    fake_view = weak_view;
    weak_share(memory, sizeof memory);
    fake = fake_new(k->features, k->is_legacy);
    fake->queue_size = k->size;
    fake->notified = note_notified;
    fake->interrupts = note_interrupt;
    CHECK(virtio_start(&fake->device, &driver, NULL) == OK);
    CHECK(fake->device.is_running);
}

static void end(void)
{
    CHECK(!fake->device.is_gone);
    fake_view = NULL;
    weak_share(NULL, 0);
    virtio_broken(&fake->device, "is not needed");
    CHECK(time_sleep(SECOND) == OK);
    fake_free(fake);
}

static void add(void)
{
    static uint64_t number;
    struct virtio_piece p[PIECES];
    unsigned i = pick(BUFFERS);

    if (sent[i] != 0)
        return;
    sent[i] = ++number;
    memory[i][0] = number;
    memory[i][1] = ~number;
    memory[i][2] = memory[i][3] = 0;
    for (unsigned n = 0; n < PIECES; n++)
        p[n] = (struct virtio_piece){&memory[i][n], 8};
    if (virtqueue_add(q, p, 2, 2, memory[i]))
        in_flight++;
    else
        sent[i] = 0;
}

static void collect(void)
{
    uint32_t written;
    uint64_t *m;

    while ((m = virtqueue_used(q, &written)) != NULL) {
        size_t i = (size_t)(m - memory[0]) / PIECES;

        CHECK(written == 16);
        CHECK(sent[i] != 0 && m[2] == sent[i] + 1 && m[3] == sent[i] + 2);
        sent[i] = 0;
        in_flight--;
        got++;
    }
}

/* The device goes on until it sleeps. Then it has all buffers that were
 * kicked. */
static void let_work(void)
{
    static struct fake_buffer b;

    weak_settle();
    for (int i = 0; i < 1000 && !is_asleep; i++)
        step();
    CHECK(is_asleep);
    CHECK(!fake_take(fake, 0, &b)); /* or a notification was lost */
    weak_settle();
}

static void wait(void)
{
    virtqueue_kick(q);
    is_interrupted = false;
    if (pick(2) ? virtqueue_enable(q) : virtqueue_enable_late(q)) {
        unsigned before = in_flight;

        let_work();
        CHECK(is_interrupted || before == 0);
    }
    virtqueue_disable(q);
    let_work();
    collect();
    CHECK(in_flight == 0);
}

static void use(void)
{
    for (int turn = 0; turn < TURNS; turn++)
        switch (pick(6)) {
        case 0:
        case 1:
        case 2:
            add();
            break;
        case 3:
            virtqueue_kick(q);
            break;
        case 4:
            collect();
            break;
        default:
            if (pick(4) == 0)
                wait();
        }
    wait();
    CHECK(given == got && given > TURNS / 8);
}

TEST(a_device_that_sees_stores_in_any_order_sees_whole_buffers_and_is_woken)
{
    FOR_EACH(k)
    {
        begin(k);
        use();
        end();
    }
}

/* ---- A device that writes behind the driver's reads ---- */

static unsigned overwritten;

static bool is_used_element(const volatile uint8_t *at)
{
    size_t offset;

    if (fake->accepted & PACKED) {
        offset = (size_t)(at - (uint8_t *)q->descriptors.packed);
        return offset < q->size * sizeof(struct vring_packed_desc) &&
               offset % sizeof(struct vring_packed_desc) <
                   offsetof(struct vring_packed_desc, flags);
    }
    offset = (size_t)(at - (uint8_t *)q->used->ring);
    return offset < q->size * sizeof(struct vring_used_elem);
}

static void overwrite(const volatile void *at, size_t len)
{
    uint8_t nonsense[8];

    if (!is_used_element(at))
        return;
    for (size_t i = 0; i < len; i++)
        nonsense[i] = (uint8_t)pick(256);
    weak_overwrite(at, nonsense, len);
    overwritten++;
}

TEST(what_a_device_says_of_a_used_buffer_is_read_once)
{
    FOR_EACH(k)
    {
        begin(k);
        overwritten = 0;
        weak_was_read = overwrite;
        use();
        weak_was_read = NULL;
        CHECK(overwritten == 2 * got); /* an ID and a length of each */
        end();
    }
}
