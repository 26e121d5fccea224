/* SPDX-License-Identifier: ISC */
/*
 * linux_guest: shared by the Linux guests of xen.plan and virtio.plan. Each is
 * the only process of its virtual machine.
 */
#ifndef BENCH_LINUX_GUEST_H
#define BENCH_LINUX_GUEST_H

#include <linux/aio_abi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Prints why, and ends the process: the kernel panics. */
void guest_fail(const char *what) __attribute__((noreturn));

/* Mounts /dev, and makes the console standard input and output. */
void guest_open_console(void);

/* Loads the modules that /modules/list names. */
void guest_load_modules(void);

/* Waits for eth0, and gives it the address 10.0.0.2. */
void guest_set_network_up(void);

/* Opens a disk for direct access once it exists. Returns its descriptor, and
 * its bytes in *size. */
int guest_open_disk(const char *path, uint64_t *size);

/* The disk's work: count requests, each of `bytes` at the place that
 * next_place returns. */
struct guest_work {
    int disk;
    bool is_write;
    size_t bytes; /* of a request */
    size_t depth; /* requests in flight */
    uint8_t *data; /* of depth requests, page-aligned */
    uint64_t (*next_place)(void *ctx); /* in units of bytes */
    void *ctx;
};

/* Does it until the time end (CLOCK_MONOTONIC, in seconds). Returns how many
 * requests have been completed. */
unsigned long guest_use_disk(const struct guest_work *work, double end);

/* Starts fn(arg) in a thread. */
void guest_thread(void *(*fn)(void *), void *arg);

/* Returns a socket of the type that is bound to the port. */
int guest_bind(int type, int port);

/* Serves as example/netservices does, with a thread for each connection. Does
 * not return. */
void guest_serve(void) __attribute__((noreturn));

#endif
