/* SPDX-License-Identifier: ISC */
/*
 * kv_ro: named values that do not change while the image runs.
 *
 * A key is a path of at most KV_RO_KEY bytes with '/' between its parts; no
 * leading or trailing '/', no empty part, no part "." or "..", no NUL. The
 * front refuses all else with ERR_NAME, for every store alike. Upper and lower
 * case differ, except where a store's makers say otherwise. Calls block.
 *
 * Of every call: ERR_NOT_FOUND: no such key (a directory is none).
 * ERR_NAME: not a key. ERR_CORRUPT, ERR_IO, ERR_GONE: the store is damaged or
 * gone, as the log tells. ERR_CANCELLED: the fiber was asked to end.
 */
#ifndef MIRAGE_KV_RO_H
#define MIRAGE_KV_RO_H

#include <mirage/status.h>
#include <mirage/time.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KV_RO_KEY 1024

struct kv_ro {
    const struct kv_ro_ops *ops;
};

/* OK: the key has a value. */
MUST_CHECK enum status kv_ro_exists(struct kv_ro *kv, const char *key);

/* The length of key's value in bytes. */
MUST_CHECK enum status kv_ro_size(struct kv_ro *kv, const char *key,
                                  uint64_t *size);

/*
 * Tells when key's value was last changed: nanoseconds since 1970-01-01 UTC.
 * 0: the store does not know. A store of files that are part of the image
 * knows it only if SOURCE_DATE_EPOCH was set when they were put there: it is
 * then the time of all of them.
 */
MUST_CHECK enum status kv_ro_modified(struct kv_ro *kv, const char *key,
                                      nanoseconds *modified);

/*
 * Copies up to len bytes of key's value, from offset on, into data, and says
 * in *got how many. *got < len means that the value ends there; an offset
 * past the end gives 0. After an error the contents of data are undefined.
 */
MUST_CHECK enum status kv_ro_read(struct kv_ro *kv, const char *key,
                                  uint64_t offset, void *data, size_t len,
                                  size_t *got);

/*
 * The whole value where it lies in memory, without a copy: lent to the end of
 * the image, not to be changed. Does not block. ERR_UNSUPPORTED: the store
 * keeps its values elsewhere; read them.
 */
MUST_CHECK enum status kv_ro_view(struct kv_ro *kv, const char *key,
                                  const void **data, size_t *len);

/*
 * Called for each entry, its name lent and without '/'. True goes on, false
 * stops the listing, which then returns OK.
 */
typedef bool kv_ro_entry(void *ctx, const char *name, bool is_directory);

/*
 * Calls fn for each entry of the directory, in no order; "" is the whole
 * store's. ERR_NOT_FOUND: no key has such a beginning (save ""), or it is a
 * key itself. A store may have an empty directory where another has none.
 */
MUST_CHECK enum status kv_ro_list(struct kv_ro *kv, const char *directory,
                                  kv_ro_entry *fn, void *ctx);

/*
 * Ends the use of the store and frees kv, but not what lies below it. No call
 * on kv may be in progress. Values of kv_ro_view stay valid.
 */
void kv_ro_disconnect(struct kv_ro *kv);

/*
 * The driver's side; device/kv_ro.c has seen to it that key is well-formed,
 * and a directory well-formed or "". view may be NULL, as may modified in a
 * store that knows no times.
 */
struct kv_ro_ops {
    enum status (*size)(struct kv_ro *kv, const char *key, uint64_t *size);
    enum status (*modified)(struct kv_ro *kv, const char *key,
                            nanoseconds *modified);
    enum status (*read)(struct kv_ro *kv, const char *key, uint64_t offset,
                        void *data, size_t len, size_t *got);
    enum status (*view)(struct kv_ro *kv, const char *key, const void **data,
                        size_t *len);
    enum status (*list)(struct kv_ro *kv, const char *directory,
                        kv_ro_entry *fn, void *ctx);
    void (*disconnect)(struct kv_ro *kv);
};

#endif
