/* SPDX-License-Identifier: ISC */
/* The report of a config.c, and its ends without one. */
#include "facts.c"
#include "host.h"

static struct facts *facts_of(const char *report)
{
    struct facts *f = get_memory(sizeof *f);

    read_report(f, text_of("%s", report));
    read_jobs(f, text_of("%s", report));
    find_crunched(f);
    find_images(f);
    return f;
}

TEST(a_report_is_a_graph_of_devices_and_jobs)
{
    const struct facts *f = facts_of(
        "image\thello\n"
        "runs\t4\n"
        "device\t0\tblock\tblock_of_file\tblock_unix\t3\n"
        "maker\t0\ntext\t0\ta\\tb\n"
        "device\t1\tfs\tfat\tfat\t4\n"
        "flush\t1\tfs_flush\nuses\t1\t0\n"
        "device\t2\tstackv4\tsockets\tstack\t5\n"
        "list\t2\nvalue\t2\nfinish\t2\tstack_end\ntext\t2\t\n"
        "job\t3\tother\t6\tconfig.c\t\n"
        "job\t4\tstart\t7\tjobs.h\tstop\n"
        "uses\t4\t1\nuses\t4\t2\n"
        "done\n");
    const struct node *n = f->node;

    CHECK_TEXT(f->image, "hello");
    CHECK(f->node_count == 5);
    CHECK(f->job_count == 1 && f->job[0] == &n[4]);
    CHECK_TEXT(n[0].type, "block");
    CHECK_TEXT(n[0].what, "block_of_file");
    CHECK_TEXT(n[0].driver, "block_unix");
    CHECK(n[0].line == 3);
    CHECK(n[0].takes_maker && !n[1].takes_maker);
    CHECK_TEXT(n[0].argument[0].text, "a\tb");
    CHECK(n[1].argument[0].device == &n[0] && !n[1].argument[0].text);
    CHECK_TEXT(n[1].flush, "fs_flush");
    CHECK(!n[1].finish);
    CHECK(n[2].takes_list && n[2].is_value && !n[1].takes_list);
    CHECK_TEXT(n[2].finish, "stack_end");
    CHECK_TEXT(n[2].argument[0].text, "");
    CHECK(!n[3].type && !n[3].stop);
    CHECK_TEXT(n[4].what, "start");
    CHECK(n[4].line == 7);
    CHECK_TEXT(n[4].file, "jobs.h");
    CHECK_TEXT(n[4].stop, "stop");
    CHECK(n[4].argument_count == 2);
    CHECK(n[0].is_used && n[1].is_used && n[2].is_used && n[4].is_used);
    CHECK(!n[3].is_used);
}

TEST(a_report_has_needs_variables_and_sources)
{
    const struct facts *f = facts_of(
        "package\tp\tconfig.c:1\npackage\tp\tconfig.c:2\n"
        "library\tl\tconfig.c:3\nsandbox\n"
        "env\tA\tx\nenv\tA\ty\nenv\tB\nenv\tC\t\n"
        "source\t0\ta.c\nsource\t1\ta.c\ninclude\t0\tin\n\ndone\n");

    CHECK(f->needs.packages.count == 1);
    CHECK_TEXT(f->needs.package_places[0], "config.c:1");
    CHECK_TEXT(f->needs.libraries.item[0], "l");
    CHECK_TEXT(f->needs.library_places[0], "config.c:3");
    CHECK(f->has_sandbox);
    CHECK(f->variable_count == 3);
    CHECK_TEXT(f->variable[0].value, "x");
    CHECK(!f->variable[1].value);
    CHECK_TEXT(f->variable[2].value, "");
    CHECK(f->sources.count == 1);
    CHECK_TEXT(f->sources.item[0], "a.c");
    CHECK_TEXT(f->includes.item[0], "in");
}

