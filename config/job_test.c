/* SPDX-License-Identifier: ISC */
/* Jobs, and the calls that make neither devices nor jobs. */
#include "configured.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

JOB(start, console);
JOB(quiet);
JOB(other);
JOB(entry_called_main);

static const char *argument;

static void stopped(void)
{
    job j = quiet();

    job_stop(j, argument);
    unikernel("a", j);
}

static bool is_function(const char *name)
{
    argument = name;
    return configured("unix", stopped).status == 0;
}

TEST(a_job_is_stopped_by_a_function)
{
    CHECK(is_function("stop_1"));
    CHECK(is_function("_S"));
    CHECK(strstr(configured("unix", stopped).out,
                 "job\t0\tquiet\t5\tconfig.c\t_S\n"));
    CHECK(!is_function(NULL));
    CHECK(!is_function(""));
    CHECK(!is_function("1stop"));
    CHECK(!is_function("st-op"));
    CHECK(!is_function("stop()"));
    argument = "a b";
    CHECK_TEXT(mistake("unix", stopped),
               "5: job_stop: \"a b\" is not the name of a function");
}

static void with_source(void)
{
    job j = quiet(), k = other();

    job_source(k, argument);
    unikernel("a", j);
}

static const char *source(const char *path)
{
    argument = path;
    return mistake("unix", with_source);
}

TEST(the_sources_of_a_job_are_c_files_below_its_folder)
{
    struct ended e;

    enter_new_folder();
    mkdir("in", 0777);
    CHECK(chdir("in") == 0);
    mkdir("f", 0777);
    write_text_file("a.c", "");
    write_text_file("f/b.c", "");
    write_text_file("f/..c", "");
    write_text_file(".c", "");
    write_text_file("a.cc", "");
    write_text_file("unikernel.c", "");
    write_text_file("main.c", "");
    write_text_file("../c.c", "");
    mkdir("d.c", 0777);
    CHECK_TEXT(source("a.c"), "it did not fail");
    CHECK_TEXT(source("f/b.c"), "it did not fail");
    CHECK_TEXT(source("f/..c"), "it did not fail");
    e = configured("unix", with_source);
    CHECK(strstr(e.out, "source\t1\tf/..c\n"));
    CHECK_TEXT(source("./a.c"), "it did not fail");
    CHECK(strstr(configured("unix", with_source).out, "source\t1\ta.c\n"));
    CHECK_TEXT(source("n.c"), "5: job_source: there is no n.c");
    CHECK_TEXT(source("a.cc"), "5: job_source: a.cc is not a .c file");
    CHECK_TEXT(source(".c"), "5: job_source: .c is not a .c file");
    CHECK_TEXT(source("d.c"),
               "5: job_source: d.c is no file, and one is wanted");
    CHECK_TEXT(source("../c.c"),
               "5: job_source: ../c.c lies outside config.c's folder, where "
               "nothing is built");
    CHECK_TEXT(source("f/../a.c"),
               "5: job_source: f/../a.c lies outside config.c's folder, where "
               "nothing is built");
    CHECK_TEXT(source("unikernel.c"),
               "5: job_source: unikernel.c is a source of every image");
    CHECK_TEXT(source("main.c"),
               "5: job_source: main.c is a source of every image");
}

static void with_folder(void)
{
    job j = quiet();

    job_include(j, argument);
    unikernel("a", j);
}

TEST(a_job_has_folders_of_headers)
{
    enter_new_folder();
    mkdir("in", 0777);
    write_text_file("file", "");
    argument = "in";
    CHECK(strstr(configured("unix", with_folder).out, "include\t0\tin\n"));
    argument = "file";
    CHECK_TEXT(mistake("unix", with_folder),
               "5: job_include: file is no folder, and one is wanted");
}

static void called_main(void)
{
    config_job(MIRAGE_HERE, "main", (const char *const[]){NULL},
               (struct node *const[]){NULL});
}

static void job_of_a_job(void)
{
    job j = quiet();

    start((console){j.node});
}

static void stop_of_no_job(void)
{
    job_stop((job){NULL}, "stop");
}

static void with_no_job(void)
{
    together(quiet(), (job){NULL});
}

TEST(what_is_no_job_is_refused)
{
    CHECK_TEXT(mistake("unix", called_main),
               "5: JOB(main, ...): the image has a main() of its own; give the "
               "job's function another name");
    CHECK_TEXT(mistake("unix", job_of_a_job),
               "5: start is given a job where a device is wanted");
    CHECK_TEXT(mistake("unix", stop_of_no_job),
               "5: a job that was never made");
    CHECK_TEXT(mistake("unix", with_no_job), "5: a job that was never made");
}

static void three_jobs(void)
{
    job a = quiet(), b = other(), c = entry_called_main();

    unikernel("a", together(together(a, b), c));
}

static void nested_jobs(void)
{
    job a = quiet(), b = other(), c = entry_called_main();

    unikernel("a", together(a, together(b, c)));
}

static void same_job(void)
{
    job a = quiet();

    together(a, a);
}

static void same_job_later(void)
{
    job a = quiet(), b = other(), c = entry_called_main(), bc;

    bc = together(b, c);
    together(together(a, bc), c);
}

