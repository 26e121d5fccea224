/* SPDX-License-Identifier: ISC */
/* crash: crash reports for fatal signals. */
#ifndef UNIX_CRASH_H
#define UNIX_CRASH_H

/* Installs handlers, so that a fatal signal ends the image with a crash report.
 * Called by the thread that runs fibers. */
void crash_install(void);

/*
 * For an image that has entered a sandbox: reports SIGSYS as a refused system
 * call, and does not run addr2line for reports any more. name_of_call returns
 * the name of a call by its number, or NULL if it has none.
 */
void crash_report_refusals(const char *(*name_of_call)(int call));

#endif
