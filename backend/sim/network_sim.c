/* SPDX-License-Identifier: ISC */
/*
 * Simulated wires between network devices of one process, with faults. A frame
 * is copied when it is sent, as if by DMA, and again for each receiver. Frames
 * in flight are in a list by the time of their arrival; the wire's fiber
 * delivers those that are due, as one batch for each device.
 */
#include "seed.h"
#include <mirage/boot.h>
#include <mirage/drivers.h>
#include <mirage/fiber.h>
#include <mirage/platform.h>
#include <mirage/process.h>
#include <mirage/sim.h>
#include <stdlib.h>
#include <string.h>

#define MILLION   1000000u
#define QUEUE     1000
#define IN_FLIGHT 20000 /* frames on one wire */
#define MTU       1500
#define PAGES     4096

BOOT_NUMBER(wire_loss, 0, 0, 1000, "frames of a thousand that are lost");
BOOT_NUMBER(wire_duplicate, 0, 0, 1000, "frames of a thousand that come twice");
BOOT_NUMBER(wire_corrupt, 0, 0, 1000, "frames of a thousand with a wrong bit");
BOOT_NUMBER(wire_reorder, 0, 0, 1000, "frames of a thousand that come late");
BOOT_NUMBER(wire_delay, 0, 0, 100000, "how long a frame takes, in ms");
BOOT_NUMBER(wire_jitter, 0, 0, 100000, "and how much longer, by chance, in ms");
BOOT_NUMBER(wire_rate, 0, 0, 1000000, "how fast a device sends, in Mbit/s");
BOOT_NUMBER(wire_cut_at, 0, 0, 1000000000, "when wires are cut, in s");
BOOT_NUMBER(wire_cut_for, 0, 0, 1000000000, "and for how long, in s");

struct end;

struct in_flight {
    struct in_flight *next;
    nanoseconds due;
    struct end *from;
    struct buf *frame;
};

struct wire {
    struct wire *next;
    char *name;
    struct end *ends;
    struct in_flight *first;
    unsigned count;
    struct waiters sooner;
};

struct end {
    struct network network;
    struct wire *wire;
    struct end *next;
    struct sim_faults faults;
    struct sim_counters counters;
    uint64_t chance;
    nanoseconds free_at; /* the device will have sent all frames so far */
    nanoseconds last_due; /* of frames that are not reordered */
    struct buf *arrived[NETWORK_BATCH];
    size_t arrived_count;
};

static struct wire *wires;
static unsigned ends;

static struct end *end_of(const struct network *n)
{
    return (struct end *)(void *)((char *)n - offsetof(struct end, network));
}

static bool is_chosen(struct end *e, unsigned chance)
{
    return chance > 0 && seed_next(&e->chance) % MILLION < chance;
}

/* Inverts a bit of an IP packet, as a broken router may. On one Ethernet the
 * FCS would detect it; ARP has no other checksum, so its packets are spared. */
