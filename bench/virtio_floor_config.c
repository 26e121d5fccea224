/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, console, network);

void configure(void)
{
    unikernel("virtio_floor", start(default_console, tap0));
}
