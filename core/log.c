/* SPDX-License-Identifier: ISC */
/* The log: its levels, the boot argument that sets them, and the ring. */
#include "log.h"
#include <mirage/boot.h>
#include <mirage/log.h>
#include <mirage/macros.h>
#include <mirage/platform.h>
#include <mirage/text.h>
#include <string.h>

static const char *const level_names[] = {"error", "warning", "info", "debug"};

static struct log_source *sources;
static char ring[LOG_RING];
static size_t ring_end; /* bytes written since the start */
static size_t errors;

/* A pointer, so that images which never call log_plainly do not contain the
 * code. NULL: whole lines are printed. */
static void (*put_plainly)(enum log_level level, const char *text, size_t len);

size_t log_errors(void)
{
    return errors;
}

/* Is text the word, followed by the character end? */
static bool starts(const char *text, const char *word, char end)
{
    for (; *word; text++, word++)
        if (*text != *word)
            return false;
    return *text == end;
}

/*
 * Sets the level of one source (SOURCE:LEVEL) or of all (LEVEL). Returns NULL,
 * or what value should have been.
 */
static const char *set_levels(const char *value)
{
    const char *colon = value + strcspn(value, ":");
    const char *name = *colon ? colon + 1 : value;
    bool found = !*colon;
    int level = 0;
    static char complaint[128];
    struct log_source *s;

    while (level <= LEVEL_DEBUG && strcmp(name, level_names[level]) != 0)
        level++;
    if (level > LEVEL_DEBUG)
        return "LEVEL or SOURCE:LEVEL, LEVEL one of error, warning, info, "
               "debug";
    for (s = sources; s; s = s->next) {
        if (*colon && !starts(value, s->name, ':'))
            continue;
        s->level = (enum log_level)level;
        found = true;
    }
    if (found)
        return NULL;
    text_format(complaint, sizeof complaint,
                "a source that logs in this image:");
    for (s = sources; s; s = s->next) {
        size_t len = strlen(complaint);

        text_format(complaint + len, sizeof complaint - len, "%s %s",
                    s == sources ? "" : ",", s->name);
    }
    return complaint;
}

BOOT_PARSED(log, "[SOURCE:]LEVEL", set_levels,
            "print log lines of LEVEL and above: error, warning (default), "
            "info, debug");

/* Sorted by name, so that messages do not depend on the order of linking. */
void log_register(struct log_source *source)
{
    struct log_source **at = &sources;

    while (*at && strcmp((*at)->name, source->name) < 0)
        at = &(*at)->next;
    source->next = *at;
    *at = source;
}

static void ring_add(const char *line, size_t len)
{
    size_t at = ring_end % LOG_RING;
    size_t before_end = min(LOG_RING - at, len);

    memcpy(ring + at, line, before_end);
    memcpy(ring, line + before_end, len - before_end);
    ring_end += len;
}

static const char *plain_prefix;

static void put_after_prefix(enum log_level level, const char *text, size_t len)
{
    char start[64];
    size_t n = text_format(start, sizeof start, "%s: %s", plain_prefix,
                           level == LEVEL_WARNING ? "warning: " : "");

    platform_put(start, min(n, sizeof start - 1));
    platform_put(text, len);
}

void log_plainly(const char *prefix)
{
    plain_prefix = prefix;
    put_plainly = prefix ? put_after_prefix : NULL;
}

void log_write(struct log_source *source, enum log_level level,
               const char *fmt, ...)
{
    nanoseconds now = platform_now();
    char line[LOG_LINE];
    size_t len, head;
    va_list args;

    errors += level == LEVEL_ERROR;
    len = text_format(line, sizeof line, "[%5u.%06u] %s %s: ",
                      (unsigned)(now / SECOND),
                      (unsigned)(now % SECOND / MICROSECOND),
                      level_names[level], source->name);
    head = len;
    va_start(args, fmt);
    len += text_vformat(line + len, sizeof line - len, fmt, args);
    va_end(args);
    len = min(len, sizeof line - 1);
    line[len++] = '\n';
    ring_add(line, len);
    if (level > source->level)
        return;
    if (put_plainly)
        put_plainly(level, line + head, len - head);
    else
        platform_put(line, len);
}

/* Would this line of the ring be printed at the present level of its source,
 * and was it not at the default level? */
static bool is_wanted_now(const char *line)
{
    const char *level = line + strcspn(line, "]\n"), *source;

    /* A text with line ends continues in lines without a head. */
    if (level[0] != ']' || level[1] != ' ')
        return false;
    level += 2;
    source = level + strcspn(level, " \n");
    if (*source++ != ' ')
        return false;
    for (struct log_source *s = sources; s; s = s->next)
        if (starts(source, s->name, ':'))
            for (int l = LEVEL_WARNING + 1; l <= (int)s->level; l++)
                if (starts(level, level_names[l], ' '))
                    return true;
    return false;
}

void log_catch_up(size_t end)
{
    size_t at = 0;

    while (end <= LOG_RING && at < end) {
        size_t len = strcspn(ring + at, "\n") + 1;

        if (is_wanted_now(ring + at))
            platform_put(ring + at, len);
        at += len;
    }
}

size_t log_end(void)
{
    return ring_end;
}

void log_dump(void)
{
    size_t at = ring_end > LOG_RING ? ring_end - LOG_RING : 0;

    /* Skip the line whose beginning was overwritten. */
    if (at > 0)
        while (at < ring_end && ring[at++ % LOG_RING] != '\n')
            ;
    if (at == ring_end)
        return;
    if (at / LOG_RING == (ring_end - 1) / LOG_RING) {
        platform_put(ring + at % LOG_RING, ring_end - at);
        return;
    }
    platform_put(ring + at % LOG_RING, LOG_RING - at % LOG_RING);
    platform_put(ring, ring_end % LOG_RING);
}
