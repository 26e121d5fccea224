/* SPDX-License-Identifier: ISC */
/* path: the syntax that paths of fs and keys of kv_ro share. */
#ifndef DEVICE_PATH_H
#define DEVICE_PATH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the path has at most `most` bytes and no part between its '/' that is
 * empty, "." or "..": so it cannot lead upwards, and has one spelling.
 */
bool path_is_plain(const char *path, size_t most);

#endif
