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

typedef unsigned contract(const char *name, struct stackv4 *server,
                          struct stackv4 *client, struct ip_address ip);

static void try(contract *run, const char *name, struct stackv4 *server,
                struct stackv4 *client, struct ip_address ip)
{
    if (run(name, server, client, ip) == 0)
        passed++;
    else
        failed++;
}

static size_t pages_in_use(void)
{
    return buf_pages() - buf_pages_free();
}

/* Whether no more pages are in use than before, now or soon. */
static bool is_all_free(size_t before)
{
    for (int i = 0; i < 100 && pages_in_use() > before; i++)
        if (time_sleep(50 * MILLISECOND) != OK)
            break;
    if (pages_in_use() <= before)
        return true;
    printf("after disconnecting %zu pages are missing\n",
           pages_in_use() - before);
    return false;
}

void mirage_main(void)
{
    static const struct console_ops ops = {.write = say_nothing};
    static struct console quiet = {.ops = &ops};
    static const char *const all[] = {"0.0.0.0", NULL};
    struct ip_address loopback = ipv4_address(127, 0, 0, 1);
    struct ip_address at_host = ipv4_address(10, 0, 0, 1);
    struct ip_address at_own = ipv4_address(10, 0, 0, 2);
    struct network *tap;
    struct stackv4 *host, *own;
    size_t before = 17 * NETWORK_BATCH; /* the TAP keeps some, for frames */

    connected(network_unix_connect("tap0", &tap), "tap0");
    for (int round = 0; round < 2; round++) {
        connected(stackv4_socket_connect(&quiet, all, &host), "sockets");
        connected(stackv4_default_connect(&quiet, tap, &own), "direct stack");
        if (round == 0) {
            try(contract_failures, "sockets, loopback", host, host, loopback);
            try(contract_failures, "our own asks sockets", host, own, at_host);
            try(contract_failures, "sockets ask our own", own, host, at_own);
            try(contract_disconnect, "our own is disconnected", own, host,
                at_own);
            stackv4_disconnect(host);
        } else {
            try(contract_disconnect, "sockets are disconnected", host, own,
                at_host);
            stackv4_disconnect(own);
        }
        if (is_all_free(before))
            passed++;
        else
            failed++;
        before = pages_in_use();
    }
    printf("%d passed, %d failed\n", passed, failed);
    fflush(stdout);
    if (failed)
        platform_exit(1);
}
