/* SPDX-License-Identifier: ISC */
/*
 * The host's IPv4 sockets, and the addresses that they take.
 */
#ifndef UNIX_HOST_SOCKET_H
#define UNIX_HOST_SOCKET_H

#include <mirage/address.h>
#include <netinet/in.h>

/* A socket that never blocks, of a type such as SOCK_STREAM; -1 and errno. */
int socket_new(int type);

/* Accepts a connection, whose socket never blocks, and tells its peer; -1 and
 * errno. */
int socket_accept(int fd, struct sockaddr_in *peer);

struct sockaddr_in socket_address(struct endpoint e);
struct endpoint socket_endpoint(const struct sockaddr_in *a);

#endif
