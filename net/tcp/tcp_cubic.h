/* SPDX-License-Identifier: ISC */
/*
 * CUBIC's variables (RFC 9438, 4.1.2), in bytes and milliseconds.
 */
#ifndef NET_TCP_CUBIC_H
#define NET_TCP_CUBIC_H

#include <mirage/time.h>

struct tcp_cubic {
    uint32_t w_max, w_est, cwnd_prior, k;
    uint32_t prior_w_max, prior_cwnd_prior; /* before the last loss */
    uint64_t cwnd_rest, w_est_rest; /* growth of less than a byte */
    nanoseconds epoch_start, last_ack; /* epoch_start 0: none */
};

#endif
