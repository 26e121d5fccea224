/* SPDX-License-Identifier: ISC */
/* Messages about devices that the target lacks, and bad arguments. */
#include "configured.h"
#include "device.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

JOB(start, console);
JOB(stacked, stackv4);
JOB(named, dns);

static const char *argument;
static const char *many[8];

static void host_folder(void)
{
    direct_kv_ro("t");
}

static void host_sockets(void)
{
    console log = default_console;

    socket_stackv4(log, "0.0.0.0");
}

static void disk(void)
{
    block_of_file(argument);
}

static void network_of_a_mac(void)
{
    netif("en0");
}

static void files_of_a_disk(void)
{
    fat_of_files("t");
}

static void crunched(void)
{
    crunch(argument);
}

static void direct(void)
{
    direct_kv_ro(argument);
}

static void image_of_files(void)
{
    fat_of_files(argument);
}

static void custom(void)
{
    custom_console(argument);
}

static void no_address(void)
{
    console log = default_console;

    socket_stackv4(log);
}

static void servers(void)
{
    stackv4 stack = direct_stackv4_with_dhcp(default_console, tap0);

    (resolver)(stack, many); /* without its place: line 0 */
    unikernel("a", start(default_console));
}

static void of_nothing(void)
{
    fat((block){NULL});
}

static void job_of_nothing(void)
{
    start((console){NULL});
}

TEST(a_device_that_the_target_lacks_is_refused_with_its_substitute)
{
    CHECK_TEXT(mistake("xen", host_folder),
               "5: direct_kv_ro(\"t\") reads the host's files, so it needs "
               "target unix, macosx or sim;\nthe target is xen. crunch(\"t\") "
               "works there.");
    CHECK_TEXT(mistake("virtio", host_sockets),
               "5: socket_stackv4(...) uses the host's TCP/IP, so it needs "
               "target unix or macosx;\nthe target is virtio. "
               "direct_stackv4_with_default_ipv4 works there.");
}

TEST(a_device_without_a_substitute_is_refused_with_the_others_of_its_type)
{
    argument = "a.img";
    enter_new_folder();
    mkdir("t", 0777);
    CHECK_TEXT(mistake("sim", disk),
               "5: block_of_file(\"a.img\") needs target unix, macosx, xen or "
               "virtio; the target is sim.\nThere is no block there yet; "
               "`mirage configure --unix` chooses another target.");
    CHECK_TEXT(mistake("macosx", network_of_a_mac),
               "5: netif(\"en0\") needs target unix, xen, virtio or sim; the "
               "target is macosx.\nThere is no network there yet; `mirage "
               "configure --unix` chooses another target.");
    CHECK_TEXT(mistake("sim", files_of_a_disk),
               "5: fat_of_files(\"t\") needs target unix, macosx, xen or "
               "virtio; the target is sim.\nA fs there can be had from: fat.");
}

TEST(no_text_is_refused)
{
    argument = NULL;
    CHECK_TEXT(mistake("unix", disk), "5: block_of_file(NULL): a text is "
                                      "wanted");
    CHECK_TEXT(mistake("unix", custom), "5: custom_console(NULL): a text is "
                                        "wanted");
    CHECK_TEXT(mistake("unix", image_of_files),
               "5: fat_of_files: \"\" is not a path from config.c's folder, in "
               "letters that make can have in a name");
}

TEST(a_device_that_was_never_made_is_refused)
{
    CHECK_TEXT(mistake("unix", of_nothing),
               "5: fat is given a device that was never made");
    CHECK_TEXT(mistake("unix", job_of_nothing),
               "5: start is given a device that was never made");
}

TEST(sockets_listen_on_an_address)
{
    CHECK_TEXT(mistake("unix", no_address),
               "5: socket_stackv4 wants an address to listen on, such as "
               "\"0.0.0.0\"");
}

TEST(a_resolver_has_up_to_three_servers_with_addresses)
{
    struct ended e;

    many[0] = "1.2.3.4", many[1] = "1.2.3.5", many[2] = "1.2.3.6";
    e = configured("unix", servers);
    CHECK(e.status == 0);
    CHECK(strstr(e.out, "text\t3\t1.2.3.4\ntext\t3\t1.2.3.5\n"
                        "text\t3\t1.2.3.6\n"));
    many[3] = "1.2.3.7";
    CHECK_TEXT(mistake("unix", servers),
               "0: resolver: at most 3 DNS servers can be named");
    many[3] = NULL, many[1] = "1.2.3";
    CHECK_TEXT(mistake("unix", servers),
               "0: resolver: \"1.2.3\" is no IPv4 address of a DNS server, "
               "such as \"10.0.0.1\"");
    many[0] = NULL;
    CHECK(configured("unix", servers).status == 0);
}

/* Whether make can have such a path. */
static bool is_path_for_make(const char *path)
{
    static const char refusal[] = "5: crunch: \"";

    argument = path;
    return strncmp(mistake("unix", crunched), refusal, strlen(refusal)) != 0;
}

