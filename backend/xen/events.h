/* SPDX-License-Identifier: ISC */
/*
 * events: event channels (xen/event_channel.h). All stay masked, so that Xen
 * never calls us; whether they are pending is looked at while the image idles.
 */
#ifndef XEN_EVENTS_H
#define XEN_EVENTS_H

#include <mirage/status.h>
#include <mirage/time.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Somebody who is called while the image idles, after an event has come on
 * port. Owned by the caller, until event_close; ctx is the caller's own.
 */
struct event {
    uint32_t port;
    void (*on_event)(void *ctx);
    void *ctx;
    struct event *next;
    bool is_opened; /* by event_open */
};

/* Masks all event channels, in a shared page that is new. */
void events_mask(void);

#define EVENTS_MOST 128 /* that SCHEDOP_poll takes */

/* At most EVENTS_MOST; panics beyond. */
void events_listen(struct event *e);

/* A new channel to another domain, in e->port, which is listened on.
 * ERR_NO_MEMORY: Xen has none for us, or there would be too many. */
MUST_CHECK enum status event_open(struct event *e, uint16_t domain);

/* Closes it: nobody is called any more. */
void event_close(struct event *e);

/* Has an event that is listened to on another port: 0 is none. */
void event_rebind(struct event *e, uint32_t port);

/* The image is another domain now, which has none of the channels that were
 * opened: they are port 0 until they are closed. */
void events_reset(void);

/*
 * Calls those to whom events have come; if there are none, blocks until one
 * comes or the deadline, and then does.
 */
void events_wait(nanoseconds deadline);

void event_notify(uint32_t port);

/* Blocks the virtual machine until port has an event, or the deadline. */
void event_poll(uint32_t port, nanoseconds deadline);

/* As if an event had come, for those whose event_poll has swallowed. */
void event_raise(uint32_t port);

#endif
