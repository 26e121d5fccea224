/* SPDX-License-Identifier: ISC */
/*
 * The names of targets are in mirage's table of them (tool/target.c), which
 * passes them to this program.
 */
#include "target.h"
#include <string.h>

const char *target_names[TARGETS];
static enum target chosen;

bool target_set(const char *name, char *const *names)
{
    int count = 0;

    for (; names[count]; count++) {
        if (count == TARGETS)
            return false;
        target_names[count] = names[count];
        if (strcmp(names[count], name) == 0)
            chosen = (enum target)count;
    }
    return count == TARGETS;
}

enum target target(void)
{
    return chosen;
}
