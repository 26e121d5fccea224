/* SPDX-License-Identifier: ISC */
/* The texts of the status list. */
#include <mirage/status.h>
#include <stddef.h>

const char *status_text(enum status s)
{
    static const char *const texts[] = {
#define TEXT(name, text) text,
        STATUSES(TEXT)
#undef TEXT
    };

    if ((size_t)s >= sizeof texts / sizeof texts[0])
        return "an unknown status";
    return texts[s];
}
