/* SPDX-License-Identifier: ISC */
/*
 * resolv_conf: the DNS servers that the host asks (resolv.conf(5)).
 */
#ifndef UNIX_RESOLV_CONF_H
#define UNIX_RESOLV_CONF_H

#include <mirage/address.h>

/*
 * The first max servers with an IPv4 address that the file names, in their
 * order; their number, 0 if there is no such file.
 */
unsigned resolv_conf_servers(const char *file, struct ip_address *servers,
                             unsigned max);

#endif
