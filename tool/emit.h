/* SPDX-License-Identifier: ISC */
/* emit: the texts of the generated files. */
#ifndef TOOL_EMIT_H
#define TOOL_EMIT_H

#include "facts.h"

/* A folder that is put into the image has this name, such as static1; i is
 * its place in the list of them. */
char *crunched_name(size_t i);

/* "fat1" of the first file system made of a folder, and so on. */
char *image_name(size_t i);

char *emit_main(const struct facts *f);
char *emit_image_script(const struct facts *f, size_t i);
char *emit_makefile(const struct facts *f);

/* A part of which one file is made that runs the image in a virtual machine. */
char *emit_guest_file(const struct facts *f, const char *part);
/* The same with its placeholders left for others to fill in, below a head that
 * explains them. */
char *emit_guest_template(const struct facts *f, const char *part);

char *emit_compile_flags(const struct facts *f);

/* What each source of a job is compiled with: its entry's prototype, at the
 * line of config.c that declares it. */
char *emit_entry(const struct facts *f);

/* "void start(struct console *);" */
char *prototype(const struct thing *job);

/* A name for C that is the device's own, such as console_0. */
char *device_name(const struct thing *device);

/* How config.c wrote a device, such as crunch("t"). */
char *device_call(const struct thing *device);

#endif
