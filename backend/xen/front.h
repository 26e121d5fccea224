/* SPDX-License-Identifier: ISC */
/*
 * front: our end of a device that another domain serves, as it stands in
 * xenstore (xen/io/xenbus.h): who that is, what he says, and the states in
 * which both ends step towards a connection.
 */
#ifndef XEN_FRONT_H
#define XEN_FRONT_H

#include "events.h"
#include "xenstore.h"
#include <mirage/log.h>
#include <xen/xen.h>
#include <xen/io/xenbus.h>

#define FRONT_NAME  64 /* bytes of a device's path, with its NUL */
#define BACK_NAME   96
#define FRONT_NAMES 1024 /* bytes of a list of devices */

/* The bit of a state, for sets of them. */
#define IS(state) (1u << XenbusState##state)

struct front_ops;

struct front {
    const struct front_ops *ops;
    const char *name; /* for people */
    char path[FRONT_NAME]; /* device/vif/0 */
    char backend[BACK_NAME];
    uint16_t domain; /* the backend's */
    struct event event; /* calls ops->on_event with the front */
    bool is_connected; /* the rings may be used */

    /* front.c's own: */
    bool has_channel;
    bool is_moved; /* the guest was migrated: there is another backend */
    const char *error; /* how the backend broke the protocol; NULL: not yet */
    char watched[BACK_NAME + 8];
    struct xenstore_watch watch; /* of the backend's state */
    nanoseconds paid_until; /* of reconnections */
    struct front *next;
};

/*
 * What differs from one kind of device to another. All are called in the
 * fiber of front_connect or front_follow, except on_event. NULL where it says
 * so.
 */
struct front_ops {
    struct log_source *log; /* of what is said about connections */

    /* The backend's states (IS) in which a connection can be begun. */
    unsigned ready;

    /*
     * Makes rings for a new connection, where the event channel is open
     * already, and publishes them (front_publish). May read what the backend
     * offers. With an error what it has made is left for reclaim.
     */
    enum status (*publish)(struct front *f);

    /* Reads what the backend offers once it is connected. May be NULL. */
    enum status (*accept)(struct front *f);

    /* The connection is there (is_connected): sends what has waited for it. */
    void (*connected)(struct front *f);

    /* The connection has ended; pages are not back yet. May be NULL. */
    void (*disconnected)(struct front *f);

    /*
     * Grants what is kept between connections to f->domain, after a migration,
     * where nothing is granted yet. False: it could not. May be NULL.
     */
    bool (*regrant)(struct front *f);

    /*
     * Takes back the pages that were granted for a connection, as far as the
     * backend does not use them, and returns how many it still uses that
     * stand in the way of a new connection. Does not block; may be called
     * again at any time.
     */
    unsigned (*reclaim)(struct front *f);

    /* The device is gone for good: ends what was asked of it. Returns when no
     * fiber uses its pages any more. */
    void (*gone)(struct front *f);

    /* As reclaim, of a device that is gone: all pages. */
    unsigned (*reclaim_all)(struct front *f);

    /* The backend has sent an event; ctx is the front. Must not block. */
    void (*on_event)(void *ctx);
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

/*
 * Connects the device, which front_find has found. Blocks until the backend
 * is connected, or for 30 s. What goes wrong is logged. If the guest is
 * migrated meanwhile, connects it to the backend that it has then. Keeps ops.
 */
MUST_CHECK enum status front_connect(struct front *f,
                                     const struct front_ops *ops);

/*
 * From now on follows the backend, in a fiber of its own: connects again when
 * it comes back, or when the guest was migrated, and gives the device up when
 * the backend is gone for good, or broke the protocol. ERR_NO_MEMORY: there is
 * no fiber.
 */
MUST_CHECK enum status front_follow(struct front *f,
                                    const struct fiber_options *options);

/*
 * Disconnects a backend that broke the protocol, for good: it is not waited for
 * again. `how` completes the log line "its backend ...". Does not block.
 */
void front_protocol_error(struct front *f, const char *how);

#endif
