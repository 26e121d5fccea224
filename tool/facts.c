/* SPDX-License-Identifier: ISC */
/* Compiles and runs config.c, and reads its report (config/report.h). */
#define _GNU_SOURCE
#include "facts.h"
#include "compiler.h"
#include "process.h"
#include "root.h"
#include "say.h"
#include "target.h"
#include <mirage/line.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FACTS_FD  9 /* the file descriptor for the report */
/* The last second, in 2262, for which int64_t has the nanoseconds. */
#define LAST_DATE (INT64_MAX / 1000000000)

#define TIME_LIMIT 12 /* seconds; the program ends itself after 10 */

static int remove_one(const char *path, const struct stat *st, int flag,
                      struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static char *scratch_folder;

static void remove_scratch(void)
{
    nftw(scratch_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *scratch(void)
{
    const char *in = getenv("TMPDIR");

    if (scratch_folder)
        return scratch_folder;
    scratch_folder = text_of("%s/mirage-XXXXXX", in && *in ? in : "/tmp");
    if (!mkdtemp(scratch_folder))
        die(FAILED, "cannot make a folder in %s: %s", in && *in ? in : "/tmp",
            strerror(errno));
    atexit(remove_scratch);
    return scratch_folder;
}

static char *read_file(const char *path)
{
    FILE *in = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;

    if (!in)
        return text_of("%s", "");
    if (getdelim(&text, &size, '\0', in) < 0)
        text = text_of("%s", "");
    fclose(in);
    return text;
}

static void compile(const char *file, const char *program, struct facts *facts)
{
    char *rules = text_of("%s/config.d", scratch());
    struct words w = {0};
    struct outcome o;

    add_compiler(&w);
    add_words(&w, "-std=gnu11 -g -O0 -Wall -fno-omit-frame-pointer -no-pie "
                  "-Werror=incompatible-pointer-types "
                  "-Werror=implicit-function-declaration");
    add_word(&w, text_of("-I%s/include", root()));
    add_words(&w, "-MMD -MP -MT .mirage/configured -MF");
    add_word(&w, rules);
    add_word(&w, "-o");
    add_word(&w, program);
    add_word(&w, file);
    add_word(&w, text_of("%s/lib/mirage/libconfig.a", root()));
    o = run(&w, STDERR_FILENO, 0);
    if (strstr(o.text, "undefined reference to `configure'"))
        die(FAILED, "%s does not define  void configure(void)", file);
    fputs(o.text, stderr);
    if (o.status != 0) {
        hint_header(file, "mirage/config.h", "mirage.h");
        explain_errors(file, o.text);
    }
    facts->dependencies = read_file(rules);
}

static struct node *find_node(struct facts *f, const char *number)
{
    int n = atoi(number);

    for (size_t i = 0; i < f->node_count; i++)
        if (f->node[i].number == n)
            return &f->node[i];
    die(FAILED, "config.c's report makes no sense: no device %s", number);
}

static void add_variable(struct facts *f, const char *name, const char *value)
{
    for (size_t i = 0; i < f->variable_count; i++)
        if (strcmp(f->variable[i].name, name) == 0)
            return;
    if (f->variable_count == MOST)
        die(FAILED, "config.c reads more than %d variables", MOST);
    f->variable[f->variable_count++] = (struct variable){name, value};
}

static struct node *add_node(struct facts *f, const char *number)
{
    struct node *t = &f->node[f->node_count];

    if (f->node_count == MOST)
        die(FAILED, "config.c makes more than %d devices and jobs", MOST);
    f->node_count++;
    t->number = atoi(number);
    return t;
}

static struct argument *add_argument(struct facts *f, const char *number)
{
    struct node *t = find_node(f, number);

    return &t->argument[t->argument_count++];
}

/* A fact about a device (report_device in config/main.c). */
static void add_trait(struct node *t, const char *word, const char *value)
{
    if (strcmp(word, "value") == 0)
        t->is_value = true;
    else if (strcmp(word, "list") == 0)
        t->takes_list = true;
    else if (strcmp(word, "crunched") == 0)
        t->is_crunched = true;
    else if (strcmp(word, "image-of-folder") == 0)
        t->makes_image = true;
    else if (strcmp(word, "maker") == 0)
        t->takes_maker = true;
    else if (strcmp(word, "flush") == 0)
        t->flush = value;
    else if (strcmp(word, "finish") == 0)
        t->finish = value;
}

/* A fact about a node, whose number is v[1]. */
static void add_node_fact(struct facts *f, char *const *v)
{
    struct node *t;

    if (strcmp(v[0], "device") == 0) {
        t = add_node(f, v[1]);
        t->type = v[2];
        t->what = v[3];
        t->driver = v[4];
        t->line = atoi(v[5]);
    } else if (strcmp(v[0], "job") == 0) {
        t = add_node(f, v[1]);
        t->what = v[2];
        t->line = atoi(v[3]);
        t->file = v[4];
        t->stop = *v[5] ? v[5] : NULL;
    } else if (strcmp(v[0], "text") == 0) {
        add_argument(f, v[1])->text = v[2];
    } else if (strcmp(v[0], "uses") == 0) {
        add_argument(f, v[1])->device = find_node(f, v[2]);
    } else if (strcmp(v[0], "done") != 0) {
        add_trait(find_node(f, v[1]), v[0], v[2]);
    }
}

/* A line of the report: v[0] is its word, the others are its values or "". */
static void add_fact(struct facts *f, char *const *v, size_t count)
{
    if (strcmp(v[0], "image") == 0)
        f->image = v[1];
    else if (strcmp(v[0], "env") == 0)
        add_variable(f, v[1], count > 2 ? v[2] : NULL);
    else if (strcmp(v[0], "package") == 0)
        add_need(&f->needs.packages, f->needs.package_places, v[1], v[2]);
    else if (strcmp(v[0], "sandbox") == 0)
        f->has_sandbox = true;
    else if (strcmp(v[0], "library") == 0)
        add_need(&f->needs.libraries, f->needs.library_places, v[1], v[2]);
    else if (strcmp(v[0], "source") == 0)
        add_item(&f->sources, v[2]);
    else if (strcmp(v[0], "include") == 0)
        add_item(&f->includes, v[2]);
    else if (*v[0])
        add_node_fact(f, v);
}

static size_t split_line(char *line, char *v[8])
{
    static char empty[1];
    size_t count = 0;
    char *value;

    for (size_t i = 0; i < 8; i++)
        v[i] = empty;
    while (count < 8 && (value = strsep(&line, "\t")) != NULL)
        v[count++] = line_value(value);
    return count;
}

static const char *crash_name(int number)
{
    switch (number) {
    case SIGALRM: return "was still running after 10 seconds";
    case SIGSEGV:
    case SIGBUS: return "crashed (segmentation fault)";
    case SIGFPE: return "crashed (arithmetic fault)";
    case SIGABRT: return "crashed (abort)";
    default: return "crashed";
    }
}

/* The innermost line of config.c among the addresses that its program reported
 * with a crash, or 0. */
static int crash_line(const char *file, const char *program, char *const *v,
                      size_t count)
{
    struct words w = {0};
    struct outcome o;
    char *line, *rest;

    if (!find_program("addr2line"))
        return 0;
    add_words(&w, "addr2line -e");
    add_word(&w, program);
    for (size_t i = 2; i < count; i++) {
        unsigned long at = strtoul(v[i], NULL, 16);

        add_word(&w, text_of("%#lx", i > 2 && at ? at - 1 : at));
    }
    o = run(&w, STDOUT_FILENO, 5);
    for (rest = o.text; (line = strsep(&rest, "\n")) != NULL;) {
        char *colon = strrchr(line, ':'), *slash;

        if (!colon)
            continue;
        *colon = '\0';
        slash = strrchr(line, '/');
        if (strcmp(slash ? slash + 1 : line, file) == 0)
            return atoi(colon + 1);
    }
    return 0;
}

/* Ends the program with a message on why there is no complete report. */
static void explain_end(const struct outcome *o, const char *file,
                        const char *program)
{
    char *v[64], *value, *line = o->text;
    size_t count = 0;
    int at;

    if (strcmp(line, "failed\n") == 0) /* its message was on standard error */
        exit(FAILED);
    line[strcspn(line, "\n")] = '\0';
    while (count < 64 && (value = strsep(&line, "\t")) != NULL)
        v[count++] = value;
    if (count >= 2 && strcmp(v[0], "crash") == 0) {
        at = crash_line(file, program, v, count);
        if (at)
            fprintf(stderr, "%s:%d: configure() %s, here.\n", file, at,
                    crash_name(atoi(v[1])));
        else
            fprintf(stderr, "%s: configure() %s.\n", file,
                    crash_name(atoi(v[1])));
        exit(FAILED);
    }
    if (o->timed_out)
        die(FAILED, "%s: configure() was still running after 10 seconds.",
            file);
    if (o->status > 128)
        die(FAILED, "%s: configure() was ended by signal %d.", file,
            o->status - 128);
    die(FAILED, "%s: configure() should return, and ended the program (exit "
                "status %d).",
        file, o->status);
}

static void read_report(struct facts *f, char *text)
{
    char *line;

    while ((line = strsep(&text, "\n")) != NULL) {
        char *v[8];
        size_t count = split_line(line, v);

        if (strcmp(v[0], "runs") != 0) /* for read_jobs: it precedes its job */
            add_fact(f, v, count);
    }
}

static void read_jobs(struct facts *f, char *text)
{
    char *line;

    while ((line = strsep(&text, "\n")) != NULL) {
        char *v[8];

        split_line(line, v);
        if (strcmp(v[0], "runs") == 0 && f->job_count < MOST)
            f->job[f->job_count++] = find_node(f, v[1]);
    }
}

static void mark_used(struct node *t)
{
    t->is_used = true;
    for (size_t i = 0; i < t->argument_count; i++)
        if (t->argument[i].device)
            mark_used(t->argument[i].device);
}

/* A folder that several devices have is compiled into the image once. */
static void find_crunched(struct facts *f)
{
    for (size_t i = 0; i < f->job_count; i++)
        mark_used(f->job[i]);
    for (size_t i = 0; i < f->node_count; i++)
        if (f->node[i].is_used && f->node[i].is_crunched)
            add_item(&f->crunched, f->node[i].argument[0].text);
}

/* Devices of the same folder have an image each, since they may write to it. */
static void find_images(struct facts *f)
{
    for (size_t i = 0; i < f->node_count; i++)
        if (f->node[i].makes_image)
            f->images.item[f->images.count++] = f->node[i].argument[0].text;
}

const char *source_date(void)
{
    const char *date = getenv(SOURCE_DATE);

    if (!date || !*date)
        return NULL;
    if (strspn(date, "0123456789") != strlen(date) || strlen(date) > 10 ||
        strtoull(date, NULL, 10) > LAST_DATE)
        die(FAILED, SOURCE_DATE "=%s: expected seconds since 1970", date);
    return date;
}

struct facts *get_facts(const char *file, const char *target)
{
    struct facts *f = get_memory(sizeof *f);
    char *program = text_of("%s/config", scratch());
    struct words w = {0};
    struct outcome o;

    if (access(file, R_OK) != 0)
        die(FAILED, "there is no %s in this folder. `mirage init NAME` makes a "
                    "folder with one; -f FILE names another.",
            file);
    f->file = file;
    f->target = target;
    compile(file, program, f);
    add_word(&w, program);
    add_word(&w, text_of("%d", FACTS_FD));
    add_word(&w, target);
    add_word(&w, file);
    for (const struct image_target *t = targets; t->name; t++)
        add_word(&w, t->name);
    o = run(&w, FACTS_FD, TIME_LIMIT);
    if (o.error)
        die(FAILED, "cannot run %s, which was compiled from %s: %s.\nPrograms "
                    "are built below TMPDIR (default: /tmp): is that file "
                    "system mounted noexec?\nTMPDIR=DIR mirage configure uses "
                    "another.",
            program, file, strerror(o.error));
    if (o.status != 0 || o.timed_out || o.len < 5 ||
        strcmp(o.text + o.len - 5, "done\n") != 0)
        explain_end(&o, file, program);
    read_report(f, text_of("%s", o.text));
    read_jobs(f, o.text);
    find_crunched(f);
    find_images(f);
    if (f->crunched.count + f->images.count > 0 && source_date())
        add_variable(f, SOURCE_DATE, source_date());
    return f;
}
