/* SPDX-License-Identifier: ISC */
/*
 * Datagrams by the host's sockets.
 */
#ifndef UNIX_UDP_SOCKET_H
#define UNIX_UDP_SOCKET_H

#include "port_socket.h"
#include <mirage/stackv4.h>

extern const struct port_protocol udp_socket_protocol;

/* As the stack's udp_open and udp_write. */
enum status udp_socket_open(struct sockets *s, const struct endpoint *peer,
                            udp_handler *fn, void *ctx,
                            struct udp_port **port);
enum status udp_socket_write(struct sockets *s, uint16_t from,
                             struct endpoint to, const void *data, size_t len);

#endif
