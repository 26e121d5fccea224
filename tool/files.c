/* SPDX-License-Identifier: ISC */
/*
 * Writing files so that edits of the user are kept, and a kill at any moment
 * leaves a state from which make goes on.
 */
#define _GNU_SOURCE
#include "files.h"
#include "draft.h"
#include "say.h"
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MADE       ".mirage/made"
#define CONFIGURED ".mirage/configured"
#define SEAL       "hash as made: " /* then 16 hex digits, " ", the file */

bool is_plain_name(const char *name)
{
    return *name && *name != '-' && *name != '.' && strlen(name) <= 64 &&
           !name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.+")];
}

/* FNV-1a, 64 bits: enough to detect that a file was edited. */
static uint64_t hash(const char *text, size_t len)
{
    uint64_t h = 0xcbf29ce484222325;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * 0x100000001b3;
    return h;
}

char *read_text(const char *name, size_t *len)
{
    FILE *in = fopen(name, "r");
    FILE *out;
    char *text, piece[4096];
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
    char *found = read_text(name, &len);

    return found && len == strlen(text) && memcmp(found, text, len) == 0;
}

/*
 * Whether MADE has a line with this name and hash. While files are replaced it
 * has two lines for a name: of the old and of the new text.
 */
static bool is_recorded(const char *name, uint64_t h)
{
    size_t len;
    char *made = read_text(MADE, &len), *line;

    while (made && (line = strsep(&made, "\n")) != NULL) {
        char *blank = strchr(line, ' ');

        if (blank && strcmp(blank + 1, name) == 0 &&
            strtoull(line, NULL, 16) == h)
            return true;
    }
    return false;
}

/* The start of a comment in the file; NULL: it cannot have comments. */
static const char *comment_start(const char *name)
{
    const char *dot = strrchr(name, '.');

    if (dot && (strcmp(dot, ".json") == 0 || strcmp(dot, ".txt") == 0))
        return NULL;
    return dot && strcmp(dot, ".c") == 0          ? "/* "
           : strstr(name, "_libvirt.xml") != NULL ? "<!-- "
                                                  : "# ";
}

static const char *comment_end(const char *name)
{
    const char *start = comment_start(name);

    return *start == '/' ? " */" : *start == '<' ? " -->"
                                                 : "";
}

static char *seal(const char *in, const char *name, const char *text,
                  size_t len)
{
    return text_of("%s" SEAL "%016" PRIx64 " %s%s\n", comment_start(in),
                   hash(text, len), name, comment_end(in));
}

/* Whether the last line is the seal of the text before it. */
static bool is_sealed(const char *name, const char *text, size_t len)
{
    size_t last = len > 0 ? len - 1 : 0;
    char *wanted;

    if (!comment_start(name))
        return false;
    while (last > 0 && text[last - 1] != '\n')
        last--;
    wanted = seal(name, name, text, last);
    return strlen(wanted) == len - last &&
           memcmp(wanted, text + last, len - last) == 0;
}

/* Whether the Makefile has the seal of a file without comments. */
static bool is_sealed_elsewhere(const char *name, const char *text, size_t len)
{
    size_t size;
    char *makefile, *wanted;

    if (comment_start(name) || !is_regular("Makefile"))
        return false;
    makefile = read_text("Makefile", &size);
    wanted = seal("Makefile", name, text, len);
    return makefile && strstr(makefile, wanted) != NULL;
}

/*
 * Whether a file, or its new version NAME.new, is as mirage made it: by MADE,
 * or by its seal if .mirage is missing, as in a copy of the visible files.
 */
static bool is_as_made(const char *file, const char *name)
{
    size_t len;
    char *text;

    if (!is_regular(file))
        return false;
    text = read_text(file, &len);
    return text && (is_recorded(name, hash(text, len)) ||
                    is_sealed(name, text, len) ||
                    is_sealed_elsewhere(name, text, len));
}

/* The text of the Makefile with the seals of files that have no comments. */
static char *with_other_seals(const char *text, const struct made_file *files,
                              size_t count)
{
    char *all = text_of("%s", text);

    for (size_t i = 0; i < count; i++)
        if (!files[i].is_hidden && !comment_start(files[i].name))
            all = text_of("%s%s", all,
                          seal("Makefile", files[i].name, files[i].text,
                               strlen(files[i].text)));
    return all;
}

void seal_files(struct made_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct made_file *f = &files[i];

        if (f->is_hidden || !comment_start(f->name))
            continue;
        if (strcmp(f->name, "Makefile") == 0)
            f->text = with_other_seals(f->text, files, count);
        f->text = text_of("%s%s", f->text,
                          seal(f->name, f->name, f->text, strlen(f->text)));
    }
}

static char *beside(const char *name)
{
    return text_of("%s.new", name);
}

/* The name that a new version of the file gets: its own, or NAME.new. */
static const char *place_for(const struct made_file *f)
{
    char *other = beside(f->name);

    if (f->is_hidden || !is_there(f->name) || is_as_made(f->name, f->name) ||
        (is_regular(f->name) && is_text(f->name, f->text)))
        return f->name;
    if (is_there(other) && !is_as_made(other, f->name) &&
        !(is_regular(other) && is_text(other, f->text)))
        die(FAILED, "%s and %s are not as mirage made them, and one would be "
                    "overwritten: move %s away. Nothing was changed.",
            f->name, other, other);
    return other;
}

