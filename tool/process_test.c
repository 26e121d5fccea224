/* SPDX-License-Identifier: ISC */
/* Other programs: their words, output, end, and time. */
#include "process.h"
#include "host.h"
#include "say.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static struct words shell(const char *script)
{
    struct words w = {0};

    add_words(&w, "sh -c");
    add_word(&w, script);
    return w;
}

static struct outcome run_shell(const char *script, int captured, int limit)
{
    struct words w = shell(script);

    return run(&w, captured, limit);
}

TEST(words_are_split_at_blanks_and_end_with_null)
{
    struct words w = {0};

    add_words(&w, "  a\tb\n c ");
    add_word(&w, "d e");
    CHECK(w.count == 4);
    CHECK_TEXT(w.word[1], "b");
    CHECK_TEXT(w.word[3], "d e");
    CHECK(!w.word[4]);
    for (int i = 0; i < 100; i++)
        add_word(&w, "x");
    CHECK(w.count == 104 && !w.word[104]);
    add_words(&w, "");
    CHECK(w.count == 104);
}

TEST(the_output_of_one_descriptor_is_collected)
{
    struct outcome o = run_shell("echo out; echo err >&2", 2, 0);

    CHECK_TEXT(o.text, "err\n");
    CHECK(o.len == 4 && o.status == 0);
    o = run_shell("printf 'a\\0b'; exit 3", 1, 0);
    CHECK(o.len == 3 && o.status == 3 && !o.timed_out && !o.error);
    o = run_shell("echo nine >&9", 9, 0);
    CHECK_TEXT(o.text, "nine\n");
    o = run_shell("exit 4", -1, 0);
    CHECK(o.status == 4 && !o.text);
}

TEST(a_signal_that_ends_a_program_is_in_its_status)
{
    CHECK(run_shell("kill -TERM $$", -1, 0).status == 128 + SIGTERM);
}

TEST(a_program_that_cannot_be_started_is_told_from_one_that_fails)
{
    struct words w = {0}, text = {0};
    struct outcome o;
    struct ended e;

    add_word(&w, "no-such-program");
    o = run(&w, 1, 0);
    CHECK(o.error == ENOENT && o.status == 127);
    e = ENDED(want_started(&w, &o));
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: cannot run no-such-program: No such file or "
                      "directory\n");
    e = ENDED(become(&w));
    CHECK_TEXT(e.err, "mirage: cannot run no-such-program: No such file or "
                      "directory\n");
    /* A file without #! is no script for a shell if it has a path. */
    enter_new_folder();
    write_text_file("file", "echo run\n");
    add_word(&text, "./file");
    CHECK(run(&text, 1, 0).error == EACCES);
    o = run_shell("exit 127", 1, 0);
    CHECK(o.error == 0 && o.status == 127);
    CHECK(ENDED(want_started(&w, &o)).status == 0);
}

TEST(a_program_may_be_quiet_and_in_english)
{
    struct words w = shell("echo $LC_ALL; echo err >&2");
    struct ended e;

    setenv("LC_ALL", "C.UTF-8", 1);
    w.quiet = true;
    e = ENDED(run(&w, -1, 0));
    CHECK_TEXT(e.out, "C.UTF-8\n");
    CHECK_TEXT(e.err, "");
    w.quiet = false;
    w.in_english = true;
    e = ENDED(run(&w, -1, 0));
    CHECK_TEXT(e.out, "C\n");
    CHECK_TEXT(e.err, "err\n");
}

TEST(a_program_with_a_limit_is_killed_with_what_it_has_started)
{
    struct outcome o;

    enter_new_folder();
    o = run_shell("read a; echo \"<$a>\"; (sleep 1000; echo > late) & "
                  "echo $! >child; wait",
                  1, 1);
    CHECK(o.timed_out);
    CHECK(o.status == 128 + SIGKILL);
    CHECK_TEXT(o.text, "<>\n"); /* it reads /dev/null */
    for (pid_t child = atoi(text_file("child"));
         kill(child, 0) == 0 &&
         !strstr(text_file(text_of("/proc/%d/stat", (int)child)), ") Z ");)
        usleep(1000);
    o = run_shell("exit 5", 1, 100);
    CHECK(!o.timed_out && o.status == 5);
}

TEST(a_process_that_keeps_the_pipe_open_does_not_delay_the_end)
{
    struct outcome o = run_shell("sleep 1000 & echo $!", 1, 0);
    pid_t child = atoi(o.text);

    CHECK(o.status == 0 && child > 1);
    CHECK(kill(child, SIGKILL) == 0);
}

TEST(a_signal_is_passed_on_and_ends_us_after_the_program)
{
    struct ended e = ENDED({
        run_shell("trap 'echo caught; exit 9' TERM; kill -TERM $PPID; "
                  "while :; do sleep 0.01; done",
                  -1, 0);
        printf("not reached");
    });

    CHECK(e.status == 128 + SIGTERM);
    CHECK_TEXT(e.out, "caught\n");
}

TEST(a_signal_that_the_caller_ignores_stays_ignored)
{
    struct ended e = ENDED({
        signal(SIGHUP, SIG_IGN);
        run_shell("kill -HUP $PPID", -1, 0);
        printf("goes on");
    });

    CHECK_TEXT(e.out, "goes on");
    CHECK(e.status == 0);
}

TEST(a_command_is_printed_as_for_a_shell)
{
    struct words w = {0};

    add_words(&w, "a b=c");
    add_word(&w, "d e");
    CHECK_TEXT(ENDED(print_command(&w)).err, "+ a b=c 'd e'\n");
}

TEST(a_program_that_replaces_us_gets_the_output_before_its_own)
{
    struct words w = shell("echo second");
    struct ended e = ENDED({
        printf("first\n");
        become(&w);
    });

    CHECK_TEXT(e.out, "first\nsecond\n");
}
