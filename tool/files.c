/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
#include "files.h"
#include "emit.h"
#include "say.h"
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MADE   ".mirage/made"
#define RECORD ".mirage/record"

bool is_plain_name(const char *name)
{
    return *name && *name != '-' && *name != '.' && strlen(name) <= 64 &&
           !name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.+")];
}

/* FNV-1a, 64 bits: enough to see that a file was edited. */
static uint64_t hash(const char *text, size_t len)
{
    uint64_t h = 0xcbf29ce484222325;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * 0x100000001b3;
    return h;
}

/* The file's text, or NULL if it is not there. */
static char *read_text(const char *name, size_t *len)
{
    FILE  *in = fopen(name, "r");
    FILE  *out;
    char  *text, piece[4096];
    size_t n;

    if (!in)
        return NULL;
    out = open_memstream(&text, len);
    while ((n = fread(piece, 1, sizeof piece, in)) > 0)
        fwrite(piece, 1, n, out);
    fclose(in);
    fclose(out);
    return text;
}

static bool is_text(const char *name, const char *text)
{
    size_t len;
    char  *found = read_text(name, &len);

    return found && len == strlen(text) && memcmp(found, text, len) == 0;
}

/* Is the file as MADE says that we made the one called name? */
static bool is_as_made(const char *file, const char *name)
{
    size_t len, made_len;
    char  *text = read_text(file, &len);
    char  *made = read_text(MADE, &made_len), *line;

    while (text && made && (line = strsep(&made, "\n")) != NULL) {
        char *blank = strchr(line, ' ');

        if (blank && strcmp(blank + 1, name) == 0)
            return strtoull(line, NULL, 16) == hash(text, len);
    }
    return false;
}

/* Where a new version of the file goes: to its name, or beside it. */
static const char *place_for(const struct made_file *f)
{
    if (f->is_hidden || access(f->name, F_OK) != 0 ||
        is_text(f->name, f->text) || is_as_made(f->name, f->name))
        return f->name;
    return text_of("%s.new", f->name);
}

static const char *draft_of(const char *name)
{
    return text_of("%s.mirage-draft", name);
}

/* Ends the program when a file cannot be written: nothing was, then. */
static void give_up(const char *name, const struct made_file *files,
                    size_t count)
{
    int error = errno;

    for (size_t i = 0; i < count; i++)
        unlink(draft_of(files[i].name));
    rmdir(".mirage"); /* if it is empty */
    die(FAILED, "cannot write %s: %s. Nothing was changed.", name,
        strerror(error));
}

static bool write_text(const char *name, const char *text)
{
    FILE *out = fopen(name, "w");
    bool  good;

    if (!out)
        return false;
    good = fputs(text, out) >= 0;
    return fclose(out) == 0 && good;
}

static bool is_made(const struct made_file *files, size_t count,
                    const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(files[i].name, name) == 0)
            return true;
    return false;
}

/* What was made for another image or target stays until mirage clean. */
static void put_earlier(FILE *out, const struct made_file *files, size_t count)
{
    size_t len;
    char  *made = read_text(MADE, &len), *line;

    while (made && (line = strsep(&made, "\n")) != NULL) {
        char *blank = strchr(line, ' ');

        if (blank && !is_made(files, count, blank + 1) &&
            access(blank + 1, F_OK) == 0)
            fprintf(out, "%s\n", line);
    }
}

static char *made_text(const struct made_file *files, size_t count)
{
    char  *text;
    size_t len;
    FILE  *out = open_memstream(&text, &len);

    for (size_t i = 0; i < count; i++)
        if (!files[i].is_hidden)
            fprintf(out, "%016" PRIx64 " %s\n",
                    hash(files[i].text, strlen(files[i].text)), files[i].name);
    put_earlier(out, files, count);
    fclose(out);
    return text;
}

void write_files(const struct made_file *given, size_t count)
{
    struct made_file *files = get_memory((count + 1) * sizeof *files);
    const char      **places = get_memory((count + 1) * sizeof *places);

    memcpy(files, given, count * sizeof *files);
    files[count] = (struct made_file){MADE, made_text(given, count), true};
    count++;
    if (access(".", W_OK) != 0 || (mkdir(".mirage", 0777) != 0 &&
                                   errno != EEXIST))
        give_up("into this folder", files, 0);
    for (size_t i = 0; i < count; i++) {
        places[i] = place_for(&files[i]);
        if (is_text(places[i], files[i].text))
            places[i] = NULL;
        else if (!write_text(draft_of(files[i].name), files[i].text))
            give_up(files[i].name, files, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (!places[i])
            continue;
        if (rename(draft_of(files[i].name), places[i]) != 0)
            give_up(places[i], files, count);
        if (strcmp(places[i], files[i].name) != 0)
            say("%s is not as mirage made it: it is kept, and the new one is "
                "%s",
                files[i].name, places[i]);
    }
}

void remove_files(void)
{
    size_t len;
    char  *made = read_text(MADE, &len), *line;

    while (made && (line = strsep(&made, "\n")) != NULL) {
        char       *blank = strchr(line, ' ');
        const char *name = blank ? blank + 1 : line;
        const char *beside = text_of("%s.new", name);

        if (is_as_made(beside, name))
            unlink(beside);
        if (is_as_made(name, name))
            unlink(name);
        else if (access(name, F_OK) == 0)
            say("%s was edited: it is kept", name);
    }
}

static void put_fact(FILE *out, const char *word, const char *value)
{
    fprintf(out, "%s\t", word);
    put_escaped(out, value);
    fputc('\n', out);
}

static bool is_in(const struct list *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->item[i], name) == 0)
            return true;
    return false;
}

/* What there is of a record, or NULL. */
static struct record *parse_record(void)
{
    size_t         len;
    char          *text = read_text(RECORD, &len), *line;
    struct record *r;

    if (!text)
        return NULL;
    r = get_memory(sizeof *r);
    while ((line = strsep(&text, "\n")) != NULL) {
        char *word = strsep(&line, "\t"), *value = strsep(&line, "\t");

        if (!value)
            continue;
        value = unescape(value);
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
                (struct variable){value, line ? unescape(line) : NULL};
    }
    return r;
}

/* What was built for an earlier configuration stays until mirage clean. */
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
    struct list          present = built_files(f->image, f->target), before;
    char                *text;
    size_t               len;
    FILE                *out = open_memstream(&text, &len);

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
        put_escaped(out, f->variable[i].name);
        if (f->variable[i].value) {
            fputc('\t', out);
            put_escaped(out, f->variable[i].value);
        }
        fputc('\n', out);
    }
    fclose(out);
    return text;
}

struct record *read_record(void)
{
    struct record *r = parse_record();

    if (r && (!r->version || !r->target || !r->file || !r->image))
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
    for (size_t i = 0; i < r->variable_count; i++)
        if (r->variable[i].value)
            setenv(r->variable[i].name, r->variable[i].value, 1);
        else
            unsetenv(r->variable[i].name);
}
