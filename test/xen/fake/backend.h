/* SPDX-License-Identifier: ISC */
/*
 * backend: what blkback and netback have in common: a device's entries in the
 * store, the states that both ends step through, an event channel.
 */
#ifndef XEN_FAKE_BACKEND_H
#define XEN_FAKE_BACKEND_H

#include "fake.h"
#include <xen/io/xenbus.h>

#define BACKENDS 8

struct backend {
    const char *kind; /* vbd */
    unsigned number, domain;
    const char *offers; /* "feature-sg=1\nsectors=8": with every connection */

    /* Takes the rings from what the frontend says. */
    void (*connect)(struct backend *b);
    void (*disconnect)(struct backend *b);
    void (*act)(struct backend *b);
    nanoseconds (*next)(struct backend *b);

    char front[64], back[64];
    enum xenbus_state state;
    bool is_online, is_told, is_deaf; /* deaf: it does nothing */
    bool is_left; /* behind, when it moves */
    unsigned port, connections, told;
};

/* Puts it into the store: the image may connect. */
void backend_add(struct backend *b);

/* An entry of the frontend's, as a number; fails the test if it is none. */
unsigned long backend_asks(struct backend *b, const char *name);

/* The same as a text; "" if there is none. */
const char *backend_hears(struct backend *b, const char *name);

/* Maps the page whose grant such an entry is; fails the test if it is none. */
void *backend_maps(struct backend *b, const char *name, uint32_t *grant);

void backend_says(struct backend *b, const char *name, const char *value);
void backend_be(struct backend *b, enum xenbus_state state);

/* It goes away, and comes back; it goes for good. */
void backend_restart(struct backend *b);
void backend_remove(struct backend *b);

/* An event for the image. */
void backend_notify(struct backend *b);

#endif
