/* SPDX-License-Identifier: ISC */
/* graph: the devices and jobs that config.c has made so far. */
#ifndef CONFIG_GRAPH_H
#define CONFIG_GRAPH_H

#include <mirage/config.h>
#include <stdbool.h>
#include <stddef.h>

#define MOST_ARGUMENTS 16

/* An argument of a constructor or a job: a text, or (text is NULL) a device. */
struct argument {
    const char *text;
    struct node *device;
};

struct node {
    const char *what; /* a device's constructor, or a job's function */
    struct config_place at;
    const struct constructor *made_by; /* NULL: it is a job */
    const char *driver; /* of a device, on the target */
    bool takes_maker; /* DRIVER_connect_with takes what makes its file */
    struct argument arguments[MOST_ARGUMENTS];
    size_t argument_count;
    const char *stop; /* of a job: the function that asks it to end, or NULL */
    struct node *with; /* the next job that runs beside this one, or NULL */
    struct node *next;
    int number; /* from 0, in the order of making */
    bool is_used; /* by a job that the image runs */
};

/* Adds a node without arguments. Copies the text `what`. */
struct node *graph_add(struct config_place at, const char *what);

/* Add an argument; graph_text copies it. A device of NULL, or more than
 * MOST_ARGUMENTS, end configuration with a message. */
void graph_text(struct node *n, const char *text);
void graph_device(struct node *n, struct node *device);

/* The first node in the order of making, or NULL. */
const struct node *graph_first(void);

#endif
