/* SPDX-License-Identifier: ISC */
#include "nearest.c"
#include "check.h"

TEST(distance_counts_insertions_deletions_substitutions_and_swaps)
{
    CHECK(nearest_distance("", "") == 0);
    CHECK(nearest_distance("unix", "unix") == 0);
    CHECK(nearest_distance("unix", "unx") == 1);
    CHECK(nearest_distance("unix", "uniix") == 1);
    CHECK(nearest_distance("unix", "unux") == 1);
    CHECK(nearest_distance("unix", "uinx") == 1);
    CHECK(nearest_distance("", "abc") == 3);
    CHECK(nearest_distance("kitten", "sitting") == 3);
}

static const char *guess(const char *word)
{
    struct nearest n = {.word = word};

    nearest_offer(&n, "configure");
    nearest_offer(&n, "clean");
    nearest_offer(&n, "run");
    return n.best ? n.best : "nothing";
}

TEST(a_misspelling_gets_a_suggestion_and_another_word_none)
{
    CHECK_TEXT(guess("confgure"), "configure");
    CHECK_TEXT(guess("cofnigure"), "configure");
    CHECK_TEXT(guess("cleen"), "clean");
    CHECK_TEXT(guess("rnu"), "run");
    CHECK_TEXT(guess("deploy"), "nothing");
    CHECK_TEXT(guess(""), "nothing");
}

TEST(the_first_of_the_nearest_is_suggested_if_a_letter_of_it_is_right)
{
    struct nearest n = {.word = "cat"}, letter = {.word = "x"};

    nearest_offer(&n, "bat");
    nearest_offer(&n, "rat");
    CHECK_TEXT(n.best, "bat");
    nearest_offer(&n, "cat");
    CHECK_TEXT(n.best, "cat");
    nearest_offer(&letter, "y");
    CHECK(!letter.best);
    nearest_offer(&letter, "x");
    CHECK_TEXT(letter.best, "x");
}

TEST(words_of_any_length_are_compared)
{
    char long_word[200];

    memset(long_word, 'x', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = '\0';
    CHECK_TEXT(guess(long_word), "nothing");
    CHECK(nearest_distance(long_word, "x") > 63);
}
