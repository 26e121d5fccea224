/* SPDX-License-Identifier: ISC */
/*
 * What any two stacks must do with each other (mirage/stackv4.h, flow.h):
 * server listens, client asks it at the address ip.
 */
#ifndef CONFORM_STACKV4_CONTRACT_H
#define CONFORM_STACKV4_CONTRACT_H

#include <mirage.h>

/* The number of things that were not so; each is printed, after name. */
unsigned contract_failures(const char *name, struct stackv4 *server,
                           struct stackv4 *client, struct ip_address ip);

/* The same of stackv4_disconnect, which frees server. */
unsigned contract_disconnect(const char *name, struct stackv4 *server,
                             struct stackv4 *client, struct ip_address ip);

#endif
