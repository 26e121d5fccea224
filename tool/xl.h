/* SPDX-License-Identifier: ISC */
/* xl: running an image as a domain of Xen. */
#ifndef TOOL_XL_H
#define TOOL_XL_H

/*
 * Runs IMAGE.xl of this folder with these boot arguments (none: those that it
 * has in it), by way of sudo (NULL: by itself), until the guest has ended or
 * its console was left. Returns the exit status to end with; ends the program
 * where there is no xl.
 */
int run_in_xen(const char *image, const char *sudo, int count, char **words);

#endif
