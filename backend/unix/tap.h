/* SPDX-License-Identifier: ISC */
/*
 * tap: opening a TAP (Linux's tuntap.rst), and the host's facts about it. What
 * cannot be had is logged, with the command that helps.
 */
#ifndef UNIX_TAP_H
#define UNIX_TAP_H

#include <linux/if.h>
#include <mirage/address.h>
#include <mirage/status.h>
#include <stdbool.h>
#include <stdint.h>

struct tap {
    int fd; /* does not block */
    bool has_header; /* a virtio_net_hdr precedes each frame */
    char name[IFNAMSIZ];
};

/*
 * Opens the TAP of that name, creating it if there is none, or takes the one
 * that is open as file descriptor N, for "fd:N". t->fd is yours: close it.
 * ERR_NAME, ERR_NOT_FOUND, ERR_PERMISSION, ERR_IN_USE, ERR_IO.
 */
MUST_CHECK enum status tap_open(struct tap *t, const char *name);

/* Whether the interface is up on the host, which may change at any time. */
bool tap_is_up(const struct tap *t);

/* Reads the interface's MTU, and an address for our end, which is the same each
 * time. ERR_IO. */
MUST_CHECK enum status tap_read_facts(const struct tap *t, uint16_t *mtu,
                                      struct mac *mac);

/* Agrees with the host on the work that either side leaves to the other:
 * enum network_feature, together. */
unsigned tap_set_offloads(const struct tap *t);

#endif
