/* SPDX-License-Identifier: ISC */
/*
 * Frames as pages that a backend may be granted. The backend can read all of a
 * granted page, so a page that holds other data as well is never granted.
 */
#include "tx_frame.h"
#include <mirage/bare.h>
#include <mirage/macros.h>

static bool may_grant(const struct buf *b)
{
    return buf_owns_pages(b) && bare_is_physical(b->data, b->len);
}

/* The pages that b touches; an empty one lies in a page, too. */
static size_t pages_of(const struct buf *b)
{
    size_t at = (uintptr_t)b->data % PAGE_BYTES;

    return (at + max(b->len, 1u) + PAGE_BYTES - 1) / PAGE_BYTES;
}

/* Windows on the same bytes, each of one page. */
static struct buf *split(const struct buf *frame)
{
    const struct buf *first = frame;
    struct buf *list = NULL, **end = &list;

    for (; frame; frame = frame->next)
        for (size_t at = 0; at < frame->len;) {
            size_t page = (uintptr_t)(frame->data + at) % PAGE_BYTES;
            size_t n = min(frame->len - at, PAGE_BYTES - page);

            *end = buf_share(frame, at, n);
            if (!*end) {
                buf_free(list);
                return NULL;
            }
            end = &(*end)->next;
            at += n;
        }
    if (list)
        list->offload = first->offload;
    return list;
}

struct buf *tx_frame(struct buf *frame, size_t most)
{
    size_t pages = 0, bufs = 0;
    bool in_place = true;
    struct buf *made;

    for (const struct buf *b = frame; b; b = b->next, bufs++) {
        pages += pages_of(b);
        in_place = in_place && may_grant(b);
    }
    in_place = in_place && pages <= most;
    if (in_place && pages == bufs)
        return frame;
    made = in_place ? split(frame) : buf_copy(frame);
    buf_free(frame);
    if (buf_count(made) > most) {
        buf_free(made);
        return NULL;
    }
    return made;
}
