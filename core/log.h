/* SPDX-License-Identifier: ISC */
/* log: the lines that were logged before the boot arguments set the levels. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stddef.h>

/* Returns how many bytes have been logged since the start. */
size_t log_end(void);

/* Prints the lines logged before `end` that the present levels ask for and the
 * default levels did not. */
void log_catch_up(size_t end);

#endif
