/* SPDX-License-Identifier: ISC */
/*
 * quote: quotes text for the languages that mirage generates, one function for
 * each. (For lines of values see mirage/line.h.)
 */
#ifndef TOOL_QUOTE_H
#define TOOL_QUOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Write a string literal of C, with its quotes. put_c_byte writes one byte of
 * such a literal, and returns the number of columns that it takes. */
void put_c_string(FILE *out, const char *text, size_t len);
void put_c_text(FILE *out, const char *text);
int put_c_byte(FILE *out, unsigned char c);

/* Write a string of JSON, or a label of Graphviz, with its quotes. */
void put_json_string(FILE *out, const char *text);
void put_dot_string(FILE *out, const char *text);

/* Whether it is UTF-8. Overlong forms of three and four bytes are not
 * detected. */
bool is_utf8(const char *text);

/* Writes the text of an attribute in XML, and in one line of a template: an @
 * is written as a character reference. */
void put_xml_text(FILE *out, const char *text);

/*
 * A string of xl's configuration files, with its quotes. Only the escapes \",
 * \\ and \n are used: xl (4.17) misreads octal and hexadecimal ones.
 */
char *xl_string(const char *text);

/* Words as a command line that an image splits into the same words. */
char *boot_line(int count, char **words);

/* A text as one word of a shell, in quotes if it needs them. */
const char *shell_word(const char *text);

#endif
