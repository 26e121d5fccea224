/* SPDX-License-Identifier: ISC */
#include "files.c"
#include "host.h"

TEST(plain_names_need_no_quotes_anywhere)
{
    char name[80] = "";
    char odd[] = "a?b";

    CHECK(is_plain_name("a"));
    CHECK(is_plain_name("A_z-0.9+"));
    CHECK(is_plain_name("+a"));
    CHECK(!is_plain_name(""));
    CHECK(!is_plain_name("-a"));
    CHECK(!is_plain_name(".a"));
    CHECK(!is_plain_name(".."));
    for (const char *c = " /\\'\"\n\t\r\x01\x7f$`;|&<>()*?[]{}#!~=:,@%^"; *c;
         c++) {
        odd[1] = *c;
        CHECK(!is_plain_name(odd));
    }
    CHECK(!is_plain_name("\xc3\xa4"));
    memset(name, 'a', 64);
    CHECK(is_plain_name(name));
    memset(name, 'a', 65);
    CHECK(!is_plain_name(name));
}

/* Writes these files as `mirage configure` does. */
static struct ended configure(const char *main_text, const char *json)
{
    struct made_file files[] = {{"main.c", main_text, false},
                                {"a.json", json, false},
                                {".mirage/record", "record\n", true},
                                {"Makefile", "all:\n", false}};

    return ENDED({
        const char *kept;

        lock_folder();
        seal_files(files, 4);
        kept = write_files(files, 4);
        printf("%s", kept ? kept : "");
    });
}

static void edit(const char *name)
{
    FILE *out = fopen(name, "a");

    fputs("edited\n", out);
    fclose(out);
}

TEST(files_are_written_with_a_hash_of_their_text)
{
    struct ended e;

    enter_new_folder();
    e = configure("int a;\n", "{}");
    CHECK(e.status == 0);
    CHECK_TEXT(e.out, "");
    CHECK_TEXT(e.err, "");
    CHECK_TEXT(text_file("main.c"),
               "int a;\n/* hash as made: a74f77a7c685986c main.c */\n");
    CHECK_TEXT(text_file("a.json"), "{}");
    CHECK_TEXT(text_file(".mirage/record"), "record\n");
    CHECK(strstr(text_file("Makefile"),
                 "all:\n# hash as made: 08f44b07b5901a25 a.json\n"
                 "# hash as made: "));
    CHECK(!strstr(text_file(".mirage/made"), "record"));
}

TEST(an_edited_file_is_kept_and_the_new_one_is_beside_it)
{
    struct ended e;

    enter_new_folder();
    configure("int a;\n", "{}");
    edit("main.c");
    edit("a.json");
    e = configure("int b;\n", "{1}");
    CHECK_TEXT(e.err,
               "mirage: main.c is not as mirage made it: it is kept, and the "
               "new one is main.c.new\n"
               "mirage: a.json is not as mirage made it: it is kept, and the "
               "new one is a.json.new\n");
    CHECK_TEXT(e.out, "main.c");
    CHECK(strncmp(text_file("main.c"), "int a;", 6) == 0);
    CHECK(strncmp(text_file("main.c.new"), "int b;", 6) == 0);
    CHECK_TEXT(text_file("a.json"), "{}edited\n");
    /* The new one may be replaced. */
    e = configure("int c;\n", "{1}");
    CHECK(strncmp(text_file("main.c.new"), "int c;", 6) == 0);
    /* Without the edited file, the one beside it goes, too. */
    remove("main.c");
    e = configure("int d;\n", "{1}");
    CHECK_TEXT(e.out, "");
    CHECK(strncmp(text_file("main.c"), "int d;", 6) == 0);
    CHECK(!text_file("main.c.new"));
}

TEST(two_edited_files_stop_it_before_anything_is_written)
{
    struct ended e;

    enter_new_folder();
    configure("int a;\n", "{}");
    edit("main.c");
    configure("int b;\n", "{}");
    edit("main.c.new");
    e = configure("int c;\n", "{2}");
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: main.c and main.c.new are not as mirage made "
                      "them, and one would be overwritten: move main.c.new "
                      "away. Nothing was changed.\n");
    CHECK_TEXT(text_file("a.json"), "{}");
}

TEST(an_edit_is_detected_where_dot_mirage_is_missing)
{
    struct ended e;

    enter_new_folder();
    configure("int a;\n", "{}");
    CHECK(remove(".mirage/made") == 0);
    e = configure("int b;\n", "{1}");
    CHECK_TEXT(e.err, "");
    CHECK_TEXT(text_file("a.json"), "{1}");
    CHECK(remove(".mirage/made") == 0);
    edit("a.json");
    edit("main.c");
    e = configure("int c;\n", "{2}");
    CHECK_TEXT(e.out, "main.c");
    CHECK_TEXT(text_file("a.json"), "{1}edited\n");
    CHECK_TEXT(text_file("a.json.new"), "{2}");
}

