/* SPDX-License-Identifier: ISC */
/*
 * .mirage/record, which anyone may have written: it is damaged, or its names
 * are plain, and the record that is made from it has the same facts.
 */
#define _GNU_SOURCE
#include "taken.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#undef MIRAGE_VERSION
#define MIRAGE_VERSION     "1"
#define access(file, mode) ((void)(file), 0) /* all files are there */
#define setenv             set_variable
#define unsetenv           unset_variable
#define image_name         name_of_image /* core/report.c has another */

static int set_variable(const char *name, const char *value, int replaces)
{
    check(name && value && replaces);
    return 0;
}

static int unset_variable(const char *name)
{
    check(name != NULL);
    return 0;
}

#include <tool/record.c>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The command ends before its memory matters; here it is freed. */
void *get_memory(size_t size)
{
    return note(calloc(1, size), 0);
}

char *text_of(const char *fmt, ...)
{
    char *text;
    va_list args;

    va_start(args, fmt);
    check(vasprintf(&text, fmt, args) >= 0);
    va_end(args);
    return note(text, 0);
}

void die(int status, const char *fmt, ...)
{
    (void)fmt;
    check(status == FAILED);
    longjmp(fuzz_exit, 1);
}

/* The present .mirage/record. */
static const char *record;

char *read_text(const char *name, size_t *len)
{
    check(strcmp(name, ".mirage/record") == 0);
    *len = strlen(record);
    return note(strdup(record), 0);
}

/* As tool/files.h says. */
bool is_plain_name(const char *name)
{
    size_t len = strlen(name);
    bool is_plain = len > 0 && len <= 64 && *name != '-' && *name != '.';

    for (; *name; name++)
        is_plain = is_plain && (isalnum((unsigned char)*name) ||
                                strchr("_-+.", *name));
    return is_plain;
}

void add_item(struct list *l, const char *item)
{
    check(l->count < MOST);
    l->item[l->count++] = item;
}

char *crunched_name(size_t i)
{
    return text_of("static%zu", i + 1);
}

char *image_name(size_t i)
{
    return text_of("fat%zu", i + 1);
}

struct list built_files(const char *image, const char *target)
{
    struct list l = {.count = 0};

    add_item(&l, text_of("mir-%s", image));
    add_item(&l, text_of("mir-%s.%s", image, target));
    return l;
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_again(const struct record *r)
{
    struct facts *f = get_memory(sizeof *f);
    struct list present = built_files(r->image, r->target);
    const struct record *again;
    size_t kept = 0;

    f->file = r->file;
    f->target = r->target;
    f->image = r->image;
    f->variable_count = r->variable_count;
    memcpy(f->variable, r->variable, sizeof f->variable);
    record = note(record_text(f), 0);
    again = want_record();
    check(is_same(again->version, MIRAGE_VERSION));
    check(is_same(again->target, r->target));
    check(is_same(again->file, r->file) && is_same(again->image, r->image));
    check(again->variable_count == r->variable_count);
    for (size_t i = 0; i < r->variable_count; i++)
        check(is_same(again->variable[i].name, r->variable[i].name) &&
              is_same(again->variable[i].value, r->variable[i].value));
    for (size_t i = 0; i < r->built.count; i++)
        if (!is_in(&present, r->built.item[i])) {
            check(kept < again->built.count);
            check(is_same(again->built.item[kept++], r->built.item[i]));
        }
    check(again->built.count == kept);
    apply_record(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1);

    memcpy(note(text, 0), data, size);
    record = text;
    if (setjmp(fuzz_exit) == 0)
        check_again(want_record());
    free_taken();
    return 0;
}
