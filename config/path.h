/* SPDX-License-Identifier: ISC */
/* path: files and folders that config.c names, from its own folder. */
#ifndef CONFIG_PATH_H
#define CONFIG_PATH_H

#include <mirage/config.h>

enum kind { A_FILE,
            A_FOLDER };

/*
 * Ends configuration with a message unless path leads to a readable file or
 * folder, as kind says. what: the constructor, for messages.
 */
void path_check(struct config_place at, const char *what, const char *path,
                enum kind kind);

/* The same, but a path that leads nowhere is accepted: it may be made before
 * the image runs. A device is accepted as a file. */
void path_check_later(struct config_place at, const char *what,
                      const char *path, enum kind kind);

/*
 * Returns path without leading "./". Ends configuration with a message unless
 * it is relative, its characters are safe in a Makefile, and path_check accepts
 * it.
 */
const char *path_for_make(struct config_place at, const char *what,
                          const char *path, enum kind kind);

#endif
