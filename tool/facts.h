/* SPDX-License-Identifier: ISC */
/*
 * facts: what config.c reports for a target: image, jobs, devices, needs.
 */
#ifndef TOOL_FACTS_H
#define TOOL_FACTS_H

#include "list.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct argument {
    const char *text; /* NULL: it is a device */
    struct node *device;
};

/* A device, or (type is NULL) a job. The facts are those of config/device.h. */
struct node {
    int number;
    const char *type, *what, *driver;
    int line;
    const char *file; /* of a job: where its line is, config.c or a header */
    const char *stop; /* of a job: the function that asks it to end, or NULL */
    struct argument argument[16];
    size_t argument_count;
    bool is_value; /* config.c writes it without parentheses */
    bool takes_list; /* the texts at its end are one parameter, a list */
    bool is_crunched; /* argument 0 is a folder that is put into the image */
    bool makes_image; /* argument 0 is a folder of which argument 1, a disk, is
                         made at configuration time */
    bool takes_maker; /* a disk: DRIVER_connect_with takes what makes it */
    const char *flush, *finish; /* called at the end of the image, or NULL */
    bool is_used; /* by a job that the image runs */
};

struct variable {
    const char *name, *value; /* value is NULL: the variable was unset */
};

/* Packages and libraries, and the place where config.c names each, such as
 * "config.c:7", or "". */
struct needs {
    struct list packages, libraries;
    const char *package_places[MOST], *library_places[MOST];
};

struct facts {
    const char *file; /* the name of config.c, in the present folder */
    const char *target;
    const char *image;
    struct node node[MOST];
    size_t node_count;
    struct node *job[MOST]; /* that the image runs, in order */
    size_t job_count;
    struct variable variable[MOST];
    size_t variable_count;
    struct needs needs;
    struct list sources, includes;
    bool has_sandbox; /* config.c says sandbox() */
    struct list crunched; /* folders that are compiled into the image */
    uint64_t crunched_size;
    struct list images; /* folders that are copied into FAT images */
    char *dependencies; /* of config.c, as a rule of make */
};

/*
 * Compiles and runs the configuration `file` of the present folder, with the
 * environment of this process. Ends the program with a message for a mistake in
 * it.
 */
struct facts *get_facts(const char *file, const char *target);

/* The path of a temporary folder, which is removed when the program ends. */
const char *scratch(void);

/*
 * The time that files in images get, from the environment: seconds since 1970
 * in decimal, or NULL if it is unset. Ends the program with a message for
 * another text. It is recorded, so that make sees what configure has seen.
 */
#define SOURCE_DATE "SOURCE_DATE_EPOCH"
const char *source_date(void);

#endif
