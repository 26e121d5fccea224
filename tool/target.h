/* SPDX-License-Identifier: ISC */
/* target: the table of targets, one struct each. */
#ifndef TOOL_TARGET_H
#define TOOL_TARGET_H

#include "facts.h"
#include <stdbool.h>

/* A file that `mirage configure` writes beside the Makefile. */
struct target_file {
    const char *suffix; /* its name is the image's with this */
    const char *part; /* of share/mirage/make, that it is made of */
    bool is_template; /* its placeholders are left to be filled in later */
};

/* What `mirage run` runs an image with. */
enum machine {
    NO_MACHINE, /* it is a process */
    QEMU, /* by its script */
    XEN_DOMAIN, /* xl */
};

struct image_target {
    const char *name;
    /* A virtual machine's image: its name ends with the target's, and it needs
     * the libraries that `make images` builds. */
    bool is_bare;
    enum machine machine;
    const char *part; /* of its own in the Makefile */
    struct target_file files[4]; /* ends with a suffix of NULL */
    /* What one more goal of the Makefile makes: its comment, and the suffix of
     * the file. NULL: there is none. */
    const char *goal, *goal_suffix;
    /* The name by which the image knows a disk or network of its machine; NULL:
     * as config.c names it. */
    char *(*name_of)(const struct facts *f, const struct node *device);
    /* The names that the driver of a device takes as a list, after its own.
     * NULL, or an empty list: it takes none. */
    struct list (*names_of)(const struct facts *f,
                            const struct node *device);
    const char *refusal; /* why this system cannot build for it, or NULL */
};

/* In the order of enum target in mirage/config.h. Ends with a name of NULL. */
extern const struct image_target targets[];

/* The target of that name; NULL: there is none. */
const struct image_target *find_target(const char *name);

/* The same, of a name that check_target has accepted. An unknown name, as in
 * a record that was edited, is taken for unix. */
const struct image_target *target_of(const char *name);

/* Ends the program with a message unless this system can build for a target of
 * that name. */
void check_target(const char *name);

/* Ends the program with a message unless the target's libraries are built. To
 * be called after get_facts: a device that the target lacks is the more useful
 * message. */
void check_libraries(const char *name);

/* The file that make builds: mir-IMAGE, or mir-IMAGE.TARGET. */
char *program_name(const char *image, const char *target);

/* All files that make may build for it. */
struct list built_files(const char *image, const char *target);

#endif
