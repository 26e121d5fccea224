/* SPDX-License-Identifier: ISC */
/*
 * sim: simulated wires with faults, on target sim only. For tests, and for
 * images that contain a whole network.
 *
 * Network devices of one name are on one wire, like the ports of a hub: each
 * receives the frames of all others. Faults are chosen by a pseudo-random
 * sequence from the seed of the run. Each device has its own sequence, so that
 * traffic of one device does not change the faults of another.
 */
#ifndef MIRAGE_SIM_H
#define MIRAGE_SIM_H

#include <mirage/network.h>
#include <mirage/time.h>

/* Faults of what a device sends. All zero is a perfect wire. */
struct sim_faults {
    unsigned loss, duplicate, corrupt; /* frames in a million */
    unsigned reorder; /* frames in a million that arrive up to
                       * 3 delays later, or 3 ms without a delay */
    nanoseconds delay, jitter; /* each takes delay to delay + jitter;
                                * jitter does not reorder frames */
    uint64_t rate; /* bits a second, for each sender; 0: unlimited */
    unsigned queue; /* limit of frames that wait for rate; 0: 1,000 */
    nanoseconds cut_from, cut_to; /* no frame arrives in between */
    uint64_t seed; /* restarts the sequence; 0: continues it */
};

struct sim_counters {
    uint64_t sent, lost, duplicated, corrupted, reordered, overflowed;
};

/* Sets the faults of frames that n sends from now on. At first they are those
 * of the boot arguments --wire-... Copies faults. */
void sim_set_faults(struct network *n, const struct sim_faults *faults);

/* Copies what has happened to the frames that n has sent. */
void sim_counters(const struct network *n, struct sim_counters *counters);

/* Sets the seed of the run, in place of --seed. Before any random number was
 * used. */
void sim_seed(uint64_t seed);

/*
 * Makes a network device on the wire of that name, with these offloads (see
 * mirage/network.h): the frames are delivered as they were given to it, without
 * the work that was offloaded. *n is yours. ERR_NO_MEMORY.
 */
MUST_CHECK enum status sim_network(const char *wire, uint16_t mtu,
                                   unsigned features, struct network **n);

#endif
