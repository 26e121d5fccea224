/* SPDX-License-Identifier: ISC */
/*
 * stackv4   the contract of stacks, between the host's sockets and our own
 *           TCP/IP, either way round, and of each with itself where it can; in
 *           a namespace with tap0, which has 10.0.0.1 (test/conform/stackv4.sh)
 */
#include "stackv4_contract.h"
#include <mirage/main.h>
#include <mirage/platform.h>
#include <stdio.h>

static void say_nothing(struct console *c, const char *text, size_t len)
{
    (void)c;
    (void)text;
    (void)len;
}

const char mirage_name[] = "stackv4";

static int passed, failed;

static void try(const char *name, struct stackv4 *server,
                struct stackv4 *client, struct ip_address ip)
{
    if (contract_failures(name, server, client, ip) == 0)
        passed++;
    else
        failed++;
}

void mirage_main(void)
{
    static const struct console_ops ops = {.write = say_nothing};
    static struct console quiet = {.ops = &ops};
    struct network *tap;
    struct stackv4 *host, *own;

    connected(stackv4_socket_connect(
                  &quiet, (const char *const[]){"0.0.0.0", NULL}, &host),
              "sockets");
    connected(network_unix_connect("tap0", &tap), "tap0");
    connected(stackv4_default_connect(&quiet, tap, &own), "direct stack");
    try("sockets, loopback", host, host, ipv4_address(127, 0, 0, 1));
    try("our own asks sockets", host, own, ipv4_address(10, 0, 0, 1));
    try("sockets ask our own", own, host, ipv4_address(10, 0, 0, 2));
    printf("%d passed, %d failed\n", passed, failed);
    fflush(stdout);
    if (failed)
        platform_exit(1);
}
