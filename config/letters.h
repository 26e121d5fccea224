/* SPDX-License-Identifier: ISC */
/* letters: sets of characters, for checks of names. */
#ifndef CONFIG_LETTERS_H
#define CONFIG_LETTERS_H

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

#endif
