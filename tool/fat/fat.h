/* SPDX-License-Identifier: ISC */
/*
 * fat: what the commands of the tool `fat` share. A text, path or array that is
 * returned is the caller's to free, unless said otherwise.
 */
#ifndef TOOL_FAT_FAT_H
#define TOOL_FAT_FAT_H

#include <mirage/block.h>
#include <mirage/fat.h>
#include <stdarg.h>
#include <stdint.h>

#define MOST_WORDS 4096
#define MISUSED    64 /* as sysexits.h has it */

struct options {
    const char
        *word[MOST_WORDS]; /* without the command; the image is the first */
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

/* Prints a message and ends the program with status 1, after a call of the
 * function that was given to at_death; NULL: of none. */
void die(const char *fmt, ...)
    __attribute__((noreturn, format(printf, 1, 2)));
void at_death(void (*fn)(void));

/* The same for a command line that is wrong: exit status MISUSED. `what` is the
 * value of the one %s in fmt. */
void misused(const char *fmt, const char *what) __attribute__((noreturn));

/* Parses a size such as 1440K, in bytes. Any other text ends the program. */
uint64_t size_of_text(const char *text);

/* Parse the values of --type, --cluster, --id and --date likewise. */
int type_of_text(const char *text);
uint32_t cluster_of_text(const char *text);
uint32_t number_of_text(const char *text);
nanoseconds date_of_text(const char *text);

/* Formats a text. */
char *text_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Removes empty parts and "." from a path in an image: /www/ is www, and / is
 * the empty path of the root. */
char *clean_path(const char *path);

/* Does the same to a path of the host. It ends the program if nothing has this
 * path, or if "/." or a slash follows a file's. */
char *host_path(const char *path);

/* Replaces control characters in a line that is to be printed to fd (standard
 * output or standard error), if that is a terminal: names on a disk are of
 * whoever made it. */
void hide_controls(char *line, int fd);

/* Prints a message to standard error, after flushing standard output. */
void print_message(const char *fmt, va_list args)
    __attribute__((format(printf, 1, 0)));

/* Makes room in an array for one more than count elements of size bytes, and
 * returns it in the place of `array`. Call it for each element. */
void *room_for(void *array, size_t count, size_t size);

/* Opens an image. Any error ends the program. */
struct fs *open_image(const char *path, struct block **disk);

/* Prints the progress of copying, at times, if standard error is a terminal. */
void show_progress(unsigned files, uint64_t bytes, bool is_end);

/* Flushes and closes an image. */
void close_image(struct fs *fs, struct block *disk);

/*
 * Calls fn for each file and folder below a path of the host, sorted by name,
 * a folder before its contents. `name` is the path in the image, which begins
 * with `as`. A symbolic link is followed if it leads to something in the folder
 * `path`; any other one ends the program.
 */
typedef void host_entry(void *ctx, const char *path, const char *name,
                        bool is_folder, uint64_t size, nanoseconds modified);
void walk_host(const char *path, const char *as, host_entry *fn,
               void *ctx);

#endif
