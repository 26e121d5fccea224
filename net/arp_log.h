/* SPDX-License-Identifier: ISC */
/*
 * Lines of ARP in the log, limited by kind, since other hosts' packets cause
 * them.
 */
#ifndef NET_ARP_LOG_H
#define NET_ARP_LOG_H

#include "wheel.h"
#include <mirage/log.h>
#include <stdbool.h>

#define ARP_LOG_PERIOD     (60 * SECOND)
#define ARP_LOG_PERIOD_MAX (4 * 3600 * SECOND)

enum arp_line {
    ARP_LINE_ANSWER,
    ARP_LINE_UPDATE,
    ARP_LINE_REQUEST,
    ARP_LINE_TIMEOUT,
    ARP_LINE_ANNOUNCE,
    ARP_LINE_CLAIM,
    ARP_LINE_CONFLICT,
    ARP_LINE_KINDS,
};

/*
 * The first lines of a kind are logged; then, until a period passes without
 * any, they are only counted. While there are lines the periods get longer: an
 * attack that lasts for days leaves a line every four hours.
 */
struct arp_log {
    struct wheel *wheel;
    struct arp_lines {
        struct arp_log *log;
        unsigned logged;
        unsigned left_out; /* in this period */
        bool was_any; /* in this period */
        nanoseconds period;
        struct wheel_timer timer; /* the end of the period */
    } lines[ARP_LINE_KINDS];
};

extern struct log_source arp;

/* Keeps w. */
void arp_log_init(struct arp_log *log, struct wheel *w);

/* Is the next line of a kind to be logged? If not it is counted. */
bool arp_log_allows(struct arp_log *log, enum arp_line kind);

#endif
