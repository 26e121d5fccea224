/* SPDX-License-Identifier: ISC */
/*
 * line: values in a line of text, separated by tabs. config.c's report and
 * .mirage/record have this form; \t, \n and \\ in a value are escaped.
 */
#ifndef MIRAGE_LINE_H
#define MIRAGE_LINE_H

#include <stdio.h>

/* Writes the value, escaped. */
static inline void line_put(FILE *out, const char *value)
{
    for (; *value; value++)
        switch (*value) {
        case '\t': fputs("\\t", out); break;
        case '\n': fputs("\\n", out); break;
        case '\\': fputs("\\\\", out); break;
        default: fputc(*value, out);
        }
}

/* Undoes the escapes of a value in its own place, and returns it. */
static inline char *line_value(char *value)
{
    char *to = value;

    for (const char *from = value; *from; from++)
        if (*from == '\\' && from[1]) {
            from++;
            *to++ = *from == 't' ? '\t' : *from == 'n' ? '\n'
                                                       : *from;
        } else {
            *to++ = *from;
        }
    *to = '\0';
    return value;
}

#endif
