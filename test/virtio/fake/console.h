/* SPDX-License-Identifier: ISC */
/*
 * console: a virtio console device (virtio 1.2, 5.3) on the fake, with or
 * without MULTIPORT. It keeps what the image writes, and sends what a test
 * types. It ends the test program when the driver opens a port that it has not,
 * writes to one that is closed, or answers out of turn.
 */
#ifndef VIRTIO_FAKE_CONSOLE_H
#define VIRTIO_FAKE_CONSOLE_H

#include "devices.h"

#define FAKE_CONSOLE_PORTS  7u
#define FAKE_CONSOLE_OUTPUT 65536u

struct fake_console_port {
    const char *name; /* NULL: it has none */
    bool is_there, is_console, is_host_open;
    bool is_ready, is_image_open; /* as the driver has said */
    char output[FAKE_CONSOLE_OUTPUT];
    size_t output_len;
};

struct fake_console {
    struct fake *fake;
    struct fake_console_port port[FAKE_CONSOLE_PORTS];
    char emergency[1024];
    size_t emergency_len;
    unsigned opened; /* times that the driver has opened a port */
    bool is_ready; /* DEVICE_READY */
    bool is_stuck; /* takes no output */
};

/* Adds a device with these features, and as many ports as it says, to the
 * machine. Ports are there when the test has set is_there. */
void fake_console_add(struct fake_console *c, uint64_t features,
                      bool is_legacy, uint32_t ports);

/* Sends a control message, of `extra` bytes more. False: there is no buffer. */
bool fake_console_control(struct fake_console *c, uint32_t id, uint16_t event,
                          uint16_t value, const void *extra, size_t len);

/* Sends the first len bytes of a control message. */
bool fake_console_raw(struct fake_console *c, const void *bytes, size_t len,
                      uint32_t written);

/* Opens or closes the host's end. */
void fake_console_open(struct fake_console *c, unsigned id, bool is_open);

/* Sends input. Returns how many bytes there was room for. */
size_t fake_console_type(struct fake_console *c, unsigned id,
                         const char *text, size_t len);

/* Takes the output that waits. */
void fake_console_take(struct fake_console *c);

#endif
