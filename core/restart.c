/* SPDX-License-Identifier: ISC */
/* The rate at which a device is started again: a bucket of ten seconds, of
 * which each start takes one. */
#include <mirage/macros.h>
#include <mirage/restart.h>

#define EACH  SECOND /* the price of a start */
#define BURST (10 * SECOND) /* the largest credit */

enum status restart_wait(struct restarts *r)
{
    nanoseconds now = time_now();

    r->paid_until = max(r->paid_until, now) + EACH;
    return r->paid_until > now + BURST
               ? time_sleep(r->paid_until - now - BURST)
               : OK;
}
