/* SPDX-License-Identifier: ISC */
/* The report of configure() on each target. */
#include "configured.h"
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

JOB(start, console, block);
JOB(quiet);

static void one_disk(void)
{
    block disk = block_of_file("a.img");
    console log;

    line = 6;
    log = default_console;
    line = 7;
    unikernel("disk", start(log, disk));
}

TEST(the_report_has_devices_arguments_and_jobs_in_the_order_of_making)
{
    struct ended e = configured("unix", one_disk);

    CHECK(e.status == 0);
    CHECK_TEXT(e.err, "");
    CHECK_TEXT(e.out, "image\tdisk\n"
                      "runs\t2\n"
                      "device\t0\tblock\tblock_of_file\tblock_unix\t5\n"
                      "maker\t0\n"
                      "text\t0\ta.img\n"
                      "device\t1\tconsole\tdefault_console\tconsole_unix\t6\n"
                      "value\t1\n"
                      "text\t1\t0\n"
                      "job\t2\tstart\t7\tconfig.c\t\n"
                      "uses\t2\t1\n"
                      "uses\t2\t0\n"
                      "done\n");
}

JOB(all, console, console, fs, fs, kv_ro, kv_ro, kv_ro, stackv4, dns, tcpv4,
    udpv4, network);

/* In the order of the numbers in its report: a compiler may evaluate the
 * arguments of a call in any order. */
static void everything_of_unix(void)
{
    console log = default_console, other = custom_console("x");
    fs files = fat(block_of_file("a.img")), more = fat_of_files("t");
    kv_ro keys = kv_ro_of_fs(files), crunched = crunch("t"),
          host = direct_kv_ro("t");
    network net = netif("b");
    stackv4 stack = direct_stackv4_with_static_ipv4(
        log, net, "1.2.3.4", "255.0.0.0", "1.2.3.1");
    dns names = resolver(stack);
    ipv4 ip = ipv4(ethernet(netif("c")), "10.0.0.2", "255.255.255.0", "");
    tcpv4 tcp = tcpv4(ip);
    udpv4 udp = udpv4(ip);
    job a = all(log, other, files, more, keys, crunched, host, stack, names,
                tcp, udp, tap0);

    unikernel("all", together(a, quiet()));
}

static void everything_of_machines(void)
{
    console log = default_console, other = custom_console("x");
    fs files = fat(block_of_file("a.img")), more = fat_of_files("t");
    kv_ro keys = kv_ro_of_fs(files), crunched = crunch("t"),
          again = crunch("./t");
    network net = netif("b");
    stackv4 stack = direct_stackv4_with_dhcp(log, net);
    dns names = resolver(stack);
    ipv4 ip = ipv4(ethernet(netif("c")), "10.0.0.2", "255.255.255.0", "");
    tcpv4 tcp = tcpv4(ip);
    udpv4 udp = udpv4(ip);

    unikernel("all", all(log, other, files, more, keys, crunched, again, stack,
                         names, tcp, udp, tap0));
}

static void sockets(void)
{
    block disk = block_of_file("a");

    unikernel("all", start(default_console, disk));
    socket_stackv4(default_console, "0.0.0.0", "127.0.0.1");
}

static void simulated(void)
{
    console log = default_console;
    network first = tap0, net;

    direct_stackv4_with_default_ipv4(log, first);
    direct_kv_ro("t");
    net = netif("a");
    direct_stackv4_with_dhcp(custom_console("0"), net);
    direct_stackv4_with_static_ipv4(log, first, "1.2.3.4", "", "");
    unikernel("sim", quiet());
}

/* The drivers of a report, as "CONSTRUCTOR=DRIVER ...", in its order. */
static const char *drivers(const char *target, void (*fn)(void))
{
    static char text[2048];
    struct ended e = configured(target, fn);
    char what[64], driver[64];
    size_t len = 0;

    *text = '\0';
    if (e.status != 0)
        return e.err;
    for (const char *c = e.out; c; c = strchr(c, '\n')) {
        c += *c == '\n';
        if (sscanf(c, "device\t%*d\t%*[^\t]\t%63[^\t]\t%63[^\t]", what,
                   driver) == 2)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%s=%s",
                                    len ? " " : "", what, driver);
    }
    return text;
}

