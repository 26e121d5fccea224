/* SPDX-License-Identifier: ISC */
#include "place.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEEPEST 256 /* calls within calls */

static struct config_place places[DEEPEST];
static int depth;

void config_at(struct config_place at)
{
    if (depth == DEEPEST)
        config_fail(at, "calls stand in calls %d deep", DEEPEST);
    places[depth++] = at;
}

struct config_place place_of_call(void)
{
    return depth > 0 ? places[--depth] : (struct config_place){"config.c", 0};
}

static void refuse_kind(struct config_place at, const char *what,
                        const char *path, enum kind kind)
{
    config_fail(at, "%s: %s is no %s", what, path,
                kind == A_FOLDER ? "folder, and one is wanted"
                                 : "file, and one is wanted");
}

void place_check(struct config_place at, const char *what, const char *path,
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

void place_check_later(struct config_place at, const char *what,
                       const char *path, enum kind kind)
{
    struct stat st;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) != (kind == A_FOLDER))
        refuse_kind(at, what, path, kind);
}
