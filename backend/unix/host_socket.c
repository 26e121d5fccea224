/* SPDX-License-Identifier: ISC */
/*
 * The host's IPv4 sockets: made so that no call on them blocks, and so that a
 * peer that has closed is no signal (SIGPIPE).
 */
#define _GNU_SOURCE /* accept4 */
#include "host_socket.h"
#include <fcntl.h>
#include <sys/socket.h>

struct sockaddr_in socket_address(struct endpoint e)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(e.port)};

    a.sin_addr.s_addr = htonl(ipv4_number(e.ip));
    return a;
}

struct endpoint socket_endpoint(const struct sockaddr_in *a)
{
    return (struct endpoint){ipv4_of_number(ntohl(a->sin_addr.s_addr)),
                             ntohs(a->sin_port)};
}

#ifndef __linux__
static int never_blocks(int fd)
{
    if (fd >= 0) {
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
#ifdef SO_NOSIGPIPE
        (void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &(int){1}, sizeof(int));
#endif
    }
    return fd;
}
#endif

int socket_new(int type)
{
#ifdef __linux__
    return socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
#else
    return never_blocks(socket(AF_INET, type, 0));
#endif
}

int socket_accept(int fd, struct sockaddr_in *a)
{
    socklen_t len = sizeof *a;

#ifdef __linux__
    return accept4(fd, (struct sockaddr *)a, &len,
                   SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
    return never_blocks(accept(fd, (struct sockaddr *)a, &len));
#endif
}
