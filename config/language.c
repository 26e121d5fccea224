/* SPDX-License-Identifier: ISC */
/* The calls of mirage/config.h that make neither devices nor jobs: on the
 * environment, and on packages, libraries and a sandbox for the image. */
#include "letters.h"
#include "place.h"
#include "report.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#undef env_flag
#undef package
#undef library

const char *env(const char *name, const char *otherwise)
{
    const char *value = getenv(name);

    if (value)
        report("env", name, value, NULL);
    else
        report("env", name, NULL);
    return value ? value : otherwise;
}

bool is(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

bool env_flag(const char *name)
{
    struct config_place at = place_of_call();
    static const char *const off[] = {"", "0", "no", "off", "false"};
    static const char *const on[] = {"1", "yes", "on", "true"};
    const char *value = env(name, "");

    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        if (strcmp(value, off[i]) == 0)
            return false;
    for (size_t i = 0; i < sizeof on / sizeof *on; i++)
        if (strcmp(value, on[i]) == 0)
            return true;
    config_fail(at, "%s=%s: expected yes or no (also on, off, true, false, 1, "
                    "0; empty or unset is no)",
                name, value);
}

/* The name of a package or a library becomes a word of a shell command. */
static void need(const char *word, const char *name)
{
    struct config_place at = place_of_call();
    char place[512];

    if (!name || !*name ||
        name[strspn(name, LETTERS DIGITS "+-._:")])
        config_fail(at, "%s(\"%s\"): not a name of one", word,
                    name ? name : "");
    snprintf(place, sizeof place, "%s:%d", at.file, at.line);
    report(word, name, place, NULL);
}

void package(const char *name)
{
    need("package", name);
}

void library(const char *name)
{
    need("library", name);
}

void sandbox(void)
{
    if (target() != UNIX)
        return;
    report("sandbox", NULL);
    report("library", "libseccomp", NULL);
}
