/* SPDX-License-Identifier: ISC */
/* An image that lists the virtio devices of its machine, and draws random
 * numbers; for test/e2e/virtio_bus. */
#include <virtio/virtio.h>
#include <mirage/main.h>
#include <mirage/platform.h>
#include <mirage/random.h>
#include <mirage/time.h>

const char mirage_name[] = "bus";

void mirage_main(void)
{
    struct virtio_device *devices = virtio_devices();
    nanoseconds before = time_now();
    uint8_t drawn[16];

    for (struct virtio_device *d = devices; d; d = d->next)
        image_say("%s: type %u%s%s%s\n", d->place, (unsigned)d->type,
                  d->is_legacy ? ", legacy" : "", d->has_msix ? ", MSI-X" : "",
                  d->is_running ? ", running" : "");
    random_bytes(drawn, sizeof drawn);
    image_say("first random number after %llu ms\n",
              (unsigned long long)((time_now() - before) / MILLISECOND));
    (void)time_sleep(50 * MILLISECOND);
    image_say("done\n");
}
