/* SPDX-License-Identifier: ISC */
#include "check.h"
#include "resolv_conf.h"
#include <stdlib.h>
#include <unistd.h>

static struct ip_address found[3];

/* The servers of a file with this text. */
static unsigned servers_of(const char *text)
{
    char name[] = "/tmp/resolv_conf_test.XXXXXX";
    int fd = mkstemp(name);
    unsigned count;

    memset(found, 0, sizeof found);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    count = resolv_conf_servers(name, found, 3);
    unlink(name);
    return count;
}

TEST(servers_are_taken_in_their_order)
{
    CHECK(servers_of("# by hand\n"
                     "domain example.org\n"
                     "nameserver 10.0.0.1\n"
                     "search example.org\n"
                     "nameserver\t 10.0.0.2 \n"
                     "options ndots:2\n") == 2);
    CHECK(ip_equal(found[0], ipv4_address(10, 0, 0, 1)));
    CHECK(ip_equal(found[1], ipv4_address(10, 0, 0, 2)));
}

TEST(no_more_than_there_is_room_for_and_those_of_ipv6_do_not_count)
{
    CHECK(servers_of("nameserver fe80::1%eth0\n"
                     "nameserver 127.0.0.53 # a comment\r\n"
                     "nameserver 10.0.0.2\n"
                     "nameserver 10.0.0.3\n"
                     "nameserver 10.0.0.4") == 3);
    CHECK(ip_equal(found[0], ipv4_address(127, 0, 0, 53)));
    CHECK(ip_equal(found[2], ipv4_address(10, 0, 0, 3)));
}

TEST(what_does_not_name_a_server_is_passed_over)
{
    CHECK(servers_of("#nameserver 10.0.0.1\n"
                     ";nameserver 10.0.0.1\n"
                     " nameserver 10.0.0.1\n"
                     "nameservers 10.0.0.1\n"
                     "nameserveX 10.0.0.1\n"
                     "nameserver\n"
                     "nameserver 10.0.0\n"
                     "nameserver example.org\n") == 0);
    CHECK(servers_of("") == 0);
}

TEST(the_end_of_a_long_line_is_no_line_of_its_own)
{
    char text[1100];

    for (size_t len = 500; len < 1030; len++) {
        memset(text, '#', len);
        strcpy(text + len, "nameserver 10.0.0.1\nnameserver 10.0.0.2\n");
        CHECK(servers_of(text) == 1);
        CHECK(ip_equal(found[0], ipv4_address(10, 0, 0, 2)));
    }
}

TEST(without_a_file_there_are_none)
{
    CHECK(resolv_conf_servers("/no/such/file", found, 3) == 0);
}

TEST(the_file_is_closed)
{
    int before = dup(0), after;

    close(before);
    CHECK(servers_of("nameserver 10.0.0.1\n") == 1);
    after = dup(0);
    close(after);
    CHECK(before == after);
}
