/* SPDX-License-Identifier: ISC */
/* The syntax of paths and keys (path.h). */
#include "path.h"

static bool is_dots(const char *part, size_t len)
{
    return part[0] == '.' && (len == 1 || (len == 2 && part[1] == '.'));
}

bool path_is_plain(const char *path, size_t most)
{
    const char *part = path, *c = path;

    for (;; c++) {
        if ((size_t)(c - path) > most)
            return false;
        if (*c != '/' && *c != '\0')
            continue;
        if (c == part || is_dots(part, (size_t)(c - part)))
            return false;
        if (*c == '\0')
            return true;
        part = c + 1;
    }
}
