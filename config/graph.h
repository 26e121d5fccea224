/* SPDX-License-Identifier: ISC */
/*
 * graph: what config.c has said so far.
 */
#ifndef CONFIG_GRAPH_H
#define CONFIG_GRAPH_H

#include <mirage/config.h>
#include <stdbool.h>
#include <stddef.h>

#define MOST_ARGUMENTS 16

/* What a constructor was given: a text, or a device (then text is NULL). */
struct argument {
    const char *text;
    struct node *device;
};

struct node {
    const char *what; /* a device's constructor, or a job's function */
    struct config_place at;
    const char *type; /* of a device; NULL: it is a job */
    const char *driver; /* for the target */
    struct argument arguments[MOST_ARGUMENTS];
    size_t argument_count;
    const char *stop; /* a job's function that asks it to end */
    struct node *with; /* the job that runs beside it, or NULL */
    struct node *next;
    int number; /* in the order of making */
    bool is_used; /* by a job that the image runs */
};

/* A device, checked against the table of devices; or a job, if type is NULL. */
struct node *graph_add(struct config_place at, const char *what,
                       const char *type, const char *driver);
void graph_text(struct node *n, const char *text);
void graph_device(struct node *n, struct node *device);

/* The nodes in the order of their making. */
const struct node *graph_first(void);

#endif
