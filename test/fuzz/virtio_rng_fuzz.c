/* SPDX-License-Identifier: ISC */
/*
 * A hostile entropy device (virtio 1.2, 5.4): what it claims to have given lies
 * in the driver's page, and it is asked and waited for a bounded time.
 */
#include "virtio_host.h"
#define platform_seed rng_seed
void rng_seed(void *data, size_t len);
#include <virtio/rng_virtio.c>

struct virtio_device *virtio_devices(void)
{
    return &fuzzed;
}

void machine_wait(nanoseconds deadline)
{
    check(fuzz_now < deadline);
    fuzz_now += 10 * MILLISECOND;
    if (fuzz_left > 0)
        act();
}

void entropy_device(const void *data, size_t len)
{
    check(len <= ASKED);
    for (size_t i = 0; i < len; i++)
        (void)((const volatile uint8_t *)data)[i];
}

bool entropy_is_weak(void)
{
    return got < RANDOM_KEY;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t drawn[4];

    begin_device(VIRTIO_ID_RNG, data, size);
    got = asked = 0;
    is_done = is_given_up = must_wait = false;
    (void)entropy_ask_devices();
    do {
        nanoseconds before = fuzz_now;

        if (fuzzed.driver)
            act();
        if (next_byte() % 8 == 0)
            rng_seed(drawn, sizeof drawn);
        check(fuzz_now - before <= LIMIT + 10 * MILLISECOND);
        check(asked <= MOST_ASKED);
        (void)time_sleep(MILLISECOND);
    } while (fuzz_left > 0);
    end_device();
    return 0;
}
