/* SPDX-License-Identifier: ISC */
#include "objects.c"
#include "host.h"

/* The names that applications cannot have, and what nm prints of one. */
static struct names noted(const char *taken, const char *symbols)
{
    struct names n;
    char *text = text_of("%s", symbols), *line;

    enter_new_folder();
    write_text_file("names", taken);
    n = read_names("names");
    while ((line = strsep(&text, "\n")) != NULL)
        note_symbol(&n, line);
    return n;
}

TEST(names_of_the_library_are_noted_where_an_object_defines_them)
{
    struct names n = noted("write main\nread\n\n  \nabort\n",
                           ".mirage/obj/a.o:0000000000000000 T write\n"
                           ".mirage/obj/a.o:0000000000000000 T start\n"
                           ".mirage/obj/b.o:0000000000000000 D write\n"
                           "not a line\n");

    CHECK(n.count == 3);
    CHECK(n.ours == 1);
    CHECK(find_name(&n, (char[]){"write"})->is_ours);
    CHECK(find_name(&n, (char[]){"write"})->is_for_main);
    CHECK(!find_name(&n, (char[]){"read"})->is_ours);
    CHECK(!find_name(&n, (char[]){"read"})->is_for_main);
    CHECK(find_name(&n, (char[]){"abort"}));
    CHECK(!find_name(&n, (char[]){"start"}));
}

TEST(the_generated_main_defines_no_name_of_the_application)
{
    CHECK(noted("write\n", ".mirage/obj/main.o:00 T write\n").ours == 0);
    CHECK(noted("write\n", ".mirage/obj/a/main.o:00 T write\n").ours == 1);
}

TEST(an_application_has_no_main)
{
    struct ended e = ENDED(noted("a\n", ".mirage/obj/in/a.o:00 T main\n"));

    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: in/a.c defines main, which is the image's own: "
                      "it connects the devices, and\ncalls the jobs that "
                      "config.c names. Give yours another name.\n");
}

TEST(malloc_is_noted)
{
    CHECK(noted("a\n", "a.o:00 T malloc\n").has_malloc);
    CHECK(!noted("a\n", "a.o:00 T mallocs\n").has_malloc);
    CHECK(is_allocators("memalign") && is_allocators("malloc_usable_size"));
    CHECK(!is_allocators("write"));
}

TEST(new_names_have_a_prefix_and_main_keeps_the_library_s)
{
    struct names n = noted("write main\nread\nabort\n",
                           "a.o:00 T write\na.o:00 T read\n");

    CHECK_TEXT(ENDED(printf("%s", text_file(write_renames(&n, false)))).out,
               "read mirage__own__read\nwrite mirage__own__write\n");
    CHECK_TEXT(ENDED(printf("%s", text_file(write_renames(&n, true)))).out,
               "read mirage__own__read\n");
}

TEST(the_generated_main_keeps_the_names_that_it_calls)
{
    char *words[] = {(char[]){"--names=names"}, (char[]){".mirage/obj/main.o"},
                     (char[]){"a.o"}, NULL};
    struct ended e;

    enter_new_folder();
    write_text_file("names", "write main\nread\n");
    write_text_file("a.c", "int write(void); int write(void) {return 1;}\n"
                           "int read(void); int read(void) {return 1;}\n");
    write_text_file("main.c", "int write(void), read(void);\n"
                              "int mirage_main(void)\n"
                              "{return write() + read();}\n");
    CHECK(system("mkdir -p .mirage/obj && cc -w -fno-builtin -c a.c && "
                 "cc -w -fno-builtin -c main.c -o .mirage/obj/main.o") == 0);
    e = ENDED(command_objects(3, words));
    CHECK_TEXT(e.out, ".mirage/obj/main.own.o\na.own.o\n");
    CHECK(system("nm .mirage/obj/main.own.o | grep -q 'U write' && "
                 "nm .mirage/obj/main.own.o | grep -q 'U mirage__own__read'") ==
          0);
}

TEST(objects_have_the_names_of_their_sources)
{
    CHECK_TEXT(source_of(".mirage/obj/a/b.o"), "a/b.c");
    CHECK_TEXT(source_of("other/b.o"), "other/b.c");
}

TEST(the_command_wants_a_file_of_names)
{
    char *words[] = {(char[]){"--names=missing"}, (char[]){"a.o"}, NULL};
    struct ended e;

    enter_new_folder();
    e = ENDED(command_objects(2, words));
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: cannot read missing: No such file or "
                      "directory\n");
    e = ENDED(command_objects(0, words));
    CHECK(e.status == MISUSED);
    CHECK(strstr(e.err, "wants the names that are taken"));
    e = ENDED(command_objects(1, words + 1));
    CHECK(e.status == MISUSED);
}

TEST(symbols_of_objects_are_renamed)
{
    char *words[] = {(char[]){"--names=names"}, (char[]){"a.o"}, NULL};
    struct ended e;

    enter_new_folder();
    write_text_file("names", "write\nread\nmemalign\n");
    write_text_file("a.c", "int write(void); int write(void) {return 1;}\n"
                           "int memalign(void); int memalign(void) {return 1;}"
                           "\nint malloc_(void); int malloc_(void) "
                           "{return 1;}\n");
    CHECK(system("cc -w -fno-builtin -c a.c") == 0);
    e = ENDED(command_objects(2, words));
    CHECK_TEXT(e.err, "");
    CHECK_TEXT(e.out, "a.own.o\n");
    CHECK(system("nm a.own.o | grep -q 'T mirage__own__write'") == 0);
    CHECK(system("nm a.own.o | grep -q 'T mirage__own__memalign'") == 0);
    /* Who defines malloc, too, replaces all of it. */
    CHECK(system("echo 'int malloc(int n) {return n;}' >>a.c;"
                 "cc -w -fno-builtin -c a.c") == 0);
    CHECK_TEXT(ENDED(command_objects(2, words)).out, "a.own.o\n");
    CHECK(system("nm a.own.o | grep -q 'T memalign'") == 0);
    write_text_file("names", "read\n");
    CHECK_TEXT(ENDED(command_objects(2, words)).out, "a.o\n");
    write_text_file("names", "write\n");
    write_text_file("a.o", "no object");
    CHECK_TEXT(ENDED(command_objects(2, words)).out, "a.o\n");
}
