/* SPDX-License-Identifier: ISC */
/* The plain program that an image is compared with. */
#include <stdio.h>

int main(void)
{
    puts("hello");
    return 0;
}
