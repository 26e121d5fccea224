/* SPDX-License-Identifier: ISC */
#ifndef CONFIG_TARGET_H
#define CONFIG_TARGET_H

#include <mirage/config.h>

#define TARGETS 5

extern const char *const target_names[TARGETS]; /* by enum target */

/* What target() gives from now on. */
void target_set(const char *name);

#endif
