/* SPDX-License-Identifier: ISC */
/*
 * Suspending (SCHEDOP_shutdown, SHUTDOWN_suspend). Xen does not tell a PVH
 * guest whether it continues as another domain. So an event channel of the
 * guest to itself (EVTCHNOP_bind_ipi) marks the domain: a new one does not have
 * it.
 */
#include "suspend.h"
#include "clock.h"
#include "console.h"
#include "events.h"
#include "guest.h"
#include "hypercall.h"
#include "xenstore.h"
#include <mirage/log.h>
#include <mirage/platform.h>
#include <xen/event_channel.h>

LOG_SOURCE(suspend);

static evtchn_port_t mark;
static struct resume_handler *first, **last = &first;

void suspend_on_resume(struct resume_handler *s)
{
    *last = s;
    last = &s->next;
}

static bool set_mark(void)
{
    struct evtchn_bind_ipi bind = {.vcpu = 0};

    if (HYPERCALL2(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_ipi, &bind) !=
        0)
        return false;
    mark = bind.port;
    return true;
}

static bool is_moved(void)
{
    struct evtchn_status status = {.dom = DOMID_SELF, .port = mark};

    return HYPERCALL2(__HYPERVISOR_event_channel_op, EVTCHNOP_status,
                      &status) != 0 ||
           status.status != EVTCHNSTAT_ipi;
}

static void remove_mark(void)
{
    struct evtchn_close close = {.port = mark};

    (void)HYPERCALL2(__HYPERVISOR_event_channel_op, EVTCHNOP_close, &close);
}

/* False: the guest cannot be suspended. */
static bool stop(bool *moved)
{
    bool done;

    console_drain();
    clock_stop();
    done = guest_suspend(is_moved);
    events_mask();
    clock_resume();
    *moved = is_moved();
    if (*moved) {
        events_reset();
        console_resume();
        xenstore_reset();
    } else {
        remove_mark();
    }
    for (struct resume_handler *s = first; s && done; s = s->next)
        s->on_resume(*moved);
    return done;
}

void suspend_guest(void)
{
    bool done, moved;

    xenstore_lock();
    if (!set_mark()) {
        xenstore_unlock();
        log_error(&suspend, "cannot be suspended: Xen gives no event channel");
        return;
    }
    done = stop(&moved);
    xenstore_unlock();
    if (!done) {
        log_error(&suspend, "cannot be suspended: there was no memory for its "
                            "tables");
        return;
    }
    random_reseed();
    if (!moved) {
        log_info(&suspend, "goes on, as the domain that it was");
        return;
    }
    log_info(&suspend, "goes on, as another domain");
    if (xenstore_rewatch_all() != OK)
        log_error(&suspend, "xenstore watches nothing for it there");
}
