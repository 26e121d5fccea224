/* SPDX-License-Identifier: ISC */
/* getentropy, by the platform's entropy. */
#include <mirage/platform.h>
#include <errno.h>
#include <unistd.h>

int getentropy(void *data, size_t len)
{
    if (len > 256) {
        errno = EIO;
        return -1;
    }
    platform_seed(data, len);
    return 0;
}
