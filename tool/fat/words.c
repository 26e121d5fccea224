/* SPDX-License-Identifier: ISC */
/* Parses the values of options. */
#include "fat.h"
#include <errno.h>
#include <mirage/calendar.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t size_of_text(const char *text)
{
    char *end;
    uint64_t n, unit = 1;

    errno = 0;
    n = strtoull(text, &end, 10);
    if (end != text && *end && strchr("KMG", *end) && end[1] == '\0') {
        unit = *end == 'K' ? 1024 : *end == 'M' ? 1024 * 1024
                                                : 1024 * 1024 * 1024;
        end++;
    }
    if (errno || end == text || *end || *text == '-' ||
        n > INT64_MAX / unit)
        misused("%s is no size; a size is such as 1440K or 64M", text);
    return n * unit;
}

int type_of_text(const char *text)
{
    if (strcmp(text, "12") != 0 && strcmp(text, "16") != 0 &&
        strcmp(text, "32") != 0)
        misused("--type=%s: there are the types 12, 16 and 32", text);
    return atoi(text);
}

/* A cluster has at most 128 sectors, of 512 bytes in an image. */
uint32_t cluster_of_text(const char *text)
{
    uint64_t n = size_of_text(text);

    if (n < 512 || n > 65536 || (n & (n - 1)) != 0)
        misused("--cluster=%s: a cluster has 512 bytes, or twice that and so "
                "on, up to 64K",
                text);
    return (uint32_t)n;
}

uint32_t number_of_text(const char *text)
{
    uint64_t n = size_of_text(text);

    if (n > UINT32_MAX)
        misused("%s is too large", text);
    return (uint32_t)n;
}

nanoseconds date_of_text(const char *text)
{
    int y, m, d;
    char more, *end;

    if (*text == '@') { /* seconds since 1970; 0 means each file's own */
        uint64_t s = strtoull(text + 1, &end, 10);

        if (end == text + 1 || *end || text[1] == '-' || s > INT64_MAX / SECOND)
            misused("%s is no date: @ and seconds since 1970", text);
        return s > 0 ? s * SECOND : 1;
    }
    if (sscanf(text, "%4d-%2d-%2d%c", &y, &m, &d, &more) != 3 || y < 1980 ||
        y > 2107 || m < 1 || m > 12 || d < 1 || d > 31)
        misused("%s is no date such as 2024-12-31, from 1980 to 2107", text);
    return (nanoseconds)calendar_seconds(&(struct civil_time){
               .year = (uint16_t)y, .month = (uint8_t)m, .day = (uint8_t)d}) *
           SECOND;
}
