/* SPDX-License-Identifier: ISC */
/*
 * main: the calls in a generated main.c. Its mirage_main runs in the first
 * fiber of the image, after the boot arguments are set. It connects the
 * devices, one line each, and runs the jobs.
 */
#ifndef MIRAGE_MAIN_H
#define MIRAGE_MAIN_H

#include <mirage.h>
#include <mirage/drivers.h>

/* One job of the image, which ends when run returns. */
struct job {
    const char *name; /* of its function in unikernel.c */
    void (*run)(void);
    void (*stop)(void); /* asks it to end; NULL: its fiber is cancelled */

    struct fiber *fiber; /* from here on for core/image.c */
    bool ended;
};

/*
 * Defined by main.c: the name of the image, and its first function. The image
 * ends with exit status 0 when mirage_main returns.
 */
extern const char mirage_name[];
void mirage_main(void);

/*
 * Checks the result of connecting a device. If s is not OK the image ends with
 * exit status 1 and a message: the device, as config.c has it, and the text of
 * s, or a reference to the error that the driver has logged if that is more
 * specific. Exit status 0, without a message, if s is ERR_CANCELLED because the
 * image was asked to stop.
 */
void connected(enum status s, const char *device);

/*
 * Enters the sandbox that the boot argument --sandbox asks for (decision 0023);
 * does nothing without it. Called after the devices are connected. Only on
 * Unix, if config.c calls sandbox().
 *
 * ERR_NOT_FOUND: there is no such user. ERR_PERMISSION: the process may not
 * become that user, or cannot drop its privileges. ERR_UNSUPPORTED: the kernel
 * has no seccomp filters. The reason is logged; the image must end, since part
 * of its privileges may be dropped already.
 */
MUST_CHECK enum status sandbox_enter(void);

/*
 * Checks the result of flushing a device after the jobs. If s is not OK the
 * image ends with exit status 1 and a message.
 */
void flushed(enum status s, const char *device);

/*
 * Runs the jobs concurrently, each in a fiber of its own, until all have ended.
 * If the image is asked to stop (SIGINT, SIGTERM, a shutdown by the hypervisor)
 * the jobs are stopped in order, each after the one before it has ended.
 * Blocks. Keeps jobs. Panics if there is no memory for the stack of a job.
 */
void jobs_run(struct job *jobs, size_t count);

#endif
