/* SPDX-License-Identifier: ISC */
#include "place.h"

#define DEEPEST 256 /* calls within calls */

static struct config_place places[DEEPEST];
static int                 depth;

void config_at(struct config_place at)
{
    if (depth == DEEPEST)
        config_fail(at, "calls stand in calls %d deep", DEEPEST);
    places[depth++] = at;
}

struct config_place place_of_call(void)
{
    return depth > 0 ? places[--depth] : (struct config_place){"config.c", 0};
}
