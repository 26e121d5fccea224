/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    library("zlib");
    /* It has no file for pkg-config: Makefile.user links it. */
    package("libbearssl-dev");
    unikernel("library", start(default_console));
}
