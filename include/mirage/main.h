/* SPDX-License-Identifier: ISC */
/*
 * main: what a generated main.c is written with.
 *
 * mirage_main runs in the image's first fiber, after the boot arguments are
 * read. It connects the devices, one line each, and runs the jobs.
 */
#ifndef MIRAGE_MAIN_H
#define MIRAGE_MAIN_H

#include <mirage.h>
#include <mirage/drivers.h>

/* One job of the image: run ends when the job ends. */
struct job {
    const char *name; /* of its entry in unikernel.c */
    void (*run)(void);
    void (*stop)(void); /* asks it to end; NULL: its fiber is cancelled */

    struct fiber *fiber; /* core/image.c's own, from here */
    bool ended;
};

/*
 * What main.c defines: the image's name, and its life. The image ends, with
 * exit status 0, when mirage_main returns.
 */
extern const char mirage_name[];
void mirage_main(void);

/*
 * Ends the image, with a message naming the device and a non-zero exit
 * status, unless s is OK. device is as config.c wrote it. The message has the
 * text of s, or refers to the error that the driver has logged if that says
 * more.
 */
void connected(enum status s, const char *device);

/*
 * Does what the boot argument --sandbox asks for, if it is given; after the
 * devices were connected. Only on Unix, and where config.c says sandbox().
 *
 * ERR_NOT_FOUND: there is no such user. ERR_PERMISSION: it may not become that
 * user. ERR_UNSUPPORTED: the kernel has no filters. The image is to end then.
 */
MUST_CHECK enum status sandbox_enter(void);

/*
 * After the jobs: the same, unless what the device holds has reached its
 * storage.
 */
void flushed(enum status s, const char *device);

/*
 * Runs the jobs side by side, each in a fiber of its own, until all have
 * ended. When the image is asked to stop (SIGINT, SIGTERM, a shutdown from
 * the hypervisor) the jobs are stopped in their order, each when the one
 * before it has ended. Blocks. Keeps jobs.
 */
void jobs_run(struct job *jobs, size_t count);

#endif
