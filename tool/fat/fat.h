/* SPDX-License-Identifier: ISC */
/* fat: what the commands of the tool `fat` share. */
#ifndef TOOL_FAT_FAT_H
#define TOOL_FAT_FAT_H

#include <mirage/block.h>
#include <mirage/fat.h>
#include <stdarg.h>
#include <stdint.h>

#define MOST_WORDS 4096
#define MISUSED    64 /* as sysexits.h has it */

struct options {
    const char *word[MOST_WORDS]; /* the image first */
    size_t words;
    const char *folder, *to; /* --for, --to; NULL: not given */
    uint64_t more;
    nanoseconds date; /* 0: each file's own */
    bool in_place;
    struct fat_options fat;
};

int command_create(const struct options *o);
int command_add(const struct options *o);
int command_list(const struct options *o);
int command_extract(const struct options *o);
int command_check(const struct options *o);

/* Ends the program, with a message, after the call that at_death names. */
void die(const char *fmt, ...)
    __attribute__((noreturn, format(printf, 1, 2)));
void at_death(void (*fn)(void));

/* The same with the exit status for words that make no sense. fmt has one %s,
 * which is what. */
void misused(const char *fmt, const char *what) __attribute__((noreturn));

/* "1440K" in bytes; what is none ends the program. */
uint64_t size_of_text(const char *text);

/* Values of --type, --cluster, --id and --date; the same. */
int type_of_text(const char *text);
uint32_t cluster_of_text(const char *text);
uint32_t number_of_text(const char *text);
nanoseconds date_of_text(const char *text);

/* A text: yours, to free. */
char *text_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A path without empty parts and without ".", so that /www/ is www, and / the
 * empty path, which is the root of an image: yours, to free. */
char *clean_path(const char *path);

/* The same of the host, as messages show it: yours, to free. One that is not
 * there ends the program, as does a file with "/." or a slash behind it. */
char *host_path(const char *path);

/* Changes a line for standard output or standard error, fd, in which names of
 * somebody else's disk or folder may stand: a terminal gets no controls. */
void hide_controls(char *line, int fd);

/* Prints a message to standard error, behind what is on standard output. */
void tell(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));

/* Room for one more behind count elements of size bytes: yours, to free. */
void *room_for(void *array, size_t count, size_t size);

/* The image that is the first word. What is wrong ends the program. */
struct fs *open_image(const char *path, struct block **disk);

/* Tells, now and then and on a terminal, how far copying is. */
void show_progress(unsigned files, uint64_t bytes, bool is_end);

/* Writes what is left, and lets go. */
void close_image(struct fs *fs, struct block *disk);

/*
 * Calls fn for each file and folder below a path of the host, in the order of
 * their names, folders before what is in them. name begins with `as`. A link in
 * a folder is followed if it stays in it; one that does not ends the program.
 */
typedef void host_entry(void *ctx, const char *path, const char *name,
                        bool is_folder, uint64_t size, nanoseconds modified);
void walk_host(const char *path, const char *as, host_entry *fn,
               void *ctx);

#endif
