/* SPDX-License-Identifier: ISC */
/*
 * The front of key/value stores: checks keys once for all drivers, so that no
 * key leads out of a store and each value has one spelling. Each call yields: a
 * store that has all values in memory never blocks, and would keep other fibers
 * waiting and ignore cancellation.
 */
#include "path.h"
#include <mirage/fiber.h>
#include <mirage/kv_ro.h>

static bool is_key(const char *key)
{
    return path_is_plain(key, KV_RO_KEY);
}

/* Checks the key, and yields. */
static enum status begin(const char *key)
{
    return is_key(key) ? fiber_yield() : ERR_NAME;
}

enum status kv_ro_size(struct kv_ro *kv, const char *key, uint64_t *size)
{
    enum status s = begin(key);

    return s ? s : kv->ops->size(kv, key, size);
}

enum status kv_ro_exists(struct kv_ro *kv, const char *key)
{
    uint64_t size;

    return kv_ro_size(kv, key, &size);
}

enum status kv_ro_modified(struct kv_ro *kv, const char *key,
                           nanoseconds *modified)
{
    enum status s = begin(key);
    uint64_t size;

    if (s)
        return s;
    if (kv->ops->modified)
        return kv->ops->modified(kv, key, modified);
    s = kv->ops->size(kv, key, &size);
    if (s == OK)
        *modified = 0;
    return s;
}

enum status kv_ro_read(struct kv_ro *kv, const char *key, uint64_t offset,
                       void *data, size_t len, size_t *got)
{
    enum status s = begin(key);

    return s ? s : kv->ops->read(kv, key, offset, data, len, got);
}

enum status kv_ro_view(struct kv_ro *kv, const char *key, const void **data,
                       size_t *len)
{
    if (!is_key(key))
        return ERR_NAME;
    if (!kv->ops->view)
        return ERR_UNSUPPORTED;
    return kv->ops->view(kv, key, data, len);
}

enum status kv_ro_list(struct kv_ro *kv, const char *directory,
                       kv_ro_entry *fn, void *ctx)
{
    enum status s = *directory ? begin(directory) : fiber_yield();

    return s ? s : kv->ops->list(kv, directory, fn, ctx);
}

void kv_ro_disconnect(struct kv_ro *kv)
{
    kv->ops->disconnect(kv);
}