/* Ends the program when a draft cannot be written: no file was changed. */
static void give_up(const char *name, const struct made_file *files,
                    size_t count)
{
    int error = errno;

    for (size_t i = 0; i < count; i++)
        remove_draft(files[i].name);
    die(FAILED, "cannot write %s: %s. Nothing was changed.", name,
        strerror(error));
}

static bool write_draft(const char *name, const char *text)
{
    FILE *out = open_draft(name);

    if (!out)
        return false;
    fputs(text, out);
    return close_draft(out, name);
}

/* Ends the program where some of the files may have been replaced. */
static void stop_halfway(const char *name)
{
    die(FAILED, "cannot write %s: %s. When that is mended, run `mirage "
                "configure` again.",
        name, strerror(errno));
}

static void replace(const char *name, const char *place)
{
    if (!rename_draft(name, place))
        stop_halfway(place);
}

static bool is_made(const struct made_file *files, size_t count,
                    const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(files[i].name, name) == 0)
            return true;
    return false;
}

/*
 * The text of MADE after the files are written. Lines of files for another
 * image or target stay until mirage clean. all: so do those of the files' old
 * texts.
 */
static char *made_text(const struct made_file *files, size_t count, bool all)
{
    char *text, *made, *line;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    for (size_t i = 0; i < count; i++)
        if (!files[i].is_hidden)
            fprintf(out, "%016" PRIx64 " %s\n",
                    hash(files[i].text, strlen(files[i].text)), files[i].name);
    made = read_text(MADE, &len);
    while (made && (line = strsep(&made, "\n")) != NULL) {
        char *blank = strchr(line, ' ');

        if (blank && (all || !is_made(files, count, blank + 1)) &&
            is_there(blank + 1))
            fprintf(out, "%s\n", line);
    }
    fclose(out);
    return text;
}

/* Removes an earlier NAME.new if the file itself is replaced. */
static void remove_earlier(const struct made_file *f, const char *place)
{
    char *other = beside(f->name);

    if (!f->is_hidden && strcmp(place, f->name) == 0 &&
        is_as_made(other, f->name))
        unlink(other);
    free(other);
}

/* Whether make builds the program by this file. */
static bool is_of_build(const char *name)
{
    return strcmp(name, "Makefile") == 0 || strcmp(name, "main.c") == 0;
}

/*
 * The order makes it safe to be killed at any moment. CONFIGURED is removed
 * first, so that make configures again, by the old or the new record. MADE has
 * the hashes of the old and the new texts until all are in place. The Makefile
 * is replaced last, when all files that it names exist.
 */
const char *write_files(const struct made_file *files, size_t count)
{
    const char *kept = NULL;
    const char **places = get_memory((count + 1) * sizeof *places);
    char *both = made_text(files, count, true);

    if (access(".", W_OK) != 0)
        give_up("into this folder", files, 0);
    for (size_t i = 0; i < count; i++)
        places[i] = place_for(&files[i]);
    for (size_t i = 0; i < count; i++)
        if (!write_draft(files[i].name, files[i].text))
            give_up(files[i].name, files, count);
    if (!write_draft(MADE, both))
        give_up(MADE, files, count);
    unlink(CONFIGURED);
    replace(MADE, MADE);
    for (size_t i = 0; i < count; i++) {
        remove_earlier(&files[i], places[i]);
        if (is_regular(places[i]) && is_text(places[i], files[i].text))
            remove_draft(files[i].name);
        else
            replace(files[i].name, places[i]);
        if (strcmp(places[i], files[i].name) != 0) {
            say("%s is not as mirage made it: it is kept, and the new one is "
                "%s",
                files[i].name, places[i]);
            if (is_of_build(files[i].name) && !kept)
                kept = files[i].name;
        }
    }
    both = made_text(files, count, false);
    if (!write_draft(MADE, both))
        stop_halfway(MADE);
    replace(MADE, MADE);
    return kept;
}

void write_configured(struct timespec when)
{
    finish_file_at(begin_file(CONFIGURED), CONFIGURED, when);
}

/* A text with its control characters replaced: anyone may have written it. */
static const char *printable(const char *text)
{
    char *copy = text_of("%s", text);

    for (unsigned char *c = (unsigned char *)copy; *c; c++)
        if (*c < ' ' || *c == 127)
            *c = '?';
        else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
            c[0] = c[1] = '?'; /* U+0080 to U+009F */
    return copy;
}

void remove_named(const char *name)
{
    if (!*name || strchr(name, '/'))
        say("%s, which .mirage names, is not a file of this folder: it is left "
            "alone",
            printable(name));
    else
        unlink(name);
}

void remove_files(void)
{
    size_t len;
    char *made = read_text(MADE, &len), *line;

    while (made && (line = strsep(&made, "\n")) != NULL) {
        char *blank = strchr(line, ' ');
        const char *name = blank ? blank + 1 : line;
        char *other = beside(name);

        if (is_as_made(other, name))
            remove_named(other);
        if (is_as_made(name, name))
            remove_named(name);
        else if (access(name, F_OK) == 0)
            say("%s was edited: it is kept", printable(name));
    }
}
