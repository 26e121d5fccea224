/* SPDX-License-Identifier: ISC */
/* log: what was logged before the boot arguments had set the levels. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stddef.h>

/* How many bytes have been logged. */
size_t log_end(void);

/* Prints what was logged before end and is asked for, as it is known now. */
void log_catch_up(size_t end);

#endif
