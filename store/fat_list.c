/* SPDX-License-Identifier: ISC */
/* fs_stat and fs_list. */
#include "fat_calls.h"
#include "fat_path.h"
#include "fat_transact.h"
#include <mirage/text.h>
#include <stdlib.h>
#include <string.h>

static void describe(const struct fat *f, const struct fat_entry *e,
                     struct fs_stat *st)
{
    st->directory = fat_is_directory(e->bytes);
    st->read_only = e->bytes[11] & FAT_READ_ONLY;
    st->size = st->directory ? 0 : fat_size(e->bytes);
    st->modified = fat_entry_time(e->bytes);
    st->id = fat_first_cluster(f, e->bytes);
}

enum status fat_stat(struct fs *fs, const char *path, struct fs_stat *st)
{
    struct fat *f = fat_of(fs);
    struct fat_place p;
    enum status s = fat_lock_mounted(f, false);

    if (s)
        return s;
    s = fat_lookup_existing(f, path, &p);
    if (s == OK && p.name.len == 0)
        *st = (struct fs_stat){.directory = true, .id = f->l.root_cluster};
    else if (s == OK)
        describe(f, &p.entry, st);
    return fat_unlock(f, s);
}

/* Logs that an entry of a directory is not listed. name: that of an earlier
 * entry too; NULL: it has none. Both are quoted, since anyone may have written
 * them. */
static void warn_left_out(const char *path, const char *name)
{
    char directory[200], quoted[200];

    path = *path ? path : "/";
    text_quote(directory, sizeof directory, path, strlen(path));
    if (!name) {
        log_warning(&fat, "%s: a name that no path can hold is left out",
                    directory);
        return;
    }
    text_quote(quoted, sizeof quoted, name, strlen(name));
    log_warning(&fat, "%s: a second entry with the name \"%s\" is left out; "
                      "`fsck.fat -a` renames it",
                directory, quoted);
}

/* Entries that are read with one look-up of the directory. */
#define BATCH 16

struct batch {
    uint32_t slot;
    size_t count;
    struct {
        struct fs_stat st;
        bool is_text, is_found;
        char name[FAT_NAME_BYTES];
    } entry[BATCH];
};

/* Reads the names of a directory from b->slot on. ERR_EOF: these are the last.
 */
static enum status read_batch(struct fat *f, const char *path, struct batch *b)
{
    struct fat_dir *d;
    struct fat_entry e;
    enum status s = fat_lookup_dir(f, path, &d);

    b->count = 0;
    while (s == OK && b->count < BATCH) {
        s = fat_dir_next(f, d, &b->slot, &e);
        if (s == OK)
            s = fat_dir_is_found(f, d, &e, &b->entry[b->count].is_found);
        if (s)
            break;
        describe(f, &e, &b->entry[b->count].st);
        b->entry[b->count].is_text = fat_name_text(&e.name,
                                                   b->entry[b->count].name);
        b->count++;
    }
    return s;
}

/* The file system is not locked while fn runs, so fn may call it. */
enum status fat_list(struct fs *fs, const char *path, fs_entry *fn,
                     void *ctx)
{
    struct fat *f = fat_of(fs);
    struct batch *b = malloc(sizeof *b);
    enum status s = b ? OK : ERR_NO_MEMORY;
    bool goes_on = true;

    if (b)
        b->slot = 0;
    while (s == OK && goes_on) {
        s = fat_lock_mounted(f, false);
        if (s)
            break;
        s = fat_unlock(f, read_batch(f, path, b));
        for (size_t i = 0; goes_on && i < b->count; i++)
            if (!b->entry[i].is_text)
                warn_left_out(path, NULL);
            else if (!b->entry[i].is_found)
                warn_left_out(path, b->entry[i].name);
            else
                goes_on = fn(ctx, b->entry[i].name, &b->entry[i].st);
    }
    free(b);
    return s == ERR_EOF || !goes_on ? OK : s;
}
