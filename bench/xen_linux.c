/* SPDX-License-Identifier: ISC */
/*
 * The Linux guest of xen.plan, as its only process: loads the modules of
 * /modules/list, measures its disk, and then serves as example/netservices
 * does. xen_guest.c does the same.
 */
#define _GNU_SOURCE
#include "linux_guest.h"
#include "measure.h"
#include "xen_guest.h"
#include <unistd.h>

#define MOST 32 /* requests in flight */

static uint64_t places, seed = XEN_SEED;

static uint64_t next_place(void *ctx)
{
    (void)ctx;
    return xen_place(&seed, places);
}

static void measure_disk(struct guest_work *work)
{
    double since = clock_seconds(CLOCK_MONOTONIC);
    unsigned long done = guest_use_disk(work, since + XEN_SECONDS);

    printf("%s_%zu %.0f B/s\n", work->is_write ? "write" : "read",
           work->depth,
           (double)done * XEN_BYTES /
               (clock_seconds(CLOCK_MONOTONIC) - since));
    fflush(stdout);
}

int main(void)
{
    struct guest_work work = {.bytes = XEN_BYTES, .next_place = next_place};
    uint64_t size;
    void *data;

    guest_open_console();
    guest_load_modules();
    guest_set_network_up();
    work.disk = guest_open_disk("/dev/xvda", &size);
    places = size / XEN_BYTES;
    if (posix_memalign(&data, 4096, MOST * XEN_BYTES) != 0)
        guest_fail("memory");
    work.data = memset(data, 1, MOST * XEN_BYTES);
    sleep(XEN_PAUSE);
    for (int is_write = 0; is_write < 2; is_write++) {
        work.is_write = is_write;
        work.depth = 1;
        measure_disk(&work);
        work.depth = MOST;
        measure_disk(&work);
    }
    guest_serve();
}
