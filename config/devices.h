/* SPDX-License-Identifier: ISC */
/*
 * devices: which constructor is what on which target.
 */
#ifndef CONFIG_DEVICES_H
#define CONFIG_DEVICES_H

#include "target.h"

struct device {
    const char *constructor;
    const char *type;
    const char *driver[TARGETS]; /* NULL: the target has none */
    const char *nature; /* why not every target can have it, or NULL */
    const char *instead; /* what to use there, or NULL */
};

/*
 * The driver that call, the constructor as config.c wrote it, has on target t
 * by the table, which ends with a row of NULLs; or ends configuration with a
 * message.
 */
const char *device_driver(const struct device *table, struct config_place at,
                          const char *constructor, const char *call,
                          enum target t);

/* The table of this version. */
extern const struct device devices[];

#endif
