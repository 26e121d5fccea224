/* SPDX-License-Identifier: ISC */
/* Two users of a device that can have one. */
#include "configured.h"
#include <unistd.h>

JOB(net1, network);
JOB(net2, network, network);
JOB(stacks, stackv4, stackv4);
JOB(disks, block, block);
JOB(files, fs, fs);
JOB(layers, udpv4, udpv4);
JOB(both, udpv4, tcpv4);
JOB(links, ipv4, ipv4);
JOB(tcps, tcpv4, tcpv4);
JOB(mixed, network, stackv4);
JOB(quiet);

static const char *a, *b;
static bool is_used;

static void two_networks(void)
{
    network one = netif(a), two = netif(b);

    line = 7;
    unikernel("a", is_used ? net2(one, two) : quiet());
    if (!is_used)
        net2(one, two);
}

static void two_stacks(void)
{
    network net = tap0;
    console log = default_console;
    stackv4 one, two;

    line = 6;
    one = direct_stackv4_with_dhcp(log, net);
    line = 7;
    two = direct_stackv4_with_default_ipv4(log, net);
    unikernel("a", stacks(one, two));
}

static void stack_and_job(void)
{
    network net = netif("x");
    stackv4 stack;

    line = 6;
    stack = direct_stackv4_with_dhcp(default_console, net);
    line = 7;
    unikernel("a", mixed(net, stack));
}

static void same_network_twice(void)
{
    network net = tap0;

    line = 7;
    unikernel("a", net2(net, net));
}

TEST(a_network_device_has_one_user)
{
    is_used = true;
    a = "x", b = "y";
    CHECK(configured("unix", two_networks).status == 0);
    b = "x";
    CHECK_TEXT(mistake("unix", two_networks),
               "7: net2 is given the network device netif(\"x\") by two names");
    CHECK(configured("sim", two_networks).status == 0);
    CHECK_TEXT(mistake("unix", two_stacks),
               "7: direct_stackv4_with_default_ipv4 and "
               "direct_stackv4_with_dhcp (line 6) both use tap0. A network "
               "device has one listener, so one of them would receive nothing. "
               "Make one stack, and give it to every job that wants one.");
    CHECK_TEXT(mistake("unix", stack_and_job),
               "7: mixed and direct_stackv4_with_dhcp (line 6) both use "
               "netif(\"x\"). A network device has one listener, so one of "
               "them would receive nothing. Give each a device of its own.");
    CHECK(configured("unix", same_network_twice).status == 0);
    is_used = false;
    CHECK(configured("unix", two_networks).status == 0);
}

static void two_disks(void)
{
    block one = block_of_file(a), two;

    line = 6;
    two = block_of_file(b);
    unikernel("a", is_used ? disks(one, two) : quiet());
}

static bool is_one_disk(const char *one, const char *two)
{
    a = one, b = two;
    return configured("unix", two_disks).status != 0;
}

TEST(a_disk_is_opened_once)
{
    is_used = true;
    enter_new_folder();
    CHECK(!is_one_disk("a", "b"));
    CHECK(is_one_disk("a", "a"));
    CHECK(is_one_disk("a", "./a"));
    CHECK(is_one_disk(".//a", "././a"));
    CHECK(!is_one_disk("/a", "./a"));
    write_text_file("a", "");
    write_text_file("b", "");
    CHECK(!is_one_disk("a", "b"));
    CHECK(link("a", "c") == 0);
    CHECK(symlink("a", "d") == 0);
    CHECK(is_one_disk("a", "c"));
    CHECK(is_one_disk("d", "a"));
    a = "a", b = "a";
    CHECK_TEXT(mistake("unix", two_disks),
               "6: block_of_file(\"a\") is the same disk as "
               "block_of_file(\"a\") (line 5), and a disk is opened once. Make "
               "it once, and give that to each user.");
    is_used = false;
    CHECK(!is_one_disk("a", "a"));
}

static void two_file_systems(void)
{
    block disk = block_of_file(a), second = block_of_file(b);
    fs one = fat(disk), two;

    line = 6;
    two = fat(is_used ? disk : second);
    unikernel("a", files(one, two));
}

TEST(a_disk_has_one_file_system)
{
    a = "a", b = "b";
    is_used = true;
    CHECK_TEXT(mistake("unix", two_file_systems),
               "6: fat and fat (line 5) are both on block_of_file(\"a\"), and "
               "would destroy each other's files. Make one file system, and "
               "give it to each user.");
    is_used = false;
    CHECK(configured("unix", two_file_systems).status == 0);
}

static ipv4 layer(const char *name)
{
    return ipv4(ethernet(netif(name)), "10.0.0.2", "255.0.0.0", "");
}

static void two_udps(void)
{
    ipv4 ip = layer("a"), other = layer("b");
    udpv4 one = udpv4(ip), two;

    line = 6;
    two = udpv4(is_used ? ip : other);
    unikernel("a", layers(one, two));
}

static void two_tcps(void)
{
    ipv4 ip = layer("a");
    tcpv4 one = tcpv4(ip);

    line = 6;
    unikernel("a", tcps(one, tcpv4(ip)));
}

static void two_ips(void)
{
    ethernet link = ethernet(netif("a"));
    ipv4 one = ipv4(link, "10.0.0.2", "255.0.0.0", "");

    line = 6;
    unikernel("a", links(one, ipv4(link, "10.0.0.3", "255.0.0.0", "")));
}

static void udp_and_tcp(void)
{
    ipv4 ip = layer("a");

    unikernel("a", both(udpv4(ip), tcpv4(ip)));
}

TEST(a_layer_has_one_user_of_each_type)
{
    is_used = true;
    CHECK_TEXT(mistake("unix", two_udps),
               "6: udpv4 and udpv4 (line 5) are over the same ipv4, and only "
               "the later one would receive packets. Make it once, and give it "
               "to each user.");
    CHECK(strncmp(mistake("unix", two_tcps), "6: tcpv4 and tcpv4", 18) == 0);
    CHECK(strncmp(mistake("unix", two_ips), "6: ipv4 and ipv4", 16) == 0);
    is_used = false;
    CHECK(configured("unix", two_udps).status == 0);
    CHECK(configured("unix", udp_and_tcp).status == 0);
}
