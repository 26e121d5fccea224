/* SPDX-License-Identifier: ISC */
/*
 * front: the frontend of a device whose backend is in another domain
 * (xen/io/xenbus.h). Finds the device in xenstore, and runs its life for every
 * driver: connecting, following the backend's states, connecting again,
 * migration, giving up.
 */
#ifndef XEN_FRONT_H
#define XEN_FRONT_H

#include "events.h"
#include "xenstore.h"
#include <mirage/log.h>
#include <mirage/restart.h>
#include <xen/xen.h>
#include <xen/io/xenbus.h>

#define FRONT_NAME  64 /* bytes of the frontend's path, with its NUL */
#define BACK_NAME   96 /* the same of the backend's */
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
    bool is_moved; /* the guest was migrated, and has another backend */
    const char *error; /* how the backend broke the protocol; NULL: not yet */
    char watched[BACK_NAME + 8];
    struct xenstore_watch watch; /* of the backend's state */
    struct restarts reconnections;
    struct front *next;
};

/*
 * The driver's side: what differs from one device type to another. All are
 * called in the fiber of front_connect or of front_follow, except on_event.
 */
struct front_ops {
    struct log_source *log; /* of messages about connections */

    /* The set of backend states (IS) in which connecting can begin. */
    unsigned ready;

    /*
     * Allocates rings for a new connection, whose event channel is open, and
     * publishes them (front_publish). May read what the backend offers. After
     * an error, reclaim takes back what was granted.
     */
    enum status (*publish)(struct front *f);

    /* Reads what the backend offers once it is connected. May be NULL. */
    enum status (*accept)(struct front *f);

    /* is_connected has become true: submits the requests that waited. */
    void (*connected)(struct front *f);

    /* is_connected has become false; before reclaim. May be NULL. */
    void (*disconnected)(struct front *f);

    /*
     * After a migration, grants to f->domain the pages that are kept between
     * connections. False: it could not. May be NULL.
     */
    bool (*regrant)(struct front *f);

    /*
     * Ends the grants of a connection's pages, except those that the backend
     * has mapped. Returns how many of these prevent a new connection. Does not
     * block; may be called again at any time.
     */
    unsigned (*reclaim)(struct front *f);

    /* The device is gone for good: ends its requests. Returns when no fiber
     * uses its pages any more. */
    void (*gone)(struct front *f);

    /* As reclaim, for all pages of a device that is gone. */
    unsigned (*reclaim_all)(struct front *f);

    /* An event of the backend; ctx is the struct front. Must not block. */
    void (*on_event)(void *ctx);
};

/*
 * Finds the device of a kind ("vbd") that has the number, and its backend.
 * Keeps name; if OK, keeps f for good. ERR_NOT_FOUND: there is none. Other
 * errors are xenstore's.
 */
MUST_CHECK enum status front_find(struct front *f, const char *name,
                                  const char *kind, unsigned long number);

/*
 * Lists the names of the devices of a kind, as xenstore_list does, and sets
 * text to "none", which is what to say if the list is empty. False: the list
 * cannot be read, and text says so.
 */
bool front_read_names(const char *kind, char *names, size_t names_size,
                      char *text, size_t size);

/* Formats the numbers of the devices of a kind for people: "0, 1", "none", or
 * that the list cannot be read. */
void front_format_names(const char *kind, char *text, size_t size);

/* Reads a decimal number from the backend's entries, or returns `otherwise` if
 * there is none. */
uint64_t front_read_number(struct front *f, const char *name,
                           uint64_t otherwise);

/* Write entries of the frontend in one transaction, and its state. ERR_RESET:
 * the guest was migrated. Other errors are xenstore's. */
MUST_CHECK enum status front_publish(struct front *f,
                                     const struct xenstore_entry *entries,
                                     size_t count);
MUST_CHECK enum status front_set_state(struct front *f,
                                       enum xenbus_state state);

/*
 * Connects a device that front_find has found. Blocks until the backend is
 * connected, at most 30 s for each of its steps. Errors are logged:
 * ERR_TIMEOUT, ERR_IO (the backend refuses), ERR_NO_MEMORY, and those of ops.
 * After a migration meanwhile, connects to the new backend. Keeps ops.
 */
MUST_CHECK enum status front_connect(struct front *f,
                                     const struct front_ops *ops);

/*
 * Starts the fiber that follows the backend of a connected device: it connects
 * again when the backend comes back or the guest was migrated, and gives the
 * device up when the backend is gone for good or broke the protocol.
 * ERR_NO_MEMORY: there is no memory for a fiber.
 */
MUST_CHECK enum status front_follow(struct front *f,
                                    const struct fiber_options *options);

/*
 * Disconnects a backend that broke the protocol, for good. `how` completes the
 * log line "its backend ...". Does not block.
 */
void front_protocol_error(struct front *f, const char *how);

#endif
