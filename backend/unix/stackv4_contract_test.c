/* SPDX-License-Identifier: ISC */
/* The contract of stacks (test/conform/stackv4_contract.h) on the host's
 * sockets, in a network namespace of its own if the host allows that: its ports
 * are fixed. */
#define _GNU_SOURCE /* unshare */
#include <conform/stackv4_contract.h>
#include <mirage/console.h>
#include <mirage/drivers.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "check.h"

static void say_nothing(struct console *c, const char *text, size_t len)
{
    (void)c;
    (void)text;
    (void)len;
}

static struct stackv4 *new_stack(void)
{
    static const struct console_ops ops = {.write = say_nothing};
    static struct console quiet = {.ops = &ops};
    static const char *const all[] = {"0.0.0.0", NULL};
    struct stackv4 *s = NULL;

    CHECK(stackv4_socket_connect(&quiet, all, &s) == OK);
    return s;
}

static void enter_namespace(void)
{
    struct ifreq r = {.ifr_name = "lo"};
    int s;

    if (unshare(CLONE_NEWNET) != 0 &&
        unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return;
    s = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(ioctl(s, SIOCGIFFLAGS, &r) == 0);
    r.ifr_flags |= IFF_UP;
    CHECK(ioctl(s, SIOCSIFFLAGS, &r) == 0);
    close(s);
}

static bool is_all_free(void)
{
    for (int i = 0; i < 1000 && buf_pages_free() < buf_pages(); i++)
        (void)time_sleep(10 * MILLISECOND);
    return buf_pages_free() == buf_pages();
}

TEST(stacks_on_the_host_s_sockets_keep_the_contract)
{
    struct ip_address loopback = ipv4_address(127, 0, 0, 1);
    struct stackv4 *server, *client;

    enter_namespace();
    server = new_stack();
    client = new_stack();
    CHECK(contract_failures("sockets", server, client, loopback) == 0);
    CHECK(contract_disconnect("sockets", server, client, loopback) == 0);
    stackv4_disconnect(client);
    CHECK(is_all_free());
}
