/* SPDX-License-Identifier: ISC */
/* emit: the texts of the generated files. */
#ifndef TOOL_EMIT_H
#define TOOL_EMIT_H

#include "facts.h"

/* The name in the image of folder i of facts.crunched: "static1", ... */
char *crunched_name(size_t i);

/* The name, without .img, of the FAT image of folder i of facts.images: "fat1",
 * ... */
char *image_name(size_t i);

char *emit_main(const struct facts *f);
char *emit_image_script(const struct facts *f, size_t i);
char *emit_makefile(const struct facts *f);

/* A file that runs the image in a virtual machine, made of one part. */
char *emit_guest_file(const struct facts *f, const char *part);
/* The same as a template for deployment: placeholders stay, below a head that
 * explains them. */
char *emit_guest_template(const struct facts *f, const char *part);

char *emit_compile_flags(const struct facts *f);

/* The header that each source of the image is compiled with: the prototypes of
 * the jobs, each at its line of config.c. */
char *emit_entry(const struct facts *f);

/* A job's prototype: "void start(struct console *);" */
char *prototype(const struct node *job);

/* The variable of a device in main.c, such as console_0. */
char *device_name(const struct node *device);

/* The call that makes a device in config.c, such as crunch("t"). */
char *device_call(const struct node *device);

#endif
