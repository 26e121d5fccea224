/* SPDX-License-Identifier: ISC */
/*
 * front: our end of a device that another domain serves, as it stands in
 * xenstore (xen/io/xenbus.h): who that is, what he says, and the states in
 * which both ends step towards a connection.
 */
#ifndef XEN_FRONT_H
#define XEN_FRONT_H

#include "xenstore.h"
#include <xen/xen.h>
#include <xen/io/xenbus.h>

#define FRONT_NAME  64 /* bytes of a device's path, with its NUL */
#define BACK_NAME   96
#define FRONT_NAMES 1024 /* bytes of a list of devices */

struct front {
    const char *name; /* for people */
    const char *lie; /* the backend's; or NULL */
    char path[FRONT_NAME]; /* device/vif/0 */
    char backend[BACK_NAME];
    uint16_t domain; /* the backend's */
    char watched[BACK_NAME + 8];
    struct xenstore_watch watch; /* of the backend's state */
    bool is_moved; /* has another backend: front_wait_reopened */
    nanoseconds paid_until; /* of reconnections: front.c's own */
    struct front *next;
};

/*
 * Finds the device of a kind ("vbd") that has the number, and who serves it.
 * Keeps name; on OK keeps f, for good. ERR_NOT_FOUND: there is none.
 */
MUST_CHECK enum status front_find(struct front *f, const char *name,
                                  const char *kind, unsigned long number);

/*
 * Reads the names of the devices of a kind, as xenstore_list has them. text is
 * set to "none", which is right where names has none; false: the names could
 * not be read, and text says so.
 */
bool front_read_names(const char *kind, char *names, size_t names_size,
                      char *text, size_t size);

/* Says for people which devices of a kind there are, by their numbers: "0, 1",
 * "none", or that the list cannot be read. */
void front_format_names(const char *kind, char *text, size_t size);

/* Reads a decimal number from the backend's entries. otherwise: there is none.
 */
uint64_t front_read_number(struct front *f, const char *name,
                           uint64_t otherwise);

/* Entries of our own, all at once, and our state. ERR_RESET: the guest was
 * moved. */
MUST_CHECK enum status front_publish(struct front *f,
                                     const struct xenstore_entry *entries,
                                     size_t count);
MUST_CHECK enum status front_set_state(struct front *f,
                                       enum xenbus_state state);

/* The bit of a state. */
#define IS(state) (1u << XenbusState##state)

/*
 * Waits, with patience, until the backend has come to a state whose bit is in
 * wanted; *state is it. What goes wrong is logged. ERR_RESET: the guest was
 * moved.
 */
MUST_CHECK enum status front_wait_state(struct front *f, unsigned wanted,
                                        enum xenbus_state *state);

/*
 * Blocks until the backend disconnects, however long that takes. OK: it will
 * reconnect, or the guest was migrated. ERR_GONE: it will not, or it broke the
 * protocol (front_protocol_error). The reason is logged. ERR_CANCELLED: the
 * image ends. Without xenstore (ERR_IO of its calls) only front_protocol_error
 * ends the wait.
 */
MUST_CHECK enum status front_wait_closed(struct front *f);

/*
 * Disconnects a backend that broke the protocol, for good: it is not waited for
 * again. `how` completes the log line "its backend ...". Does not block.
 */
void front_protocol_error(struct front *f, const char *how);

/*
 * After front_wait_closed, when our side is put away: waits until the backend
 * is there again, for a new connection, or finds the one that the guest has
 * where it was moved to. ERR_GONE: there it has none, it was taken away
 * meanwhile, or it broke the protocol. That is logged. Whatever fails while the
 * guest is moved, and is_moved set, is to be begun anew.
 */
MUST_CHECK enum status front_wait_reopened(struct front *f);

/*
 * Takes back the pages that were granted for a connection, those that it can,
 * and returns how many the backend still uses. Does not block; may be called
 * again at any time.
 */
typedef unsigned front_reclaim(void *ctx);

/*
 * Calls reclaim until all pages are back, for a new connection. ERR_GONE: the
 * backend, which is connected no more, still uses some after 30 s. That breaks
 * the protocol, is logged, and is for good. ERR_RESET: the guest was moved.
 * ERR_CANCELLED.
 */
MUST_CHECK enum status front_wait_pages(struct front *f,
                                        front_reclaim *reclaim, void *ctx);

/*
 * Closes the device for good, on our side. Logs how many pages the backend
 * still uses and blocks until all are back, or the image ends.
 */
void front_close(struct front *f, front_reclaim *reclaim, void *ctx);

#endif
