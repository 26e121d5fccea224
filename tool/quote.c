/* SPDX-License-Identifier: ISC */
/* Quotes text for each language that mirage generates. */
#define _GNU_SOURCE
#include "quote.h"
#include "say.h"
#include <string.h>

int put_c_byte(FILE *out, unsigned char c)
{
    if (c == '\n')
        return fputs("\\n", out), 2;
    if (c == '\t')
        return fputs("\\t", out), 2;
    if (c == '"' || c == '\\' || c == '?')
        return fprintf(out, "\\%c", c);
    if (c >= ' ' && c <= '~')
        return fputc(c, out), 1;
    return fprintf(out, "\\%03o", c);
}

void put_c_string(FILE *out, const char *text, size_t len)
{
    fputc('"', out);
    for (size_t i = 0; i < len; i++)
        put_c_byte(out, (unsigned char)text[i]);
    fputc('"', out);
}

void put_c_text(FILE *out, const char *text)
{
    put_c_string(out, text, strlen(text));
}

void put_json_string(FILE *out, const char *text)
{
    putc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < 0x20)
            fprintf(out, "\\u%04x", *c);
        else
            putc(*c, out);
    putc('"', out);
}

/* Labels of Graphviz have the escapes \\, \" and \n, and HTML's entities. */
void put_dot_string(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if (*text == '\n')
            fputs("\\n", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else
            putc(*text, out);
    putc('"', out);
}

bool is_utf8(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;

    while (*c) {
        int more = *c < 0x80                  ? 0
                   : *c >= 0xc2 && *c <= 0xdf ? 1
                   : *c >= 0xe0 && *c <= 0xef ? 2
                   : *c >= 0xf0 && *c <= 0xf4 ? 3
                                              : -1;

        if (more < 0)
            return false;
        for (c++; more > 0; more--)
            if ((*c++ & 0xc0) != 0x80)
                return false;
    }
    return true;
}

void put_xml_text(FILE *out, const char *text)
{
    for (; *text; text++)
        if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '<')
            fputs("&lt;", out);
        else if (strchr("'\"@", *text))
            fprintf(out, "&#%d;", *text);
        else
            fputc(*text, out);
}

char *xl_string(const char *text)
{
    char *string = get_memory(2 * strlen(text) + 3), *to = string;

    *to++ = '"';
    for (; *text; text++) {
        if (strchr("\\\"\n", *text))
            *to++ = '\\';
        *to++ = *text == '\n' ? 'n' : *text;
    }
    *to++ = '"';
    return string;
}

char *boot_line(int count, char **words)
{
    size_t size = 1;
    char *text, *to;

    for (int i = 0; i < count; i++)
        size += 2 * strlen(words[i]) + 3;
    text = to = get_memory(size);
    for (int i = 0; i < count; i++) {
        to += sprintf(to, "%s\"", i ? " " : "");
        for (const char *c = words[i]; *c; c++) {
            if (*c == '"' || *c == '\\')
                *to++ = '\\';
            *to++ = *c;
        }
        *to++ = '"';
    }
    return text;
}

const char *shell_word(const char *text)
{
    const char *word = "", *quote;

    if (*text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyz"
                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "_-+=.,:/@%")])
        return text;
    for (; (quote = strchr(text, '\'')) != NULL; text = quote + 1)
        word = text_of("%s%.*s'\\''", word, (int)(quote - text), text);
    return text_of("'%s%s'", word, text);
}
