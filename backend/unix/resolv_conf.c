/* SPDX-License-Identifier: ISC */
/*
 * resolv_conf: lines "nameserver ADDRESS"; all others are left out.
 */
#include "resolv_conf.h"
#include <stdio.h>
#include <string.h>

#define BLANKS " \t\r\n"

unsigned resolv_conf_servers(const char *file, struct ip_address *servers,
                             unsigned max)
{
    static const char keyword[] = "nameserver";
    FILE *in = fopen(file, "re");
    char line[512];
    unsigned count = 0;

    while (in && count < max && fgets(line, sizeof line, in)) {
        char *value = line + sizeof keyword - 1;

        if (strncmp(line, keyword, sizeof keyword - 1) != 0 ||
            (*value != ' ' && *value != '\t'))
            continue;
        value += strspn(value, BLANKS);
        value[strcspn(value, BLANKS)] = '\0';
        if (ip_parse(value, &servers[count]) == OK)
            count++;
    }
    if (in)
        fclose(in);
    return count;
}
