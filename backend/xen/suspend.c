/* SPDX-License-Identifier: ISC */
/*
 * Whether the guest is another domain now it cannot rely on Xen to say: a PVH
 * guest is told nothing. So it leaves a mark, a channel to itself, which the
 * toolstack makes in no domain.
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

static bool leave_mark(void)
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

static bool stand_still(bool *moved)
{
    bool done;

    console_drain();
    clock_stop();
    done = guest_suspend(is_moved);
    events_mask();
    clock_go_on();
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
    if (!leave_mark()) {
        xenstore_unlock();
        log_error(&suspend, "cannot be suspended: Xen gives no event channel");
        return;
    }
    done = stand_still(&moved);
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
