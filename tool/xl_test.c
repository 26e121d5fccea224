/* SPDX-License-Identifier: ISC */
/* How a domain ended, by the log of xl, and a false xl that is run. */
#include "xl.c"
#include "host.h"
#include <sys/stat.h>

static enum end end_of(const char *log)
{
    return last_end(text_of("%s", log));
}

#define WAITS "Waiting for domain a (domid 1) to die [pid 2]\n"
#define SHUT  "Domain 1 has shut down, reason code "

TEST(the_log_tells_how_the_last_domain_ended)
{
    CHECK(end_of("") == STILL_RUNS);
    CHECK(end_of(WAITS) == STILL_RUNS);
    CHECK(end_of(WAITS SHUT "0 0x0\n") == POWEROFF);
    CHECK(end_of(WAITS SHUT "3\n") == CRASH);
    CHECK(end_of(WAITS SHUT "4\n") == WATCHDOG);
    CHECK(end_of(WAITS SHUT "5\n") == IS_UNKNOWN);
    CHECK(end_of(WAITS SHUT "-1\n") == IS_UNKNOWN);
    CHECK(end_of(WAITS SHUT "x\n") == IS_UNKNOWN);
    CHECK(end_of(WAITS "Domain 1 has been destroyed.\n") == IS_DESTROYED);
    CHECK(end_of(WAITS SHUT "3\nDomain 1 has been destroyed.\n") == CRASH);
    CHECK(end_of(WAITS SHUT "3\n" WAITS) == STILL_RUNS);
    CHECK(end_of(WAITS SHUT "1\n" WAITS SHUT "0\n") == POWEROFF);
}

static const char *name_in(const char *file)
{
    write_text_file("a.xl", file);
    return guest_name("a.xl", "image");
}

TEST(the_domain_has_the_last_name_in_its_file)
{
    struct ended e;

    enter_new_folder();
    CHECK_TEXT(name_in("# name = \"no\"\nname = \"one\"\n"), "one");
    CHECK_TEXT(name_in("name='one'\n  name = 'two'\n"), "two");
    CHECK_TEXT(name_in("kernel = \"k\"\n"), "image");
    e = ENDED(guest_name("b.xl", "b"));
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: there is no b.xl: run `mirage configure`\n");
}

/* Runs the image under a false xl, whose domain ends with this log. */
static struct ended run_with(const char *log, int status, int count,
                             char **words)
{
    enter_new_folder();
    mkdir("log", 0777);
    mkdir("bin", 0777);
    write_text_file("a.xl", "name = \"guest\"\n");
    write_text_file("log/xl-guest.log", log);
    write_text_file("bin/xl", text_of("#!/bin/sh\nprintf '<%%s>' \"$@\"\n"
                                      "exit %d\n",
                                      status));
    chmod("bin/xl", 0777);
    setenv("PATH", "bin:/usr/bin:/bin", 1);
    setenv("XEN_LOG_DIR", "log", 1);
    /* Only the administrator can read the log. */
    write_text_file("bin/cat", "#!/bin/sh\n[ \"$A\" ] && /bin/cat \"$@\"\n");
    chmod("bin/cat", 0777);
    return ENDED(exit(run_in_xen("a", "env A=b", count, words)));
}

TEST(a_domain_gets_its_boot_arguments_as_one_setting)
{
    char *words[] = {(char[]){"--a=b c"}, (char[]){"\"\\"}};
    struct ended e = run_with(WAITS SHUT "0\n", 0, 0, NULL);

    CHECK(e.status == 0);
    CHECK_TEXT(e.out, "<create><-c><a.xl>");
    CHECK_TEXT(e.err, "+ env A=b xl create -c a.xl\n");
    e = run_with(WAITS SHUT "0\n", 0, 2, words);
    CHECK_TEXT(e.out, "<create><-c><a.xl><extra=\"\\\"--a=b c\\\" "
                      "\\\"\\\\\\\"\\\\\\\\\\\"\">");
}

TEST(the_exit_status_tells_how_a_domain_ended)
{
    struct ended e;

    CHECK(run_with(WAITS SHUT "0\n", 0, 0, NULL).status == 0);
    CHECK(run_with(WAITS SHUT "1\n", 0, 0, NULL).status == 0);
    e = run_with(WAITS SHUT "3\n", 0, 0, NULL);
    CHECK(e.status == 70);
    CHECK(strstr(e.err, "mirage: guest crashed\n"));
    e = run_with(WAITS SHUT "4\n", 0, 0, NULL);
    CHECK(e.status == 70);
    CHECK(strstr(e.err, "mirage: guest was ended by its watchdog\n"));
    e = run_with(WAITS "Domain 1 has been destroyed.\n", 0, 0, NULL);
    CHECK(e.status == 137);
    CHECK(strstr(e.err, "mirage: guest was destroyed\n"));
    e = run_with(WAITS SHUT "9\n", 0, 0, NULL);
    CHECK(e.status == FAILED);
    CHECK(strstr(e.err, "mirage: how guest ended is not known: xl's log "
                        "log/xl-guest.log does not tell\n"));
    CHECK(run_with(WAITS SHUT "0\n", 3, 0, NULL).status == 3);
    e = ENDED(exit(status_of(STILL_RUNS, "it's")));
    CHECK(e.status == 0);
    CHECK_TEXT(e.err, "mirage: it's goes on: `xl console 'it'\\''s'` returns "
                      "to it, `xl destroy 'it'\\''s'` ends it\n");
}

TEST(xl_knows_a_domain_that_runs)
{
    struct ended e;

    run_with(WAITS, 3, 0, NULL);
    e = ENDED(printf(" %d", is_there("env A=b", "guest")));
    CHECK_TEXT(e.out, " 0");
    write_text_file("bin/xl", "#!/bin/sh\n"
                              "[ \"$A $*\" = 'b domid guest' ]\n");
    CHECK_TEXT(ENDED(printf("%d", is_there("env A=b", "guest"))).out, "1");
}

TEST(the_log_is_where_xen_has_it)
{
    setenv("XEN_LOG_DIR", "a", 1);
    CHECK_TEXT(log_folder(), "a");
    setenv("XEN_LOG_DIR", "", 1);
    CHECK_TEXT(log_folder(), "/var/log/xen");
    unsetenv("XEN_LOG_DIR");
    CHECK_TEXT(log_folder(), "/var/log/xen");
}
