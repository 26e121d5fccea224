/* SPDX-License-Identifier: ISC */
/*
 * The life of an image: boot arguments, the first fiber, connecting devices,
 * running and stopping jobs.
 */
#include "boot.h"
#include "report.h"
#include <mirage/log.h>
#include <mirage/main.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <string.h>

#define JOB_STACK ((size_t)256 * 1024)

extern struct log_source image; /* report.c */

static struct fiber *first;
static bool stopping, jobs_running;
static struct waiters changes; /* a job ended, or stopping was set */

/* Statuses whose text says less than the error that a driver has logged. */
static bool is_vague(enum status s)
{
    return s == ERR_FORMAT || s == ERR_RANGE || s == ERR_NAME;
}

void connected(enum status s, const char *device)
{
    static size_t before;
    bool is_logged = log_errors() != before;

    before = log_errors();
    if (s == OK)
        return;
    if (stopping && s == ERR_CANCELLED)
        platform_exit(0);
    image_say("%s: %s: %s\n", image_name(), device,
              is_logged && is_vague(s) ? "it cannot be used, as said above"
                                       : status_text(s));
    platform_exit(1);
}

void flushed(enum status s, const char *device)
{
    if (s == OK)
        return;
    image_say("%s: %s was not written to the end: %s\n", image_name(),
              device, status_text(s));
    platform_exit(1);
}

static void run_job(void *ctx)
{
    struct job *job = ctx;

    log_debug(&image, "job %s starts", job->name);
    job->run();
    log_debug(&image, "job %s has ended", job->name);
    job->ended = true;
    wake_all(&changes);
}

static void spawn_or_panic(const char *job, fiber_fn *fn, void *ctx,
                           struct fiber **fiber)
{
    struct fiber_options options = {job, JOB_STACK};

    if (fiber_spawn(&options, fn, ctx, fiber) != OK)
        panic("out of memory: job %s needs a stack of %zu KiB", job,
              JOB_STACK / 1024);
}

static void run_stop(void *ctx)
{
    const struct job *job = ctx;

    job->stop();
}

/* Waits until f has ended, even if the running fiber is cancelled. */
static void join(struct fiber *f)
{
    while (fiber_join(f, FOREVER) != OK)
        ;
}

static void stop_job(struct job *job)
{
    struct fiber *stop;

    if (job->ended)
        return;
    log_info(&image, "stopping job %s", job->name);
    if (!job->stop) {
        fiber_cancel(job->fiber);
        return;
    }
    spawn_or_panic(job->name, run_stop, job, &stop);
    join(stop);
}

static bool all_ended(const struct job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!jobs[i].ended)
            return false;
    return true;
}

void jobs_run(struct job *jobs, size_t count)
{
    if (stopping)
        return;
    fiber_shield();
    for (size_t i = 0; i < count; i++)
        spawn_or_panic(jobs[i].name, run_job, &jobs[i], &jobs[i].fiber);
    jobs_running = true;
    while (!stopping && !all_ended(jobs, count))
        if (wait_until(&changes, FOREVER) != OK)
            break;
    for (size_t i = 0; i < count; i++) {
        if (stopping)
            stop_job(&jobs[i]);
        join(jobs[i].fiber);
    }
    jobs_running = false;
    fiber_unshield();
}

void image_stop(void)
{
    stopping = true;
    if (jobs_running)
        wake_all(&changes);
    else if (first)
        fiber_cancel(first);
}

__attribute__((weak)) void platform_started(void)
{
}

static void run_main(void *ctx)
{
    (void)ctx;
    platform_started();
    mirage_main();
}

void image_start(const char *program, const char *const *words, size_t count,
                 bool foreign)
{
    report_name(program);
    boot_arguments(words, count, foreign);
    spawn_or_panic("main", run_main, NULL, &first);
    join(first);
    log_debug(&image, "all jobs have ended");
    platform_exit(0);
}
