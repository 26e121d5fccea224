/* SPDX-License-Identifier: ISC */
/*
 * The program that `mirage configure` makes of a config.c: it runs configure()
 * and reports the graph. Its arguments are the report's file descriptor, the
 * target, the name of config.c, and the names of all targets.
 */
#include "console.h"
#include "crash.h"
#include "device.h"
#include "letters.h"
#include "place.h"
#include "report.h"
#include "sharing.h"
#include <stdio.h>
#include <string.h>
#undef unikernel

static struct config_place named; /* where unikernel was called */

static bool is_file_name(const char *name)
{
    return name && *name && *name != '-' && *name != '.' &&
           strlen(name) <= 64 &&
           !name[strspn(name, LETTERS DIGITS "_-.+")];
}

/* The facts that main.c depends on go with the device. */
static void report_device(const struct node *n, const char *number,
                          const char *line)
{
    const struct constructor *c = n->made_by;

    report("device", number, c->type->name, c->name, n->driver, line, NULL);
    if (c->is_value)
        report("value", number, NULL);
    if (c->takes_list)
        report("list", number, NULL);
    if (c->folder == CRUNCHED)
        report("crunched", number, NULL);
    if (c->folder == AS_IMAGE)
        report("image-of-folder", number, NULL);
    if (n->takes_maker)
        report("maker", number, NULL);
    if (c->type->flush)
        report("flush", number, c->type->flush, NULL);
    if (c->type->finish)
        report("finish", number, c->type->finish, NULL);
}

static void report_node(const struct node *n)
{
    const char *number = report_number(n->number);
    const char *line = report_number(n->at.line);

    if (n->made_by)
        report_device(n, number, line);
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
    if (!first.node)
        config_fail(at, "a job that was never made");
    for (struct node *j = first.node; j; j = j->with) {
        report("runs", report_number(j->number), NULL);
        sharing_mark(j);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4 || !target_set(argv[2], argv + 4)) {
        fprintf(stderr, "config: this program is run by `mirage`\n");
        return 2;
    }
    report_open(argv[1]);
    crash_report(argv);
    configure();
    fflush(stdout);
    if (!named.file) {
        fprintf(stderr, "%s: configure() never calls unikernel(NAME, JOB), so "
                        "there is nothing to build.\n",
                argv[3]);
        report_failure();
    }
    sharing_check();
    console_choose_driver();
    for (const struct node *n = graph_first(); n; n = n->next)
        report_node(n);
    report_done();
    return 0;
}
