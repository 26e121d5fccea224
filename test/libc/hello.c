/* SPDX-License-Identifier: ISC */
/* A program that uses malloc and text_format only: its size is checked. */
#include <mirage/platform.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *text = malloc(7);

    if (text == NULL)
        return 1;
    platform_answer(strcpy(text, "hello\n"), 6);
    free(text);
    return 0;
}
