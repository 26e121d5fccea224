/* SPDX-License-Identifier: ISC */
/* i8042: Ctrl-Alt-Del, by the keyboard controller of a PC. */
#ifndef PC_I8042_H
#define PC_I8042_H

/* Listens to the keyboard, if there is one. */
void i8042_start(void);

#endif