TEST(make_has_paths_without_letters_of_its_own)
{
    char odd[] = "a?b";

    enter_new_folder();
    CHECK(is_path_for_make("a"));
    CHECK(is_path_for_make("../a-b_c+d.e,f@g/h=i!j"));
    CHECK(!is_path_for_make(""));
    CHECK(!is_path_for_make("/a"));
    CHECK(!is_path_for_make(".//a") || mkdir("a", 0777) != 0);
    for (const char *c = " \t\n$#:%\\'\"*?;&|<>()`"; *c; c++) {
        odd[1] = *c;
        CHECK(!is_path_for_make(odd));
    }
}

TEST(the_folder_of_crunch_and_fat_is_there)
{
    enter_new_folder();
    argument = "t";
    CHECK_TEXT(mistake("unix", crunched), "5: crunch: there is no t");
    CHECK_TEXT(mistake("unix", image_of_files),
               "5: fat_of_files: there is no t");
    CHECK(configured("unix", direct).status == 1); /* without an image */
    CHECK(strstr(configured("unix", direct).err, "never calls unikernel"));
    write_text_file("t", "");
    CHECK_TEXT(mistake("unix", crunched),
               "5: crunch: t is no folder, and one is wanted");
    CHECK_TEXT(mistake("unix", image_of_files),
               "5: fat_of_files: t is no folder, and one is wanted");
    CHECK_TEXT(mistake("unix", direct),
               "5: direct_kv_ro: t is no folder, and one is wanted");
    argument = "t/u";
    CHECK_TEXT(mistake("unix", crunched), "5: crunch: there is no t/u");
}

TEST(a_folder_is_no_disk_of_a_host)
{
    enter_new_folder();
    mkdir("t", 0777);
    argument = "t";
    CHECK_TEXT(mistake("unix", disk),
               "5: block_of_file: t is no file, and one is wanted");
    CHECK_TEXT(mistake("macosx", disk),
               "5: block_of_file: t is no file, and one is wanted");
    CHECK(strstr(configured("xen", disk).err, "never calls unikernel"));
    argument = "u";
    CHECK(strstr(configured("unix", disk).err, "never calls unikernel"));
}

TEST(a_folder_that_cannot_be_read_is_refused)
{
    enter_new_folder();
    CHECK(symlink("t", "t") == 0);
    argument = "t";
    CHECK_TEXT(mistake("unix", crunched),
               "5: crunch: cannot read t: Too many levels of symbolic links");
}

static void leading_dots(void)
{
    kv_ro a = crunch("././t");

    (void)a;
    unikernel("a", start(default_console));
}

TEST(a_path_for_make_has_no_dots_in_front)
{
    enter_new_folder();
    mkdir("t", 0777);
    CHECK(strstr(configured("unix", leading_dots).out, "text\t0\tt\n"));
}

static void too_many(void)
{
    struct node *n;
    const char *texts[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9",
                           "10", "11", "12", "13", "14", "15", NULL, NULL};

    if (argument)
        texts[15] = "16";
    n = (socket_stackv4)(default_console, texts).node;
    (void)n;
    unikernel("a", start(default_console));
}

TEST(a_device_has_up_to_sixteen_arguments)
{
    argument = NULL;
    CHECK(configured("unix", too_many).status == 0);
    argument = "more";
    CHECK_TEXT(mistake("unix", too_many),
               "0: socket_stackv4 has more than 16 arguments");
}

static const struct device_type here = {.name = "here"},
                                gone = {.name = "gone"};
static const struct constructor
    one = {.name = "one", .type = &here, .on = {[XEN] = "x"}},
    two = {.name = "two", .type = &here, .on = {[XEN] = "x", [SIM] = "s"}},
    none = {.name = "none", .type = &here},
    nowhere = {.name = "nowhere", .type = &gone};
static const struct constructor *const own_list[] = {&one, &two, &none,
                                                     &nowhere};
static const struct constructor *wanted;

static void own_device(void)
{
    const struct constructors all = {own_list, own_list + 4};

    printf("%s", device_driver(wanted, all, MIRAGE_HERE, "call()", target()));
}

TEST(a_device_without_any_driver_is_refused_with_what_the_target_has)
{
    wanted = &two;
    CHECK(strncmp(configured("sim", own_device).out, "s", 1) == 0);
    CHECK_TEXT(mistake("unix", own_device),
               "5: call() needs target xen or sim; the target is unix.\nThere "
               "is no here there yet; `mirage configure --xen` chooses another "
               "target.");
    wanted = &one;
    CHECK_TEXT(mistake("sim", own_device),
               "5: call() needs target xen; the target is sim.\nA here there "
               "can be had from: two.");
    wanted = &none;
    CHECK_TEXT(mistake("xen", own_device),
               "5: call() has no driver yet, on any target.\nA here on target "
               "xen can be had from: one, two.");
    wanted = &nowhere;
    CHECK_TEXT(mistake("xen", own_device),
               "5: call() has no driver yet, on any target; nor has any other "
               "gone.\nWhat target xen has: one, two.");
}
