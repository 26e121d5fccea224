/* SPDX-License-Identifier: ISC */
#ifndef CONFIG_PLACE_H
#define CONFIG_PLACE_H

#include <mirage/config.h>

/*
 * Where config.c calls the function that asks. Once a call: places are noted
 * before the arguments are worked out, so nested calls take the latest first.
 */
struct config_place place_of_call(void);

/*
 * A path from config.c's folder, without ./ at its head, which must be one that
 * a Makefile can have, and which access(2) grants in this mode; or ends with a
 * message about what.
 */
const char *place_path(struct config_place at, const char *what,
                       const char *path, int mode);

#endif