TEST(folders_are_crunched_once_and_have_an_image_each)
{
    const struct facts *f = facts_of(
        "runs\t5\n"
        "device\t0\tkv_ro\tcrunch\tk\t1\ncrunched\t0\ntext\t0\tt\n"
        "device\t1\tkv_ro\tcrunch\tk\t1\ncrunched\t1\ntext\t1\tt\n"
        "device\t2\tkv_ro\tcrunch\tk\t1\ncrunched\t2\ntext\t2\tunused\n"
        "device\t3\tfs\tfat_of_files\tf\t1\nimage-of-folder\t3\ntext\t3\tu\n"
        "device\t4\tfs\tfat_of_files\tf\t1\nimage-of-folder\t4\ntext\t4\tu\n"
        "job\t5\ts\t1\tconfig.c\t\nuses\t5\t0\nuses\t5\t1\nuses\t5\t3\n"
        "done\n");

    CHECK(f->crunched.count == 1);
    CHECK_TEXT(f->crunched.item[0], "t");
    CHECK(f->images.count == 2);
    CHECK_TEXT(f->images.item[1], "u");
}

TEST(a_report_about_a_device_that_is_not_there_makes_no_sense)
{
    struct ended e = ENDED(facts_of("text\t7\ta\n"));

    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: config.c's report makes no sense: no device "
                      "7\n");
}

/* A report of count lines that begin with prefix. */
static char *numbered(const char *prefix, int count)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    for (int i = 0; i < count; i++) {
        fprintf(out, "%s%d", prefix, i);
        fputs(strcmp(prefix, "env\t") == 0 ? "\n" : "\ts\t1\tc.c\t\n", out);
    }
    fclose(out);
    return text;
}

TEST(a_report_has_a_limit_of_devices_and_variables)
{
    struct ended e;

    CHECK(facts_of(numbered("job\t", MOST))->node_count == MOST);
    CHECK(facts_of(numbered("env\t", MOST))->variable_count == MOST);
    e = ENDED(facts_of(numbered("job\t", MOST + 1)));
    CHECK_TEXT(e.err, "mirage: config.c makes more than 256 devices and "
                      "jobs\n");
    e = ENDED(facts_of(numbered("env\t", MOST + 1)));
    CHECK_TEXT(e.err, "mirage: config.c reads more than 256 variables\n");
}

TEST(a_line_has_up_to_eight_values)
{
    char line[] = "a\tb\\tc\t\td\te\tf\tg\th\ti", *v[8];

    CHECK(split_line(line, v) == 8);
    CHECK_TEXT(v[1], "b\tc");
    CHECK_TEXT(v[2], "");
    CHECK_TEXT(v[7], "h");
    line[0] = '\0';
    CHECK(split_line(line, v) == 1);
    CHECK_TEXT(v[7], "");
}

static const char *end_of(const char *report, int status, bool timed_out)
{
    struct outcome o = {.status = status,
                        .timed_out = timed_out,
                        .text = text_of("%s", report)};
    struct ended e = ENDED(explain_end(&o, "config.c", "/nothing"));

    CHECK(e.status == FAILED);
    return e.err;
}

TEST(an_end_without_a_report_is_explained)
{
    const char *path = getenv("PATH");
    char *before = text_of("%s", path ? path : "");

    setenv("PATH", "", 1); /* without addr2line */
    CHECK_TEXT(end_of("failed\n", 1, false), "");
    CHECK_TEXT(end_of("crash\t11\t0x1", 1, false),
               "config.c: configure() crashed (segmentation fault).\n");
    CHECK_TEXT(end_of("crash\t7\t0x1", 1, false),
               "config.c: configure() crashed (segmentation fault).\n");
    CHECK_TEXT(end_of("crash\t8\t0x1", 1, false),
               "config.c: configure() crashed (arithmetic fault).\n");
    CHECK_TEXT(end_of("crash\t6\t0x1", 1, false),
               "config.c: configure() crashed (abort).\n");
    CHECK_TEXT(end_of("crash\t4\t0x1", 1, false),
               "config.c: configure() crashed.\n");
    CHECK_TEXT(end_of("crash\t14\t0x1", 1, false),
               "config.c: configure() was still running after 10 seconds.\n");
    CHECK_TEXT(end_of("", 137, true), "mirage: config.c: configure() was still "
                                      "running after 10 seconds.\n");
    CHECK_TEXT(end_of("", 137, false), "mirage: config.c: configure() was "
                                       "ended by signal 9.\n");
    CHECK_TEXT(end_of("crash", 128, false),
               "mirage: config.c: configure() should return, and ended the "
               "program (exit status 128).\n");
    setenv("PATH", before, 1);
}

