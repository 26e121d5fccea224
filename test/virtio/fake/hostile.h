/* SPDX-License-Identifier: ISC */
/*
 * hostile: puts a fake device behind a model of registers, so that the real
 * transports reach it, and has it lie: at one moment, or at random. Interrupts
 * are delivered by a fiber, as an image delivers them when it waits.
 *
 * The program is linked with --wrap=virtio_devices and --wrap=bus_add: its
 * machine has the one device.
 */
#ifndef VIRTIO_FAKE_HOSTILE_H
#define VIRTIO_FAKE_HOSTILE_H

#include "fake.h"
#include "mmio_model.h"
#include "pci_model.h"

/* What the device is reached by. */
enum hostile_way { HOSTILE_MMIO,
                   HOSTILE_MSIX,
                   HOSTILE_LINE,
                   HOSTILE_LEGACY,
                   HOSTILE_WAYS };

/* What it lies about, as bits: */
enum { LIES_USED = 1, /* which buffers were used, and for how many bytes */
       LIES_STATUS = 2,
       LIES_CONFIG = 4, /* and its generation */
       LIES_FEATURES = 8, /* also sizes of queues, and other registers */
       LIES_INTERRUPTS = 16, /* for no reason; their reason */
       LIES_RESETS = 32, /* it asks for a reset */
       LIES_RINGS = 64, /* it writes anything to rings */
       LIES_DATA = 128, /* status bytes of disks, headers of frames */
       LIES_ALL = 255,
       LIES_KINDS = 8 };

/* What devices have done since the test cleared it, by the bits' numbers. An
 * act is what could be a lie, of a kind that the device lies about. */
struct hostile_count {
    unsigned acts, lies;
    unsigned row, longest; /* lies without a true act between them */
};
extern struct hostile_count hostile_count[LIES_KINDS];

/* Lies about one used buffer. */
enum hostile_used { USED_TRULY,
                    USED_TWICE,
                    USED_NEVER_GIVEN, /* an ID that no buffer has */
                    USED_BEYOND, /* the index goes on by too much */
                    USED_TOO_LONG, /* more than it holds */
                    USED_LIES };

struct hostile {
    struct fake *fake;
    enum hostile_way way;
    struct virtio_device *device; /* the driver's; NULL: it was not found */

    unsigned reset_at; /* asks for a reset at this access, from 1; 0: never */
    unsigned gone_at; /* is unplugged at this one */
    unsigned features_at; /* offers only VERSION_1 from then on, and asks for a
                             reset */
    enum hostile_used used; /* for the buffer of this number, from 1 */
    unsigned used_at, used_queue;
    bool changes; /* its configuration at each access to it */
    bool storms; /* interrupts without end */
    unsigned kinds; /* of lies (LIES_*); 0: honest */
    bool always; /* all acts of these kinds are lies */
    unsigned lies_from; /* the access */
    unsigned (*pick)(unsigned n); /* a number below n, for lies */

    unsigned accesses; /* to its registers */
    unsigned given[FAKE_QUEUES]; /* buffers */
    unsigned acts[LIES_KINDS], lies[LIES_KINDS];
    unsigned scribbled; /* kinds, for hostile_scribble */
    unsigned written[3]; /* times, of each of these */
    uint8_t pending; /* interrupts */
    struct waiters has_pending;
    struct mmio_model mmio;
    struct pci_model pci;
};

/* Starts a machine with the fake behind registers of this kind. The fields of
 * *h that a test sets are zero; it sets them afterwards. */
void hostile_begin(struct hostile *h, struct fake *f, enum hostile_way way);

/* Starts the fiber that delivers interrupts, and lies in the rings: once what
 * the device does is set. */
void hostile_run(struct hostile *h);

/*
 * What a second thread does: writes nonsense to one place of the kinds in
 * `kinds` of hostile_scribbles: rings (bit 0), status (1), and configuration
 * (2), some of it plausible. Never to memory that was taken back by a reset.
 */
void hostile_scribble(struct hostile *h, uint32_t random);

/* Has the device take no buffers any more, and be lenient. kinds 0: it answers
 * a reset again. */
void hostile_scribbles(struct hostile *h, unsigned kinds);

/* Interrupts for all reasons. */
void hostile_interrupt(struct hostile *h);

/* The device is removed from the machine. */
void hostile_end(void);

#endif
