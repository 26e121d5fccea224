/* SPDX-License-Identifier: ISC */
/* mirage help: the commands, and the headers, which are the contracts. */
#define _GNU_SOURCE
#include "commands.h"
#include "root.h"
#include "say.h"
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What applications, and config.c, are written with. */
static const char *const headers[] = {
    "console", "block", "fs", "fat", "kv_ro", "network", "ethernet", "ipv4",
    "udpv4", "tcpv4", "stackv4", "dns", "flow", "address", "status", "time",
    "random", "text", "log", "panic", "boot", "fiber", "buf", "config", NULL};

static FILE *open_header(const char *name)
{
    char *path = text_of("%s/include/mirage/%s.h", root(), name);
    FILE *in = fopen(path, "r");

    if (!in)
        die(FAILED, "%s: %s: this mirage is not installed whole", path,
            strerror(errno));
    return in;
}

static void print_header(const char *name)
{
    FILE *in = open_header(name);
    int c;

    while ((c = getc(in)) != EOF)
        putchar(c);
    fclose(in);
}

/* The first line of a header's comment, "name: what it is about". */
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

static void print_topics(void)
{
    puts("Commands:");
    for (const struct command *c = commands; c->name; c++)
        if (!c->is_hidden)
            printf("  %-10s %s\n", c->name, c->summary);
    puts("\nDevice types and other contracts, of which the header is "
         "printed:");
    for (const char *const *h = headers; *h; h++)
        print_summary(*h);
}

/* Does the header have that word, followed by what makes it a call? */
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

/* The header that has a function or macro: that of its first word, if it is
 * there; NULL: none has it. */
static const char *header_of(const char *word)
{
    const char *found = NULL;

    for (const char *const *h = headers; *h; h++)
        if (mentions(*h, word) &&
            (!found || strncmp(word, *h, strlen(*h)) == 0))
            found = *h;
    return found;
}

int command_help(int count, char **words)
{
    const char *where;
    const struct command *c;
    const char *all[64];
    size_t n = 0;

    if (count > 1)
        die(MISUSED, "one topic at a time");
    if (count == 0 || strcmp(words[0], "topics") == 0) {
        print_topics();
        return 0;
    }
    c = find_command(words[0]);
    if (c && !c->is_hidden) {
        print_usage(c);
        return 0;
    }
    for (const char *const *h = headers; *h; h++) {
        all[n++] = *h;
        if (strcmp(*h, words[0]) == 0) {
            print_header(*h);
            return 0;
        }
    }
    if ((where = header_of(words[0])) != NULL)
        die(MISUSED, "%s is in `mirage help %s`", words[0], where);
    for (c = commands; c->name; c++)
        if (!c->is_hidden)
            all[n++] = c->name;
    all[n] = NULL;
    die_unknown("topic", words[0], all);
}
