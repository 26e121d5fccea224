/* SPDX-License-Identifier: ISC */
/* Does what it is told on the console "agent". */
#include <mirage.h>
#include <stdlib.h>
#include <string.h>

static void flood(struct console *agent, unsigned lines)
{
    for (unsigned i = 0; i < lines; i++)
        console_log(agent, "line %06u of output that a slow reader slows", i);
}

/* Passes on what is typed at the other console. */
static void ask(struct console *c, struct console *agent)
{
    char line[100];

    console_log(c, "your name?");
    if (console_read_line(c, line, sizeof line) == OK)
        console_log(agent, "name %s", line);
}

/* Returns so many bytes as they come. */
static void echo(struct console *agent, size_t count)
{
    char data[700];
    size_t got;

    for (; count > 0; count -= got) {
        if (console_read(agent, data,
                         count < sizeof data ? count : sizeof data,
                         &got) != OK)
            return;
        console_write(agent, data, got);
    }
}

/* Allocates so many KiB, writes to all of it, and frees it again. */
static void use(struct console *agent, size_t kib)
{
    char *data = malloc(kib * 1024);
    size_t wrong = 0;

    for (size_t i = 0; data && i < kib * 1024; i += 512)
        data[i] = (char)(i / 512);
    for (size_t i = 0; data && i < kib * 1024; i += 512)
        wrong += data[i] != (char)(i / 512);
    console_log(agent, "%zu KiB: %s, %zu are wrong", kib,
                data ? "used" : "no memory", wrong);
    free(data);
}

static bool obey(struct console *c, struct console *agent, const char *line)
{
    if (strncmp(line, "flood ", 6) == 0)
        flood(agent, (unsigned)atoi(line + 6));
    else if (strncmp(line, "echo ", 5) == 0)
        echo(agent, (size_t)atoi(line + 5));
    else if (strncmp(line, "use ", 4) == 0)
        use(agent, (size_t)atoi(line + 4));
    else if (strcmp(line, "ask") == 0)
        ask(c, agent);
    else if (strcmp(line, "crash") == 0)
        panic("as it was told");
    else
        console_log(agent, "[%s]", line);
    return strcmp(line, "end") != 0;
}

void start(struct console *c, struct console *agent)
{
    char line[100];
    enum status s;

    console_log(c, "hello");
    console_log(agent, "agent");
    for (;;) {
        s = console_read_line(agent, line, sizeof line);
        if (s == ERR_EOF)
            console_log(c, "closed");
        else if (s != OK || !obey(c, agent, line))
            break;
    }
    console_log(c, "the end: %s", status_text(s));
}
