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

static char printed[2 * LOG_RING];
static size_t printed_len;
static bool quiet; /* not printed by the platform, too */

static void put_captured(const char *text, size_t len)
{
    size_t n = min(len, sizeof printed - 1 - printed_len);

    memcpy(printed + printed_len, text, n);
    printed_len += n;
    printed[printed_len] = '\0';
    if (!quiet)
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
    CHECK(!is_wanted_now("[1]xdebug beta: hello\n"));
    CHECK(!is_wanted_now("[1] debug\nbeta: hello\n"));
    CHECK(!is_wanted_now("[1] debugbeta: hello\n"));
    CHECK(!is_wanted_now("[1] debug beta hello\n"));
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
    CHECK(set_levels("") != NULL && set_levels(":debug") != NULL);
    CHECK(set_levels("debugging") != NULL && set_levels("debu") != NULL);
}

TEST(a_list_of_sources_that_is_too_long_is_cut)
{
    static struct log_source many[26];
    static char names[26][8];
    struct log_source *before = sources;
    const char *said;

    sources = NULL;
    for (int i = 25; i >= 0; i--) {
        text_format(names[i], sizeof names[i], "%csource", 'a' + i);
        many[i] = (struct log_source){.name = names[i]};
        log_register(&many[i]);
    }
    said = set_levels("alpha:debug");
    CHECK_TEXT(said, "a source that logs in this image: asource, bsource, "
                     "csource, dsource, esource, fsource, gsource, hsource, "
                     "isource, jsource, kso");
    CHECK(many[0].level == LEVEL_ERROR);
    CHECK(set_levels("csource:debug") == NULL);
    CHECK(many[1].level == LEVEL_ERROR && many[2].level == LEVEL_DEBUG);
    sources = before;
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

static char whole[40 * LOG_RING]; /* all lines that were logged */

/* What the ring has of them: whole lines, unless none has been overwritten. */
static const char *last_lines(size_t end)
{
    const char *from = whole;

    whole[end] = '\0';
    if (end > LOG_RING) {
        from = whole + end - LOG_RING;
        from += strcspn(from, "\n");
        from += *from == '\n';
    }
    return from;
}

/* Checks what is dumped after lines of these lengths, until the ring has been
 * filled twice. */
static void dump_all(size_t first, size_t each)
{
    static char line[LOG_LINE];
    size_t end = 0;

    ring_end = 0;
    quiet = true;
    for (size_t len = first; end < 2 * LOG_RING + 600; len = each) {
        memset(line, 'a' + (char)(end % 26), len - 1);
        line[len - 1] = '\n';
        ring_add(line, len);
        memcpy(whole + end, line, len);
        end += len;
        printed_len = 0;
        printed[0] = '\0';
        log_dump();
        if (strcmp(printed, last_lines(end)) != 0) {
            CHECK_TEXT(printed, last_lines(end));
            break;
        }
    }
    quiet = false;
}

TEST(the_dumped_ring_is_the_last_lines_whole)
{
    for (size_t first = 1; first <= 8; first++) {
        dump_all(first, 512);
        dump_all(512 - first, 512);
        dump_all(first, 100 + first);
    }
    ring_end = printed_len = 0;
    log_dump();
    CHECK(printed_len == 0);
}

TEST(a_line_that_fills_the_rest_of_the_ring_alone_is_not_dumped)
{
    ring_end = 0;
    for (size_t i = 0; i < LOG_RING; i++)
        ring_add("x", 1);
    ring_add("\n", 1);
    printed_len = 0;
    log_dump();
    CHECK(printed_len == 0);
}

TEST(lines_are_not_caught_up_with_once_the_ring_has_overwritten_some)
{
    size_t end;

    ring_end = 0;
    CHECK(set_levels("warning") == NULL);
    log_info(&alpha, "early");
    CHECK(set_levels("info") == NULL);
    end = log_end();
    quiet = true;
    printed_len = 0;
    log_catch_up(end);
    CHECK(printed_len == end);
    while (log_end() < LOG_RING)
        ring_add("\n", 1);
    printed_len = 0;
    log_catch_up(log_end());
    CHECK(printed_len == end);
    ring_add("\n", 1);
    printed_len = 0;
    log_catch_up(log_end());
    CHECK(printed_len == 0);
    quiet = false;
    CHECK(set_levels("error") == NULL);
    ring_end = 0;
}

TEST(lines_have_seconds_level_and_source)
{
    unsigned seconds, micros;
    char rest[64] = "";

    quiet = true;
    printed_len = 0;
    log_error(&alpha, "%d apples", 3);
    CHECK(sscanf(printed, "[%5u.%6u] %63[^\n]", &seconds, &micros, rest) == 3);
    CHECK(micros < 1000000 && printed_len == 14 + 2 + strlen(rest));
    CHECK_TEXT(rest, "error alpha: 3 apples");
    CHECK(set_levels("alpha:debug") == NULL);
    printed_len = 0;
    log_debug(&alpha, "x");
    CHECK(strstr(printed, "] debug alpha: x\n"));
    CHECK(set_levels("alpha:info") == NULL);
    printed_len = 0;
    log_debug(&alpha, "x");
    CHECK(printed_len == 0);
    log_info(&alpha, "y");
    CHECK(printed_len > 0);
    CHECK(set_levels("error") == NULL);
    printed_len = 0;
    log_warning(&alpha, "x");
    CHECK(printed_len == 0);
    quiet = false;
}

TEST(log_plainly_prints_lines_after_its_prefix_alone)
{
    char prefix[100], wanted[100];

    CHECK(set_levels("warning") == NULL);
    quiet = true;
    printed_len = 0;
    log_plainly("tool");
    log_warning(&alpha, "%d left", 2);
    log_error(&alpha, "gone");
    log_info(&alpha, "nothing");
    CHECK_TEXT(printed, "tool: warning: 2 left\ntool: gone\n");
    memset(prefix, 'p', sizeof prefix - 1);
    prefix[sizeof prefix - 1] = '\0';
    log_plainly(prefix);
    printed_len = 0;
    log_error(&alpha, "gone");
    text_format(wanted, sizeof wanted, "%.63sgone\n", prefix);
    CHECK_TEXT(printed, wanted);
    log_plainly(NULL);
    printed_len = 0;
    log_error(&alpha, "gone");
    CHECK(printed[0] == '[');
    quiet = false;
    CHECK(set_levels("error") == NULL);
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
