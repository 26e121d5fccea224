/* SPDX-License-Identifier: ISC */
/* target: the target that configuration is for, and the names of all. */
#ifndef CONFIG_TARGET_H
#define CONFIG_TARGET_H

#include <mirage/config.h>

#define TARGETS (SIM + 1)

/* Their names by enum target, as mirage has given them to target_set. */
extern const char *target_names[TARGETS];

/*
 * Sets what target() returns, and the names of all targets, in the order of
 * enum target, up to NULL. Returns false if these are not TARGETS names.
 */
bool target_set(const char *name, char *const *names);

#endif
