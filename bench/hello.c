/* SPDX-License-Identifier: ISC */
/* A C program with which an image is compared. */
#include <stdio.h>

int main(void)
{
    puts("hello");
    return 0;
}
