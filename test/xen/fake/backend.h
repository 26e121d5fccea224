/* SPDX-License-Identifier: ISC */
/*
 * backend: the part that blkback and netback share: a device's entries in
 * xenstore, the states of both ends, an event channel.
 */
#ifndef XEN_FAKE_BACKEND_H
#define XEN_FAKE_BACKEND_H

#include "fake.h"
#include <xen/io/xenbus.h>

#define BACKENDS 8

struct backend {
    const char *kind; /* vbd */
    unsigned number, domain;
    const char *offers; /* its entries: "feature-sg=1\nsectors=8" */

    /* Maps the rings that the frontend has published. */
    void (*connect)(struct backend *b);
    void (*disconnect)(struct backend *b);
    void (*act)(struct backend *b);
    nanoseconds (*next)(struct backend *b);

    char front[64], back[64];
    enum xenbus_state state;
    bool is_online, is_notified, is_stopped; /* stopped: handles no requests */
    bool acts_always; /* also while it is not connected */
    bool is_left_behind; /* by a migration */
    unsigned port, connections, notified;
};

/* Writes its entries: the image can connect. */
void backend_add(struct backend *b);

/* Reads a number of the frontend's entries. Fails the test if it is none. */
unsigned long backend_read_number(struct backend *b, const char *name);

/* The same as text. "": there is none. */
const char *backend_read_front(struct backend *b, const char *name);

/* Maps the page whose grant is in such an entry. Fails the test if it is no
 * grant. */
void *backend_map(struct backend *b, const char *name, uint32_t *grant);

/* Writes an entry of the backend. NULL: removes it. */
void backend_write(struct backend *b, const char *name, const char *value);
void backend_set_state(struct backend *b, enum xenbus_state state);

/* The backend closes, to come back; and for good. */
void backend_restart(struct backend *b);
void backend_remove(struct backend *b);

/* Sends an event to the image. */
void backend_notify(struct backend *b);

#endif
