/* SPDX-License-Identifier: ISC */
/* Tests of boot arguments: splitting, quoting and setting. */
#include <mirage/platform.h>
/* The host's would end the test, or print. */
#define platform_exit   tested_exit
#define platform_answer tested_answer
#define image_say       tested_say
static void tested_exit(int code) __attribute__((noreturn));
static void tested_answer(const char *text, size_t len);
static void tested_say(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
#include "boot.c"
#undef platform_exit
#undef platform_answer
#include "check.h"
#include <mirage/random.h>
#include <setjmp.h>
#include <stdlib.h>

static const char *parsed; /* the latest value of these two */
static const char *optional;

static const char *parse(const char *value)
{
    parsed = value;
    return *value == 'a' ? NULL : "a word that begins with a";
}

static const char *parse_optional(const char *value)
{
    optional = value;
    return NULL;
}

BOOT_STRING(test_text, "otherwise", "a text");
BOOT_NUMBER(test_number, 5, -10, 1000, "a number");
BOOT_FLAG(test_flag, "a flag");
BOOT_STRING(test_empty, "", "an empty text");
BOOT_PARSED(test_parsed, "A...", parse, "a word");
BOOT_OPTIONAL(test_optional, "WORD", parse_optional, "perhaps a word");

static jmp_buf out;
static bool testing; /* not: the image is started */
static int exit_code;
static char said[4096];
static size_t said_len;

static void tested_exit(int code)
{
    if (!testing)
        platform_exit(code);
    exit_code = code;
    longjmp(out, 1);
}

static void tested_answer(const char *text, size_t len)
{
    if (!testing) {
        platform_answer(text, len);
        return;
    }
    CHECK(len < sizeof said - said_len);
    memcpy(said + said_len, text, len);
    said_len += len;
    said[said_len] = '\0';
}

static void tested_say(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    text_vprint(answer, NULL, fmt, args);
    va_end(args);
}

/* Sets the arguments. Returns the exit status, or -1: the image goes on. */
static int exit_of(const char *const *given, size_t n, bool foreign)
{
    said_len = 0;
    said[0] = '\0';
    exit_code = -1;
    testing = true;
    if (setjmp(out) == 0)
        boot_arguments(given, n, foreign);
    testing = false;
    return exit_code;
}

/* exit_of a single word. */
static int exit_of_word(const char *word)
{
    static const char *given;

    given = word;
    return exit_of(&given, 1, false);
}

/* Was this said, after the name of the image? */
static bool has_said(const char *message)
{
    size_t len = strlen(image_name());

    return strncmp(said, image_name(), len) == 0 &&
           strcmp(said + len, message) == 0;
}

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
    const char *given[] = {"root=/dev/xvda", "ro", "-q", "--test-number=8"};

    CHECK(exit_of(given, 4, true) == -1 && test_number == 8);
    CHECK(said_len == 0);
    CHECK(exit_of(given, 1, false) == 64);
    CHECK(has_said(": root=/dev/xvda is no argument: they are written "
                   "--KEY=VALUE; --help lists them\n"));
    CHECK(exit_of_word("-test-flag") == 64);
}

TEST(a_parser_gets_the_value_and_can_refuse_it)
{
    CHECK(exit_of_word("--test-parsed=apple") == -1);
    CHECK_TEXT(parsed, "apple");
    CHECK(exit_of_word("--test-parsed=pear") == 64);
    CHECK(has_said(": --test-parsed=pear: expected a word that begins with "
                   "a\n"));
    CHECK(exit_of_word("--test-parsed") == 64);
    CHECK(has_said(": --test-parsed: expected a value after =\n"));
    CHECK(exit_of_word("--test-optional=x") == -1);
    CHECK_TEXT(optional, "x");
    CHECK(exit_of_word("--test-optional") == -1);
    CHECK_TEXT(optional, "");
    CHECK(exit_of_word("--test-text") == 64);
}

TEST(an_unknown_argument_is_refused_with_the_nearest_one)
{
    CHECK(exit_of_word("--test-txet=1") == 64);
    CHECK(has_said(": --test-txet is not an argument of this image; did you "
                   "mean --test-text? --help lists them\n"));
    CHECK(exit_of_word("--test-flga") == 64);
    CHECK(has_said(": --test-flga is not an argument of this image; did you "
                   "mean --test-flag? --help lists them\n"));
    CHECK(exit_of_word("--hlep") == 64);
    CHECK(has_said(": --hlep is not an argument of this image; did you mean "
                   "--help? --help lists them\n"));
    CHECK(exit_of_word("--no-such-thing") == 64);
    CHECK(has_said(": --no-such-thing is not an argument of this image; "
                   "--help lists them\n"));
    /* A prefix of a key, and a key with more behind it, are others. */
    CHECK(exit_of_word("--test-tex=1") == 64);
    CHECK(exit_of_word("--test-texts=1") == 64);
    CHECK(exit_of_word("--test_text=1") == 64);
    CHECK(exit_of_word("--") == 64);
}

