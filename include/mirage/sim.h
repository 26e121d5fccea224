/* SPDX-License-Identifier: ISC */
/*
 * sim: what target sim has beyond the others: wires, and what goes wrong on
 * them. For tests, and for images that are a whole network.
 *
 * Network devices of one name are joined by one wire, as by a switch that
 * knows nobody: each hears all others. What happens to a frame on its way is
 * settled by chance, out of the seed of the run; each device has a chance of
 * its own, so that one who sends more does not change another's.
 */
#ifndef MIRAGE_SIM_H
#define MIRAGE_SIM_H

#include <mirage/network.h>
#include <mirage/time.h>

/* Chances are in a million. All zero is a perfect wire. */
struct sim_faults {
    unsigned loss, duplicate, corrupt;
    unsigned reorder; /* comes up to 3 delays late, or 3 ms */
    nanoseconds delay, jitter; /* delay to delay + jitter; with
                                  jitter alone frames keep their order */
    uint64_t rate; /* bits a second, for each sender; 0: any */
    unsigned queue; /* frames that wait for the rate; 0: 1,000 */
    nanoseconds cut_from, cut_to; /* nothing arrives meanwhile */
    uint64_t seed; /* chance begins anew here; 0: goes on */
};

struct sim_counters {
    uint64_t sent, lost, duplicated, corrupted, reordered, overflowed;
};

/* What the device does to what it sends, from now on; at first what the boot
 * arguments --wire-... say. Copies faults. */
void sim_set_faults(struct network *n, const struct sim_faults *faults);

void sim_counters(const struct network *n, struct sim_counters *counters);

/* Begins with a seed of the program's own, before anything was taken. */
void sim_seed(uint64_t seed);

/* A device on the wire of that name, that takes off the sender what features
 * says; the other end gets it as it is. ERR_NO_MEMORY. */
MUST_CHECK enum status sim_network(const char *wire, uint16_t mtu,
                                   unsigned features, struct network **n);

#endif
