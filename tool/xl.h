/* SPDX-License-Identifier: ISC */
/* xl: runs an image as a domain of Xen. */
#ifndef TOOL_XL_H
#define TOOL_XL_H

/*
 * Runs IMAGE.xl of the present folder until the domain ends, or the user leaves
 * its console. count words are the boot arguments; 0: those in the file. sudo:
 * the words before xl, may be "". Returns the exit status for mirage. Ends the
 * program with a message if there is no xl.
 */
int run_in_xen(const char *image, const char *sudo, int count, char **words);

#endif
