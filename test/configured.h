/* SPDX-License-Identifier: ISC */
/* configured: runs a configure() as the program of a config.c does. */
#ifndef TEST_CONFIGURED_H
#define TEST_CONFIGURED_H

#include "host.h"
#include <mirage/config.h>
#include <stdlib.h>
#include <string.h>

/* The main() of config/main.c. */
int config_main(int argc, char **argv);

static void (*configuration)(void);

/* The line of the next calls in config.c. */
static int line = 5;

#undef MIRAGE_HERE
#define MIRAGE_HERE ((struct config_place){"config.c", line})

void configure(void)
{
    configuration();
}

/* For the target of that name; the report is what it prints. */
static inline struct ended configured(const char *target, void (*fn)(void))
{
    char *argv[] = {(char[]){"config"}, (char[]){"1"}, (char[16]){""},
                    (char[]){"config.c"}, (char[]){"unix"},
                    (char[]){"macosx"}, (char[]){"xen"},
                    (char[]){"virtio"}, (char[]){"sim"}, NULL};

    configuration = fn;
    strncpy(argv[2], target, 15);
    return ENDED(exit(config_main(9, argv)));
}

/* The message of one that failed: "LINE: TEXT", after the name of config.c. */
static inline const char *mistake(const char *target, void (*fn)(void))
{
    struct ended e = configured(target, fn);
    const char *colon = strchr(e.err, ':');

    if (e.status != 1 || strcmp(e.out, "failed\n") != 0 || !colon)
        return "it did not fail";
    e.err[strlen(e.err) - 1] = '\0'; /* the newline */
    return colon + 1;
}

#endif