/* Whether all the words of a report are in one line of these. */
static bool has_lines(const struct ended *e, const char *lines)
{
    return strstr(e->out, lines) != NULL;
}

TEST(each_device_has_its_driver_on_unix)
{
    struct ended e;

    enter_new_folder();
    mkdir("t", 0777);
    e = configured("unix", everything_of_unix);
    CHECK_TEXT(
        drivers("unix", everything_of_unix),
        "default_console=console_unix custom_console=console_unix "
        "block_of_file=block_unix fat=fat block_of_file=block_unix "
        "fat_of_files=fat kv_ro_of_fs=kv_ro_fs crunch=kv_ro_crunch "
        "direct_kv_ro=kv_ro_unix netif=network_unix "
        "direct_stackv4_with_static_ipv4=stackv4_static resolver=dns_stub "
        "netif=network_unix ethernet=ethernet ipv4=ipv4_static tcpv4=tcpv4 "
        "udpv4=udpv4 tap0=network_unix");
    CHECK(has_lines(&e, "runs\t18\nruns\t19\n"));
    CHECK(has_lines(&e, "value\t0\ntext\t0\t0\n"));
    CHECK(has_lines(&e, "text\t1\tx\n"));
    CHECK(has_lines(&e, "flush\t3\tfs_flush\nuses\t3\t2\n"));
    CHECK(has_lines(&e, "maker\t4\ntext\t4\tfat1.img\n"));
    CHECK(has_lines(&e, "image-of-folder\t5\nflush\t5\tfs_flush\n"
                        "text\t5\tt\nuses\t5\t4\n"));
    CHECK(has_lines(&e, "uses\t6\t3\n"));
    CHECK(has_lines(&e, "crunched\t7\ntext\t7\tt\n"));
    CHECK(has_lines(&e, "text\t8\tt\n"));
    CHECK(has_lines(&e, "text\t9\tb\n"));
    CHECK(has_lines(&e, "finish\t10\tstackv4_finish\nuses\t10\t0\n"
                        "uses\t10\t9\ntext\t10\t1.2.3.4\n"
                        "text\t10\t255.0.0.0\ntext\t10\t1.2.3.1\n"));
    CHECK(has_lines(&e, "list\t11\nuses\t11\t10\n"));
    CHECK(has_lines(&e, "uses\t13\t12\n"));
    CHECK(has_lines(&e, "uses\t14\t13\ntext\t14\t10.0.0.2\n"
                        "text\t14\t255.255.255.0\ntext\t14\t\n"));
    CHECK(has_lines(&e, "uses\t15\t14\n"));
    CHECK(has_lines(&e, "uses\t16\t14\n"));
    CHECK(has_lines(&e, "value\t17\ntext\t17\ttap0\n"));
}

TEST(each_device_has_its_driver_on_virtual_machines)
{
    enter_new_folder();
    mkdir("t", 0777);
    CHECK_TEXT(
        drivers("xen", everything_of_machines),
        "default_console=console_xen custom_console=console_xen "
        "block_of_file=block_xen fat=fat block_of_file=block_xen "
        "fat_of_files=fat kv_ro_of_fs=kv_ro_fs crunch=kv_ro_crunch "
        "crunch=kv_ro_crunch netif=network_xen "
        "direct_stackv4_with_dhcp=stackv4_dhcp resolver=dns_stub "
        "netif=network_xen ethernet=ethernet ipv4=ipv4_static tcpv4=tcpv4 "
        "udpv4=udpv4 tap0=network_xen");
    CHECK_TEXT(
        drivers("virtio", everything_of_machines),
        "default_console=console_virtio custom_console=console_port "
        "block_of_file=block_virtio fat=fat block_of_file=block_virtio "
        "fat_of_files=fat kv_ro_of_fs=kv_ro_fs crunch=kv_ro_crunch "
        "crunch=kv_ro_crunch netif=network_virtio "
        "direct_stackv4_with_dhcp=stackv4_dhcp resolver=dns_stub "
        "netif=network_virtio ethernet=ethernet ipv4=ipv4_static tcpv4=tcpv4 "
        "udpv4=udpv4 tap0=network_virtio");
}

