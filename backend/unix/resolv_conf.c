/* SPDX-License-Identifier: ISC */
/*
 * resolv_conf: lines "nameserver ADDRESS"; all others are left out.
 */
#define _GNU_SOURCE
#include "resolv_conf.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"

unsigned resolv_conf_servers(const char *file, struct ip_address *servers,
                             unsigned max)
{
    static const char keyword[] = "nameserver";
    FILE *in = fopen(file, "re");
    char *line = NULL, *value;
    size_t size = 0;
    unsigned count = 0;

    /* Of a line that is longer than a buffer the rest would be parsed as a
     * line of its own, so getline allocates what the line needs. */
    while (in && count < max && getline(&line, &size, in) > 0) {
        value = line + sizeof keyword - 1;

        if (strncmp(line, keyword, sizeof keyword - 1) != 0 ||
            (*value != ' ' && *value != '\t'))
            continue;
        value += strspn(value, BLANKS);
        value[strcspn(value, BLANKS)] = '\0';
        if (ip_parse(value, &servers[count]) == OK)
            count++;
    }
    free(line);
    if (in)
        fclose(in);
    return count;
}