static void corrupt(struct end *e, struct buf *frame)
{
    size_t len = buf_length(frame), bit;

    if (len <= ETHERNET_HEADER || frame->len < ETHERNET_HEADER ||
        frame->data[12] != 8 || frame->data[13] != 0)
        return;
    bit = seed_next(&e->chance) % (8 * (len - ETHERNET_HEADER)) +
          8 * ETHERNET_HEADER;
    for (; bit / 8 >= frame->len; frame = frame->next)
        bit -= 8 * frame->len;
    frame->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

static void put_on_wire(struct end *e, const struct buf *frame,
                        nanoseconds due)
{
    struct wire *w = e->wire;
    struct in_flight **at = &w->first, *u = malloc(sizeof *u);
    struct buf *b = w->count < IN_FLIGHT ? buf_copy(frame) : NULL;

    if (!u || !b) {
        free(u);
        buf_free(b);
        e->counters.overflowed++;
        return;
    }
    if (is_chosen(e, e->faults.corrupt)) {
        e->counters.corrupted++;
        corrupt(e, b);
    }
    while (*at && (*at)->due <= due)
        at = &(*at)->next;
    *u = (struct in_flight){*at, due, e, b};
    *at = u;
    w->count++;
    if (w->first == u)
        wake_all(&w->sooner);
}

/* The time at which a frame that is sent now arrives. FOREVER: the queue is
 * full. */
static nanoseconds arrival(struct end *e, size_t len)
{
    const struct sim_faults *f = &e->faults;
    nanoseconds now = platform_now(), due;

    if (e->free_at < now)
        e->free_at = now;
    if (f->rate) {
        nanoseconds takes = len * 8 * SECOND / f->rate;

        if (e->free_at - now > takes * (f->queue ? f->queue : QUEUE))
            return FOREVER;
        e->free_at += takes;
    }
    due = e->free_at + f->delay;
    if (f->jitter)
        due += seed_next(&e->chance) % f->jitter;
    if (is_chosen(e, f->reorder)) {
        nanoseconds late = f->delay > MILLISECOND ? f->delay : MILLISECOND;

        e->counters.reordered++;
        return due + seed_next(&e->chance) % (3 * late);
    }
    if (due < e->last_due)
        due = e->last_due;
    return e->last_due = due;
}

static void end_write(struct network *n, struct buf *frame)
{
    struct end *e = end_of(n);
    nanoseconds now = platform_now(), due = arrival(e, buf_length(frame));

    e->counters.sent++;
    if (pcap_is_wanted())
        pcap_add(frame, platform_wall());
    if (due == FOREVER)
        e->counters.overflowed++;
    else if (is_chosen(e, e->faults.loss) ||
             (now >= e->faults.cut_from && now < e->faults.cut_to))
        e->counters.lost++;
    else {
        put_on_wire(e, frame, due);
        if (is_chosen(e, e->faults.duplicate)) {
            e->counters.duplicated++;
            put_on_wire(e, frame, due);
        }
    }
    buf_free(frame);
}

/* Frames that the device has sent still arrive. */
static void end_disconnect(struct network *n)
{
    struct end *e = end_of(n), **at = &e->wire->ends;

    for (struct in_flight *u = e->wire->first; u; u = u->next)
        if (u->from == e)
            u->from = NULL;
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    for (size_t i = 0; i < e->arrived_count; i++)
        buf_free(e->arrived[i]);
    free(e);
}

static const struct network_ops end_ops = {
    .write = end_write,
    .disconnect = end_disconnect,
};

static void flush(struct end *e)
{
    size_t count = e->arrived_count;

    e->arrived_count = 0;
    network_deliver(&e->network, e->arrived, count);
}

static void receive(struct end *e, const struct buf *frame)
{
    struct buf *b = buf_copy(frame);

    if (!b) {
        e->network.counters.dropped_in++;
        return;
    }
    /* A checksum that was left to the device is not computed at all. */
    b->offload.csum_good = b->offload.kind != OFFLOAD_NONE;
    e->arrived[e->arrived_count++] = b;
    if (e->arrived_count == NETWORK_BATCH)
        flush(e);
}

static void run_wire(void *ctx)
{
    struct wire *w = ctx;

    for (;;) {
        nanoseconds next = w->first ? w->first->due : FOREVER;

        if (next > platform_now() &&
            wait_until(&w->sooner, next) == ERR_CANCELLED)
            return;
        while (w->first && w->first->due <= platform_now()) {
            struct in_flight *u = w->first;

            w->first = u->next;
            w->count--;
            for (struct end *e = w->ends; e; e = e->next)
                if (e != u->from)
                    receive(e, u->frame);
            buf_free(u->frame);
            free(u);
        }
        for (struct end *e = w->ends; e; e = e->next)
            flush(e);
        if (fiber_yield() == ERR_CANCELLED)
            return;
    }
}

static struct wire *wire_of(const char *name)
{
    struct wire *w = wires;

    while (w && strcmp(w->name, name) != 0)
        w = w->next;
    if (w)
        return w;
    w = calloc(1, sizeof *w);
    if (!w || !(w->name = strdup(name)) ||
        fiber_start_as("wire", run_wire, w) != OK) {
        free(w);
        return NULL;
    }
    w->next = wires;
    return wires = w;
}

enum status sim_network(const char *name, uint16_t mtu, unsigned features,
                        struct network **n)
{
    struct wire *w = wire_of(name);
    struct end *e = calloc(1, sizeof *e), **at;
    uint64_t chance = seed_value() ^ (uint64_t)++ends << 32;
    nanoseconds cut_from = (nanoseconds)wire_cut_at * SECOND;

    if (!w || !e || buf_reserve(buf_pages() < PAGES ? PAGES : 0) != OK) {
        free(e);
        return ERR_NO_MEMORY;
    }
    e->network = (struct network){.ops = &end_ops,
                                  .name = w->name,
                                  .mac = {{2, 0, 0, 0, 0, (uint8_t)ends}},
                                  .mtu = mtu,
                                  .features = features,
                                  .up = true};
    e->wire = w;
    e->chance = seed_next(&chance);
    e->faults = (struct sim_faults){
        .loss = (unsigned)wire_loss * 1000,
        .duplicate = (unsigned)wire_duplicate * 1000,
        .corrupt = (unsigned)wire_corrupt * 1000,
        .reorder = (unsigned)wire_reorder * 1000,
        .delay = (nanoseconds)wire_delay * MILLISECOND,
        .jitter = (nanoseconds)wire_jitter * MILLISECOND,
        .rate = (uint64_t)wire_rate * MILLION,
        .cut_from = cut_from,
        .cut_to = cut_from + (nanoseconds)wire_cut_for * SECOND,
    };
    for (at = &w->ends; *at; at = &(*at)->next)
        continue;
    *at = e;
    *n = &e->network;
    return OK;
}

enum status network_sim_connect(const char *name, struct network **n)
{
    return sim_network(name, MTU, 0, n);
}

void sim_set_faults(struct network *n, const struct sim_faults *faults)
{
    struct end *e = end_of(n);

    e->faults = *faults;
    if (faults->seed)
        e->chance = faults->seed;
}

void sim_counters(const struct network *n, struct sim_counters *counters)
{
    *counters = end_of(n)->counters;
}

void sim_seed(uint64_t seed)
{
    seed_set(seed);
}
