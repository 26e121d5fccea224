/* SPDX-License-Identifier: ISC */
/*
 * mirage link: runs the linker, and reports undefined symbols by what refers to
 * them. GNU ld names the object and function in one line, and the place in the
 * following ones:
 *
 *     ld: libx.a(y.o): in function `f':
 *     y.c:(.text+0x5): undefined reference to `socket'
 *
 * Lines in another form are printed as they are.
 */
#define _GNU_SOURCE
#include "commands.h"
#include "process.h"
#include "say.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The undefined symbols that a line of a source, or a member of an archive,
 * refers to. */
struct want {
    char *place;
    bool is_archive;
    char **symbol;
    size_t count;
};

struct report {
    const struct words *link;
    char *in; /* the object of the last "in function" line */
    struct want *want;
    size_t count;
    bool has_said;
};

/* The text before the last occurrence of `at`, or NULL. */
static char *before_last(const char *text, const char *at)
{
    const char *end = NULL;

    for (const char *p = text; (p = strstr(p, at)) != NULL; p++)
        end = p;
    return end ? text_of("%.*s", (int)(end - text), text) : NULL;
}

/* The line without the linker's name at its start. */
static const char *skip_linker(const char *line)
{
    const char *colon = strstr(line, ": ");

    return colon && colon - line >= 2 && memcmp(colon - 2, "ld", 2) == 0
               ? colon + 2
               : line;
}

/* "libx.a (y.o)" of a path such as /usr/lib/libx.a(y.o), or NULL. */
static char *archive_place(const char *object)
{
    const char *paren = strstr(object, ".a("), *end, *name;

    if (!paren || !(end = strchr(paren, ')')))
        return NULL;
    for (name = paren; name > object && name[-1] != '/'; name--)
        ;
    return text_of("%.*s (%.*s)", (int)(paren + 2 - name), name,
                   (int)(end - paren - 3), paren + 3);
}

static struct want *find_want(struct report *r, const char *place)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->want[i].place, place) == 0)
            return &r->want[i];
    r->want = realloc(r->want, (r->count + 1) * sizeof *r->want);
    if (!r->want)
        die(FAILED, "out of memory");
    r->want[r->count] = (struct want){.place = text_of("%s", place)};
    return &r->want[r->count++];
}

static void add_symbol(struct want *w, const char *symbol)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->symbol[i], symbol) == 0)
            return;
    w->symbol = realloc(w->symbol, (w->count + 1) * sizeof *w->symbol);
    if (!w->symbol)
        die(FAILED, "out of memory");
    w->symbol[w->count++] = text_of("%s", symbol);
}

/* Adds a reference. place: as in the line; its object may be in an earlier one.
 */
static void note_want(struct report *r, const char *place, const char *symbol)
{
    char *archive = archive_place(place);
    struct want *w;

    if (!archive && r->in)
        archive = archive_place(r->in);
    while (strncmp(place, "./", 2) == 0)
        place += 2;
    w = find_want(r, archive ? archive : place);
    w->is_archive = archive != NULL;
    add_symbol(w, symbol);
}

static char *shared_library(const struct report *r, const char *name)
{
    struct words ask = {.quiet = true};
    struct outcome o;

    for (size_t i = 0; i < r->link->count; i++) {
        const char *word = r->link->word[i];
        char *file = text_of("%s/lib%s.so", word + 2, name);

        if (strncmp(word, "-L", 2) == 0 && access(file, R_OK) == 0)
            return file;
    }
    add_word(&ask, r->link->word[0]);
    add_word(&ask, text_of("-print-file-name=lib%s.so", name));
    o = run(&ask, STDOUT_FILENO, 0);
    o.text[strcspn(o.text, "\n")] = '\0';
    return strchr(o.text, '/') ? realpath(o.text, NULL) : NULL;
}

static void say_no_library(struct report *r, const char *name)
{
    char *shared = shared_library(r, name);

    r->has_said = true;
    if (shared)
        say("-l%s: %s is a shared library, and an image takes\n"
            "static ones only: there is no lib%s.a.",
            name, shared, name);
    else
        say("-l%s: there is no lib%s.a where the linker looks.", name, name);
}

/* Takes the section off "y.c:5:(.text+0x5)", which newer versions of GNU ld
 * print although they know the line. */
static void drop_section(char *place)
{
    char *section = strrchr(place, ':'), *digit = section;

    if (!section || section[1] != '(')
        return;
    while (digit > place && digit[-1] >= '0' && digit[-1] <= '9')
        digit--;
    if (digit < section && digit > place && digit[-1] == ':')
        *section = '\0';
}

/* Parses a line of the linker's output. false: it has another form. */
static bool parse_line(struct report *r, const char *line)
{
    char *place, *symbol;

    line = skip_linker(line);
    if ((place = before_last(line, ": in function `")) != NULL) {
        r->in = place;
        return true;
    }
    if ((place = before_last(line, ": undefined reference to `")) != NULL) {
        symbol = before_last(line + strlen(place) + 26, "'");
        if (strstr(place, ".o:(") || strstr(place, ".o):("))
            r->in = NULL; /* the line names its own object */
        drop_section(place);
        if (symbol)
            note_want(r, place, symbol);
        return symbol != NULL;
    }
    if (sscanf(line, "cannot find -l%m[^: ]", &symbol) == 1) {
        say_no_library(r, symbol);
        return true;
    }
    return strstr(line, ": more undefined references to ") ||
           strncmp(line, "have you installed the static version", 37) == 0 ||
           strncmp(line, "collect2: ", 10) == 0;
}

static void say_want(const struct want *w)
{
    const char *verb = w->count > 1 ? "are" : "is";

    fprintf(stderr, w->is_archive ? "%s wants " : "%s: error: ", w->place);
    for (size_t i = 0; i < w->count; i++)
        fprintf(stderr, "%s%s", i == 0 ? "" : i + 1 == w->count ? " and "
                                                                : ", ",
                w->symbol[i]);
    if (w->is_archive)
        fputs(", which no image has\n", stderr);
    else
        fprintf(stderr, " %s defined nowhere\n", verb);
}

static void explain(const struct words *link, char *text)
{
    struct report r = {.link = link};
    char *line;

    while ((line = strsep(&text, "\n")) != NULL)
        if (*line && !parse_line(&r, line)) {
            fprintf(stderr, "%s\n", line);
            r.has_said = true;
        }
    for (size_t i = 0; i < r.count; i++)
        say_want(&r.want[i]);
    if (r.count)
        say("an image has newlib, what mirage.h declares, and its own static "
            "libraries;\nthere is no host below it.");
    else if (!r.has_said)
        say("%s failed without a word", link->word[0]);
}

int command_link(int count, char **words)
{
    struct words w = {.in_english = true};
    struct outcome o;

    if (count < 2 || strcmp(words[0], "--") != 0)
        die(MISUSED, "`mirage link` wants a command:  mirage link -- cc ...");
    for (int i = 1; i < count; i++)
        add_word(&w, words[i]);
    o = run(&w, STDERR_FILENO, 0);
    if (o.status == 0)
        fputs(o.text, stderr);
    else
        explain(&w, o.text);
    return o.status;
}