TEST(each_device_has_its_driver_on_target_sim)
{
    enter_new_folder();
    mkdir("t", 0777);
    CHECK_TEXT(drivers("sim", simulated),
               "default_console=console_unix tap0=network_sim "
               "direct_stackv4_with_default_ipv4=stackv4_default "
               "direct_kv_ro=kv_ro_unix netif=network_sim "
               "custom_console=console_unix "
               "direct_stackv4_with_dhcp=stackv4_dhcp "
               "direct_stackv4_with_static_ipv4=stackv4_static");
}

TEST(sockets_are_a_stack_on_hosts)
{
    struct ended e = configured("unix", sockets);

    CHECK_TEXT(drivers("macosx", sockets),
               "block_of_file=block_unix default_console=console_unix "
               "socket_stackv4=stackv4_socket");
    CHECK(has_lines(&e, "uses\t3\t1\ntext\t3\t0.0.0.0\ntext\t3\t127.0.0.1\n"));
}

static void no_disk_on_virtio(void)
{
    unikernel("plain", quiet());
    (void)default_console;
}

static void console_0(void)
{
    unikernel("plain", quiet());
    (void)default_console;
    custom_console("0");
}

static void console_a(void)
{
    unikernel("plain", quiet());
    (void)default_console;
    custom_console("a");
}

static void a_disk(void)
{
    unikernel("plain", quiet());
    (void)default_console;
    block_of_file("a");
}

static void a_network(void)
{
    unikernel("plain", quiet());
    (void)default_console;
    (void)tap0;
}

TEST(the_default_console_of_virtio_is_of_the_bus_if_the_image_has_it)
{
    CHECK_TEXT(drivers("virtio", no_disk_on_virtio),
               "default_console=console_serial");
    CHECK_TEXT(drivers("virtio", console_0), "default_console=console_virtio "
                                             "custom_console=console_virtio");
    CHECK_TEXT(drivers("virtio", console_a), "default_console=console_virtio "
                                             "custom_console=console_port");
    CHECK_TEXT(drivers("virtio", a_disk), "default_console=console_virtio "
                                          "block_of_file=block_virtio");
    CHECK_TEXT(drivers("virtio", a_network), "default_console=console_virtio "
                                             "tap0=network_virtio");
    CHECK_TEXT(drivers("xen", a_disk), "default_console=console_xen "
                                       "block_of_file=block_xen");
}

TEST(only_hosts_make_a_missing_disk)
{
    struct ended e = configured("xen", one_disk);

    CHECK(!strstr(e.out, "maker"));
    e = configured("macosx", one_disk);
    CHECK(strstr(e.out, "maker\t0\n"));
}

static void names_nothing(void)
{
}

TEST(a_configuration_without_an_image_is_refused)
{
    CHECK_TEXT(mistake("unix", names_nothing),
               " configure() never calls unikernel(NAME, JOB), so there is "
               "nothing to build.");
}

static const char *image;

static void named(void)
{
    unikernel(image, quiet());
}

static bool is_taken(const char *name)
{
    image = name;
    return configured("unix", named).status == 0;
}

