/* SPDX-License-Identifier: ISC */
/* The addresses of a host, and the first line that its web server says. */
#include <mirage.h>
#include <stdlib.h>
#include <string.h>

#define GOODBYE (2 * SECOND) /* for the server to finish its answer */

BOOT_STRING(host, "www.example.org", "the host that is asked for");
BOOT_NUMBER(port, 80, 0, 65535, "of its web server; 0: that is not asked");
BOOT_NUMBER(patience, 30, 1, 3600, "seconds that all of it may take");

static enum status show_addresses(struct console *console, struct dns *dns,
                                  nanoseconds deadline)
{
    struct dns_answer a;
    enum status s = dns_resolve(dns, host, deadline, &a);

    for (unsigned i = 0; s == OK && i < a.count; i++)
        console_log(console, "%s has address %s", host, ip_text(a.ip[i]).s);
    return s;
}

/* Reads up to the end of the first line, or of what has room. */
static enum status read_line(struct flow *flow, char *line, size_t size,
                             nanoseconds deadline)
{
    size_t len = 0;

    while (len < size - 1 && !memchr(line, '\n', len)) {
        struct buf *data;
        enum status s = flow_read(flow, &data, deadline);

        if (s != OK)
            return s;
        for (size_t i = 0; i < data->len && len < size - 1; i++)
            line[len++] = (char)data->data[i];
        buf_free(data);
    }
    line[len] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return OK;
}

/* HTTP/1.0 is enough to be told how it is (RFC 1945, 5 and 6). */
static enum status show_status(struct console *console, struct dns *dns,
                               nanoseconds deadline)
{
    char text[400], quoted[4 * sizeof text];
    size_t len = text_format(text, sizeof text,
                             "HEAD / HTTP/1.0\r\nHost: %s\r\n\r\n", host);
    struct flow *flow;
    enum status s = dns_connect_tcp(dns, host, (uint16_t)port, deadline,
                                    &flow);

    if (s != OK)
        return s;
    s = flow_write(flow, text, len, deadline);
    if (s == OK)
        s = read_line(flow, text, sizeof text, deadline);
    if (s == OK) {
        text_quote(quoted, sizeof quoted, text, strlen(text));
        console_log(console, "%s: %s", ip_text(flow_peer(flow).ip).s, quoted);
    }
    (void)flow_finish(flow, time_after(GOODBYE)); /* headers are still unread */
    return s;
}

void start(struct console *console, struct dns *dns)
{
    nanoseconds deadline = time_after((nanoseconds)patience * SECOND);
    enum status s = show_addresses(console, dns, deadline);

    if (s == OK && port > 0)
        s = show_status(console, dns, deadline);
    if (s == OK || s == ERR_CANCELLED)
        return;
    console_log(console, "%s: %s", host, status_text(s));
    exit(EXIT_FAILURE);
}
