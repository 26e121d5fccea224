/* SPDX-License-Identifier: ISC */
/*
 * What config.c can say besides devices: choices, jobs, needs, the image.
 */
#include "crash.h"
#include "functions.h"
#include "graph.h"
#include "memory.h"
#include "place.h"
#include "report.h"
#include "sharing.h"
#include "target.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

const char *const target_names[TARGETS] = {"unix", "macosx", "xen", "virtio",
                                           "sim"};

static enum target chosen;
static struct config_place named; /* where unikernel was called */

void target_set(const char *name)
{
    for (int t = 0; t < TARGETS; t++)
        if (strcmp(target_names[t], name) == 0)
            chosen = (enum target)t;
}

enum target target(void)
{
    return chosen;
}

void config_fail(struct config_place at, const char *fmt, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "%s:%d: ", at.file, at.line);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    report_failure();
}

const char *env(const char *name, const char *otherwise)
{
    const char *value = getenv(name);

    if (value)
        report("env", name, value, NULL);
    else
        report("env", name, NULL);
    return value ? value : otherwise;
}

bool is(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

bool env_flag(const char *name)
{
    struct config_place at = place_of_call();
    static const char *const off[] = {"", "0", "no", "off", "false"};
    static const char *const on[] = {"1", "yes", "on", "true"};
    const char *value = env(name, "");

    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        if (strcmp(value, off[i]) == 0)
            return false;
    for (size_t i = 0; i < sizeof on / sizeof *on; i++)
        if (strcmp(value, on[i]) == 0)
            return true;
    config_fail(at, "%s=%s: expected yes or no (also on, off, true, false, 1, "
                    "0; empty or unset is no)",
                name, value);
}

/* A package's or a library's name goes into a shell's command line. */
static void need(const char *word, const char *name)
{
    struct config_place at = place_of_call();
    char place[512];

    if (!name || !*name ||
        name[strspn(name, LETTERS DIGITS "+-._:")])
        config_fail(at, "%s(\"%s\"): not a name of one", word,
                    name ? name : "");
    snprintf(place, sizeof place, "%s:%d", at.file, at.line);
    report(word, name, place, NULL);
}

void package(const char *name)
{
    need("package", name);
}

void library(const char *name)
{
    need("library", name);
}

void sandbox(void)
{
    if (target() != UNIX)
        return;
    report("sandbox", NULL);
    report("library", "libseccomp", NULL);
}

job config_job(struct config_place at, const char *fn,
               const char *const *types, struct node *const *devices)
{
    struct node *n = graph_add(at, fn, NULL, NULL);

    if (strcmp(fn, "main") == 0)
        config_fail(at, "JOB(main, ...): the image has a main() of its own; "
                        "give the job's function another name");
    for (; *types; types++, devices++) {
        if (*devices && !(*devices)->type)
            config_fail(at, "%s is given a job where a device is wanted", fn);
        graph_device(n, *devices);
    }
    return (job){n};
}

/* The job that the caller speaks of. */
static struct node *want_job(struct config_place at, job j)
{
    if (!j.node)
        config_fail(at, "a job that was never made");
    return j.node;
}

void job_stop(job j, const char *fn)
{
    struct config_place at = place_of_call();

    if (!fn || !*fn || fn[strspn(fn, LETTERS DIGITS "_")] || isdigit(*fn))
        config_fail(at, "job_stop: \"%s\" is not the name of a function",
                    fn ? fn : "");
    want_job(at, j)->stop = copy_text(fn);
}

const char *place_path(struct config_place at, const char *what,
                       const char *path, enum kind kind)
{
    while (path && strncmp(path, "./", 2) == 0 && path[2])
        path += 2;
    if (!path || !*path || *path == '/' ||
        strpbrk(path, " \t\n$#:%\\'\"*?;&|<>()`"))
        config_fail(at, "%s: \"%s\" is not a path from config.c's folder, in "
                        "letters that make can have in a name",
                    what, path ? path : "");
    place_check(at, what, path, kind);
    return path;
}

void job_source(job j, const char *file)
{
    struct config_place at = place_of_call();
    size_t len;

    file = place_path(at, "job_source", file, A_FILE);
    len = strlen(file);
    if (len < 3 || strcmp(file + len - 2, ".c") != 0)
        config_fail(at, "job_source: %s is not a .c file", file);
    if (strncmp(file, "../", 3) == 0 || strstr(file, "/../"))
        config_fail(at, "job_source: %s lies outside config.c's folder, where "
                        "nothing is built",
                    file);
    if (strcmp(file, "unikernel.c") == 0 || strcmp(file, "main.c") == 0)
        config_fail(at, "job_source: %s is a source of every image", file);
    report("source", report_number(want_job(at, j)->number), file, NULL);
}

void job_include(job j, const char *folder)
{
    struct config_place at = place_of_call();

    folder = place_path(at, "job_include", folder, A_FOLDER);
    report("include", report_number(want_job(at, j)->number), folder, NULL);
}

/* Jobs that run together are a list, from the first of a to the last of b. */
job together(job a, job b)
{
    struct config_place at = place_of_call();
    struct node *last = want_job(at, a);

    want_job(at, b);
    for (; last; last = last->with)
        for (const struct node *n = b.node; n; n = n->with)
            if (n == last)
                config_fail(at, "together: job %s is in both; one call of "
                                "%s(...) is one job",
                            n->what, n->what);
    for (last = a.node; last->with; last = last->with)
        ;
    last->with = b.node;
    return a;
}

static bool is_file_name(const char *name)
{
    return name && *name && *name != '-' && *name != '.' &&
           strlen(name) <= 64 &&
           !name[strspn(name, LETTERS DIGITS "_-.+")];
}

static void report_node(const struct node *n)
{
    const char *number = report_number(n->number);
    const char *line = report_number(n->at.line);

    if (n->type)
        report("device", number, n->type, n->what, n->driver, line, NULL);
    else
        report("job", number, n->what, line, n->at.file,
               n->stop ? n->stop : "", NULL);
    for (size_t i = 0; i < n->argument_count; i++)
        if (n->arguments[i].text)
            report("text", number, n->arguments[i].text, NULL);
        else
            report("uses", number,
                   report_number(n->arguments[i].device->number), NULL);
}

void unikernel(const char *name, job first)
{
    struct config_place at = place_of_call();

    if (named.file)
        config_fail(at, "a second unikernel(); the first is in line %d. An "
                        "image is one, and together(a, b) makes one job of "
                        "two.",
                    named.line);
    if (!is_file_name(name))
        config_fail(at,
                    "unikernel(\"%s\"): the name becomes the name of files: "
                    "letters, digits, _ - + and . (not first), at most 64",
                    name ? name : "");
    named = at;
    report("image", name, NULL);
    for (struct node *j = want_job(at, first); j; j = j->with) {
        report("runs", report_number(j->number), NULL);
        sharing_mark(j);
    }
}

int main(int argc, char **argv)
{
    report_open(argc, argv);
    crash_catch(argv);
    configure();
    fflush(stdout);
    if (!named.file) {
        fprintf(stderr, "%s: configure() never calls unikernel(NAME, JOB), so "
                        "there is nothing to build.\n",
                argv[3]);
        report_failure();
    }
    sharing_check();
    for (const struct node *n = graph_first(); n; n = n->next)
        report_node(n);
    report_done();
    return 0;
}
