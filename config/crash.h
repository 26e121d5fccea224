/* SPDX-License-Identifier: ISC */
/* crash: reports how config.c fails. */
#ifndef CONFIG_CRASH_H
#define CONFIG_CRASH_H

/* Installs handlers for fatal signals, and for SIGALRM in ten seconds. They
 * report to mirage and end the program. argv: main's, the stack's upper end. */
void crash_report(char **argv);

#endif
