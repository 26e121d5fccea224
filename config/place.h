/* SPDX-License-Identifier: ISC */
/* place: where config.c makes the calls that the program answers. */
#ifndef CONFIG_PLACE_H
#define CONFIG_PLACE_H

#include <mirage/config.h>

/*
 * Takes the place of the call being answered from the stack. Every function
 * that config.c calls through a macro calls this exactly once: nested calls
 * are noted from the outermost to the innermost, and run in reverse order.
 */
struct config_place place_of_call(void);

#endif
