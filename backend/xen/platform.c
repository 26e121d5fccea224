/* SPDX-License-Identifier: ISC */
/*
 * Waiting and the image's end (mirage/platform.h, mirage/bare.h), and the start
 * of the services that every guest has.
 */
#include "guest.h"
#include "balloon.h"
#include "clock.h"
#include "console.h"
#include "events.h"
#include "hypercall.h"
#include "shutdown.h"
#include "xenstore.h"
#include <mirage/bare.h>
#include <mirage/log.h>
#include <mirage/platform.h>
#include <xen/sched.h>
#include <xen/version.h>

LOG_SOURCE(guest);

void platform_wait(nanoseconds deadline)
{
    console_flush(deadline == 0);
    events_wait(deadline);
}

/* Network backends read whole pages that are granted to them (CVE-2022-33740).
 */
void *platform_buffers(size_t count)
{
    return platform_pages(count);
}

/* Xen has no source that is slow. */
void platform_seed(void *data, size_t len)
{
    platform_entropy(data, len);
}

/* suspend_guest reseeds. */
bool platform_is_copied(void)
{
    return false;
}

/* The reason decides which of on_crash, on_reboot and on_poweroff xl obeys. */
void bare_leave(int code)
{
    struct sched_shutdown request = {
        .reason = code == 0 ? shutdown_reason() : SHUTDOWN_crash};

    console_drain();
    for (;;)
        (void)HYPERCALL2(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &request);
}

void guest_run(struct start *s)
{
    long version = HYPERCALL2(__HYPERVISOR_xen_version, XENVER_version, NULL);

    log_debug(&guest, "a %s guest of Xen %ld.%ld", xen.is_pv ? "PV" : "PVH",
              version >> 16, version & 0xffff);
    xenstore_start();
    shutdown_start();
    balloon_start();
    start_image(s);
}
