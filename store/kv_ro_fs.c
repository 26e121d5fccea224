/* SPDX-License-Identifier: ISC */
/*
 * The files of a file system as keys and values: a path is a key already, but
 * a directory has no value, and what cannot be a name there is just not there.
 */
#include <mirage/drivers.h>
#include <mirage/fs.h>
#include <mirage/kv_ro.h>
#include <stdlib.h>
#include <string.h>

struct of_fs {
    struct kv_ro kv; /* first */
    struct fs *fs;
};

struct listing {
    kv_ro_entry *fn;
    void *ctx;
    size_t len; /* of the directory's name and a slash */
};

static struct fs *fs_of(struct kv_ro *kv)
{
    return ((struct of_fs *)kv)->fs;
}

/* What the file system said, as a store says it. */
static enum status as_of_key(enum status s)
{
    return s == ERR_NAME || s == ERR_NOT_DIRECTORY || s == ERR_IS_DIRECTORY
               ? ERR_NOT_FOUND
               : s;
}

static enum status stat_file(struct kv_ro *kv, const char *key,
                             struct fs_stat *st)
{
    enum status s = as_of_key(fs_stat(fs_of(kv), key, st));

    return s == OK && st->directory ? ERR_NOT_FOUND : s;
}

static enum status of_fs_size(struct kv_ro *kv, const char *key,
                              uint64_t *size)
{
    struct fs_stat st;
    enum status s = stat_file(kv, key, &st);

    if (s == OK)
        *size = st.size;
    return s;
}

static enum status of_fs_modified(struct kv_ro *kv, const char *key,
                                  nanoseconds *modified)
{
    struct fs_stat st;
    enum status s = stat_file(kv, key, &st);

    if (s == OK)
        *modified = st.modified;
    return s;
}

static enum status of_fs_read(struct kv_ro *kv, const char *key,
                              uint64_t offset, void *data, size_t len,
                              size_t *got)
{
    return as_of_key(fs_read(fs_of(kv), key, offset, data, len, got));
}

static bool pass_entry(void *ctx, const char *name, const struct fs_stat *st)
{
    const struct listing *l = ctx;

    if (l->len + strlen(name) > KV_RO_KEY)
        return true; /* a path, but no key */
    return l->fn(l->ctx, name, st->directory);
}

static enum status of_fs_list(struct kv_ro *kv, const char *directory,
                              kv_ro_entry *fn, void *ctx)
{
    size_t len = strlen(directory);
    struct listing l = {fn, ctx, len + (len > 0)};

    return as_of_key(fs_list(fs_of(kv), directory, pass_entry, &l));
}

static void of_fs_disconnect(struct kv_ro *kv)
{
    free(kv);
}

static const struct kv_ro_ops of_fs_ops = {
    .size = of_fs_size,
    .modified = of_fs_modified,
    .read = of_fs_read,
    .list = of_fs_list,
    .disconnect = of_fs_disconnect,
};

enum status kv_ro_fs_connect(struct fs *fs, struct kv_ro **kv)
{
    struct of_fs *o = malloc(sizeof *o);

    if (!o)
        return ERR_NO_MEMORY;
    *o = (struct of_fs){{&of_fs_ops}, fs};
    *kv = &o->kv;
    return OK;
}
