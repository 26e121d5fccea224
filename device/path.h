/* SPDX-License-Identifier: ISC */
/* path: the names of files and of values, as every store has them. */
#ifndef DEVICE_PATH_H
#define DEVICE_PATH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * At most `most` bytes in parts between '/', none of them empty, "." or "..":
 * a path that climbs out of nothing, and has one spelling.
 */
bool path_is_plain(const char *path, size_t most);

#endif
