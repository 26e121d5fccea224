/* SPDX-License-Identifier: ISC */
#include "record.h"
#include "host.h"
#include "say.h"
#include <stdlib.h>
#include <sys/stat.h>

/* Writes .mirage/record, and returns the message of want_record. */
static const char *refusal(const char *record)
{
    write_text_file(".mirage/record", record);
    return ENDED(want_record()).err;
}

TEST(a_record_that_is_incomplete_or_names_odd_files_is_damaged)
{
    static const char damaged[] =
        "mirage: .mirage/record is damaged: run `mirage configure` again\n";

    enter_new_folder();
    mkdir(".mirage", 0777);
    CHECK_TEXT(refusal("# head\nversion\t1\ntarget\txen\nfile\tconfig.c\n"
                       "image\ta\n"),
               "");
    CHECK_TEXT(refusal(""), damaged);
    CHECK_TEXT(refusal("target\txen\nfile\tc.c\nimage\ta\n"), damaged);
    CHECK_TEXT(refusal("version\t1\nfile\tc.c\nimage\ta\n"), damaged);
    CHECK_TEXT(refusal("version\t1\ntarget\txen\nimage\ta\n"), damaged);
    CHECK_TEXT(refusal("version\t1\ntarget\txen\nfile\tc.c\n"), damaged);
    CHECK_TEXT(refusal("version\t1\ntarget\txen\nfile\tc.c\nimage\t../a\n"),
               damaged);
    CHECK_TEXT(refusal("version\t1\ntarget\txen\nfile\t/c.c\nimage\ta\n"),
               damaged);
    CHECK_TEXT(refusal("version\t1\ntarget\txen\nfile\tc.c\nimage\t\n"),
               damaged);
    CHECK_TEXT(refusal("version\ntarget\txen\nfile\tc.c\nimage\ta\n"),
               damaged);
}

TEST(without_a_record_nothing_is_configured)
{
    struct ended e;

    enter_new_folder();
    CHECK(!read_record());
    e = ENDED(want_record());
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: nothing is configured in this folder: run "
                      "`mirage configure`\n");
}

TEST(values_of_a_record_are_unescaped)
{
    const struct record *r;

    enter_new_folder();
    mkdir(".mirage", 0777);
    write_text_file(".mirage/record",
                    "version\t1\\t2\ntarget\txen\nfile\tc.c\nimage\ta\n"
                    "built\tx\nbuilt\ty\nother\tz\n"
                    "env\tA\tb\\nc\\\\\nenv\tB\nenv\tC\t\n");
    r = want_record();
    CHECK_TEXT(r->version, "1\t2");
    CHECK_TEXT(r->target, "xen");
    CHECK_TEXT(r->file, "c.c");
    CHECK_TEXT(r->image, "a");
    CHECK(r->built.count == 2);
    CHECK_TEXT(r->built.item[1], "y");
    CHECK(r->variable_count == 3);
    CHECK_TEXT(r->variable[0].name, "A");
    CHECK_TEXT(r->variable[0].value, "b\nc\\");
    CHECK(!r->variable[1].value);
    CHECK_TEXT(r->variable[2].value, "");
}

TEST(a_record_with_too_many_lines_is_cut)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    fputs("version\t1\ntarget\txen\nfile\tc.c\nimage\ta\n", out);
    for (int i = 0; i < MOST + 10; i++)
        fprintf(out, "built\tb%d\nenv\tE%d\n", i, i);
    fclose(out);
    enter_new_folder();
    mkdir(".mirage", 0777);
    write_text_file(".mirage/record", text);
    CHECK(want_record()->built.count == MOST);
    CHECK(want_record()->variable_count == MOST);
    free(text);
}

TEST(recorded_variables_are_set_again_and_the_others_unset)
{
    const struct record r = {.variable = {{"SET_BY_TEST", "a"},
                                          {"UNSET_BY_TEST", NULL}},
                             .variable_count = 2};

    setenv("SET_BY_TEST", "old", 1);
    setenv("UNSET_BY_TEST", "old", 1);
    setenv(SOURCE_DATE, "1", 1);
    apply_record(&r);
    CHECK_TEXT(getenv("SET_BY_TEST"), "a");
    CHECK(!getenv("UNSET_BY_TEST"));
    CHECK(!getenv(SOURCE_DATE));
}

TEST(the_record_of_a_configuration_names_what_is_built)
{
    static struct facts f;

    enter_new_folder();
    f.target = "virtio", f.file = "config.c", f.image = "new";
    add_item(&f.crunched, "t");
    add_item(&f.images, "u");
    f.variable[f.variable_count++] = (struct variable){"A", "x\ty"};
    f.variable[f.variable_count++] = (struct variable){"B", NULL};
    CHECK_TEXT(record_text(&f),
               "# What `mirage configure` found; make and mirage go by it.\n"
               "version\t" MIRAGE_VERSION "\n"
               "target\tvirtio\nfile\tconfig.c\nimage\tnew\n"
               "built\tstatic1.c\nbuilt\tstatic1.h\nbuilt\tfat1.img\n"
               "env\tA\tx\\ty\nenv\tB\n");
}

TEST(files_of_an_earlier_configuration_stay_recorded_while_they_are_there)
{
    static struct facts f;

    enter_new_folder();
    mkdir(".mirage", 0777);
    write_text_file(".mirage/record",
                    "version\t1\ntarget\txen\nfile\tconfig.c\nimage\told\n"
                    "built\there\nbuilt\tgone\nbuilt\tstatic1.c\n");
    write_text_file("here", "");
    write_text_file("static1.c", "");
    write_text_file("mir-old.xen", "");
    f.target = "unix", f.file = "config.c", f.image = "new";
    add_item(&f.crunched, "t");
    CHECK_TEXT(record_text(&f),
               "# What `mirage configure` found; make and mirage go by it.\n"
               "version\t" MIRAGE_VERSION "\n"
               "target\tunix\nfile\tconfig.c\nimage\tnew\n"
               "built\tstatic1.c\nbuilt\tstatic1.h\n"
               "built\there\nbuilt\tmir-old.xen\n");
    /* Of the same image, the program is no earlier one. */
    f.target = "xen", f.image = "old";
    CHECK(!strstr(record_text(&f), "mir-old.xen"));
}
