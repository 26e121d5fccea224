/* SPDX-License-Identifier: ISC */
/* boot: the declared boot arguments, and the call that sets them. */
#ifndef CORE_BOOT_H
#define CORE_BOOT_H

#include <mirage/boot.h>
#include <stdbool.h>
#include <stddef.h>

/* All declared arguments, sorted by name, which is the order of --help. */
extern struct boot_argument *boot_arguments_first;

/*
 * Sets the declared arguments from the words; ends the image with a message if
 * one is malformed or unknown. foreign: words without -- are logged and
 * ignored. Keeps words, for boot_word.
 */
void boot_arguments(const char *const *words, size_t count, bool foreign);

#endif
