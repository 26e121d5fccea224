/* SPDX-License-Identifier: ISC */
/*
 * fake: a virtio device in this process, below struct virtio_transport, with
 * the device's side of both ring formats (virtio 1.2, 2.7, 2.8), written apart
 * from the driver's. It checks what the driver does, and ends the test program
 * when that breaks the specification. Models of devices (disks, networks) are
 * built on it, in files of their own: they set `notified` and `config`.
 *
 * Tests run on simulated time.
 */
#ifndef VIRTIO_FAKE_H
#define VIRTIO_FAKE_H

#include <pthread.h>
#include <virtio/virtio.h>

enum { FAKE_QUEUES = VIRTIO_QUEUES,
       FAKE_PIECES = 256,
       FAKE_CONFIG = 256 };

enum fake_field { FAKE_STATUS,
                  FAKE_FEATURES,
                  FAKE_QUEUE_SIZE,
                  FAKE_CONFIG_FIELD,
                  FAKE_GENERATION,
                  FAKE_ISR,
                  FAKE_OTHER };

struct fake;
struct fake_buffer;

struct fake_queue {
    bool is_started;
    uint16_t size;
    uint64_t descriptors, driver, device;
    uint16_t next; /* the position of what is taken next */
    uint16_t used; /* of what is given back next */
    bool wrap, used_wrap; /* packed */
    unsigned notified; /* times */
    unsigned interrupted; /* times */
};

struct fake {
    struct virtio_device device;
    uint64_t features; /* offered */
    uint64_t accepted;
    uint8_t status;
    uint8_t config[FAKE_CONFIG];
    size_t config_size; /* 0: all of it */
    bool is_read[FAKE_CONFIG]; /* which bytes have been */
    uint32_t generation;
    uint16_t queue_size; /* of each queue */
    struct fake_queue queue[FAKE_QUEUES];
    unsigned resets;
    bool ignores_notify; /* asks for no notifications at all */
    uint8_t isr;

    /* How it lies, or models a device; NULL: not. */
    void (*on_status)(struct fake *f, uint8_t status); /* after it was set */
    void (*on_config)(struct fake *f); /* after each read */
    void (*notified)(struct fake *f, unsigned index);
    void (*written)(struct fake *f, size_t offset, size_t len);
    /* Of models of registers: before each access; what a register reads as;
     * interrupts (bits as in the ISR) in place of the fake's own. */
    void (*on_access)(struct fake *f);
    uint32_t (*says)(struct fake *f, enum fake_field field, uint32_t value);
    void (*interrupts)(struct fake *f, uint8_t bits);
    /* In place of fake_give, if it returns true. */
    bool (*gives)(struct fake *f, unsigned index, const struct fake_buffer *b,
                  uint32_t written);
    /* Its registers lie, so what the driver makes of them is no fault. */
    bool is_lenient;
    /* Takes no buffers until the next reset: its ring is nonsense. */
    bool is_deaf;
    void *ctx; /* of whoever set these functions */
    bool clears_features_ok;
    bool never_resets;
    bool refuses_queues;
};

/* Makes a device with the features, VERSION_1 among them unless is_legacy.
 * Yours: fake_free. */
struct fake *fake_new(uint64_t features, bool is_legacy);
void fake_free(struct fake *f);

struct fake *fake_of(struct virtio_device *d);

/* A buffer that the driver made available. */
struct fake_piece {
    uint8_t *data;
    uint32_t len;
};

struct fake_buffer {
    uint16_t id; /* split: the head; packed: the ID */
    uint16_t entries; /* that it takes in the ring */
    unsigned out, in;
    uint64_t bytes;
    struct fake_piece piece[FAKE_PIECES]; /* the out ones first */
};

/* Takes the next available buffer. False: there is none. */
bool fake_take(struct fake *f, unsigned index, struct fake_buffer *b);

/* Gives a buffer back, and interrupts if the driver asks for that. */
void fake_give(struct fake *f, unsigned index, const struct fake_buffer *b,
               uint32_t written);

/* fake_give with any id, or, split, with an index that goes on by more. */
void fake_give_as(struct fake *f, unsigned index, uint32_t id,
                  uint16_t entries, uint32_t written, uint16_t by);

/* Sets bits of the status, or bytes of the configuration, and interrupts. */
void fake_need_reset(struct fake *f);
void fake_change_config(struct fake *f);

/* For models: an access to a register, and what it reads as. */
void fake_access(struct fake *f);
uint32_t fake_says(struct fake *f, enum fake_field field, uint32_t value);

/* Held while a reset or a start changes which rings there are. */
extern pthread_mutex_t fake_lock;

/* Where the device sees what the driver has at this address; NULL: there. */
extern void *(*fake_view)(uint64_t address);

/* Ends the test program, unless the device is lenient. */
#define fake_blame(f, ...) ((f)->is_lenient ? (void)0 : fake_fail(__VA_ARGS__))

/* The rings, for those who write nonsense to them. */
uint8_t *fake_rings(struct fake *f, unsigned index, size_t *len);

/* Pages of rings that are allocated now; whether no more are; and whether all
 * have addresses of 32 bits. */
extern unsigned fake_pages;
extern bool fake_no_pages, fake_low_pages;

void fake_fail(const char *fmt, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

#endif
