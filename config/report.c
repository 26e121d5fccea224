/* SPDX-License-Identifier: ISC */
/*
 * The report to mirage: it is collected, and written at the end to the file
 * descriptor that mirage names in the first argument. Standard output remains
 * free for config.c.
 */
#include "report.h"
#include <mirage/line.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *facts;
static size_t size;
static FILE *out;
static int descriptor = -1;
static pid_t reporter; /* config.c may fork: a child reports nothing */

void report_open(const char *fd)
{
    descriptor = atoi(fd);
    fcntl(descriptor, F_SETFD, FD_CLOEXEC); /* config.c may run programs */
    reporter = getpid();
    out = open_memstream(&facts, &size);
    if (!out) {
        perror("config");
        exit(1);
    }
}

void report(const char *word, ...)
{
    va_list values;
    const char *value;

    fputs(word, out);
    va_start(values, word);
    while ((value = va_arg(values, const char *)) != NULL) {
        fputc('\t', out);
        line_put(out, value);
    }
    va_end(values);
    fputc('\n', out);
}

const char *report_number(long number)
{
    static char texts[16][24];
    static unsigned next;
    char *text = texts[next++ % 16];

    snprintf(text, sizeof texts[0], "%ld", number);
    return text;
}

void report_send(const char *text, size_t len)
{
    while (len > 0 && getpid() == reporter) {
        ssize_t n = write(descriptor, text, len);

        if (n <= 0)
            _exit(1);
        text += n;
        len -= (size_t)n;
    }
}

void report_done(void)
{
    report("done", NULL);
    fflush(out);
    report_send(facts, size);
}

void report_failure(void)
{
    static const char failed[] = "failed\n";

    fflush(NULL);
    report_send(failed, sizeof failed - 1);
    _exit(1);
}
