/* SPDX-License-Identifier: ISC */
/* Words of commands that messages advise: a shell must read them back. */
#include "command.c"
#include "check.h"

static void is_word(const char *text, const char *wanted)
{
    char *word = shell_word(text);

    CHECK_TEXT(word, wanted);
    free(word);
}

TEST(a_word_without_special_characters_is_itself)
{
    is_word("tap0", "tap0");
    is_word("/dev/net/tun_1-2+3=4.5,6:7@8%9", "/dev/net/tun_1-2+3=4.5,6:7@8%9");
}

TEST(all_other_words_are_quoted)
{
    is_word("", "''");
    is_word("a b", "'a b'");
    is_word("$(rm *)", "'$(rm *)'");
    is_word("it's", "'it'\\''s'");
    is_word("''''", "''\\'''\\'''\\'''\\'''");
    is_word("\\", "'\\'");
    is_word("~", "'~'");
}

TEST(this_program_s_command_can_be_run)
{
    char *command = own_command();

    CHECK(access(command, X_OK) == 0);
    CHECK(strchr(command, '/') != NULL);
    free(command);
}
