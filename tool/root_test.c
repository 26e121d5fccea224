/* SPDX-License-Identifier: ISC */
/* Where mirage lies, other programs, and parts of generated files. */
#include "root.h"
#include "host.h"
#include "parts.c"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *found(const char *path, const char *name)
{
    const char *program;

    setenv("PATH", path, 1);
    program = find_program(name);
    return program ? program : "nothing";
}

TEST(programs_are_found_on_path_in_its_order)
{
    enter_new_folder();
    mkdir("a", 0777);
    mkdir("b", 0777);
    write_text_file("a/one", "");
    write_text_file("b/one", "");
    write_text_file("b/two", "");
    write_text_file("three", "");
    chmod("b/one", 0777);
    chmod("b/two", 0777);
    chmod("three", 0777);
    CHECK_TEXT(found("a:b", "two"), "b/two");
    CHECK_TEXT(found("a:b", "one"), "b/one"); /* the first cannot be run */
    chmod("a/one", 0777);
    CHECK_TEXT(found("a:b", "one"), "a/one");
    CHECK_TEXT(found("b:a", "one"), "b/one");
    CHECK_TEXT(found("a:b", "three"), "nothing");
    CHECK_TEXT(found("a::b", "three"), "three"); /* the present folder */
    CHECK_TEXT(found("", "three"), "nothing");
    CHECK_TEXT(found("a", "b/two"), "b/two");
    CHECK_TEXT(found("a", "b/three"), "nothing");
    unsetenv("PATH");
    CHECK(!find_program("one"));
}

TEST(the_root_is_two_folders_above_the_program)
{
    const char *path = own_path(), *top = root();

    CHECK(strncmp(path, top, strlen(top)) == 0);
    CHECK_TEXT(path + strlen(top), "/tool/root_test");
    CHECK(own_path() == path);
}

TEST(this_program_is_on_path_under_its_own_name)
{
    enter_new_folder();
    setenv("PATH", ".", 1);
    CHECK(!is_on_path());
    CHECK(symlink(own_path(), "mirage") == 0);
    CHECK(is_on_path());
    CHECK(remove("mirage") == 0);
    CHECK(symlink("/bin/sh", "mirage") == 0);
    CHECK(!is_on_path());
}

static char *filled(const char *line, const struct filling *all)
{
    char *result;
    size_t len;
    FILE *out = open_memstream(&result, &len);

    put_line(out, line, all);
    fclose(out);
    return result;
}

TEST(the_placeholders_of_a_part_are_filled_in)
{
    static const struct filling all[] = {
        {"NAME", "n"}, {"NAMES", "@NAME@"}, {NULL, NULL}};
    struct ended e;

    CHECK_TEXT(filled("a @NAME@ b @NAMES@@NAME@\n", all), "a n b @NAME@n\n");
    CHECK_TEXT(filled("@OTHER@ a@b @NAME\n@", all), "@OTHER@ a@b @NAME\n@");
    e = ENDED(put_part(stdout, "missing", all));
    CHECK(e.status == FAILED);
    CHECK(strstr(e.err, "/share/mirage/make/missing is missing: this mirage is "
                        "not installed whole\n"));
}