TEST(an_image_has_a_name_that_files_can_have)
{
    static const char longest[] = "0123456789012345678901234567890123456789"
                                  "012345678901234567890123";

    CHECK(is_taken("a"));
    CHECK(is_taken("Z_9-.+"));
    CHECK(is_taken("+a"));
    CHECK(is_taken(longest));
    CHECK(!is_taken(NULL));
    CHECK(!is_taken(""));
    CHECK(!is_taken("-a"));
    CHECK(!is_taken(".a"));
    CHECK(!is_taken("a/b"));
    CHECK(!is_taken("a b"));
    CHECK(!is_taken("a\n"));
    CHECK(!is_taken("a'b"));
    CHECK(!is_taken("a$b"));
    CHECK(!is_taken("0123456789012345678901234567890123456789"
                    "0123456789012345678901234"));
    image = "a/b";
    CHECK_TEXT(mistake("unix", named),
               "5: unikernel(\"a/b\"): the name becomes the name of files: "
               "letters, digits, _ - + and . (not first), at most 64");
}

static void twice(void)
{
    unikernel("a", quiet());
    line = 6;
    unikernel("b", quiet());
}

static void jobless(void)
{
    unikernel("a", (job){NULL});
}

TEST(an_image_is_named_once_and_has_a_job)
{
    CHECK_TEXT(mistake("unix", twice),
               "6: a second unikernel(); the first is in line 5. An image is "
               "one, and together(a, b) makes one job of two.");
    CHECK_TEXT(mistake("unix", jobless), "5: a job that was never made");
}

static int main_with(int argc, const char *target, const char *last)
{
    char name[16];
    char *argv[] = {(char[]){"config"}, (char[]){"1"}, name,
                    (char[]){"config.c"}, (char[]){"unix"}, (char[]){"macosx"},
                    (char[]){"xen"}, (char[]){"virtio"},
                    last ? (char[]){"sim"} : NULL, NULL, NULL};

    if (last && *last)
        argv[9] = (char[]){"more"};
    snprintf(name, sizeof name, "%s", target);
    configuration = no_disk_on_virtio;
    return ENDED(exit(config_main(argc, argv))).status;
}

TEST(the_program_takes_as_many_targets_as_it_knows)
{
    CHECK(main_with(9, "unix", "") == 0);
    CHECK(main_with(3, "unix", "") == 2);
    CHECK(main_with(8, "unix", NULL) == 2);
    CHECK(main_with(10, "unix", "more") == 2);
}

static void crashes(void)
{
    raise(SIGSEGV);
}

static void divides(void)
{
    raise(SIGFPE);
}

/* The ends of the program's code, by the linker. */
extern char __executable_start, etext;

TEST(a_crash_is_reported_with_the_addresses_of_its_calls)
{
    struct ended e = configured("unix", crashes);
    const char *tab = strchr(strchr(e.out, '\t') + 1, '\t');
    unsigned long at;
    int count = 0;
    bool is_in_crash = false;

    for (tab = strchr(tab + 1, '\t'); tab; tab = strchr(tab + 1, '\t')) {
        at = strtoul(tab, NULL, 16);
        CHECK(at > (unsigned long)&__executable_start);
        CHECK(at < (unsigned long)&etext);
        count++;
        is_in_crash |= at - (unsigned long)crashes < 64;
    }
    CHECK(count > 3 && count <= 60);
    CHECK(is_in_crash);
}

TEST(a_crash_is_reported_with_its_signal)
{
    struct ended e = configured("unix", crashes);

    CHECK(e.status == 1);
    CHECK(strncmp(e.out, "crash\t11\t0x", 11) == 0);
    e = configured("unix", divides);
    CHECK(strncmp(e.out, "crash\t8\t0x", 10) == 0);
}

static void forks(void)
{
    int status;
    pid_t child = fork();

    if (child == 0)
        fail("the child's");
    waitpid(child, &status, 0);
    unikernel("forks", quiet());
}

TEST(a_process_that_configure_started_reports_nothing)
{
    struct ended e = configured("unix", forks);

    CHECK(e.status == 0);
    CHECK(strncmp(e.out, "image\tforks\n", 12) == 0);
}
