/* SPDX-License-Identifier: ISC */
/*
 * A port as a console (virtio 1.2, 5.3.6). Output is complete when the device
 * has used it, so nothing is lost when the image ends, and a slow reader slows
 * the writer. Input waits in the device's buffers until it is read.
 */
#include "console_port.h"
#include <mirage/buf.h>
#include <mirage/macros.h>
#include <string.h>

static struct port *port_of(struct console *c)
{
    return containing(c, struct port, console);
}

static bool is_gone(const struct port *p)
{
    return p->of->device->is_gone;
}

/* Are there queues? While the device is being reset, rx and tx may be those of
 * before. */
static bool has_queues(const struct port *p)
{
    return p->of->device->is_running && p->tx;
}

void port_wake(struct port *p)
{
    wake_all(&p->readers);
    wake_all(&p->writers);
}

static void on_input(void *ctx)
{
    struct port *p = ctx;

    wake_all(&p->readers);
}

static void on_output(void *ctx)
{
    struct port *p = ctx;

    wake_all(&p->writers);
}

enum status port_create_queues(struct port *p)
{
    /* Queues 2 and 3 are for control messages (5.3.2). */
    unsigned rx = p->id == 0 ? 0 : 2 + 2 * p->id;
    enum status s = virtqueue_create(p->of->device, rx, PORT_CHUNKS, 1,
                                     on_input, p, &p->rx);

    return s ? s
             : virtqueue_create(p->of->device, rx + 1, PORT_CHUNKS, 1,
                                on_output, p, &p->tx);
}

/* ---- Output ---- */

/* Frees the chunks that the device has used, and gives it those that are
 * filled. */
static void send(struct port *p)
{
    bool is_added = false;
    uint32_t written;
    char *chunk;

    if (!has_queues(p))
        return;
    while ((chunk = virtqueue_used(p->tx, &written)) != NULL) {
        unsigned bit = 1u << (unsigned)(chunk - p->out) / PORT_CHUNK;

        p->busy &= ~bit;
        p->queued &= ~bit;
    }
    for (unsigned i = 0; p->is_open && i < PORT_CHUNKS; i++) {
        unsigned n = (p->next + i) % PORT_CHUNKS;
        struct virtio_piece piece = {p->out + n * PORT_CHUNK, p->len[n]};

        if (!(p->busy & ~p->queued & 1u << n))
            continue;
        if (!virtqueue_add(p->tx, &piece, 1, 0, piece.data))
            break;
        p->queued |= 1u << n;
        is_added = true;
    }
    if (is_added)
        virtqueue_kick(p->tx);
}

/* Fills the next chunk. Returns how much of text is in it. */
static size_t fill(struct port *p, const char *text, size_t len)
{
    char *chunk = p->out + p->next * PORT_CHUNK;
    size_t done = 0, n = 0;

    for (; done < len && n + 2 <= PORT_CHUNK; done++) {
        if (p->is_text && text[done] == '\n')
            chunk[n++] = '\r';
        chunk[n++] = text[done];
    }
    p->len[p->next] = (uint16_t)n;
    p->busy |= 1u << p->next;
    p->next = (p->next + 1) % PORT_CHUNKS;
    return done;
}

static void port_write(struct console *c, const char *text, size_t len)
{
    struct port *p = port_of(c);

    for (;;) {
        while (len > 0 && !(p->busy & 1u << p->next)) {
            size_t n = fill(p, text, len);

            text += n;
            len -= n;
        }
        send(p);
        if (is_gone(p) || (len == 0 && p->busy == 0))
            return;
        if ((len > 0 && !(p->busy & 1u << p->next)) ||
            (has_queues(p) && p->queued && !virtqueue_enable(p->tx)))
            continue;
        /* device/console.c shields the fiber from cancellation. */
        if (wait_until(&p->writers, FOREVER) != OK)
            continue;
    }
}

/* ---- Input ---- */

static bool add_input(struct port *p, char *chunk)
{
    struct virtio_piece piece = {chunk, PORT_CHUNK};

    return has_queues(p) && virtqueue_add(p->rx, &piece, 0, 1, chunk);
}

