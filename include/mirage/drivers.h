/* SPDX-License-Identifier: ISC */
/*
 * drivers: how main.c connects each device. An image links only those that
 * its main.c names.
 *
 * On OK the device is the image's, to its end. Other statuses: nothing was
 * made, and the reason is logged.
 */
#ifndef MIRAGE_DRIVERS_H
#define MIRAGE_DRIVERS_H

#include <mirage/console.h>

/*
 * backend/unix: a console on the process's standard input and output. name
 * is "0"; any other is a name of ERR_NOT_FOUND.
 */
MUST_CHECK enum status console_unix_connect(const char      *name,
                                            struct console **console);

/* backend/virtio: a console on the first serial port. name: as above. */
MUST_CHECK enum status console_serial_connect(const char      *name,
                                              struct console **console);

/* backend/xen: a console on the domain's console ring. name: as above. */
MUST_CHECK enum status console_xen_connect(const char      *name,
                                           struct console **console);

#endif
