/* SPDX-License-Identifier: ISC */
/*
 * console_port: a port of a virtio console device (virtio 1.2, 5.3), what makes
 * a console of it, and the two parts of the driver: console_virtio.c has the
 * devices, and console_control.c, which only images with named consoles link,
 * the control queues of those with several ports (MULTIPORT).
 */
#ifndef VIRTIO_CONSOLE_PORT_H
#define VIRTIO_CONSOLE_PORT_H

#include "virtio.h"
#include <mirage/console.h>

#define PORT_CHUNK  512u /* bytes of a buffer */
#define PORT_CHUNKS 8u /* in each direction: a page in all */
#define PORTS       7u /* of a device: their queues are below VIRTIO_QUEUES */
#define PORT_NAME   64u /* bytes of a name with its NUL */

struct port {
    struct console console;
    struct console_device *of;
    uint32_t id;
    /* While the device is running; NULL: it does not have this port any more,
     * after a reset. */
    struct virtqueue *rx, *tx;
    bool is_there; /* the device has it */
    bool is_open; /* the host reads and writes */
    bool is_used; /* the image does, and it has pages */
    bool is_text; /* for people: lines end as terminals need it */
    bool has_ended; /* the host has closed it; a reader is to be told */
    bool owes_ready, owes_open; /* control messages */
    char name[PORT_NAME]; /* "": it has none */

    struct waiters readers, writers;
    char *in, *out; /* pages of chunks */
    char *current; /* the chunk that is being read; NULL: none */
    uint32_t current_from, current_len;
    /* Chunks that were sent before the host closed the port. */
    struct port_input {
        char *chunk;
        uint32_t len;
    } before_end[PORT_CHUNKS];
    unsigned before_end_count;
    /* Chunks are filled in turn: next is the one to fill, or the oldest. */
    unsigned next, busy, queued; /* bits: filled; and the device has it */
    uint16_t len[PORT_CHUNKS];
};

struct console_device {
    struct virtio_device *device;
    struct console_device *next; /* in the machine's order */
    unsigned ports;
    struct port port[PORTS];
    struct control *control; /* NULL: it has port 0 alone */
};

/* Creates both queues of a port. To be called in start. */
enum status port_create_queues(struct port *p);

/* Makes the console usable: allocates pages, and gives the device buffers for
 * input. ERR_NO_MEMORY. */
enum status port_use(struct port *p);

/* After each start, or when the device adds the port: gives it buffers. */
void port_refill(struct port *p);

/* In stopped: takes all buffers back. Output is sent again after the start. */
void port_reclaim(struct port *p);

/* In stopped: takes the buffers of a queue back, if there still is that one. */
void port_reclaim_queue(struct virtio_device *d, const struct virtqueue *q);

void port_set_open(struct port *p, bool is_open);

/* Wakes reader and writer. */
void port_wake(struct port *p);

/* The console devices of the machine, which are started. Those that cannot be
 * have no ports. Blocks. */
struct console_device *console_devices(void);

/* console_control.c, if it is linked; otherwise &console_control is NULL. */
struct console_control {
    enum status (*start)(struct console_device *c);
    void (*started)(struct console_device *c);
    void (*stopped)(struct console_device *c);
    /* Waits for what the devices say of their ports, and returns the one of
     * this name, or the first port 0 (NULL). NULL: there is none. */
    struct port *(*find)(const char *name);
};
extern const struct console_control console_control __attribute__((weak));

#endif
