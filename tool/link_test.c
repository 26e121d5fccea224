/* SPDX-License-Identifier: ISC */
/* The messages of the linker, in our words. */
#include "link.c"
#include "host.h"

static const char *explained(const char *text)
{
    struct words w = {0};

    add_word(&w, "false");
    return ENDED(explain(&w, text_of("%s", text))).err;
}

#define NEWLIB                                                          \
    "mirage: an image has newlib, what mirage.h declares, and its own " \
    "static libraries;\nthere is no host below it.\n"

TEST(undefined_symbols_are_listed_by_what_refers_to_them)
{
    CHECK_TEXT(explained("/usr/bin/ld: .mirage/obj/a.o: in function `f':\n"
                         "/usr/bin/ld: ./a.c:3: undefined reference to `g'\n"
                         "a.c:3: undefined reference to `h'\n"
                         "a.c:3: undefined reference to `g'\n"
                         "a.c:4: undefined reference to `i'\n"
                         "a.c:4: undefined reference to `j'\n"
                         "a.c:4: undefined reference to `k'\n"
                         "collect2: error: ld returned 1 exit status\n"),
               "a.c:3: error: g and h are defined nowhere\n"
               "a.c:4: error: i, j and k are defined nowhere\n" NEWLIB);
    CHECK_TEXT(explained("a.c:190:(.text+0x5): undefined reference to `g'\n"),
               "a.c:190: error: g is defined nowhere\n" NEWLIB);
    CHECK_TEXT(explained("a.c:3: undefined reference to `g'\n"),
               "a.c:3: error: g is defined nowhere\n" NEWLIB);
}

TEST(members_of_libraries_are_named)
{
    CHECK_TEXT(explained("ld: /usr/lib/libx.a(y.o): in function `f':\n"
                         "y.c:(.text+0x5): undefined reference to `socket'\n"
                         "ld: y.c:(.text+0x9): undefined reference to `bind'\n"
                         "ld: y.c:(.text+0x9): more undefined references to "
                         "`bind' follow\n"),
               "libx.a (y.o) wants socket and bind, which no image "
               "has\n" NEWLIB);
    CHECK_TEXT(explained("ld: /usr/lib/libx.a(y.o): in function `f':\n"
                         "ld: a.o:(.data+0x0): undefined reference to `v'\n"),
               "a.o:(.data+0x0): error: v is defined nowhere\n" NEWLIB);
    CHECK_TEXT(explained("ld: libx.a(y.o):(.data+0x0): undefined reference to "
                         "`v'\n"),
               "libx.a (y.o) wants v, which no image has\n" NEWLIB);
}

TEST(other_lines_are_printed_as_they_are)
{
    CHECK_TEXT(explained("something else\n\n"), "something else\n");
    CHECK_TEXT(explained(""), "mirage: false failed without a word\n");
    CHECK_TEXT(explained("ld: cannot find -lnosuch: No such file\n"
                         "have you installed the static version of it?\n"),
               "mirage: -lnosuch: there is no libnosuch.a where the linker "
               "looks.\n");
}

TEST(a_shared_library_is_named_where_a_static_one_is_missing)
{
    struct words w = {0};
    struct ended e;

    enter_new_folder();
    write_text_file("libx.so", "");
    add_words(&w, "false -L. -lx");
    e = ENDED(explain(&w, text_of("ld: cannot find -lx\n")));
    CHECK_TEXT(e.err, "mirage: -lx: ./libx.so is a shared library, and an "
                      "image takes\nstatic ones only: there is no libx.a.\n");
}

TEST(the_status_of_the_linker_is_ours)
{
    char *words[] = {(char[]){"--"}, (char[]){"sh"}, (char[]){"-c"},
                     (char[]){"echo warning >&2; exit 0"}, NULL};
    struct ended e = ENDED(exit(command_link(4, words)));

    CHECK(e.status == 0);
    CHECK_TEXT(e.err, "warning\n");
    words[3] = (char[]){"echo other >&2; exit 7"};
    e = ENDED(exit(command_link(4, words)));
    CHECK(e.status == 7);
    CHECK_TEXT(e.err, "other\n");
    CHECK(ENDED(exit(command_link(1, words))).status == MISUSED);
    CHECK(ENDED(exit(command_link(3, words + 1))).status == MISUSED);
}
