/* SPDX-License-Identifier: ISC */
/*
 * /etc/resolv.conf: the servers found are those of another, slower parser. The
 * first byte of the input is how many are wanted.
 */
#include "platform.h"
#include <stdio.h>
#include <string.h>

static char text[8192];
static size_t text_len;

static FILE *open_text(void)
{
    return text_len > 0 ? fmemopen(text, text_len, "r") : NULL;
}

#define fopen(file, mode) ((void)(file), open_text())
#include <unix/resolv_conf.c>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Parses the line [at, end). */
static bool server_of_line(const char *at, const char *end,
                           struct ip_address *server)
{
    static const char keyword[] = "nameserver";
    const size_t len = sizeof keyword - 1;
    char *value;
    size_t n = 0;
    bool is_found;

    if ((size_t)(end - at) <= len || memcmp(at, keyword, len) != 0 ||
        (at[len] != ' ' && at[len] != '\t'))
        return false;
    for (at += len; at < end && is_blank(*at);)
        at++;
    value = calloc(1, (size_t)(end - at) + 1);
    check(value != NULL);
    while (at < end && !is_blank(*at))
        value[n++] = *at++;
    is_found = ip_parse(value, server) == OK;
    free(value);
    return is_found;
}

static unsigned servers_of_text(struct ip_address *servers, unsigned most)
{
    const char *at = text, *end = text + text_len;
    unsigned count = 0;

    while (at < end && count < most) {
        const char *line = memchr(at, '\n', (size_t)(end - at));

        line = line ? line : end;
        count += server_of_line(at, line, &servers[count]);
        at = line + 1;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ip_address found[8], wanted[8];
    unsigned most, count;

    if (size < 2)
        return 0;
    most = data[0] % 8;
    text_len = size - 1 < sizeof text ? size - 1 : sizeof text;
    memcpy(text, data + 1, text_len);
    for (size_t i = 0; i < text_len; i++)
        if (!text[i])
            text[i] = '0'; /* C's strings end there */
    count = resolv_conf_servers("resolv.conf", found, most);
    check(count == servers_of_text(wanted, most));
    for (unsigned i = 0; i < count; i++)
        check(ip_equal(found[i], wanted[i]));
    return 0;
}
