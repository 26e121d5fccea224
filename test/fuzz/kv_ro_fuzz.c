/* SPDX-License-Identifier: ISC */
/*
 * Keys and crunched folders, against simpler and slower code: any text is
 * accepted as a key or refused; a store finds its keys and no others, and lists
 * each directory completely.
 */
#include "platform.h"
#include <mirage.h>
#include <mirage/crunched.h>
#include <mirage/drivers.h>
#include <stdlib.h>
#include <string.h>

#define MOST 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Checks a key part by part, each copied to a text of its own. */
static bool is_key(const char *text)
{
    char *copy = strdup(text), *rest = copy, *part;
    bool good = strlen(text) <= KV_RO_KEY;

    while ((part = strsep(&rest, "/")) != NULL)
        good &= strcmp(part, "") != 0 && strcmp(part, ".") != 0 &&
                strcmp(part, "..") != 0;
    free(copy);
    return good;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct crunched_file *)a)->key,
                  ((const struct crunched_file *)b)->key);
}

/* Whether a key conflicts with another: a folder cannot have a file and a
 * directory of the same name. */
static bool is_taken(const struct crunched_file *file, uint32_t count,
                     const char *key)
{
    size_t len = strlen(key);

    for (uint32_t i = 0; i < count; i++) {
        size_t other = strlen(file[i].key), least = len < other ? len : other;

        if (memcmp(file[i].key, key, least) == 0 &&
            (len == other || (len > other ? key : file[i].key)[least] == '/'))
            return true;
    }
    return false;
}

/* The number of keys in a directory and the directories below it; "": all. */
static size_t count_below(const struct crunched *c, const char *directory)
{
    size_t len = strlen(directory), count = 0;

    for (uint32_t i = 0; i < c->count; i++)
        count += len == 0 || (strncmp(c->file[i].key, directory, len) == 0 &&
                              c->file[i].key[len] == '/');
    return count;
}

struct walk {
    const struct crunched *files;
    struct kv_ro *kv;
    char directory[KV_RO_KEY + 1];
    size_t found, entries;
    char last[KV_RO_KEY + 1];
};

static void walk(struct walk *w);

static bool note(void *ctx, const char *name, bool is_directory)
{
    struct walk *w = ctx;
    size_t len = strlen(w->directory);
    struct walk below = *w;

    check(w->entries++ == 0 || strcmp(w->last, name) != 0);
    strcpy(w->last, name);
    check(!strchr(name, '/') && *name);
    check(len + (len > 0) + strlen(name) <= KV_RO_KEY);
    if (len > 0)
        strcat(below.directory, "/");
    strcat(below.directory, name);
    if (is_directory) {
        walk(&below);
        w->found += below.found;
    } else {
        const void *data;
        size_t size;

        check(kv_ro_view(w->kv, below.directory, &data, &size) == OK);
        check(strcmp(data, below.directory) == 0);
        w->found++;
    }
    return true;
}

static void walk(struct walk *w)
{
    enum status s;

    w->found = w->entries = 0;
    s = w->kv->ops->list(w->kv, w->directory, note, w);
    check(s == OK);
    check(w->found == count_below(w->files, w->directory));
}

/* A key must be found if and only if a file has it. */
static void check_text(const struct crunched *c, struct kv_ro *kv,
                       const char *text)
{
    struct crunched_file wanted = {text, NULL, 0};
    const void *data;
    size_t size;
    bool is_there = c->count &&
                    bsearch(&wanted, c->file, c->count, sizeof wanted, by_key);

    check(kv_ro_view(kv, text, &data, &size) ==
          (!is_key(text) ? ERR_NAME
           : is_there    ? OK
                         : ERR_NOT_FOUND));
    if (is_key(text) && count_below(c, text) == 0)
        check(kv->ops->list(kv, text, note, NULL) == ERR_NOT_FOUND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1), *text = copy;
    struct crunched_file file[MOST];
    struct crunched c = {file, 0, 0};
    struct kv_ro *kv;
    struct walk w = {.files = &c};

    memcpy(copy, data, size);
    copy[size] = '\0';
    for (; text <= copy + size; text += strlen(text) + 1)
        if (c.count < MOST && is_key(text) && !is_taken(file, c.count, text))
            file[c.count++] =
                (struct crunched_file){text, text, strlen(text)};
    qsort(file, c.count, sizeof *file, by_key);
    check(kv_ro_crunch_connect(&c, &kv) == OK);
    w.kv = kv;
    walk(&w);
    for (text = copy; text <= copy + size; text += strlen(text) + 1) {
        check_text(&c, kv, text);
        if (*text)
            check_text(&c, kv, text + 1);
    }
    kv_ro_disconnect(kv);
    free(copy);
    return 0;
}
