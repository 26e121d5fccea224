/* SPDX-License-Identifier: ISC */
/*
 * Limits ARP's lines in the log, so that other hosts' packets do not push
 * everything else out of it.
 */
#include "arp_log.h"
#include <mirage/macros.h>

#define LINES 8 /* of a kind, until a period without */

LOG_SOURCE_SHARED(arp);

static const char *const line_names[] = {
    "responding to who-has", "updating", "transmitting probe",
    "timeout", "sending gratuitous", "a claim that a known host has moved",
    "a claim of our own address"};

bool arp_log_allows(struct arp_log *log, enum arp_line kind)
{
    struct arp_lines *l = &log->lines[kind];

    l->was_any = true;
    if (l->logged == LINES) {
        l->left_out++;
        return false;
    }
    if (l->logged++ == 0)
        wheel_set(log->wheel, &l->timer, time_after(l->period));
    return true;
}

static void end_period(void *ctx)
{
    struct arp_lines *l = ctx;

    if (!l->was_any) {
        l->logged = 0;
        l->period = ARP_LOG_PERIOD;
        return;
    }
    if (l->left_out > 0)
        log_info(&arp, "ARP: %u more lines in %u s: %s", l->left_out,
                 (unsigned)(l->period / SECOND),
                 line_names[l - l->log->lines]);
    l->left_out = 0;
    l->was_any = false;
    l->period = min(2 * l->period, ARP_LOG_PERIOD_MAX);
    wheel_set(l->log->wheel, &l->timer, time_after(l->period));
}

void arp_log_init(struct arp_log *log, struct wheel *w)
{
    log->wheel = w;
    for (size_t i = 0; i < ARP_LINE_KINDS; i++)
        log->lines[i] = (struct arp_lines){
            .log = log,
            .period = ARP_LOG_PERIOD,
            .timer = {.expired = end_period, .ctx = &log->lines[i]}};
}