TEST(jobs_run_together_in_their_order_and_each_once)
{
    CHECK(strstr(configured("unix", three_jobs).out,
                 "runs\t0\nruns\t1\nruns\t2\n"));
    CHECK(strstr(configured("unix", nested_jobs).out,
                 "runs\t0\nruns\t1\nruns\t2\n"));
    CHECK_TEXT(mistake("unix", same_job),
               "5: together: job quiet is in both; one call of quiet(...) is "
               "one job");
    CHECK_TEXT(mistake("unix", same_job_later),
               "5: together: job entry_called_main is in both; one call of "
               "entry_called_main(...) is one job");
}

static void flag(void)
{
    printf("%s", env_flag("FLAG") ? "on" : "off");
    unikernel("a", quiet());
}

static const char *value_of_flag(const char *text)
{
    struct ended e;

    text ? setenv("FLAG", text, 1) : unsetenv("FLAG");
    e = configured("unix", flag);
    if (e.status != 0)
        return strchr(e.err, ':') + 1;
    return strncmp(e.out, "on", 2) == 0 ? "on" : "off";
}

TEST(a_flag_is_on_or_off)
{
    CHECK_TEXT(value_of_flag("1"), "on");
    CHECK_TEXT(value_of_flag("yes"), "on");
    CHECK_TEXT(value_of_flag("on"), "on");
    CHECK_TEXT(value_of_flag("true"), "on");
    CHECK_TEXT(value_of_flag("0"), "off");
    CHECK_TEXT(value_of_flag("no"), "off");
    CHECK_TEXT(value_of_flag("off"), "off");
    CHECK_TEXT(value_of_flag("false"), "off");
    CHECK_TEXT(value_of_flag(""), "off");
    CHECK_TEXT(value_of_flag(NULL), "off");
    CHECK_TEXT(value_of_flag("maybe"),
               "5: FLAG=maybe: expected yes or no (also on, off, true, false, "
               "1, 0; empty or unset is no)\n");
}

static void variables(void)
{
    printf("%s %s\n", env("SET", "no"), env("UNSET", "otherwise"));
    printf("%d %d %d\n", is("a", "a"), is("a", "b"), is(NULL, "a"));
    unikernel("a", quiet());
}

TEST(variables_are_recorded_escaped_and_those_unset_without_a_value)
{
    struct ended e;

    setenv("SET", "a\tb\nc\\", 1);
    unsetenv("UNSET");
    e = configured("unix", variables);
    CHECK(strncmp(e.out, "a\tb\nc\\ otherwise\n1 0 0\n", 22) == 0);
    CHECK(strstr(e.out, "env\tSET\ta\\tb\\nc\\\\\n"));
    CHECK(strstr(e.out, "env\tUNSET\n"));
}

static void needs(void)
{
    package("zlib1g-dev");
    line = 6;
    library(argument);
    unikernel("a", quiet());
}

TEST(packages_and_libraries_have_plain_names_and_a_place)
{
    struct ended e;

    argument = "x+y.z_2:any";
    e = configured("unix", needs);
    CHECK(strncmp(e.out, "package\tzlib1g-dev\tconfig.c:5\n"
                         "library\tx+y.z_2:any\tconfig.c:6\n",
                  61) == 0);
    argument = "a;b";
    CHECK_TEXT(mistake("unix", needs),
               "6: library(\"a;b\"): not a name of one");
    argument = "";
    CHECK_TEXT(mistake("unix", needs), "6: library(\"\"): not a name of one");
    argument = NULL;
    CHECK_TEXT(mistake("unix", needs), "6: library(\"\"): not a name of one");
}

static void in_a_sandbox(void)
{
    sandbox();
    unikernel("a", quiet());
}

TEST(a_sandbox_is_for_unix)
{
    CHECK(strncmp(configured("unix", in_a_sandbox).out,
                  "sandbox\nlibrary\tlibseccomp\n", 27) == 0);
    CHECK(!strstr(configured("xen", in_a_sandbox).out, "seccomp"));
}

static void fails(void)
{
    FILE *own = fopen("own", "w");

    fputs("written", own);
    dup2(STDOUT_FILENO, STDERR_FILENO);
    printf("before ");
    fail("%d reasons", 3);
}

TEST(fail_ends_configuration_with_its_message_after_what_was_printed)
{
    struct ended e;

    enter_new_folder();
    e = configured("unix", fails);
    CHECK(e.status == 1);
    CHECK_TEXT(e.out, "before config.c:5: 3 reasons\nfailed\n");
    CHECK_TEXT(text_file("own"), "written");
}

static void deep(void)
{
    for (int i = 0; i < 256; i++)
        config_at(MIRAGE_HERE);
    if (argument)
        config_at(MIRAGE_HERE);
    unikernel("a", quiet());
}

static void shallow(void)
{
    for (int i = 0; i < 255; i++)
        config_at(MIRAGE_HERE);
    unikernel("a", quiet());
}

TEST(calls_are_nested_up_to_a_limit)
{
    CHECK(configured("unix", shallow).status == 0);
    argument = NULL;
    CHECK_TEXT(mistake("unix", deep), "5: calls stand in calls 256 deep");
}
