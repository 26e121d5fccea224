/* SPDX-License-Identifier: ISC */
/*
 * Facts are collected, and written at the end to a file descriptor that
 * mirage names in our first argument: config.c may print what it likes.
 */
#include "report.h"
#include "target.h"
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
static pid_t speaker; /* a fork of config.c's has nothing to say */

void report_open(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "config: this program is run by `mirage`\n");
        exit(2);
    }
    descriptor = atoi(argv[1]);
    fcntl(descriptor, F_SETFD, FD_CLOEXEC); /* nor a program that it runs */
    speaker = getpid();
    target_set(argv[2]);
    out = open_memstream(&facts, &size);
    if (!out) {
        perror("config");
        exit(1);
    }
}

static void put_escaped(const char *value)
{
    for (; *value; value++)
        switch (*value) {
        case '\t': fputs("\\t", out); break;
        case '\n': fputs("\\n", out); break;
        case '\\': fputs("\\\\", out); break;
        default: fputc(*value, out);
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
        put_escaped(value);
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
    while (len > 0 && getpid() == speaker) {
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
