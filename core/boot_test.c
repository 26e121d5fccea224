/* SPDX-License-Identifier: ISC */
/* Tests of boot arguments: splitting, quoting and setting. */
#include "boot.c"
#include "check.h"
#include <mirage/random.h>
#include <stdlib.h>

BOOT_STRING(test_text, "otherwise", "a text");
BOOT_NUMBER(test_number, 5, -10, 1000, "a number");
BOOT_FLAG(test_flag, "a flag");

static const char *words[16];
static size_t count;

static enum status split(const char *text)
{
    static char copy[256];

    text_format(copy, sizeof copy, "%s", text);
    return boot_split(copy, words, 16, &count);
}

TEST(words_are_split_at_white_space)
{
    CHECK(split("  one\ttwo \n three\r") == OK && count == 3);
    CHECK_TEXT(words[0], "one");
    CHECK_TEXT(words[1], "two");
    CHECK_TEXT(words[2], "three");
    CHECK(split("") == OK && count == 0);
    CHECK(split("  \t ") == OK && count == 0);
}

TEST(quotes_keep_words_together)
{
    CHECK(split("--a=\"x y\" '--b=it is' c\\ d \"\" e'f'\"g\"") == OK);
    CHECK(count == 5);
    CHECK_TEXT(words[0], "--a=x y");
    CHECK_TEXT(words[1], "--b=it is");
    CHECK_TEXT(words[2], "c d");
    CHECK_TEXT(words[3], "");
    CHECK_TEXT(words[4], "efg");
}

TEST(a_backslash_is_literal_in_single_quotes_only)
{
    CHECK(split("'a\\b' \"c\\\"d\\\\\" e\\'f") == OK && count == 3);
    CHECK_TEXT(words[0], "a\\b");
    CHECK_TEXT(words[1], "c\"d\\");
    CHECK_TEXT(words[2], "e'f");
}

TEST(an_open_quote_or_a_backslash_at_the_end_is_refused)
{
    CHECK(split("a 'b") == ERR_FORMAT);
    CHECK(split("a \"b") == ERR_FORMAT);
    CHECK(split("a b\\") == ERR_FORMAT);
}

TEST(more_words_than_max_are_refused)
{
    CHECK(split("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16") == OK);
    CHECK(split("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17") == ERR_RANGE);
}

TEST(boot_split_reads_what_boot_quote_writes)
{
    static const char letters[] = "ab \t\n'\"\\-=$";

    for (int round = 0; round < 5000; round++) {
        char word[3][16], text[256] = "";
        size_t n = 1 + random_below(3), len = 0;

        for (size_t i = 0; i < n; i++) {
            size_t letters_in_word = random_below(15);

            for (size_t j = 0; j < letters_in_word; j++)
                word[i][j] = letters[random_below(sizeof letters - 1)];
            word[i][letters_in_word] = '\0';
            len += boot_quote(text + len, sizeof text - len, word[i]);
            text[len++] = ' ';
        }
        text[len] = '\0';
        CHECK(boot_split(text, words, 16, &count) == OK && count == n);
        for (size_t i = 0; i < n && i < count; i++)
            CHECK_TEXT(words[i], word[i]);
    }
}

TEST(boot_quote_returns_the_whole_length_when_it_cuts)
{
    char small[4];

    CHECK(boot_quote(small, sizeof small, "a b") == 5);
    CHECK_TEXT(small, "\"a ");
}

TEST(arguments_set_the_variables_they_name)
{
    const char *given[] = {"--test-text=a=b", "--test-number=-10",
                           "--test-flag", "--test-number=+77"};

    boot_arguments(given, 4, false);
    CHECK_TEXT(test_text, "a=b");
    CHECK(test_number == 77);
    CHECK(test_flag);
    boot_arguments((const char *[]){"--test-flag=off", "--test-text="}, 2,
                   false);
    CHECK(!test_flag);
    CHECK_TEXT(test_text, "");
}

TEST(foreign_words_are_ignored_if_allowed)
{
    boot_arguments((const char *[]){"root=/dev/xvda", "ro", "-q"}, 3, true);
}

static const char *device(size_t n)
{
    return boot_word("virtio_mmio.device", n);
}

TEST(words_of_the_monitor_are_found_by_their_key_in_their_order)
{
    static const char *const given[] = {
        "virtio_mmio.device=4K@0xd0000000:5", "virtio_mmio.devices=no",
        "--test-number=3", "xvirtio_mmio.device=no", "virtio_mmio.device",
        "virtio_mmio.device=", "virtio_mmio.device=a=b", "pci=off"};

    boot_arguments(given, sizeof given / sizeof *given, true);
    CHECK_TEXT(device(0), "4K@0xd0000000:5");
    CHECK_TEXT(device(1), "");
    CHECK_TEXT(device(2), "a=b");
    CHECK(!device(3));
    CHECK_TEXT(boot_word("pci", 0), "off");
    CHECK(!boot_word("pc", 0));
    CHECK(!boot_word("of", 0));
    boot_arguments(given, 0, true);
    CHECK(!device(0));
}

TEST(numbers_are_parsed_up_to_the_limits_of_their_type)
{
    int64_t n;

    CHECK(read_number("9223372036854775807", &n) && n == INT64_MAX);
    CHECK(read_number("-9223372036854775808", &n) && n == INT64_MIN);
    CHECK(!read_number("9223372036854775808", &n));
    CHECK(!read_number("-9223372036854775809", &n));
    CHECK(!read_number("", &n));
    CHECK(!read_number("-", &n));
    CHECK(!read_number("12x", &n));
    CHECK(!read_number("0x10", &n));
}

TEST(a_wrong_value_gets_a_message_about_the_right_ones)
{
    const struct boot_argument *number = find("test-number", 11);
    const struct boot_argument *flag = find("test-flag", 9);

    CHECK_TEXT(set(number, "1001"), "a whole number from -10 to 1000");
    CHECK_TEXT(set(number, "ten"), "a whole number from -10 to 1000");
    CHECK_TEXT(set(number, NULL), "a value after =");
    CHECK_TEXT(set(flag, "maybe"),
               "yes or no (also on, off, true, false, 1, 0)");
    CHECK(find("test_flag", 9) == NULL);
}
