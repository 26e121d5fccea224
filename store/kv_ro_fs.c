/* SPDX-License-Identifier: ISC */
/*
 * kv_ro on the files of a file system: a path is a key. A directory, and a key
 * that cannot be a path there, are not found.
 */
#include <mirage/drivers.h>
#include <mirage/fs.h>
#include <mirage/kv_ro.h>
#include <mirage/macros.h>
#include <stdlib.h>
#include <string.h>

struct of_fs {
    struct kv_ro kv; /* first */
    struct fs *fs;
};

struct listing {
    kv_ro_entry *fn;
    void *ctx;
    size_t len; /* of the directory's path and a slash */
};

static struct fs *fs_of(struct kv_ro *kv)
{
    return containing(kv, struct of_fs, kv)->fs;
}

/* The status of a store for one of a file system. */
static enum status key_status(enum status s)
{
    return s == ERR_NAME || s == ERR_NOT_DIRECTORY || s == ERR_IS_DIRECTORY
               ? ERR_NOT_FOUND
               : s;
}

static enum status stat_file(struct kv_ro *kv, const char *key,
                             struct fs_stat *st)
{
    enum status s = key_status(fs_stat(fs_of(kv), key, st));

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
    return key_status(fs_read(fs_of(kv), key, offset, data, len, got));
}

static bool pass_entry(void *ctx, const char *name, const struct fs_stat *st)
{
    const struct listing *l = ctx;

    if (l->len + strlen(name) > KV_RO_KEY)
        return true; /* it is too long for a key */
    return l->fn(l->ctx, name, st->directory);
}

static enum status of_fs_list(struct kv_ro *kv, const char *directory,
                              kv_ro_entry *fn, void *ctx)
{
    size_t len = strlen(directory);
    struct listing l = {fn, ctx, len + (len > 0)};

    return key_status(fs_list(fs_of(kv), directory, pass_entry, &l));
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
