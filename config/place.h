/* SPDX-License-Identifier: ISC */
#ifndef CONFIG_PLACE_H
#define CONFIG_PLACE_H

#include <mirage/config.h>

/*
 * Where config.c calls the function that asks. Once a call: places are noted
 * before the arguments are worked out, so nested calls take the latest first.
 */
struct config_place place_of_call(void);

enum kind { A_FILE,
            A_FOLDER };

/*
 * Checks that the path of constructor `what` leads to a readable file or folder
 * as kind says, or ends with a message.
 */
void place_check(struct config_place at, const char *what, const char *path,
                 enum kind kind);

/* The same, unless nothing is there: it may be made before the image runs. A
 * file may be a device, too. */
void place_check_later(struct config_place at, const char *what,
                       const char *path, enum kind kind);

/*
 * A path from config.c's folder, without ./ at its head, which must be one that
 * a Makefile can have, and pass place_check; or ends with a message.
 */
const char *place_path(struct config_place at, const char *what,
                       const char *path, enum kind kind);

#endif
