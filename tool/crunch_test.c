/* SPDX-License-Identifier: ISC */
/* Folders that are put into an image: their keys, limits, links and C. */
#include "crunch.h"
#include "commands.h"
#include "crunch_folder.h"
#include "draft.h"
#include "host.h"
#include "say.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Enters a folder with a folder "t", of files a, b/c and b.d. */
static void enter_with_files(void)
{
    enter_new_folder();
    mkdir("t", 0777);
    mkdir("t/b", 0777);
    write_text_file("t/a", "one\n");
    write_text_file("t/b/c", "");
    write_text_file("t/b.d", "3");
}

static struct ended scanned(const char *folder)
{
    return ENDED({
        struct folder f = scan_folder(folder);

        for (size_t i = 0; i < f.count; i++)
            printf("%s:%llu ", f.file[i].key,
                   (unsigned long long)f.file[i].size);
        printf("%llu", (unsigned long long)f.size);
    });
}

TEST(files_are_sorted_by_their_paths_in_the_folder)
{
    enter_with_files();
    CHECK_TEXT(scanned("t").out, "a:4 b.d:1 b/c:0 5");
    CHECK_TEXT(scanned("./t/").out, "a:4 b.d:1 b/c:0 5");
}

TEST(links_are_followed_inside_the_folder_alone)
{
    struct ended e;

    enter_with_files();
    write_text_file("outside", "secret");
    CHECK(symlink("../a", "t/b/in") == 0);
    CHECK_TEXT(scanned("t").out, "a:4 b.d:1 b/c:0 b/in:4 9");
    CHECK(symlink("../outside", "t/out") == 0);
    e = scanned("t");
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: t/out is a link that leads out of the folder t. "
                      "Copy into it what the image needs.\n");
    CHECK(remove("t/out") == 0);
    /* There and back again is outside, too. */
    CHECK(symlink("../t/a", "t/back") == 0);
    CHECK(scanned("t").status == FAILED);
    CHECK(remove("t/back") == 0);
    CHECK(symlink("/etc", "t/etc") == 0);
    CHECK(strstr(scanned("t").err, "t/etc is a link that leads out"));
    CHECK(remove("t/etc") == 0);
    CHECK(symlink("nothing", "t/dangling") == 0);
    CHECK_TEXT(scanned("t").err, "mirage: cannot read t/dangling: No such file "
                                 "or directory\n");
}

TEST(a_folder_that_contains_itself_is_refused)
{
    enter_with_files();
    CHECK(symlink("..", "t/b/up") == 0);
    CHECK_TEXT(scanned("t").err,
               "mirage: t/b/up is a link to a folder that it lies in\n");
    CHECK_TEXT(scanned(".").err,
               "mirage: . is where the image is built: what is crunched lies "
               "in a folder of its own\n");
}

TEST(what_is_neither_file_nor_folder_is_refused)
{
    enter_with_files();
    CHECK(mkfifo("t/pipe", 0666) == 0);
    CHECK_TEXT(scanned("t").err,
               "mirage: t/pipe is neither a file nor a folder\n");
    CHECK_TEXT(scanned("t/a").err,
               "mirage: cannot read the folder t/a: Not a directory\n");
    CHECK(strstr(scanned("u").err, "mirage: cannot read the folder u: "));
}

TEST(a_key_has_1024_bytes_at_most)
{
    char path[1100] = "t";

    enter_with_files();
    for (int i = 0; i < 4; i++) {
        size_t len = strlen(path);

        path[len++] = '/';
        memset(path + len, 'n', 254);
        path[len + 254] = '\0';
        CHECK(mkdir(path, 0777) == 0);
    }
    write_text_file(text_of("%s/1234", path), "");
    CHECK(scanned("t").status == 0);
    write_text_file(text_of("%s/12345", path), "");
    CHECK(strstr(scanned("t").err, "/12345: too long a name for a key, which "
                                   "has at most 1024 bytes\n"));
}

static struct ended crunched(const char *first, const char *second,
                             const char *third)
{
    char *words[] = {(char *)first, (char *)second, (char *)third, NULL};

    return ENDED(exit(command_crunch(third ? 3 : second ? 2
                                                        : 1,
                                     words)));
}

TEST(a_small_folder_is_written_as_strings)
{
    enter_with_files();
    CHECK_TEXT(crunched("s", "t", NULL).err, "");
    CHECK_TEXT(text_file("s.h"),
               "/* Made by `mirage crunch` from t. */\n"
               "#include <mirage/crunched.h>\n\n"
               "extern const struct crunched s;\n");
    CHECK_TEXT(text_file("s.c"),
               "/* Made by `mirage crunch` from t. Edit the files there "
               "instead. */\n#include \"s.h\"\n\n"
               "static const struct crunched_file files[] = {\n"
               "    {\"a\", \"one\\n\", 4},\n"
               "    {\"b.d\", \"3\", 1},\n"
               "    {\"b/c\", \"\", 0},\n};\n\n"
               "const struct crunched s = {files, 3, 0};\n");
    CHECK(!is_there(".mirage/s.data"));
}

TEST(long_texts_are_broken_at_line_ends_and_columns)
{
    char text[142];

    enter_new_folder();
    mkdir("t", 0777);
    write_text_file("t/a", "one\ntwo\n");
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    write_text_file("t/b", text);
    CHECK_TEXT(crunched("s", "t", NULL).err, "");
    CHECK(strstr(text_file("s.c"), "    {\"a\",\n     \"one\\n\"\n"
                                   "     \"two\\n\",\n     8},\n"));
    text[68] = '\0';
    CHECK(strstr(text_file("s.c"), text));
    text[68] = 'x', text[69] = '\0';
    CHECK(!strstr(text_file("s.c"), text));
    CHECK(strstr(text_file("s.c"), "x\"\n     \"xxxxx\",\n     141},\n"));
}

