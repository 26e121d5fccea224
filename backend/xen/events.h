/* SPDX-License-Identifier: ISC */
/*
 * events: event channels (xen/event_channel.h). All stay masked, so that Xen
 * makes no upcalls; pending bits are polled while the image idles.
 */
#ifndef XEN_EVENTS_H
#define XEN_EVENTS_H

#include <mirage/status.h>
#include <mirage/time.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A handler: on_event(ctx) is called while the image idles, after an event has
 * been sent to port. Owned by the caller; in use until event_close.
 */
struct event {
    uint32_t port;
    void (*on_event)(void *ctx);
    void *ctx;
    struct event *next;
    bool is_opened; /* by event_open */
};

/* Masks all event channels in a new shared page. */
void events_mask(void);

#define EVENTS_MOST 128 /* ports: the limit of SCHEDOP_poll */

/* Adds a handler for e->port. Panics beyond EVENTS_MOST. */
void events_listen(struct event *e);

/* Allocates a channel that the other domain may bind, sets e->port, and adds
 * the handler. ERR_NO_MEMORY: Xen has no port, or there would be too many. */
MUST_CHECK enum status event_open(struct event *e, uint16_t domain);

/* Closes the channel and removes the handler. */
void event_close(struct event *e);

/* Changes the port of a handler that was added. 0: none. */
void event_rebind(struct event *e, uint32_t port);

/* The image is another domain now, which has none of the channels that
 * event_open has made: their ports become 0 until they are closed. */
void events_reset(void);

/*
 * Calls the handlers of pending events. If there are none, blocks the virtual
 * machine until there is an event, or until the deadline, and calls them then.
 */
void events_wait(nanoseconds deadline);

/* Sends an event to the other end of the channel. Port 0: does nothing. */
void event_notify(uint32_t port);

/* Blocks the virtual machine until port has an event, which it consumes without
 * calling the handler, or until the deadline. */
void event_poll(uint32_t port, nanoseconds deadline);

/* Marks the port pending again, since event_poll may have consumed another's
 * event. */
void event_raise(uint32_t port);

#endif
