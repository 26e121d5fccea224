/* SPDX-License-Identifier: ISC */
/* i8254: a clock for a PC on which nobody tells how fast the TSC counts. */
#ifndef VIRTIO_I8254_H
#define VIRTIO_I8254_H

#include <mirage/time.h>

void i8254_start(void);

/* Since i8254_start; never less than before. */
nanoseconds i8254_now(void);

/* An interrupt (line 0) after so long, or somewhat earlier. */
void i8254_alarm(nanoseconds left);

#endif