TEST(an_empty_folder_and_a_date_are_written)
{
    enter_new_folder();
    mkdir("t", 0777);
    mkdir(".mirage", 0777);
    write_text_file(".mirage/record", "version\t1\ntarget\tunix\nfile\tc.c\n"
                                      "image\ta\nenv\tSOURCE_DATE_EPOCH\t7\n");
    CHECK_TEXT(crunched("s", "t", NULL).err, "");
    CHECK(strstr(text_file("s.c"),
                 "\n\nconst struct crunched s = {NULL, 0, 7000000000};\n"));
}

/* Writes so many bytes. */
static void write_bytes(const char *name, size_t len)
{
    char *bytes = malloc(len + 1);

    memset(bytes, 'b', len);
    bytes[len] = '\0';
    write_text_file(name, bytes);
    free(bytes);
}

TEST(a_large_folder_is_one_file_of_aligned_parts)
{
    struct stat st;

    enter_new_folder();
    mkdir("t", 0777);
    write_bytes("t/a", 65536 - 5);
    write_bytes("t/b", 5);
    CHECK(crunched("s", "t", NULL).status == 0);
    CHECK(!is_there(".mirage/s.data"));
    CHECK(!strstr(text_file("s.c"), "s_data"));
    write_bytes("t/b", 6);
    CHECK(crunched("s", "t", NULL).status == 0);
    CHECK(stat(".mirage/s.data", &st) == 0 && st.st_size == 65536 + 16);
    CHECK(strstr(text_file("s.c"), "    {\"a\", s_data + 0, 65531},\n"
                                   "    {\"b\", s_data + 65536, 6},\n"));
    CHECK(strstr(text_file("s.c"), ".incbin \\\".mirage/s.data\\\"\\n"));
    write_bytes("t/b", 5);
    CHECK(crunched("s", "t", NULL).status == 0);
    CHECK(!is_there(".mirage/s.data"));
}

TEST(files_of_the_user_are_not_overwritten)
{
    static const char *const names[] = {"s.c", "s.h"};

    for (size_t i = 0; i < 2; i++) {
        struct ended e;

        enter_with_files();
        write_text_file(names[i], "mine");
        e = crunched("s", "t", NULL);
        CHECK(e.status == FAILED);
        CHECK(strstr(e.err, " is not mirage's, and would be overwritten: give "
                            "it another name\n"));
        CHECK_TEXT(text_file(names[i]), "mine");
        CHECK(remove(names[i]) == 0);
        CHECK(symlink("nothing", names[i]) == 0);
        CHECK(crunched("s", "t", NULL).status == FAILED);
        CHECK(remove(names[i]) == 0);
        write_text_file(names[i], "");
        CHECK(crunched("s", "t", NULL).status == 0);
    }
}

static struct ended updated(void)
{
    return ENDED({
        lock_folder();
        crunch_update("s", "t");
    });
}

static ino_t number_of(const char *name)
{
    struct stat st = {0};

    CHECK(stat(name, &st) == 0);
    return st.st_ino;
}

TEST(a_folder_is_crunched_again_when_a_file_has_changed)
{
    ino_t before;

    enter_with_files();
    CHECK(updated().status == 0);
    before = number_of("s.c");
    CHECK(updated().status == 0);
    CHECK(number_of("s.c") == before);
    write_text_file("t/a", "longer\n");
    CHECK(updated().status == 0);
    CHECK(strstr(text_file("s.c"), "longer"));
    CHECK(strstr(text_file(".mirage/s.list"), "dated 0\n7 "));
    CHECK(remove("s.h") == 0);
    CHECK(updated().status == 0);
    CHECK(is_there("s.h"));
    CHECK(remove("s.c") == 0);
    CHECK(updated().status == 0);
    CHECK(is_there("s.c"));
}

TEST(c_that_is_older_than_the_list_is_written_again)
{
    struct timespec old[2] = {{1000, 1}, {1000, 1}},
                    new[2] = {{1000, 2}, {1000, 2}};
    ino_t before;

    enter_with_files();
    CHECK(updated().status == 0);
    before = number_of("s.c");
    CHECK(utimensat(AT_FDCWD, ".mirage/s.list", new, 0) == 0);
    CHECK(utimensat(AT_FDCWD, "s.h", new, 0) == 0);
    CHECK(utimensat(AT_FDCWD, "s.c", new, 0) == 0);
    CHECK(updated().status == 0);
    CHECK(number_of("s.c") == before);
    CHECK(utimensat(AT_FDCWD, "s.c", old, 0) == 0);
    CHECK(updated().status == 0);
    CHECK(number_of("s.c") != before);
}

TEST(a_look_changes_the_list_alone)
{
    struct ended e;
    ino_t before;

    enter_with_files();
    e = crunched("--look", "s", "t");
    CHECK(e.status == 0);
    CHECK(strstr(text_file(".mirage/s.list"), " \"b/c\"\n"));
    CHECK(!is_there("s.c"));
    before = number_of(".mirage/s.list");
    crunched("--look", "s", "t");
    CHECK(number_of(".mirage/s.list") == before);
    CHECK(symlink("/etc", "t/etc") == 0);
    e = crunched("--look", "s", "t");
    CHECK(e.status == 0);
    CHECK_TEXT(e.err, "");
    CHECK_TEXT(text_file(".mirage/s.list"), "wrong\n");
    e = crunched("s", NULL, NULL);
    CHECK(e.status == MISUSED);
    CHECK_TEXT(e.err, "mirage: `mirage crunch` wants a name and a folder:  "
                      "mirage crunch static1 t\n");
}
