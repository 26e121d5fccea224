/* SPDX-License-Identifier: ISC */
/* The ports of a virtual machine's virtio console device. */
#define _GNU_SOURCE
#include "ports.h"
#include "quote.h"
#include "say.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PORTS 6 /* of the driver's seven, port 0 is a console's */
#define MOST_NAME  63 /* bytes */

static int by_name(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

struct list ports_of(const struct facts *f)
{
    struct list names = {{0}, 0};

    for (size_t i = 0; i < f->node_count; i++) {
        const struct node *t = &f->node[i];

        if (t->is_used && t->driver && strcmp(t->driver, "console_port") == 0)
            add_item(&names, t->argument[0].text);
    }
    qsort(names.item, names.count, sizeof names.item[0], by_name);
    return names;
}

void ports_check(const struct facts *f)
{
    struct list names = ports_of(f);

    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.item[i];

        if (!*name || *name == '-' || strlen(name) > MOST_NAME ||
            name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")])
            die(FAILED,
                "custom_console(\"%s\"): on virtio that is the name of a port: "
                "letters, digits, _ - and ., at most %d, not - first",
                name, MOST_NAME);
    }
    if (names.count > MOST_PORTS)
        die(FAILED, "%zu consoles with names: on virtio there are %d at most",
            names.count, MOST_PORTS);
}

char *ports_lines(const struct facts *f)
{
    struct list names = ports_of(f);
    char *text = text_of("%s", "");

    for (size_t i = 0; i < names.count; i++)
        text = text_of(
            "%s%sfind_socket %s\n"
            "set -- \"$@\" -chardev \"socket,id=port%zu,$socket\" \\\n"
            "    -device virtserialport,chardev=port%zu,name=%s\n",
            text, i ? "" : "set -- \"$@\" -device virtio-serial-$bus\n",
            shell_word(names.item[i]), i, i, names.item[i]);
    return text;
}

char *ports_elements(const struct facts *f)
{
    struct list names = ports_of(f);
    char *text = text_of("%s", "");

    for (size_t i = 0; i < names.count; i++)
        text = text_of("%s"
                       "    <channel type=\"unix\">\n"
                       "      <source mode=\"bind\" path=\"@HERE@/%s.sock\"/>\n"
                       "      <target type=\"virtio\" name=\"%s\"/>\n"
                       "    </channel>\n",
                       text, names.item[i], names.item[i]);
    return text;
}

void ports_note(const struct facts *f)
{
    struct list names = ports_of(f);

    if (names.count)
        say("console \"%s\"%s not in %s.firecracker.json: Firecracker has no "
            "virtio console",
            names.item[0], names.count > 1 ? " and others are" : " is",
            f->image);
}
