/* SPDX-License-Identifier: ISC */
/*
 * mirage objects: renames global symbols of an application that would replace
 * those of a library.
 *
 * A program has one name space: our library, the C library and shared libraries
 * would call an application's global `write`. So names that the application
 * defines and that C leaves free are renamed in its objects if a library has
 * them too (doc/decisions/0005).
 */
#define _GNU_SOURCE
#include "commands.h"
#include "facts.h"
#include "options.h"
#include "process.h"
#include "say.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "mirage__own__"
#define MAIN   ".mirage/obj/main.o" /* the generated one */

/* A name that our library or the C library defines. */
struct taken {
    char *name;
    bool is_for_main; /* the generated main.c refers to the library's */
    bool is_ours; /* the application defines it */
};

struct names {
    struct taken *name; /* by name */
    size_t count, ours;
    bool has_malloc; /* the application defines it */
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct taken *)a)->name,
                  ((const struct taken *)b)->name);
}

/* Reads one name a line; "NAME main": the generated main.c refers to it. */
static struct names read_names(const char *file)
{
    struct names n = {0};
    FILE *in = fopen(file, "r");
    char *line = NULL;
    size_t size = 0;

    if (!in)
        die(FAILED, "cannot read %s: %s", file, strerror(errno));
    while (getline(&line, &size, in) > 0) {
        char *name = strtok(line, " \n"), *who = strtok(NULL, " \n");

        if (!name)
            continue;
        n.name = realloc(n.name, (n.count + 1) * sizeof *n.name);
        if (!n.name)
            die(FAILED, "out of memory");
        n.name[n.count++] = (struct taken){text_of("%s", name), who, false};
    }
    free(line);
    fclose(in);
    qsort(n.name, n.count, sizeof *n.name, compare);
    return n;
}

static struct taken *find_name(const struct names *n, char *name)
{
    return bsearch(&(struct taken){.name = name}, n->name, n->count,
                   sizeof *n->name, compare);
}

/* Whether a name belongs to malloc: an application replaces all of it or
 * nothing.
 */
static bool is_allocators(const char *name)
{
    static const char *const part[] = {"posix_memalign", "memalign", "valloc",
                                       "pvalloc", "cfree", "reallocarray",
                                       "malloc_usable_size", NULL};

    for (const char *const *p = part; *p; p++)
        if (strcmp(name, *p) == 0)
            return true;
    return false;
}

/* ".mirage/obj/a/b.o" is made of "a/b.c". */
static char *source_of(const char *object)
{
    static const char folder[] = ".mirage/obj/";

    if (strncmp(object, folder, strlen(folder)) == 0)
        object += strlen(folder);
    return text_of("%.*s.c", (int)strlen(object) - 2, object);
}

/* Parses a line of nm -A: "FILE:ADDRESS KIND NAME". */
static void note_symbol(struct names *n, char *line)
{
    char *colon = strrchr(line, ':'), *name = strrchr(line, ' ');
    struct taken *t;

    if (!colon || !name++)
        return;
    *colon = '\0';
    if (strcmp(name, "main") == 0)
        die(FAILED,
            "%s defines main, which is the image's own: it connects the "
            "devices, and\ncalls the jobs that %s names. Give yours another "
            "name.",
            source_of(line), "config.c");
    if (strcmp(name, "malloc") == 0)
        n->has_malloc = true;
    t = find_name(n, name);
    /* The generated main.c defines mirage_main alone of these names. */
    if (t && !t->is_ours && strcmp(line, MAIN) != 0) {
        t->is_ours = true;
        n->ours++;
    }
}

/* Marks the names that the objects define. Objects that nm cannot read could
 * not be changed either. */
static void note_symbols(struct names *n, char *const *object, int count)
{
    struct words w = {.quiet = true};
    struct outcome o;

    add_words(&w, "nm -A -g --defined-only");
    for (int i = 0; i < count; i++)
        add_word(&w, object[i]);
    o = run(&w, STDOUT_FILENO, 0);
    for (char *line; (line = strsep(&o.text, "\n")) != NULL;)
        note_symbol(n, line);
    for (size_t i = 0; n->has_malloc && i < n->count; i++)
        if (n->name[i].is_ours && is_allocators(n->name[i].name)) {
            n->name[i].is_ours = false;
            n->ours--;
        }
}

/* Writes the new names for objcopy to a file of this process: another make may
 * run. */
static char *write_renames(const struct names *n, bool is_main)
{
    char *file = text_of("%s/names", scratch());
    FILE *out = fopen(file, "w");

    for (size_t i = 0; out && i < n->count; i++) {
        const struct taken *t = &n->name[i];

        if (t->is_ours && !(is_main && t->is_for_main))
            fprintf(out, "%s " PREFIX "%s\n", t->name, t->name);
    }
    if (!out || fclose(out) != 0)
        die(FAILED, "cannot write %s: %s", file, strerror(errno));
    return file;
}

/* Checks that objcopy has renamed the symbols: it cannot in objects for -flto.
 */
static void check_renamed(const struct names *n, char *object)
{
    struct names left = *n;

    left.name = get_memory(n->count * sizeof *left.name);
    for (size_t i = 0; i < n->count; i++)
        left.name[i] = (struct taken){n->name[i].name, false, false};
    left.ours = 0;
    note_symbols(&left, &object, 1);
    for (size_t i = 0; i < left.count; i++)
        if (left.name[i].is_ours && n->name[i].is_ours)
            die(FAILED,
                "%s defines %s, as the C library does, and cannot be kept "
                "apart from it:\nthe object is not in machine code yet. "
                "Compile it without -flto, or rename the function.",
                source_of(object), left.name[i].name);
}

static char *rename_in(const struct names *n, char *object)
{
    bool is_main = strcmp(object, MAIN) == 0;
    char *own = text_of("%.*s.own.o", (int)strlen(object) - 2, object);
    char *fresh = text_of("%s.%d", own, (int)getpid());
    char *renames = write_renames(n, is_main);
    struct words w = {0};
    struct outcome o;

    add_word(&w, "objcopy");
    add_word(&w, text_of("--redefine-syms=%s", renames));
    add_word(&w, object);
    add_word(&w, fresh);
    unlink(fresh); /* it could be a link */
    o = run(&w, -1, 0);
    unlink(renames);
    if (o.status != 0)
        die(FAILED, "objcopy cannot rename what %s defines",
            source_of(object));
    if (!is_main)
        check_renamed(n, fresh);
    if (rename(fresh, own) != 0)
        die(FAILED, "cannot write %s: %s", own, strerror(errno));
    return own;
}

int command_objects(int count, char **words)
{
    const char *file = NULL;
    int i = 0;
    struct names n;

    if (count > 0)
        file = option_value(count, words, &i, "--names", NULL);
    if (!file)
        die(MISUSED, "`mirage objects` wants the names that are taken:  "
                     "mirage objects --names=FILE OBJECT...");
    i++;
    n = read_names(file);
    note_symbols(&n, words + i, count - i);
    for (; i < count; i++)
        printf("%s\n", n.ours ? rename_in(&n, words[i]) : words[i]);
    return 0;
}
