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

#include <mirage/block.h>
#include <mirage/console.h>
#include <mirage/fat.h>
#include <mirage/fs.h>
#include <mirage/kv_ro.h>

/*
 * backend/unix: a console on the process's standard input and output. name
 * is "0"; any other is a name of ERR_NOT_FOUND.
 */
MUST_CHECK enum status console_unix_connect(const char      *name,
                                            struct console **console);

/*
 * backend/unix: a disk that is a file of the host or one of its block devices,
 * read-only where the host says so. A file has sectors of 512 bytes. It is
 * locked as long as it is in use: for others' reading if it is read-only. Its
 * sectors do not stay in the host's cache, where the host can do without, and
 * no boot argument --block-cached is given; --block-engine=uring or =threads
 * says by what they are moved.
 * ERR_NOT_FOUND, ERR_IS_DIRECTORY, ERR_PERMISSION, ERR_FORMAT (no whole
 * sectors), ERR_IN_USE, ERR_UNSUPPORTED (neither a file nor a block device; or
 * the engine that was asked for is not there), ERR_IO, ERR_NO_MEMORY.
 */
MUST_CHECK enum status block_unix_connect(const char    *path,
                                          struct block **block);

/* backend/virtio: a console on the first serial port. name: as above. */
MUST_CHECK enum status console_serial_connect(const char      *name,
                                              struct console **console);

/* backend/xen: a console on the domain's console ring. name: as above. */
MUST_CHECK enum status console_xen_connect(const char      *name,
                                           struct console **console);

/* store: the files of a folder that is in the image. Keeps files. */
struct crunched;
MUST_CHECK enum status kv_ro_crunch_connect(const struct crunched *files,
                                            struct kv_ro         **kv);

/* backend/unix: the files of the host's folder dir. */
MUST_CHECK enum status kv_ro_unix_connect(const char *dir, struct kv_ro **kv);

/* store: the files of a file system. Keeps fs. */
MUST_CHECK enum status kv_ro_fs_connect(struct fs *fs, struct kv_ro **kv);

#endif
