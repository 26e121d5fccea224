/* SPDX-License-Identifier: ISC */
/* Tests of the log: levels, and the ring. */
#include <mirage/platform.h>

static void put_captured(const char *text, size_t len);

#define platform_put put_captured
#include "log.c"
#undef platform_put
#include "check.h"

LOG_SOURCE(alpha);
LOG_SOURCE(beta);

static char printed[1024];
static size_t printed_len;

static void put_captured(const char *text, size_t len)
{
    size_t n = min(len, sizeof printed - 1 - printed_len);

    memcpy(printed + printed_len, text, n);
    printed_len += n;
    printed[printed_len] = '\0';
    platform_put(text, len);
}

TEST(levels_are_set_for_all_sources_or_for_one)
{
    CHECK(alpha.level == LEVEL_WARNING);
    CHECK(set_levels("info") == NULL);
    CHECK(alpha.level == LEVEL_INFO && beta.level == LEVEL_INFO);
    CHECK(set_levels("alpha:error") == NULL);
    CHECK(alpha.level == LEVEL_ERROR && beta.level == LEVEL_INFO);
    CHECK(set_levels("error") == NULL);
}

TEST(lines_logged_before_the_levels_were_set_are_printed_then)
{
    CHECK(set_levels("warning") == NULL);
    CHECK(set_levels("alpha:info") == NULL);
    CHECK(is_wanted_now("[    0.000001] info alpha: hello\n"));
    CHECK(!is_wanted_now("[    0.000001] debug alpha: hello\n"));
    CHECK(!is_wanted_now("[    0.000001] info beta: hello\n"));
    CHECK(!is_wanted_now("[    0.000001] info alphabet: hello\n"));
    CHECK(set_levels("debug") == NULL);
    CHECK(is_wanted_now("[    0.000001] debug beta: hello\n"));
    /* The second line of a text with line ends. */
    CHECK(!is_wanted_now("second\n"));
    CHECK(!is_wanted_now("]\n"));
    CHECK(!is_wanted_now("[x] \n"));
    CHECK(!is_wanted_now("] debug\n"));
    /* These were printed when they were logged. */
    CHECK(!is_wanted_now("[    0.000001] warning beta: hello\n"));
    CHECK(!is_wanted_now("[    0.000001] error beta: hello\n"));
    CHECK(set_levels("error") == NULL);
}

static bool begins_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

TEST(log_catch_up_prints_whole_lines_up_to_the_end_that_it_is_given)
{
    size_t end;

    ring_end = 0;
    log_info(&alpha, "early");
    log_info(&beta, "not wanted");
    log_info(&alpha, "also early");
    end = log_end();
    log_info(&alpha, "late");
    CHECK(set_levels("alpha:info") == NULL);
    printed_len = 0;
    log_catch_up(end);
    CHECK(printed[0] == '[' && strchr(printed, ']'));
    CHECK(strstr(printed, "] info alpha: early\n["));
    CHECK(strstr(printed, "] info alpha: also early\n"));
    CHECK(!strstr(printed, "not wanted") && !strstr(printed, "late"));
    CHECK(printed_len > 0 && printed[printed_len - 1] == '\n');
    CHECK(set_levels("error") == NULL);
}

TEST(an_unknown_level_or_source_gets_a_list_of_the_known)
{
    /* Further sources depend on the target. */
    static const char list[] =
        "a source that logs in this image: alpha, beta, boot, ";

    CHECK_TEXT(set_levels("loud"),
               "LEVEL or SOURCE:LEVEL, LEVEL one of error, warning, info, "
               "debug");
    CHECK_TEXT(set_levels("alpha:"),
               "LEVEL or SOURCE:LEVEL, LEVEL one of error, warning, info, "
               "debug");
    CHECK(begins_with(set_levels("gamma:debug"), list));
    CHECK(begins_with(set_levels("alph:debug"), list));
}

static void read_ring(char *text, size_t size)
{
    size_t from = ring_end > LOG_RING ? ring_end - LOG_RING : 0, n = 0;

    while (from < ring_end && n + 1 < size)
        text[n++] = ring[from++ % LOG_RING];
    text[n] = '\0';
}

TEST(the_ring_keeps_every_level)
{
    static char text[LOG_RING + 1];

    log_debug(&alpha, "nobody sees %d", 42);
    read_ring(text, sizeof text);
    CHECK(strstr(text, "] debug alpha: nobody sees 42\n") != NULL);
}

TEST(a_long_line_is_cut_and_has_a_line_end)
{
    static char text[LOG_RING + 1];
    size_t before = ring_end;

    log_debug(&alpha, "%0600d", 1);
    CHECK(ring_end - before == LOG_LINE);
    read_ring(text, sizeof text);
    CHECK(text[strlen(text) - 1] == '\n');
}

TEST(the_ring_keeps_the_last_lines)
{
    static char text[LOG_RING + 1];

    for (int i = 0; i < 3000; i++)
        log_debug(&beta, "line %d", i);
    read_ring(text, sizeof text);
    CHECK(strstr(text, "line 2999\n") != NULL);
    CHECK(strstr(text, "line 1000\n") == NULL);
}

TEST(log_plainly_changes_neither_the_count_of_errors_nor_the_ring)
{
    static char text[LOG_RING + 1];
    size_t before = log_errors();

    log_plainly("tool");
    log_warning(&alpha, "a warning");
    CHECK(log_errors() == before);
    log_error(&alpha, "an error");
    log_plainly(NULL);
    CHECK(log_errors() == before + 1);
    read_ring(text, sizeof text);
    CHECK(strstr(text, "] error alpha: an error\n") != NULL);
}
