/* SPDX-License-Identifier: ISC */
/* How `mirage run` starts an image, and what it refuses. */
#include "run.c"
#include "host.h"
#include <sys/stat.h>

/* Enters a folder with what make has built for this target. */
static void enter_built(const char *target)
{
    const char *program = program_name("a", target);

    enter_new_folder();
    mkdir(".mirage", 0777);
    write_text_file(".mirage/record",
                    text_of("version\t1\ntarget\t%s\nfile\tconfig.c\n"
                            "image\ta\n",
                            target));
    write_text_file(program, "#!/bin/sh\nprintf '<%s>' \"$@\"\nexit 6\n");
    chmod(program, 0777);
    write_text_file("a.qemu.sh", "printf '<%s>' \"$@\" \"$FORWARD\" "
                                 "\"$QEMU_ARGS\"\n");
    unsetenv("SUDO");
    unsetenv("QEMU_ARGS");
    unsetenv("FORWARD");
    setenv("PATH", "/usr/bin:/bin", 1);
}

static struct ended ran(const char *one, const char *two, const char *three)
{
    char *words[] = {(char *)one, (char *)two, (char *)three, NULL};

    return ENDED(exit(command_run(three ? 3 : two ? 2
                                          : one   ? 1
                                                  : 0,
                                  words)));
}

TEST(a_process_gets_the_words_after_dashes)
{
    struct ended e;

    enter_built("unix");
    e = ran("--", "--a=b", "c d");
    CHECK_TEXT(e.out, "<--a=b><c d>");
    CHECK(e.status == 6);
    CHECK_TEXT(ran("--", "--", NULL).out, "<-->");
    CHECK_TEXT(ran(NULL, NULL, NULL).out, "<>");
    e = ran("x", "--", NULL);
    CHECK(e.status == MISUSED);
    CHECK_TEXT(e.err, "mirage: x: the image's arguments follow --:  mirage run "
                      "-- x\n");
}

TEST(sudo_stands_before_the_program)
{
    enter_built("unix");
    setenv("SUDO", "echo sudo", 1);
    CHECK_TEXT(ran("--", "x", NULL).out, "sudo ./mir-a x\n");
    enter_built("virtio");
    setenv("SUDO", "echo", 1);
    CHECK_TEXT(ran("--forward=1:2", "--", "x").out,
               "env FORWARD=1:2 sh ./a.qemu.sh x\n");
}

TEST(an_image_that_is_not_built_is_not_run)
{
    struct ended e;

    enter_built("unix");
    CHECK(remove("mir-a") == 0);
    e = ran(NULL, NULL, NULL);
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: ./mir-a is not built: run `make`\n");
    write_text_file("mir-a", "");
    chmod("mir-a", 0666);
    e = ran(NULL, NULL, NULL);
    CHECK(e.status == FAILED);
    CHECK(strstr(e.err, "mirage: cannot run ./mir-a: Permission denied. Is the "
                        "file system of this folder mounted noexec?\n"));
    enter_built("virtio");
    CHECK(remove("a.qemu.sh") == 0);
    e = ran(NULL, NULL, NULL);
    CHECK_TEXT(e.err, "mirage: there is no ./a.qemu.sh: `mirage configure` "
                      "makes it again\n");
}

TEST(a_virtual_machine_s_image_need_not_be_executable)
{
    enter_built("virtio");
    chmod("mir-a.virtio", 0666);
    CHECK_TEXT(ran("--", "x", NULL).out, "<x><><>");
}

TEST(ports_are_passed_on_to_qemu)
{
    struct ended e;

    enter_built("virtio");
    CHECK_TEXT(ran("--forward=8080:80", "--forward=8080:53/udp", NULL).out,
               "<8080:80 8080:53/udp><>");
    CHECK_TEXT(ran("--forward", "1:65535", NULL).out, "<1:65535><>");
    e = ran("--forward=8080:80", "--forward=8080:81", NULL);
    CHECK(e.status == MISUSED);
    CHECK_TEXT(e.err, "mirage: --forward=8080:81: that port of this host's is "
                      "passed on already, by --forward=8080:80\n");
    e = ran("--forward=7:1/udp", "--forward=80:1", "--forward=7:2/udp");
    CHECK(e.status == MISUSED);
    CHECK(strstr(e.err, "by --forward=7:1/udp\n"));
    CHECK(ran("--forward=80:1", "--forward=8:1", NULL).status == 0);
    enter_built("unix");
    e = ran("--forward=1:2", NULL, NULL);
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: --forward passes ports on to an image in QEMU; "
                      "on target unix the image has a network of this "
                      "host's\n");
}

static bool is_pair(const char *text)
{
    return ENDED(port_pair(text)).status == 0;
}

TEST(ports_are_numbers_up_to_65535)
{
    CHECK(is_pair("1:1") && is_pair("65535:65535/udp"));
    CHECK(!is_pair("0:1") && !is_pair("1:0") && !is_pair("65536:1"));
    CHECK(!is_pair("1:65536") && !is_pair("1") && !is_pair("1:"));
    CHECK(!is_pair(":1") && !is_pair("1:2/tcp") && !is_pair("1:2:3"));
    CHECK(!is_pair("+1:2") && !is_pair(" 1:2") && !is_pair("-1:2"));
    CHECK(!is_pair("1:2 "));
    CHECK_TEXT(ENDED(port_pair("x")).err,
               "mirage: --forward=x: expected a port of this host's and one of "
               "the image's, such as 8080:80 or 5353:53/udp\n");
    CHECK_TEXT(port_number("1"), "1");
    CHECK(ENDED(port_number("1x")).status == MISUSED);
    CHECK_TEXT(ENDED(port_number("")).err,
               "mirage: --gdb=: expected the number of a port\n");
}

TEST(qemu_waits_for_gdb_at_a_port)
{
    struct ended e;

    enter_built("virtio");
    e = ran("--gdb", NULL, NULL);
    CHECK_TEXT(e.out, "<><-S -gdb tcp:127.0.0.1:1234 >");
    CHECK(strstr(e.err, "target remote 127.0.0.1:1234' mir-a.virtio.debug\n"));
    setenv("QEMU_ARGS", "-more", 1);
    CHECK_TEXT(ran("--gdb=99", NULL, NULL).out,
               "<><-S -gdb tcp:127.0.0.1:99 -more>");
    enter_built("xen");
    e = ran("--gdb", NULL, NULL);
    CHECK(e.status == FAILED);
    CHECK(strstr(e.err, "    gdbsx -a $(xl domid a) 64 1234\n"));
}

TEST(gdb_gets_the_program_and_its_arguments)
{
    struct ended e;

    enter_built("unix");
    setenv("PATH", "", 1);
    e = ran("--gdb", NULL, NULL);
    CHECK_TEXT(e.err, "mirage: there is no gdb on PATH. On Debian: apt-get "
                      "install gdb\n");
    mkdir("bin", 0777);
    write_text_file("bin/gdb", "#!/bin/sh\necho \"$@\"\n");
    chmod("bin/gdb", 0777);
    setenv("PATH", "bin:/usr/bin:/bin", 1);
    e = ran("--gdb", "--", "x");
    CHECK(strstr(e.out, "-q -x "));
    CHECK(strstr(e.out, "/share/mirage/make/gdb.py --args ./mir-a x\n"));
}
