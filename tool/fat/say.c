/* SPDX-License-Identifier: ISC */
/* Messages, texts and memory; and the ways to end the program early. */
#define _GNU_SOURCE
#include "fat.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void (*last_call)(void); /* see at_death */

char *text_of(const char *fmt, ...)
{
    va_list args;
    char *text;
    int len;

    va_start(args, fmt);
    len = vasprintf(&text, fmt, args);
    va_end(args);
    if (len < 0)
        die("out of memory");
    return text;
}

void hide_controls(char *line, int fd)
{
    static bool is_known[3], is_terminal[3];
    uint8_t *to = (uint8_t *)line;

    if (!is_known[fd])
        is_terminal[fd] = isatty(fd);
    is_known[fd] = true;
    for (; is_terminal[fd] && *to; to++)
        if (*to < 0x20 || *to == 0x7f)
            *to = '?';
        else if (to[0] == 0xc2 && to[1] < 0xa0) /* U+0080 to U+009f */
            to[0] = to[1] = '?';
}

void *room_for(void *array, size_t count, size_t size)
{
    size_t room = count ? 2 * count : 1;

    /* The array is full at each power of two. */
    if ((count & (count - 1)) == 0)
        array = room > SIZE_MAX / size ? NULL : realloc(array, room * size);
    if (!array)
        die("out of memory");
    return array;
}

void at_death(void (*fn)(void))
{
    last_call = fn;
}

void print_message(const char *fmt, va_list args)
{
    char *line;

    fflush(stdout);
    if (vasprintf(&line, fmt, args) < 0) {
        fputs("fat: out of memory\n", stderr);
        return;
    }
    hide_controls(line, STDERR_FILENO);
    fprintf(stderr, "fat: %s\n", line);
    free(line);
}

void die(const char *fmt, ...)
{
    void (*fn)(void) = last_call;
    va_list args;

    last_call = NULL;
    if (fn)
        fn();
    va_start(args, fmt);
    print_message(fmt, args);
    va_end(args);
    exit(1);
}

void misused(const char *fmt, const char *what)
{
    if (last_call)
        last_call();
    fputs("fat: ", stderr);
    fprintf(stderr, fmt, what);
    fputs("\n`fat --help` tells what there is.\n", stderr);
    exit(MISUSED);
}
