/* SPDX-License-Identifier: ISC */
#ifndef CONFIG_CRASH_H
#define CONFIG_CRASH_H

/* From now on a crash, or ten seconds without an end, is reported to mirage
 * with the addresses that lead there. argv is main's, the stack's upper end. */
void crash_catch(char **argv);

#endif