TEST(help_lists_all_arguments_by_name_with_their_defaults)
{
    const char *line;

    CHECK(exit_of_word("--help") == 0);
    CHECK(strncmp(said, "usage: ", 7) == 0);
    CHECK(strstr(said, " [--KEY=VALUE | --FLAG]...\n\n"
                       "  --help                         print this and end\n"
                       "  --log=[SOURCE:]LEVEL           print log lines"));
    line = strstr(said, "  --test-empty");
    CHECK(line != NULL);
    CHECK_TEXT(
        line ? line : "",
        "  --test-empty=TEXT              an empty text (default: none)\n"
        "  --test-flag                    a flag\n"
        "  --test-number=NUMBER           a number (default: 5)\n"
        "  --test-optional[=WORD]         perhaps a word\n"
        "  --test-parsed=A...             a word\n"
        "  --test-text=TEXT               a text (default: otherwise)\n");
    CHECK(exit_of_word("--help=x") == 0);
    CHECK(exit_of_word("--helper") == 64);
    CHECK(exit_of_word("--hel") == 64);
}

TEST(an_argument_that_is_declared_twice_ends_the_image)
{
    struct boot_argument *first = boot_arguments_first;
    struct boot_argument again = {.name = "test_text"}, help = {.name = "help"};
    struct boot_argument one = {.name = "help_more"}, *none = NULL;

    boot_arguments_first = none;
    boot_register(&again);
    boot_register(&one);
    CHECK(boot_arguments_first == &one && one.next == &again && !again.next);
    CHECK(exit_of(NULL, 0, false) == -1);
    boot_register(&(struct boot_argument){.name = "test_text"});
    CHECK(exit_of(NULL, 0, false) == 64);
    CHECK(has_said(": --test-text is declared twice in this image\n"));
    boot_arguments_first = none;
    boot_register(&help);
    CHECK(exit_of(NULL, 0, false) == 64);
    CHECK(has_said(": --help is declared twice in this image\n"));
    boot_arguments_first = first;
}

LOG_SOURCE(zulu);

TEST(log_levels_are_set_before_all_other_arguments)
{
    enum log_level before = boot.level;

    CHECK(exit_of((const char *[]){"--no-such-thing", "--log=zulu:debug"}, 2,
                  false) == 64);
    CHECK(zulu.level == LEVEL_DEBUG);
    CHECK(boot.level == before);
    CHECK(exit_of((const char *[]){"--log=zulu:info", "--test-number=9"}, 2,
                  false) == -1);
    CHECK(zulu.level == LEVEL_INFO && test_number == 9);
    CHECK(exit_of_word("--log=zulu:warning") == -1);
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
    CHECK(!read_number("+-1", &n) && !read_number("--1", &n));
    CHECK(!read_number("1/", &n) && !read_number("1:", &n));
    CHECK(read_number("+0", &n) && n == 0);
    CHECK(read_number("-09", &n) && n == -9);
    CHECK(!read_number("0x10", &n));
}

TEST(a_wrong_value_gets_a_message_about_the_right_ones)
{
    const struct boot_argument *number = find("test-number", 11);
    const struct boot_argument *flag = find("test-flag", 9);

    CHECK(!set(number, "1000") && test_number == 1000);
    CHECK(!set(number, "-10") && test_number == -10);
    CHECK_TEXT(set(number, "1001"), "a whole number from -10 to 1000");
    CHECK_TEXT(set(number, "-11"), "a whole number from -10 to 1000");
    CHECK_TEXT(set(number, "ten"), "a whole number from -10 to 1000");
    CHECK_TEXT(set(number, NULL), "a value after =");
    CHECK_TEXT(set(flag, "maybe"),
               "yes or no (also on, off, true, false, 1, 0)");
    CHECK(find("test_flag", 9) == NULL);
    CHECK(find("test-fla", 8) == NULL && find("test-flax", 9) == NULL);
}

TEST(a_flag_has_four_words_for_yes_and_four_for_no)
{
    static const char *const yes[] = {"yes", "on", "true", "1"};
    static const char *const no[] = {"no", "off", "false", "0"};
    bool flag;

    for (int i = 0; i < 4; i++) {
        flag = false;
        CHECK(!set_flag(&flag, yes[i]) && flag);
        CHECK(!set_flag(&flag, no[i]) && !flag);
    }
    CHECK(set_flag(&flag, "") && set_flag(&flag, "y"));
}
