/* SPDX-License-Identifier: ISC */
/* Checks of the files and folders that config.c names. */
#include "path.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void refuse_kind(struct config_place at, const char *what,
                        const char *path, enum kind kind)
{
    config_fail(at, "%s: %s is no %s", what, path,
                kind == A_FOLDER ? "folder, and one is wanted"
                                 : "file, and one is wanted");
}

void path_check(struct config_place at, const char *what, const char *path,
                enum kind kind)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            config_fail(at, "%s: there is no %s", what, path);
        config_fail(at, "%s: cannot read %s: %s", what, path, strerror(errno));
    }
    if (kind == A_FOLDER ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
        refuse_kind(at, what, path, kind);
    if (access(path, kind == A_FOLDER ? R_OK | X_OK : R_OK) != 0)
        config_fail(at, "%s: cannot read %s: %s", what, path, strerror(errno));
}

void path_check_later(struct config_place at, const char *what,
                      const char *path, enum kind kind)
{
    struct stat st;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) != (kind == A_FOLDER))
        refuse_kind(at, what, path, kind);
}

const char *path_for_make(struct config_place at, const char *what,
                          const char *path, enum kind kind)
{
    while (path && strncmp(path, "./", 2) == 0 && path[2])
        path += 2;
    if (!path || !*path || *path == '/' ||
        strpbrk(path, " \t\n$#:%\\'\"*?;&|<>()`"))
        config_fail(at, "%s: \"%s\" is not a path from config.c's folder, in "
                        "letters that make can have in a name",
                    what, path ? path : "");
    path_check(at, what, path, kind);
    return path;
}
