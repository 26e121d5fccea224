/* SPDX-License-Identifier: ISC */
/* Arguments, and the messages about them; lists; parts of files. */
#include "options.h"
#include "commands.h"
#include "host.h"
#include "list.h"
#include "say.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char *words[] = {
    (char[]){"--file=a"}, (char[]){"--file"}, (char[]){"b"}, (char[]){"-f"},
    (char[]){"c"}, (char[]){"--files"}, (char[]){"-fd"}, (char[]){"--file="},
    (char[]){"--file"}, (char[]){""}, (char[]){"-f"}, NULL};

/* The value of the option at word i, which is then the last that was used. */
static const char *value_at(int *i)
{
    return option_value(11, words, i, "--file", "-f");
}

TEST(an_option_has_its_value_behind_a_sign_or_in_the_next_word)
{
    int i = 0;

    CHECK_TEXT(value_at(&i), "a");
    CHECK(i == 0);
    i = 1;
    CHECK_TEXT(value_at(&i), "b");
    CHECK(i == 2);
    CHECK(!value_at(&i));
    i = 3;
    CHECK_TEXT(value_at(&i), "c");
    CHECK(i == 4);
    i = 5;
    CHECK(!value_at(&i));
    i = 6;
    CHECK(!value_at(&i));
    i = 3;
    CHECK(!option_value(11, words, &i, "--file", NULL));
    CHECK_TEXT(option_value(5, words, &i, "--file", "-f"), "c");
}

TEST(an_option_without_a_value_is_refused)
{
    struct ended e;
    int i = 7;

    e = ENDED(value_at(&i));
    CHECK(e.status == MISUSED);
    CHECK_TEXT(e.err, "mirage: --file= wants a value\n");
    i = 8;
    e = ENDED(value_at(&i));
    CHECK_TEXT(e.err, "mirage: --file wants a value\n");
    i = 10;
    e = ENDED(value_at(&i));
    CHECK(e.status == MISUSED);
    CHECK_TEXT(e.err, "mirage: -f wants a value\n");
}

TEST(an_unknown_word_is_answered_with_the_nearest_and_all)
{
    static const char *const known[] = {"--target", "--file", NULL};
    struct ended e = ENDED(refuse_option("configure", "--taget", known));

    CHECK(e.status == MISUSED);
    CHECK_TEXT(e.err, "mirage: --taget is not an option of `mirage configure`; "
                      "did you mean --target?\nThere are: --target --file\n");
    e = ENDED(die_unknown("topic", "qqqqqqqqqq", known));
    CHECK_TEXT(e.err, "mirage: qqqqqqqqqq is not a topic\n"
                      "There are: --target --file\n");
    e = ENDED(die_unknown("example", "qqqqqqqqqq", known));
    CHECK(strstr(e.err, "is not an example"));
}

TEST(a_command_without_arguments_refuses_them)
{
    struct ended e = ENDED(refuse_arguments("clean", 1, words));

    CHECK(e.status == MISUSED);
    CHECK_TEXT(e.err, "mirage: `mirage clean` takes no arguments, and was "
                      "given --file=a\n");
    CHECK(ENDED(refuse_arguments("clean", 0, words)).status == 0);
}

TEST(a_file_in_another_folder_is_used_there)
{
    struct ended e;

    enter_new_folder();
    mkdir("in", 0777);
    mkdir("in/deep", 0777);
    write_text_file("in/deep/here", "");
    CHECK_TEXT(enter_folder_of("a.c"), "a.c");
    e = ENDED({
        const char *file = enter_folder_of("in/deep/a.c");

        printf("%s %d", file, access("here", F_OK));
    });
    CHECK_TEXT(e.out, "a.c 0");
    CHECK_TEXT(e.err, "mirage: Entering directory 'in/deep/'\n");
    e = ENDED(printf("%s", enter_folder_of("in/deep/")));
    CHECK_TEXT(e.out, "config.c");
    e = ENDED(printf("%s", enter_folder_of("/a.c")));
    CHECK_TEXT(e.err, "mirage: Entering directory '/'\n");
    e = ENDED(enter_folder_of("out/a.c"));
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: cannot enter out/: No such file or directory\n");
}

TEST(messages_follow_what_was_printed_before)
{
    struct ended e = ENDED({
        dup2(STDOUT_FILENO, STDERR_FILENO);
        printf("before ");
        say("%s", "a");
        printf("between ");
        die(7, "%d", 3);
    });

    CHECK(e.status == 7);
    CHECK_TEXT(e.out, "before mirage: a\nbetween mirage: 3\n");
}

TEST(a_list_has_each_item_once_and_a_limit)
{
    static struct list l;
    const char *places[MOST];
    struct ended e;

    add_item(&l, "a");
    add_item(&l, "b");
    add_item(&l, "a");
    CHECK(l.count == 2);
    places[3] = "none";
    add_need(&l, places, "c", "config.c:1");
    add_need(&l, places, "c", "config.c:2");
    CHECK(l.count == 3);
    CHECK_TEXT(places[2], "config.c:1");
    CHECK_TEXT(places[3], "none");
    while (l.count < MOST)
        add_item(&l, text_of("%zu", l.count));
    CHECK_TEXT(l.item[MOST - 1], "255");
    add_item(&l, "a");
    e = ENDED(add_item(&l, "d"));
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: more than 256 things in one list\n");
}

static struct ended note(int count, const char *second, const char *third)
{
    char *all[] = {(char[]){"compile"}, (char[]){"--"}, (char *)second,
                   (char *)third, NULL};

    return ENDED(exit(command_note(count, all)));
}

TEST(a_note_is_written_when_its_words_have_changed)
{
    struct stat before, after;
    struct ended e;

    enter_new_folder();
    CHECK(note(4, "cc", "-O2 -g").status == 0);
    CHECK_TEXT(text_file(".mirage/compile.note"), "cc\n-O2 -g\n");
    stat(".mirage/compile.note", &before);
    CHECK(note(4, "cc", "-O2 -g").status == 0);
    stat(".mirage/compile.note", &after);
    CHECK(before.st_ino == after.st_ino);
    CHECK(note(4, "cc", "-O2 -h").status == 0);
    CHECK_TEXT(text_file(".mirage/compile.note"), "cc\n-O2 -h\n");
    CHECK(note(3, "cc", NULL).status == 0);
    CHECK_TEXT(text_file(".mirage/compile.note"), "cc\n");
    CHECK(note(4, "cc", "x").status == 0);
    CHECK_TEXT(text_file(".mirage/compile.note"), "cc\nx\n");
    e = note(1, NULL, NULL);
    CHECK(e.status == MISUSED);
    CHECK_TEXT(e.err, "mirage: `mirage note` wants a name and words:  mirage "
                      "note compile -- cc -O2\n");
}
