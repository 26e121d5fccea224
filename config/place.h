/* SPDX-License-Identifier: ISC */
#ifndef CONFIG_PLACE_H
#define CONFIG_PLACE_H

#include <mirage/config.h>

/*
 * Where config.c calls the function that asks. Once a call: places are noted
 * before the arguments are worked out, so nested calls take the latest first.
 */
struct config_place place_of_call(void);

#endif
