/* SPDX-License-Identifier: ISC */
/*
 * Requests and responses of a disk (xen/io/blkif.h). What a backend offers may
 * change when it comes back, so a request is translated only when it goes into
 * the ring: in parts, if the backend takes fewer pages at once.
 */
#include "block_ring.h"
#include <string.h>

/* Writes the segments of the request's present part, and returns how many. */
static unsigned put_segments(struct disk *d, const struct request *r,
                             struct blkif_request_segment *to)
{
    size_t left = r->part;
    unsigned n = 0;
    uint16_t i = r->data;

    for (size_t skip = 0; skip < r->done; skip += PAGE_BYTES)
        i = d->pool.page[i].next;
    for (; left > 0; i = d->pool.page[i].next, n++) {
        size_t len = min(left, PAGE_BYTES);

        to[n] = (struct blkif_request_segment){
            .gref = d->pool.page[i].grant,
            .first_sect = 0,
            .last_sect = (uint8_t)(len / UNIT - 1)};
        left -= len;
    }
    return n;
}

/* The start of the first granule at or after unit. */
static uint64_t granule_from(const struct disk *d, uint64_t unit)
{
    uint64_t past;

    if (unit <= d->granule_at)
        return d->granule_at;
    past = (unit - d->granule_at) % d->granule;
    return past > 0 ? unit + d->granule - past : unit;
}

/* The UNITs of the whole granules in a discard, which begin at *at. Backends
 * ignore incomplete granules. */
static uint64_t granules_in(const struct disk *d, const struct request *r,
                            uint64_t *at)
{
    *at = granule_from(d, r->at);
    return *at < r->end ? (r->end - *at) / d->granule * d->granule : 0;
}

static void put_discard(struct disk *d, const struct request *r, uint64_t id,
                        blkif_request_discard_t *to)
{
    to->operation = r->operation;
    to->id = id;
    to->nr_sectors = granules_in(d, r, &to->sector_number);
}

static void put_indirect(struct disk *d, const struct request *r, uint64_t id,
                         blkif_request_indirect_t *to)
{
    to->operation = BLKIF_OP_INDIRECT;
    to->indirect_op = r->operation;
    to->id = id;
    to->sector_number = r->at + r->done / UNIT;
    to->indirect_grefs[0] = d->pool.page[r->indirect].grant;
    to->nr_segments =
        (uint16_t)put_segments(d, r, d->pool.page[r->indirect].page);
}

/* Puts the next part of a request into the ring. Indirect segments are used
 * only if the part needs them: the backend may not know them (d->most). */
static void put_request(struct disk *d, struct request *r, uint64_t id)
{
    blkif_request_t *to = RING_GET_REQUEST(&d->ring, d->ring.req_prod_pvt);

    memset(to, 0, sizeof *to);
    r->part = min(r->len - r->done, d->most);
    if (r->operation == BLKIF_OP_DISCARD) {
        put_discard(d, r, id, (blkif_request_discard_t *)to);
    } else if (pages_of(r->part) > DIRECT) {
        put_indirect(d, r, id, (blkif_request_indirect_t *)to);
    } else {
        to->operation = r->operation;
        if (is_flush(r) && !d->can_flush)
            to->operation = BLKIF_OP_WRITE_BARRIER;
        to->id = id;
        to->sector_number = r->at + r->done / UNIT;
        to->nr_segments = (uint8_t)put_segments(d, r, to->seg);
    }
    d->ring.req_prod_pvt++;
}

bool block_ring_has_slot(const struct disk *d)
{
    return d->front.is_connected && d->used < RING_SIZE(&d->ring);
}

/*
 * Whether the backend has no operation for the request, which is then complete
 * with *s. A flush is done where there is no cache, and a discard of no whole
 * granule, too.
 */
static bool has_no_operation(const struct disk *d, const struct request *r,
                             enum status *s)
{
    uint64_t at;

    *s = OK;
    if (is_flush(r))
        return !d->can_flush && !d->can_barrier;
    if (r->operation != BLKIF_OP_DISCARD)
        return false;
    if (!d->can_discard)
        *s = ERR_UNSUPPORTED;
    return !d->can_discard || granules_in(d, r, &at) == 0;
}

void block_ring_submit(struct disk *d, struct request *r)
{
    unsigned id = 0;
    int notify;
    enum status s;

    if (has_no_operation(d, r, &s)) {
        completion_finish(&r->completion, s);
        return;
    }
    while (d->slot[id])
        id++;
    d->slot[id] = r;
    d->used++;
    put_request(d, r, id);
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&d->ring, notify);
    if (notify)
        event_notify(d->front.event.port);
}

static enum status status_of(struct disk *d, const struct request *r,
                             int16_t response)
{
    if (response == BLKIF_RSP_OKAY)
        return OK;
    if (response == BLKIF_RSP_EOPNOTSUPP && r->operation == BLKIF_OP_DISCARD) {
        d->can_discard = false;
        return ERR_UNSUPPORTED;
    }
    return ERR_IO;
}

/* The backend refuses a kind of flush that it offered. True: no other kind is
 * left, so it has no cache. */
static bool has_no_flush(struct disk *d)
{
    if (d->can_flush)
        d->can_flush = false;
    else
        d->can_barrier = false;
    return !d->can_barrier;
}

/* Handles the response to a request's part. False: the request continues, with
 * its next part or with another operation. */
static bool finish_part(struct disk *d, struct request *r, int16_t response)
{
    enum status s;

    if (response == BLKIF_RSP_EOPNOTSUPP && is_flush(r)) {
        if (!has_no_flush(d))
            return false;
        response = BLKIF_RSP_OKAY;
    }
    s = status_of(d, r, response);
    r->done += r->part;
    if (s == OK && r->done < r->len)
        return false;
    completion_finish(&r->completion, s);
    return true;
}

void block_ring_submit_waiting(struct disk *d)
{
    while (d->waiting && block_ring_has_slot(d)) {
        struct request *r = d->waiting;

        d->waiting = r->next;
        block_ring_submit(d, r);
    }
}

static void handle_response(struct disk *d, const blkif_response_t *response)
{
    struct request *r =
        response->id < BLOCK_SLOTS ? d->slot[response->id] : NULL;

    if (!r) {
        front_protocol_error(&d->front, "answers what nobody has asked");
        return;
    }
    d->slot[response->id] = NULL;
    d->used--;
    if (!finish_part(d, r, response->status)) {
        r->next = d->waiting;
        d->waiting = r;
    }
    block_ring_submit_waiting(d);
    wake_all(&d->room);
}

void block_ring_on_event(void *front)
{
    struct disk *d = disk_of_front(front);
    int more = true;

    while (d->front.is_connected && more) {
        RING_IDX end = __atomic_load_n(&d->ring.sring->rsp_prod,
                                       __ATOMIC_ACQUIRE);

        if (end - d->ring.rsp_cons > d->ring.req_prod_pvt - d->ring.rsp_cons) {
            front_protocol_error(&d->front, "answers more than was asked");
            return;
        }
        while (d->front.is_connected && d->ring.rsp_cons != end) {
            blkif_response_t response;

            RING_COPY_RESPONSE(&d->ring, d->ring.rsp_cons, &response);
            d->ring.rsp_cons++;
            handle_response(d, &response);
        }
        if (d->front.is_connected)
            RING_FINAL_CHECK_FOR_RESPONSES(&d->ring, more);
    }
}
