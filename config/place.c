/* SPDX-License-Identifier: ISC */
/*
 * The places of config.c's calls: a stack, since a macro of mirage/config.h
 * notes the place of a call before its arguments are evaluated.
 */
#include "place.h"
#include "report.h"
#include <stdarg.h>
#include <stdio.h>

#define DEEPEST 256 /* calls within calls */

static struct config_place places[DEEPEST];
static int depth;

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

void config_fail(struct config_place at, const char *fmt, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "%s:%d: ", at.file, at.line);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    report_failure();
}
