/* SPDX-License-Identifier: ISC */
/* The list of the boot arguments that the parts of an image declare. Apart from
 * boot.c, which logs: the log declares an argument itself. */
#include "boot.h"
#include <string.h>

struct boot_argument *boot_arguments_first;

void boot_register(struct boot_argument *argument)
{
    struct boot_argument **at = &boot_arguments_first;

    while (*at && strcmp((*at)->name, argument->name) < 0)
        at = &(*at)->next;
    argument->next = *at;
    *at = argument;
}
