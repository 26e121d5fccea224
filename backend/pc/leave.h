/* SPDX-License-Identifier: ISC */
/* leave: what bare_leave (mirage/bare.h) writes where. */
#ifndef PC_LEAVE_H
#define PC_LEAVE_H

#include <stdbool.h>
#include <stdint.h>

/* What is written where: 8 bits of memory, which is mapped, or 8 or 16 bits of
 * a port. The first two are the numbers of ACPI 6.5, 5.2.3.2. */
enum leave_how { LEAVE_MEMORY,
                 LEAVE_PORT8,
                 LEAVE_PORT16 };

struct leave_way {
    uint64_t at; /* 0: there is no such way */
    uint16_t value;
    uint8_t how;
};

/* To power off, and to reset. */
enum { LEAVE_OFF,
       LEAVE_RESET,
       LEAVE_WAYS };
extern struct leave_way leave_ways[LEAVE_WAYS];

/* Status 0 resets, too, instead of powering off. */
extern bool leave_by_reset;

#endif
