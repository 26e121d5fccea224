/* SPDX-License-Identifier: ISC */
/* mirage crunch: writes a folder as C, and the list by which make knows of
 * changes. */
#define _GNU_SOURCE
#include "crunch.h"
#include "commands.h"
#include "crunch_write.h"
#include "draft.h"
#include "quote.h"
#include "say.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *list_text(const struct folder *f, size_t *len)
{
    char *text;
    FILE *out = open_memstream(&text, len);

    if (!out)
        die(FAILED, "out of memory");
    fprintf(out, "dated %llu\n", f->date);
    for (size_t i = 0; i < f->count; i++) {
        fprintf(out, "%llu %lld.%09ld ", (unsigned long long)f->file[i].size,
                (long long)f->file[i].changed.tv_sec,
                f->file[i].changed.tv_nsec);
        put_c_string(out, f->file[i].key, strlen(f->file[i].key));
        fputc('\n', out);
    }
    fclose(out);
    return text;
}

char *crunch_list(const char *folder, size_t *len)
{
    struct folder f = scan_folder(folder);

    return list_text(&f, len);
}

/* Writes the list if it has changed. false: it has not. */
static bool write_list(const char *name, const char *text, size_t len)
{
    char *file = text_of(".mirage/%s.list", name);
    char *old = get_memory(len + 1);
    FILE *in = fopen(file, "r"), *out;
    bool same = in && fread(old, 1, len + 1, in) == len &&
                memcmp(old, text, len) == 0;

    if (in)
        fclose(in);
    free(old);
    if (same && is_regular(file))
        return false;
    out = begin_file(file);
    fwrite(text, 1, len, out);
    finish_file(out, file);
    return true;
}

uint64_t crunch_check(const char *name, const char *folder)
{
    check_both_ours(name);
    return scan_folder(folder).size;
}

static bool is_older(const char *file, const char *than)
{
    struct stat a, b;

    return stat(file, &a) != 0 || stat(than, &b) != 0 ||
           a.st_mtim.tv_sec < b.st_mtim.tv_sec ||
           (a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
            a.st_mtim.tv_nsec < b.st_mtim.tv_nsec);
}

/* Files older than the list are written too: an earlier crunch may have been
 * killed after it wrote the list. */
void crunch_update(const char *name, const char *folder)
{
    struct folder f = scan_folder(folder);
    size_t len;
    char *text = list_text(&f, &len);
    char *list = text_of(".mirage/%s.list", name);

    if (write_list(name, text, len) || is_older(text_of("%s.c", name), list) ||
        is_older(text_of("%s.h", name), list)) {
        f = scan_folder(folder);
        write_folder(name, &f);
    }
}

static const char *looked_at;

/* Changes the list, so that make runs the rule, which prints the error. */
static void report_by_make(void)
{
    write_list(looked_at, "wrong\n", 6);
    exit(0);
}

/* Writes .mirage/NAME.list if the folder's files have changed. */
static void update_list(const char *name, const char *folder)
{
    struct folder f;
    size_t len;
    char *text;

    looked_at = name;
    crunch_when_wrong(report_by_make);
    f = scan_folder(folder);
    text = list_text(&f, &len);
    write_list(name, text, len);
}

int command_crunch(int count, char **words)
{
    bool is_look = count > 0 && strcmp(words[0], "--look") == 0;

    if (count != 2 + is_look)
        die(MISUSED, "`mirage crunch` wants a name and a folder:  mirage "
                     "crunch static1 t");
    lock_folder();
    if (is_look) {
        update_list(words[1], words[2]);
    } else {
        struct folder f = scan_folder(words[1]);

        write_folder(words[0], &f);
    }
    return 0;
}
