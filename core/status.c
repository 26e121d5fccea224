/* SPDX-License-Identifier: ISC */
/* The texts of the status list. */
#include <mirage/status.h>
#include <string.h>

/* One string: an array of pointers would take half as much memory again. */
static const char texts[] =
#define TEXT(name, text) text "\0"
    STATUSES(TEXT)
#undef TEXT
    ;

const char *status_text(enum status s)
{
    const char *text = texts;

    for (; s > 0 && *text; s--)
        text += strlen(text) + 1;
    return *text ? text : "an unknown status";
}
