/* SPDX-License-Identifier: ISC */
/* Two-level event channels (xen/xen.h, evtchn_pending), polled by
 * SCHEDOP_poll. */
#include "events.h"
#include "clock.h"
#include "guest.h"
#include "hypercall.h"
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <stddef.h>
#include <xen/event_channel.h>
#include <xen/sched.h>

#define WORD_BITS 64

static struct event *events;
static evtchn_port_t ports[EVENTS_MOST];
static unsigned count;

void events_mask(void)
{
    volatile struct shared_info *s = guest_shared();

    for (size_t i = 0; i < sizeof s->evtchn_mask / sizeof(long); i++)
        s->evtchn_mask[i] = ~0ul;
}

static void list_ports(void)
{
    count = 0;
    for (const struct event *e = events; e; e = e->next)
        if (e->port != 0)
            ports[count++] = e->port;
}

void events_listen(struct event *e)
{
    require(count < EVENTS_MOST);
    e->next = events;
    events = e;
    ports[count++] = e->port;
}

void event_rebind(struct event *e, uint32_t port)
{
    e->port = port;
    list_ports();
}

void events_reset(void)
{
    for (struct event *e = events; e; e = e->next)
        if (e->is_opened)
            e->port = 0;
    list_ports();
}

enum status event_open(struct event *e, uint16_t domain)
{
    struct evtchn_alloc_unbound channel = {.dom = DOMID_SELF,
                                           .remote_dom = domain};

    if (count == EVENTS_MOST ||
        HYPERCALL2(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound,
                   &channel) != 0)
        return ERR_NO_MEMORY;
    e->port = channel.port;
    e->is_opened = true;
    events_listen(e);
    return OK;
}

void event_close(struct event *e)
{
    struct evtchn_close close = {.port = e->port};
    struct event **at = &events;

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    list_ports();
    if (e->port == 0)
        return;
    (void)HYPERCALL2(__HYPERVISOR_event_channel_op, EVTCHNOP_close, &close);
}

void event_notify(uint32_t port)
{
    struct evtchn_send send = {.port = port};

    if (port == 0)
        return;
    (void)HYPERCALL2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send);
}

static volatile unsigned long *word_of(uint32_t port)
{
    return &guest_shared()->evtchn_pending[port / WORD_BITS];
}

static unsigned long bit_of(uint32_t port)
{
    return 1ul << port % WORD_BITS;
}

/* Clears the pending bit, and returns whether it was set. */
static bool consume(uint32_t port)
{
    if (!(*word_of(port) & bit_of(port)))
        return false;
    __atomic_fetch_and(word_of(port), ~bit_of(port), __ATOMIC_SEQ_CST);
    return true;
}

void event_raise(uint32_t port)
{
    __atomic_fetch_or(word_of(port), bit_of(port), __ATOMIC_SEQ_CST);
}

static bool dispatch(void)
{
    bool any = false;

    for (struct event *e = events, *next; e; e = next) {
        next = e->next; /* the handler may close itself */
        if (e->port != 0 && consume(e->port)) {
            e->on_event(e->ctx);
            any = true;
        }
    }
    return any;
}

/* Blocks until one of the ports has an event, or until the deadline. */
static void poll(evtchn_port_t *which, unsigned n, nanoseconds deadline)
{
    struct sched_poll request = {.nr_ports = n,
                                 .timeout = clock_timeout(deadline)};

    set_xen_guest_handle(request.ports, which);
    (void)HYPERCALL2(__HYPERVISOR_sched_op, SCHEDOP_poll, &request);
}

void event_poll(uint32_t port, nanoseconds deadline)
{
    poll(&port, 1, deadline);
    (void)consume(port);
}

void events_wait(nanoseconds deadline)
{
    if (dispatch() || deadline == 0 || deadline <= platform_now())
        return;
    poll(ports, count, deadline);
    dispatch();
}
