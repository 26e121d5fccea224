/* SPDX-License-Identifier: ISC */
/* config.c's jobs: the functions of unikernel.c that the image runs. */
#include "graph.h"
#include "letters.h"
#include "memory.h"
#include "path.h"
#include "place.h"
#include "report.h"
#include <ctype.h>
#include <string.h>
#undef job_stop
#undef job_source
#undef job_include
#undef together

job config_job(struct config_place at, const char *fn,
               const char *const *types, struct node *const *devices)
{
    struct node *n = graph_add(at, fn);

    if (strcmp(fn, "main") == 0)
        config_fail(at, "JOB(main, ...): the image has a main() of its own; "
                        "give the job's function another name");
    for (; *types; types++, devices++) {
        if (*devices && !(*devices)->made_by)
            config_fail(at, "%s is given a job where a device is wanted", fn);
        graph_device(n, *devices);
    }
    return (job){n};
}

static struct node *job_node(struct config_place at, job j)
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
    job_node(at, j)->stop = copy_text(fn);
}

void job_source(job j, const char *file)
{
    struct config_place at = place_of_call();
    size_t len;

    file = path_for_make(at, "job_source", file, A_FILE);
    len = strlen(file);
    if (len < 3 || strcmp(file + len - 2, ".c") != 0)
        config_fail(at, "job_source: %s is not a .c file", file);
    if (strncmp(file, "../", 3) == 0 || strstr(file, "/../"))
        config_fail(at, "job_source: %s lies outside config.c's folder, where "
                        "nothing is built",
                    file);
    if (strcmp(file, "unikernel.c") == 0 || strcmp(file, "main.c") == 0)
        config_fail(at, "job_source: %s is a source of every image", file);
    report("source", report_number(job_node(at, j)->number), file, NULL);
}

void job_include(job j, const char *folder)
{
    struct config_place at = place_of_call();

    folder = path_for_make(at, "job_include", folder, A_FOLDER);
    report("include", report_number(job_node(at, j)->number), folder, NULL);
}

/* Jobs that run together are a list linked by `with`; b is appended to a. */
job together(job a, job b)
{
    struct config_place at = place_of_call();
    struct node *last = job_node(at, a);

    job_node(at, b);
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
