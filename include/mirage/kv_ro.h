/* SPDX-License-Identifier: ISC */
/*
 * kv_ro: named values that do not change while the image runs.
 *
 * A key is a path of at most KV_RO_KEY bytes with '/' between its parts; no
 * leading or trailing '/', no empty part, no part "." or "..", no NUL. Other
 * keys give ERR_NAME in every store. Upper and lower case differ, unless the
 * store's constructor says otherwise. Calls block.
 *
 * Of every call: ERR_NOT_FOUND: there is no such key (a directory is none).
 * ERR_NAME: it is no key. ERR_CORRUPT, ERR_IO, ERR_GONE: the store is damaged
 * or gone; the log has the details. ERR_CANCELLED: the fiber was cancelled.
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

/* Returns OK if the key has a value. */
MUST_CHECK enum status kv_ro_exists(struct kv_ro *kv, const char *key);

/* Reads the length of key's value in bytes. */
MUST_CHECK enum status kv_ro_size(struct kv_ro *kv, const char *key,
                                  uint64_t *size);

/*
 * Reads when key's value was last changed: nanoseconds since 1970-01-01 UTC.
 * 0: the store does not know. A store of files that are part of the image
 * knows it only if SOURCE_DATE_EPOCH was set when they were put there: it is
 * then the time of all of them.
 */
MUST_CHECK enum status kv_ro_modified(struct kv_ro *kv, const char *key,
                                      nanoseconds *modified);

/*
 * Copies up to len bytes of key's value, from offset on, into data, and sets
 * *got to their number. *got < len means that the value ends there; an offset
 * past the end gives 0. After an error the contents of data are undefined.
 */
MUST_CHECK enum status kv_ro_read(struct kv_ro *kv, const char *key,
                                  uint64_t offset, void *data, size_t len,
                                  size_t *got);

/*
 * Returns the whole value where it lies in memory, without a copy: lent to the
 * end of the image, not to be changed. buf_over makes a buf of it, which
 * flow_write_bufs sends from there. Does not block. ERR_UNSUPPORTED: the store
 * does not keep its values in memory; use kv_ro_read.
 */
MUST_CHECK enum status kv_ro_view(struct kv_ro *kv, const char *key,
                                  const void **data, size_t *len);

/*
 * Called for each entry, its name lent and without '/'. Returns whether to go
 * on; if not, the listing returns OK.
 */
typedef bool kv_ro_entry(void *ctx, const char *name, bool is_directory);

/*
 * Calls fn for each entry of the directory, in no order; "" is the store's
 * root. ERR_NOT_FOUND: no key begins with this directory (except ""), or it is
 * a key itself. Stores differ in whether they have empty directories.
 */
MUST_CHECK enum status kv_ro_list(struct kv_ro *kv, const char *directory,
                                  kv_ro_entry *fn, void *ctx);

/*
 * Ends the use of the store and frees kv, but not what lies below it. No call
 * on kv may be in progress. Values of kv_ro_view stay valid.
 */
void kv_ro_disconnect(struct kv_ro *kv);

/*
 * The driver's side. device/kv_ro.c has checked that a key is well-formed, and
 * a directory well-formed or "". view and modified may be NULL.
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
