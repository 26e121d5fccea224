/* SPDX-License-Identifier: ISC */
/* boot: what image.c asks of boot.c. */
#ifndef CORE_BOOT_H
#define CORE_BOOT_H

#include <stdbool.h>
#include <stddef.h>

/* Whatever the words hold, this returns with all arguments set, or ends the
 * image with a message. foreign: words without -- are ignored. */
void boot_arguments(const char *const *words, size_t count, bool foreign);

#endif
