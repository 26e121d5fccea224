/* SPDX-License-Identifier: ISC */
/*
 * The Linux guest of virtio.plan: loads the modules of /modules/list, serves as
 * example/netservices does, and measures its disk when it is asked to
 * (virtio_guest.h), as virtio_guest.c does.
 */
#define _GNU_SOURCE
#include "linux_guest.h"
#include "measure.h"
#include "virtio_guest.h"
#include <sys/socket.h>
#include <unistd.h>

static uint64_t seed, places;
static unsigned bytes;
static struct guest_work work;

static uint64_t next_place(void *ctx)
{
    (void)ctx;
    return disk_place(&seed, bytes, places);
}

static void answer(int flow, const struct disk_question *q, uint64_t size)
{
    double since = clock_seconds(CLOCK_MONOTONIC);
    unsigned long done;
    char line[80];
    int len;

    seed = DISK_SEED;
    bytes = q->bytes;
    places = size / bytes;
    work.is_write = q->is_write;
    work.bytes = q->bytes;
    work.depth = q->depth;
    done = guest_use_disk(&work, since + q->milliseconds * 1e-3);
    len = snprintf(line, sizeof line, "%lu %.0f\n", done,
                   (clock_seconds(CLOCK_MONOTONIC) - since) * 1e9);
    if (write(flow, line, (size_t)len) != len)
        perror("answer");
}

/* Serves one client after the other. */
static void *serve_disk(void *arg)
{
    int s = guest_bind(SOCK_STREAM, DISK_PORT), flow;
    uint64_t size;

    (void)arg;
    work.disk = guest_open_disk("/dev/vda", &size);
    listen(s, 4);
    while ((flow = accept(s, NULL, NULL)) >= 0) {
        struct disk_question q;
        char line[80];
        ssize_t n;

        while ((n = read(flow, line, sizeof line - 1)) > 0) {
            line[n] = '\0';
            if (!disk_parse(line, &q))
                break;
            answer(flow, &q, size);
        }
        close(flow);
    }
    guest_fail("accept");
}

int main(void)
{
    void *data;

    guest_open_console();
    guest_load_modules();
    guest_set_network_up();
    if (posix_memalign(&data, 4096, DISK_DEEPEST * DISK_LARGEST) != 0)
        guest_fail("memory");
    work.data = memset(data, 1, DISK_DEEPEST * DISK_LARGEST);
    work.next_place = next_place;
    guest_thread(serve_disk, NULL);
    guest_serve();
}
