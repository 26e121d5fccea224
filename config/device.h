/* SPDX-License-Identifier: ISC */
/*
 * device: the device types, their constructors, and what makes each of them
 * on a target. A type has one file, TYPE.c, with all of its facts.
 */
#ifndef CONFIG_DEVICE_H
#define CONFIG_DEVICE_H

#include "graph.h"
#include "target.h"

/* A type of devices: config.c's type of that name, the image's struct. */
struct device_type {
    const char *name;
    /* What main.c calls for each device when the jobs have ended: first flush,
     * whose status decides the image's exit status; then finish, which returns
     * nothing. NULL: no such call. */
    const char *flush, *finish;
};

/* How main.c passes the folder that is a constructor's first argument. */
enum folder {
    NO_FOLDER, /* there is none, or by its name */
    CRUNCHED, /* as C data that is made of it (mirage crunch) */
    AS_IMAGE, /* not at all: a disk is made of it (mirage image) */
};

struct constructor {
    const char *name; /* as in config.c */
    const struct device_type *type;
    /* The driver by target: main.c calls DRIVER_connect(ARGUMENTS, &device).
     * NULL: the target cannot have such a device. */
    const char *on[TARGETS];
    /* For a target without a driver: why not, as in "reads the host's files",
     * and what to use there. Both may be NULL. */
    const char *nature;
    const struct constructor *instead;
    bool same_arguments; /* as instead takes them */
    bool is_value; /* config.c writes it without parentheses */
    bool takes_list; /* the last parameter is any number of texts */
    enum folder folder;
};

/* Designates all targets: .on = {[EVERY_TARGET] = "fat"} */
#define EVERY_TARGET 0 ... TARGETS - 1

/* Defines a constructor: CONSTRUCTOR(of_fs) = {...}; and enters it into the
 * list of all, by a section of its own in the program. */
#define CONSTRUCTOR(c)                                       \
    static const struct constructor c;                       \
    static const struct constructor *const c##_listed        \
        __attribute__((used, section("constructors"))) = &c; \
    static const struct constructor c

/* Several constructors, in the order in which messages name them. */
struct constructors {
    const struct constructor *const *first, *const *end;
};

/* All that this program has. */
struct constructors device_constructors(void);

/*
 * Returns the driver of c on target t, or ends configuration with a message
 * that names alternatives among all. call: the constructor as config.c wrote
 * it, with its arguments.
 */
const char *device_driver(const struct constructor *c,
                          struct constructors all, struct config_place at,
                          const char *call, enum target t);

/* Makes a device for the target, or ends configuration as device_driver does.
 * It has no arguments yet. */
struct node *device_at(struct config_place at, const struct constructor *c,
                       const char *call);

/* The same for the call being answered, with one text as the argument. */
struct node *device_of_text(const struct constructor *c, const char *text);

/* The same with another device as the argument. */
struct node *device_of_device(const struct constructor *c, struct node *other);

/* The same for a constructor that is a value: the device, which has that name
 * on the target, is made once and kept in *n. */
struct node *device_once(struct node **n, const struct constructor *c,
                         const char *name);

#endif
