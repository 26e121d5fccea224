/* SPDX-License-Identifier: ISC */
/*
 * kv_ro on files that `mirage crunch` has put into the image, sorted by key, so
 * that the entries of a directory are adjacent. A hash table, made when the
 * store is connected, finds keys: it has a power of two of slots, at most half
 * of them full, each with the key's hash.
 */
#include <mirage/crunched.h>
#include <mirage/drivers.h>
#include <mirage/kv_ro.h>
#include <mirage/macros.h>
#include <stdlib.h>
#include <string.h>

struct slot {
    uint32_t hash;
    uint32_t file; /* its index plus 1; 0: the slot is free */
};

struct crunch {
    struct kv_ro kv; /* first */
    const struct crunched *files;
    uint32_t mask; /* the number of slots minus 1 */
    struct slot slot[];
};

static struct crunch *crunch_of(struct kv_ro *kv)
{
    return containing(kv, struct crunch, kv);
}

/* FNV-1a, with its high bits folded into the low ones, which the table uses. */
static uint32_t hash_of(const char *key)
{
    uint32_t h = 0x811c9dc5;

    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * 0x01000193;
    return h ^ h >> 15;
}

static const struct crunched_file *find(const struct crunch *c,
                                        const char *key)
{
    uint32_t hash = hash_of(key);
    const struct slot *s;

    for (uint32_t i = hash; (s = &c->slot[i & c->mask])->file; i++)
        if (s->hash == hash &&
            strcmp(c->files->file[s->file - 1].key, key) == 0)
            return &c->files->file[s->file - 1];
    return NULL;
}

static void add(struct crunch *c, uint32_t file)
{
    uint32_t hash = hash_of(c->files->file[file].key), i = hash;

    while (c->slot[i & c->mask].file)
        i++;
    c->slot[i & c->mask] = (struct slot){hash, file + 1};
}

static enum status crunch_size(struct kv_ro *kv, const char *key,
                               uint64_t *size)
{
    const struct crunched_file *f = find(crunch_of(kv), key);

    if (!f)
        return ERR_NOT_FOUND;
    *size = f->size;
    return OK;
}

static enum status crunch_modified(struct kv_ro *kv, const char *key,
                                   nanoseconds *modified)
{
    if (!find(crunch_of(kv), key))
        return ERR_NOT_FOUND;
    *modified = crunch_of(kv)->files->modified;
    return OK;
}

static enum status crunch_read(struct kv_ro *kv, const char *key,
                               uint64_t offset, void *data, size_t len,
                               size_t *got)
{
    const struct crunched_file *f = find(crunch_of(kv), key);
    size_t left;

    if (!f)
        return ERR_NOT_FOUND;
    left = offset < f->size ? f->size - (size_t)offset : 0;
    *got = min(len, left);
    if (*got > 0)
        memcpy(data, (const char *)f->data + offset, *got);
    return OK;
}

static enum status crunch_view(struct kv_ro *kv, const char *key,
                               const void **data, size_t *len)
{
    const struct crunched_file *f = find(crunch_of(kv), key);

    if (!f)
        return ERR_NOT_FOUND;
    *data = f->data;
    *len = f->size;
    return OK;
}

/* The index of the first key that is not less than prefix. */
static uint32_t lower_bound(const struct crunched *files, const char *prefix)
{
    uint32_t low = 0, high = files->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (strcmp(files->file[middle].key, prefix) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool begins(const struct crunched *files, uint32_t i,
                   const char *prefix, size_t len)
{
    return i < files->count && strncmp(files->file[i].key, prefix, len) == 0;
}

/* A directory is listed once, at the first of its keys, which are adjacent. */
static enum status crunch_list(struct kv_ro *kv, const char *directory,
                               kv_ro_entry *fn, void *ctx)
{
    const struct crunched *files = crunch_of(kv)->files;
    char prefix[KV_RO_KEY + 2], name[KV_RO_KEY + 1] = "";
    size_t len = strlen(directory);
    uint32_t i;

    memcpy(prefix, directory, len + 1);
    if (len > 0)
        memcpy(prefix + len++, "/", 2);
    i = lower_bound(files, prefix);
    if (len > 0 && !begins(files, i, prefix, len))
        return ERR_NOT_FOUND;
    for (; begins(files, i, prefix, len); i++) {
        const char *rest = files->file[i].key + len;
        size_t part = strcspn(rest, "/");

        if (rest[part] == '\0') {
            if (!fn(ctx, rest, false))
                break;
        } else if (strncmp(name, rest, part) != 0 || name[part] != '\0') {
            memcpy(name, rest, part);
            name[part] = '\0';
            if (!fn(ctx, name, true))
                break;
        }
    }
    return OK;
}

static void crunch_disconnect(struct kv_ro *kv)
{
    free(crunch_of(kv));
}

static const struct kv_ro_ops crunch_ops = {
    .size = crunch_size,
    .modified = crunch_modified,
    .read = crunch_read,
    .view = crunch_view,
    .list = crunch_list,
    .disconnect = crunch_disconnect,
};

enum status kv_ro_crunch_connect(const struct crunched *files,
                                 struct kv_ro **kv)
{
    uint32_t slots = 2;
    struct crunch *c;

    while (slots / 2 < files->count)
        slots *= 2;
    c = calloc(1, sizeof *c + slots * sizeof *c->slot);
    if (!c)
        return ERR_NO_MEMORY;
    c->kv.ops = &crunch_ops;
    c->files = files;
    c->mask = slots - 1;
    for (uint32_t i = 0; i < files->count; i++)
        add(c, i);
    *kv = &c->kv;
    return OK;
}