static bool is_kept(const struct port *p, const char *chunk)
{
    bool is_kept = chunk == p->current;

    for (unsigned i = 0; i < p->before_end_count; i++)
        is_kept |= chunk == p->before_end[i].chunk;
    return is_kept;
}

void port_refill(struct port *p)
{
    if (!p->is_used || !has_queues(p) || virtqueue_in_flight(p->rx) > 0)
        return;
    for (unsigned i = 0; i < PORT_CHUNKS; i++)
        if (!is_kept(p, p->in + i * PORT_CHUNK) &&
            !add_input(p, p->in + i * PORT_CHUNK))
            break;
    virtqueue_kick(p->rx);
}

static void finish_chunk(struct port *p)
{
    char *chunk = p->current;

    p->current = NULL;
    if (add_input(p, chunk))
        virtqueue_kick(p->rx);
}

/* Takes the next chunk with input, but for those behind the end of the input,
 * which a reader is to be told first. */
static bool take_chunk(struct port *p)
{
    if (p->before_end_count > 0) {
        p->current = p->before_end[0].chunk;
        p->current_len = p->before_end[0].len;
        p->before_end_count--;
        memmove(p->before_end, p->before_end + 1,
                p->before_end_count * sizeof p->before_end[0]);
    } else if (!p->has_ended && has_queues(p)) {
        p->current = virtqueue_used(p->rx, &p->current_len);
    }
    p->current_from = 0;
    return p->current != NULL;
}

/* Notes the end of the input behind what has arrived by now. */
static void end_input(struct port *p)
{
    struct port_input input;

    while (has_queues(p) && p->before_end_count < PORT_CHUNKS &&
           (input.chunk = virtqueue_used(p->rx, &input.len)) != NULL)
        p->before_end[p->before_end_count++] = input;
    p->has_ended = true;
}

void port_set_open(struct port *p, bool is_open)
{
    if (p->is_open && !is_open)
        end_input(p);
    p->is_open = is_open;
    port_wake(p);
}

static size_t copy_input(struct port *p, char *data, size_t len)
{
    size_t n = min(len, (size_t)(p->current_len - p->current_from));

    memcpy(data, p->current + p->current_from, n);
    p->current_from += (uint32_t)n;
    if (p->current_from == p->current_len)
        finish_chunk(p);
    /* A terminal's Enter is a carriage return. */
    for (size_t i = 0; p->is_text && i < n; i++)
        if (data[i] == '\r')
            data[i] = '\n';
    return n;
}

/* Blocks until there may be input. */
static enum status wait_for_input(struct port *p)
{
    if (is_gone(p))
        return ERR_IO;
    if (p->has_ended) {
        p->has_ended = false;
        return ERR_EOF;
    }
    if (has_queues(p) && !virtqueue_enable(p->rx))
        return OK;
    return wait_until(&p->readers, FOREVER);
}

static enum status port_read(struct console *c, void *data, size_t len,
                             size_t *got)
{
    struct port *p = port_of(c);
    enum status s = OK;

    for (*got = 0; s == OK && *got == 0;) {
        if (!p->current && !take_chunk(p)) {
            s = wait_for_input(p);
        } else {
            *got = copy_input(p, data, len);
            if (*got == 0) /* a device that sends nothing, again and again */
                s = fiber_yield();
        }
    }
    return s;
}

/* ---- The life of the device ---- */

void port_reclaim_queue(struct virtio_device *d, const struct virtqueue *q)
{
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
        while (d->queue[i] && d->queue[i] == q &&
               virtqueue_reclaim(d->queue[i]))
            ;
}

void port_reclaim(struct port *p)
{
    port_reclaim_queue(p->of->device, p->rx);
    port_reclaim_queue(p->of->device, p->tx);
    p->queued = 0;
    p->is_there = p->is_open = false;
    port_wake(p);
}

static const struct console_ops port_ops = {
    .write = port_write,
    .read = port_read,
};

enum status port_use(struct port *p)
{
    if (p->is_used)
        return OK;
    if ((!p->in && !(p->in = page_alloc(1))) ||
        (!p->out && !(p->out = page_alloc(1))))
        return ERR_NO_MEMORY;
    p->console.ops = &port_ops;
    p->is_used = true;
    port_refill(p);
    return OK;
}