TEST(a_file_of_the_user_is_not_overwritten)
{
    struct ended e;

    enter_new_folder();
    write_text_file("main.c", "mine\n");
    write_text_file("Makefile", "mine:\n");
    e = configure("int a;\n", "{}");
    CHECK_TEXT(e.out, "main.c");
    CHECK_TEXT(text_file("main.c"), "mine\n");
    CHECK_TEXT(text_file("Makefile"), "mine:\n");
    CHECK(text_file("Makefile.new"));
    enter_new_folder();
    write_text_file("Makefile", "mine:\n");
    CHECK_TEXT(configure("int a;\n", "{}").out, "Makefile");
    enter_new_folder();
    write_text_file("a.json", "mine:\n");
    CHECK_TEXT(configure("int a;\n", "{}").out, "");
}

TEST(a_link_in_the_place_of_a_file_is_not_followed)
{
    enter_new_folder();
    write_text_file("other", "mine\n");
    CHECK(symlink("other", "main.c") == 0);
    CHECK_TEXT(configure("int a;\n", "{}").out, "main.c");
    CHECK_TEXT(text_file("other"), "mine\n");
    CHECK(text_file("main.c.new"));
}

TEST(a_file_that_would_not_change_is_not_touched)
{
    struct stat before, after;

    enter_new_folder();
    configure("int a;\n", "{}");
    stat("main.c", &before);
    configure("int a;\n", "{1}");
    stat("main.c", &after);
    CHECK(before.st_ino == after.st_ino);
}

TEST(configuring_takes_the_mark_of_the_last_one_away)
{
    enter_new_folder();
    configure("int a;\n", "{}");
    write_text_file(".mirage/configured", "");
    configure("int a;\n", "{}");
    CHECK(!text_file(".mirage/configured"));
}

TEST(a_draft_that_cannot_be_written_changes_nothing)
{
    struct ended e;

    enter_new_folder();
    configure("int a;\n", "{}");
    mkdir(".mirage/Makefile.draft", 0777);
    e = configure("int b;\n", "{1}");
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: cannot write Makefile: File exists. Nothing was "
                      "changed.\n");
    CHECK_TEXT(text_file("a.json"), "{}");
    CHECK(!text_file(".mirage/main.c.draft"));
    CHECK(!text_file(".mirage/a.json.draft"));
}

TEST(hashes_of_old_files_stay_until_they_are_removed)
{
    struct made_file old = {"old.c", "int a;\n", false};

    enter_new_folder();
    ENDED({
        lock_folder();
        write_files(&old, 1);
    });
    configure("int a;\n", "{}");
    CHECK(strstr(text_file(".mirage/made"), " old.c\n"));
    CHECK(remove("old.c") == 0);
    configure("int b;\n", "{}");
    CHECK(!strstr(text_file(".mirage/made"), " old.c\n"));
    CHECK(strstr(strstr(text_file(".mirage/made"), " main.c\n") + 1,
                 " main.c\n") == NULL);
}

TEST(cleaning_keeps_what_was_edited)
{
    struct ended e;

    enter_new_folder();
    configure("int a;\n", "{}");
    edit("main.c");
    configure("int b;\n", "{}");
    e = ENDED(remove_files());
    CHECK_TEXT(e.err, "mirage: main.c was edited: it is kept\n");
    CHECK(text_file("main.c"));
    CHECK(!text_file("main.c.new"));
    CHECK(!text_file("a.json"));
    CHECK(!text_file("Makefile"));
}

TEST(names_in_dot_mirage_do_not_lead_out_of_the_folder)
{
    struct ended e;

    enter_new_folder();
    mkdir("in", 0777);
    write_text_file("in/file", "");
    e = ENDED(remove_named("in/file"));
    CHECK(text_file("in/file"));
    CHECK_TEXT(e.err, "mirage: in/file, which .mirage names, is not a file of "
                      "this folder: it is left alone\n");
    e = ENDED(remove_named("/\x1b[1m\x7f\xc2\x9b \xc3\xa4 ~"));
    CHECK(strstr(e.err, "mirage: /?[1m??? \xc3\xa4 ~, which"));
    e = ENDED(remove_named(""));
    CHECK(strstr(e.err, "left alone"));
    write_text_file("file", "");
    CHECK_TEXT(ENDED(remove_named("file")).err, "");
    CHECK(!text_file("file"));
}

TEST(comments_are_of_the_language_of_the_file)
{
    CHECK_TEXT(comment_start("main.c"), "/* ");
    CHECK_TEXT(comment_end("main.c"), " */");
    CHECK_TEXT(comment_start("a_libvirt.xml.in"), "<!-- ");
    CHECK_TEXT(comment_end("a_libvirt.xml.in"), " -->");
    CHECK_TEXT(comment_start("a.xl"), "# ");
    CHECK_TEXT(comment_end("a.xl"), "");
    CHECK(!comment_start("a.json"));
    CHECK(!comment_start("compile_flags.txt"));
}
