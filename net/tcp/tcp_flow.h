/* SPDX-License-Identifier: ISC */
/*
 * The flow that an application holds.
 */
#ifndef NET_TCP_FLOW_H
#define NET_TCP_FLOW_H

#include <mirage/flow.h>

extern const struct flow_ops tcp_flow_ops;

#endif
