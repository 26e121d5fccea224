/* SPDX-License-Identifier: ISC */
/* i8254: a clock for a PC on which nobody tells how fast the TSC counts. */
#ifndef PC_I8254_H
#define PC_I8254_H

#include <mirage/time.h>

/* Panics where there is no i8254. */
void i8254_start(void);

/* Since i8254_start; never less than before. */
nanoseconds i8254_now(void);

/* i8254_now must be called by then, at the latest, lest it err. */
nanoseconds i8254_look(void);

#endif
