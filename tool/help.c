/* SPDX-License-Identifier: ISC */
/* mirage help: prints the usage of a command, or the header that is the
 * contract of a device type or service. */
#define _GNU_SOURCE
#include "commands.h"
#include "facts.h"
#include "root.h"
#include "say.h"
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Opens include/NAME.h. */
static FILE *open_include(const char *name)
{
    char *path = text_of("%s/include/%s.h", root(), name);
    FILE *in = fopen(path, "r");

    if (!in)
        die(FAILED, "%s: %s: this mirage is not installed whole", path,
            strerror(errno));
    return in;
}

static FILE *open_header(const char *name)
{
    return open_include(text_of("mirage/%s", name));
}

/* The headers that applications and config.c are written with: those that
 * mirage.h includes, and config. */
static struct list all_headers(void)
{
    FILE *in = open_include("mirage");
    struct list headers = {{0}, 0};
    char *line = NULL, *header;
    size_t size = 0;

    while (getline(&line, &size, in) > 0)
        if (sscanf(line, "#include <mirage/%m[^.>]", &header) == 1)
            add_item(&headers, header);
    free(line);
    fclose(in);
    add_item(&headers, "config");
    return headers;
}

static void print_header(const char *name)
{
    FILE *in = open_header(name);
    int c;

    while ((c = getc(in)) != EOF)
        putchar(c);
    fclose(in);
}

/* Prints the summary in a header's first comment, "name: summary". */
static void print_summary(const char *name)
{
    FILE *in = open_header(name);
    char *line = NULL, *at;
    char *start = text_of("%s: ", name);
    size_t size = 0;

    while (getline(&line, &size, in) > 0)
        if ((at = strstr(line, start)) != NULL) {
            at += strlen(start);
            for (size_t n = strlen(at); n && strchr(" */\n", at[n - 1]); n--)
                at[n - 1] = '\0';
            printf("  %-10s %s\n", name, at);
            break;
        }
    free(line);
    fclose(in);
}

static void print_topics(const struct list *headers)
{
    puts("Commands:");
    for (const struct command *c = commands; c->name; c++)
        if (!c->is_hidden)
            printf("  %-10s %s\n", c->name, c->summary);
    puts("\nDevice types and other contracts, of which the header is "
         "printed:");
    for (size_t i = 0; i < headers->count; i++)
        print_summary(headers->item[i]);
}

/* Does the header have that word, followed by a parenthesis? */
static bool mentions(const char *header, const char *word)
{
    FILE *in = open_header(header);
    char *line = NULL, *at;
    char *call = text_of("%s(", word);
    size_t size = 0;
    bool is_there = false;

    while (!is_there && getline(&line, &size, in) > 0) {
        at = strstr(line, call);
        is_there = at && (at == line || !isalnum((unsigned char)at[-1])) &&
                   (at == line || at[-1] != '_');
    }
    free(line);
    free(call);
    fclose(in);
    return is_there;
}

/* The header that declares a function or macro: of several, the one whose name
 * the word begins with. NULL: none does. */
static const char *header_of(const struct list *headers, const char *word)
{
    const char *found = NULL;

    for (size_t i = 0; i < headers->count; i++) {
        const char *h = headers->item[i];

        if (mentions(h, word) &&
            (!found || strncmp(word, h, strlen(h)) == 0))
            found = h;
    }
    return found;
}

int command_help(int count, char **words)
{
    struct list topics = all_headers();
    const struct command *c;
    const char *where;

    if (count > 1)
        die(MISUSED, "one topic at a time");
    if (count == 0 || strcmp(words[0], "topics") == 0) {
        print_topics(&topics);
        return 0;
    }
    c = find_command(words[0]);
    if (c && !c->is_hidden) {
        print_usage(c);
        return 0;
    }
    for (size_t i = 0; i < topics.count; i++)
        if (strcmp(topics.item[i], words[0]) == 0) {
            print_header(words[0]);
            return 0;
        }
    if ((where = header_of(&topics, words[0])) != NULL)
        die(MISUSED, "%s is in `mirage help %s`", words[0], where);
    for (c = commands; c->name; c++)
        if (!c->is_hidden)
            add_item(&topics, c->name);
    die_unknown("topic", words[0], topics.item);
}
