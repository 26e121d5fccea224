/* SPDX-License-Identifier: ISC */
/*
 * The driver of disks over each transport on a hostile device
 * (virtio_device.h): every request ends, at the latest when the device does.
 */
#include "virtio_device.h"
#include <mirage/drivers.h>
#include <virtio/fake/disk.h>

#define UNITS    304u
#define USERS    3u
#define REQUESTS 6u

const char *const block_virtio_names[] = {"disk.img", NULL};

static struct block *block;
static unsigned users_left;
static bool is_connecting;
static uint8_t data_of[USERS][4 * 512];

bool bare_is_physical(const void *at, size_t len)
{
    (void)len;
    return at != data_of[1]; /* this is copied */
}

static enum status request(unsigned what, uint8_t *data)
{
    uint64_t at = what % (UNITS - 4);

    if (at + 4 > block->info.sectors || block->info.sector_size != 512)
        return block_flush(block);
    switch (what / 7 % 4) {
    case 0:
        return block->info.writable ? block_write(block, at, data, 4) : OK;
    case 1:
        return block_discard(block, at, 3);
    case 2:
        return block_flush(block);
    default:
        return block_read(block, at, data, 1 + what % 4);
    }
}

static void use(void *ctx)
{
    uint8_t *data = ctx;
    unsigned what = data[0] * 5u;

    for (unsigned i = 0; i < REQUESTS; i++, what += 11) {
        enum status s = request(what, data);

        check(s == OK || s == ERR_IO || s == ERR_GONE || s == ERR_NO_MEMORY ||
              s == ERR_UNSUPPORTED || s == ERR_READ_ONLY);
        if (s == ERR_GONE)
            break;
    }
    users_left--;
}

static void run(void *ctx)
{
    (void)ctx;
    if (block_virtio_connect("disk.img", &block) == OK)
        for (unsigned i = 0; i < USERS; i++) {
            data_of[i][0] = next_byte();
            users_left++;
            check(fiber_start(use, data_of[i]) == OK);
        }
    is_connecting = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fake_disk *d = fake_disk_new(
        features_of(data, size,
                    BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_FLUSH) |
                        BIT(VIRTIO_BLK_F_BLK_SIZE) |
                        BIT(VIRTIO_BLK_F_SIZE_MAX) |
                        BIT(VIRTIO_BLK_F_DISCARD)),
        way_of(data, size) == HOSTILE_LEGACY, UNITS, 512);

    strcpy(d->serial, "disk.img");
    d->config.size_max = 4096;
    fake_disk_announce(d);
    begin(data, size, d->fake);
    is_connecting = true;
    users_left = 0;
    check(fiber_start(run, NULL) == OK);
    for (int i = 0; i < 300 && (is_connecting || users_left > 0); i++)
        check(time_sleep(100 * MILLISECOND) == OK);
    end_device();
    check(!is_connecting && users_left == 0);
    hostile_end();
    check(time_sleep(SECOND) == OK);
    fake_disks_free();
    free_taken();
    return 0;
}
