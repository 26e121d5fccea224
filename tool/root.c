/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
#include "root.h"
#include "say.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *own_path(void)
{
    static char path[PATH_MAX];
    ssize_t len;

    if (path[0])
        return path;
    len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len <= 0)
        die(FAILED, "cannot find out where this program lies: is /proc "
                    "mounted?");
    return path;
}

const char *root(void)
{
    static char *folder;

    if (!folder) {
        folder = text_of("%s", own_path());
        for (int i = 0; i < 2; i++) {
            char *slash = strrchr(folder, '/');

            if (slash)
                *slash = '\0';
        }
    }
    return folder;
}

const char *find_program(const char *name)
{
    const char *path = getenv("PATH");

    if (strchr(name, '/'))
        return access(name, X_OK) == 0 ? name : NULL;
    while (path && *path) {
        int len = (int)strcspn(path, ":");
        char *candidate = text_of("%.*s%s%s", len, path, len ? "/" : "", name);

        if (access(candidate, X_OK) == 0)
            return candidate;
        path += len + (path[len] == ':');
    }
    return NULL;
}

bool is_on_path(void)
{
    const char *found = find_program("mirage");
    char *real = found ? realpath(found, NULL) : NULL;
    bool same = real && strcmp(real, own_path()) == 0;

    free(real);
    return same;
}
