/* SPDX-License-Identifier: ISC */
/* Lines of .mirage/record: a word and its values, by mirage/line.h. */
#define _GNU_SOURCE
#include "record.h"
#include "emit.h"
#include "files.h"
#include "say.h"
#include "target.h"
#include <mirage/line.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD ".mirage/record"

static void put_fact(FILE *out, const char *word, const char *value)
{
    fprintf(out, "%s\t", word);
    line_put(out, value);
    fputc('\n', out);
}

static bool is_in(const struct list *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->item[i], name) == 0)
            return true;
    return false;
}

/* Reads the record, which may be incomplete. NULL: there is none. */
static struct record *parse_record(void)
{
    size_t len;
    char *text = read_text(RECORD, &len), *line;
    struct record *r;

    if (!text)
        return NULL;
    r = get_memory(sizeof *r);
    while ((line = strsep(&text, "\n")) != NULL) {
        char *word = strsep(&line, "\t"), *value = strsep(&line, "\t");

        if (!value)
            continue;
        value = line_value(value);
        if (strcmp(word, "version") == 0)
            r->version = value;
        else if (strcmp(word, "target") == 0)
            r->target = value;
        else if (strcmp(word, "file") == 0)
            r->file = value;
        else if (strcmp(word, "image") == 0)
            r->image = value;
        else if (strcmp(word, "built") == 0 && r->built.count < MOST)
            r->built.item[r->built.count++] = value;
        else if (strcmp(word, "env") == 0 && r->variable_count < MOST)
            r->variable[r->variable_count++] =
                (struct variable){value, line ? line_value(line) : NULL};
    }
    return r;
}

/* Files built for an earlier configuration are recorded until mirage clean. */
static void put_built(FILE *out, const struct list *built,
                      const struct list *present)
{
    for (size_t i = 0; i < built->count; i++)
        if (!is_in(present, built->item[i]) &&
            access(built->item[i], F_OK) == 0)
            put_fact(out, "built", built->item[i]);
}

char *record_text(const struct facts *f)
{
    const struct record *old = parse_record();
    struct list present = built_files(f->image, f->target), before;
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    fputs("# What `mirage configure` found; make and mirage go by it.\n", out);
    put_fact(out, "version", MIRAGE_VERSION);
    put_fact(out, "target", f->target);
    put_fact(out, "file", f->file);
    put_fact(out, "image", f->image);
    for (size_t i = 0; i < f->crunched.count; i++) {
        add_item(&present, text_of("%s.c", crunched_name(i)));
        add_item(&present, text_of("%s.h", crunched_name(i)));
        put_fact(out, "built", text_of("%s.c", crunched_name(i)));
        put_fact(out, "built", text_of("%s.h", crunched_name(i)));
    }
    for (size_t i = 0; i < f->images.count; i++) {
        add_item(&present, text_of("%s.img", image_name(i)));
        put_fact(out, "built", text_of("%s.img", image_name(i)));
    }
    if (old && old->image && old->target) {
        before = built_files(old->image, old->target);
        put_built(out, &old->built, &present);
        put_built(out, &before, &present);
    }
    for (size_t i = 0; i < f->variable_count; i++) {
        fputs("env\t", out);
        line_put(out, f->variable[i].name);
        if (f->variable[i].value) {
            fputc('\t', out);
            line_put(out, f->variable[i].value);
        }
        fputc('\n', out);
    }
    fclose(out);
    return text;
}

struct record *read_record(void)
{
    struct record *r = parse_record();

    if (r && (!r->version || !r->target || !r->file || !r->image ||
              !is_plain_name(r->file) || !is_plain_name(r->image)))
        die(FAILED, RECORD " is damaged: run `mirage configure` again");
    return r;
}

const struct record *want_record(void)
{
    const struct record *r = read_record();

    if (!r)
        die(FAILED, "nothing is configured in this folder: run `mirage "
                    "configure`");
    return r;
}

void apply_record(const struct record *r)
{
    unsetenv(SOURCE_DATE); /* it is recorded only if it was set */
    for (size_t i = 0; i < r->variable_count; i++)
        if (r->variable[i].value)
            setenv(r->variable[i].name, r->variable[i].value, 1);
        else
            unsetenv(r->variable[i].name);
}
