/* SPDX-License-Identifier: ISC */
/*
 * kv_ro: named values that do not change while the image runs.
 *
 * A key is a path with '/' between its parts; no leading '/', no empty part,
 * no part "." or "..". Calls block.
 */
#ifndef MIRAGE_KV_RO_H
#define MIRAGE_KV_RO_H

#include <mirage/status.h>
#include <stddef.h>
#include <stdint.h>

struct kv_ro {
    const struct kv_ro_ops *ops;
};

/*
 * The length of key's value in bytes. ERR_NOT_FOUND: no such key.
 * ERR_NAME: not a key. ERR_CORRUPT, ERR_IO: the store is damaged.
 */
MUST_CHECK enum status kv_ro_size(struct kv_ro *kv, const char *key,
                                  uint64_t *size);

/*
 * Copies up to len bytes of key's value, from offset on, into data, and says
 * in *got how many. *got < len means that the value ends there; an offset
 * past the end gives 0. Errors as above.
 */
MUST_CHECK enum status kv_ro_read(struct kv_ro *kv, const char *key,
                                  uint64_t offset, void *data, size_t len,
                                  size_t *got);

/* The driver's side; key is well-formed. None may be NULL. */
struct kv_ro_ops {
    enum status (*size)(struct kv_ro *kv, const char *key, uint64_t *size);
    enum status (*read)(struct kv_ro *kv, const char *key, uint64_t offset,
                        void *data, size_t len, size_t *got);
    void (*disconnect)(struct kv_ro *kv);
};

#endif
