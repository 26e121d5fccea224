/* SPDX-License-Identifier: ISC */
/*
 * flow: the calls of mirage/flow.h, by the driver's operations.
 */
#include <mirage/flow.h>
#include <mirage/panic.h>

enum status flow_read(struct flow *f, struct buf **data, nanoseconds deadline)
{
    return f->ops->read(f, data, deadline);
}

enum status flow_write(struct flow *f, const void *data, size_t len,
                       nanoseconds deadline)
{
    struct span span = {data, len};

    return f->ops->write(f, &span, 1, deadline);
}

enum status flow_write_spans(struct flow *f, const struct span *spans,
                             size_t count, nanoseconds deadline)
{
    return f->ops->write(f, spans, count, deadline);
}

enum status flow_write_bufs(struct flow *f, struct buf *data,
                            nanoseconds deadline)
{
    return f->ops->write_bufs(f, data, deadline);
}

void flow_shutdown(struct flow *f, enum flow_side sides)
{
    require((sides & ~FLOW_BOTH) == 0);
    f->ops->shutdown(f, sides);
}

void flow_abort(struct flow *f)
{
    f->ops->abort(f);
}

void flow_close(struct flow *f)
{
    if (f->is_handlers)
        panic("flow_close of a tcp_handler's flow: it is closed when the "
              "handler returns; flow_shutdown or flow_abort ends it earlier");
    f->ops->close(f);
}

enum status flow_finish(struct flow *f, nanoseconds deadline)
{
    enum status s;
    struct buf *data;

    f->ops->shutdown(f, FLOW_WRITING);
    while ((s = flow_read(f, &data, deadline)) == OK) {
        buf_free(data);
        /* A peer that never stops must not keep us beyond the deadline. */
        if (time_now() >= deadline) {
            s = ERR_TIMEOUT;
            break;
        }
    }
    if (!f->is_handlers)
        f->ops->close(f);
    return s == ERR_EOF ? OK : s;
}

struct endpoint flow_local(const struct flow *f)
{
    return f->ops->local(f);
}

struct endpoint flow_peer(const struct flow *f)
{
    return f->ops->peer(f);
}

void flow_options(const struct flow *f, struct flow_options *options)
{
    f->ops->options(f, options);
}

void flow_set_options(struct flow *f, const struct flow_options *options)
{
    f->ops->set_options(f, options);
}

void flow_on_event(struct flow *f, flow_event_handler *fn, void *ctx)
{
    f->ops->on_event(f, fn, ctx);
}

size_t flow_room(struct flow *f)
{
    return f->ops->room(f);
}
