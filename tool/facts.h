/* SPDX-License-Identifier: ISC */
/*
 * facts: what a config.c has said, in one folder, for one target.
 */
#ifndef TOOL_FACTS_H
#define TOOL_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOST 256 /* devices, jobs, and each of the lists */

struct list {
    const char *item[MOST];
    size_t count;
};

struct argument {
    const char *text; /* NULL: a device */
    struct thing *device;
};

/* A device, or (type is NULL) a job. */
struct thing {
    int number;
    const char *type, *what, *driver;
    int line;
    const char *file; /* that a job's line is in: config.c, or a header */
    const char *stop; /* a job's; NULL: none */
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
    const char *name, *value; /* NULL: it was unset */
};

/* Packages and libraries, and where config.c names each ("config.c:7", ""). */
struct needs {
    struct list packages, libraries;
    const char *package_places[MOST], *library_places[MOST];
};

struct facts {
    const char *file; /* config.c, in the present folder */
    const char *target;
    const char *image;
    struct thing thing[MOST];
    size_t thing_count;
    struct thing *job[MOST]; /* that the image runs, in order */
    size_t job_count;
    struct variable variable[MOST];
    size_t variable_count;
    struct needs needs;
    struct list sources, includes;
    bool has_sandbox; /* the program may be asked for one */
    struct list crunched; /* folders that are put into the image */
    uint64_t crunched_size;
    struct list images; /* folders of which file systems are made */
    char *dependencies; /* of config.c, as make has them */
};

/*
 * Compiles and runs file in the present folder. Mistakes end the program with
 * their messages. The environment is what config.c will see.
 */
struct facts *get_facts(const char *file, const char *target);

/* Adds an item, once. */
void add_item(struct list *l, const char *item);

/* Adds a name with its place, once. */
void add_need(struct list *names, const char **places, const char *name,
              const char *place);

/* The folder for what is not to stay; removed when the program ends. */
const char *scratch(void);

/*
 * The time of files that are put into images: seconds since 1970 in decimal, or
 * NULL. The record keeps it, so that make has what configure had. What is no
 * number ends the program.
 */
#define SOURCE_DATE "SOURCE_DATE_EPOCH"
const char *source_date(void);

#endif