static bool is_date(const char *text)
{
    setenv(SOURCE_DATE, text, 1);
    return ENDED(source_date()).status == 0;
}

TEST(the_date_of_sources_is_seconds_since_1970)
{
    struct ended e;

    unsetenv(SOURCE_DATE);
    CHECK(!source_date());
    setenv(SOURCE_DATE, "", 1);
    CHECK(!source_date());
    setenv(SOURCE_DATE, "1700000000", 1);
    CHECK_TEXT(source_date(), "1700000000");
    CHECK(is_date("0"));
    CHECK(is_date("9223372036"));
    CHECK(!is_date("9223372037"));
    CHECK(!is_date("10000000000"));
    CHECK(!is_date("00000000001"));
    CHECK(!is_date("-1"));
    CHECK(!is_date("1.5"));
    setenv(SOURCE_DATE, "today", 1);
    e = ENDED(source_date());
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: SOURCE_DATE_EPOCH=today: expected seconds since "
                      "1970\n");
    unsetenv(SOURCE_DATE);
}

TEST(the_temporary_folder_is_removed_at_the_end)
{
    struct ended e;
    struct stat st;

    enter_new_folder();
    setenv("TMPDIR", ".", 1);
    e = ENDED({
        write_text_file(text_of("%s/file", scratch()), "");
        printf("%s", scratch());
    });
    CHECK(strncmp(e.out, "./mirage-", 9) == 0);
    CHECK(stat(e.out, &st) != 0);
    setenv("TMPDIR", "nowhere", 1);
    e = ENDED(scratch());
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: cannot make a folder in nowhere: No such file "
                      "or directory\n");
    setenv("TMPDIR", "", 1);
    e = ENDED(printf("%s", scratch()));
    CHECK(strncmp(e.out, "/tmp/mirage-", 12) == 0);
    unsetenv("TMPDIR");
}

/* In the place of root.c: this program is in build/check/tool. */
const char *root(void)
{
    static char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);

    path[len > 0 ? len : 0] = '\0';
    for (int i = 0; i < 3; i++)
        *strrchr(path, '/') = '\0';
    return path;
}

const char *find_program(const char *name)
{
    return name;
}

static struct ended configured(const char *text)
{
    write_text_file("config.c", text);
    return ENDED({
        const struct facts *f = get_facts("config.c", "unix");

        printf("%s %zu %zu %zu %d", f->image, f->images.count,
               f->crunched.count, f->variable_count,
               strstr(f->dependencies, "config.c") != NULL);
    });
}

#define HEAD                       \
    "#include <mirage/config.h>\n" \
    "JOB(start, fs, kv_ro);\n"     \
    "void configure(void)\n{\n"

TEST(a_configuration_is_compiled_and_run)
{
    struct ended e;

    enter_new_folder();
    setenv(SOURCE_DATE, "7", 1);
    mkdir("t", 0777);
    e = configured(HEAD "    unikernel(\"a\", start(fat_of_files(\"t\"), "
                        "crunch(\"t\")));\n}\n");
    CHECK_TEXT(e.err, "");
    CHECK_TEXT(e.out, "a 1 1 1 1");
    unsetenv(SOURCE_DATE);
    e = configured(HEAD "    nothing();\n}\n");
    CHECK(e.status == FAILED);
    CHECK(strstr(e.err, "mirage: config.c does not compile.\n"));
    e = configured("int a;\n");
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: config.c does not define  void "
                      "configure(void)\n");
    e = configured(HEAD "    exit(3);\n}\n");
    CHECK(e.status == FAILED);
    e = configured("#include <stdlib.h>\n" HEAD "    exit(3);\n}\n");
    CHECK_TEXT(e.err, "mirage: config.c: configure() should return, and ended "
                      "the program (exit status 3).\n");
    e = configured(HEAD "    *(volatile int *)0 = 1;\n}\n");
    CHECK_TEXT(e.err, "config.c:5: configure() crashed (segmentation "
                      "fault), here.\n");
}

TEST(a_configuration_is_a_file_of_this_folder)
{
    struct ended e;

    enter_new_folder();
    e = ENDED(get_facts("config.c", "unix"));
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: there is no config.c in this folder. `mirage "
                      "init NAME` makes a folder with one; -f FILE names "
                      "another.\n");
}
