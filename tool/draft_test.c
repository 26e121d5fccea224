/* SPDX-License-Identifier: ISC */
/* The lock of a folder, and files that are written beside those in use. */
#include "draft.h"
#include "host.h"
#include "say.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void lock_and_look(void)
{
    lock_folder();
    if (!is_regular(".mirage/lock"))
        exit(FAILED);
}

/* Must be the first: the atexit handler is registered once in a process. */
TEST(the_lock_is_released_at_the_end_of_the_program)
{
    enter_new_folder();
    CHECK(ENDED(lock_and_look()).status == 0);
    CHECK(!is_there(".mirage"));
}

TEST(the_lock_makes_its_folder_and_removes_it_when_it_is_empty)
{
    enter_new_folder();
    CHECK(!has_own_folder());
    lock_folder();
    CHECK(has_own_folder());
    CHECK(is_regular(".mirage/lock"));
    lock_folder(); /* again: it is held */
    unlock_folder();
    CHECK(!is_there(".mirage"));
    unlock_folder();
    lock_folder();
    write_text_file(".mirage/record", "");
    unlock_folder();
    CHECK(!is_there(".mirage/lock"));
    CHECK(is_there(".mirage/record"));
}

TEST(dot_mirage_is_a_folder_of_its_own)
{
    static const char refusal[] =
        "mirage: .mirage is no folder of this one's own: it is a link or a "
        "file. Nothing was changed; remove it.\n";
    struct ended e;

    enter_new_folder();
    mkdir("other", 0777);
    CHECK(symlink("other", ".mirage") == 0);
    CHECK(!has_own_folder());
    e = ENDED(lock_folder());
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, refusal);
    CHECK(!is_there("other/lock"));
    CHECK(remove(".mirage") == 0);
    write_text_file(".mirage", "");
    CHECK(!has_own_folder());
    CHECK_TEXT(ENDED(lock_folder()).err, refusal);
    enter_new_folder();
    mkdir(".mirage", 0777);
    CHECK(symlink("../made", ".mirage/lock") == 0);
    e = ENDED(lock_folder());
    CHECK_TEXT(e.err, "mirage: cannot write .mirage/lock: Too many levels of "
                      "symbolic links. Nothing was changed.\n");
    CHECK(!is_there("made"));
}

/* A process that has the lock, until it can read from the descriptor. */
static pid_t other_mirage(int *end)
{
    int has[2], until[2];
    pid_t pid;
    char byte;

    CHECK(pipe(has) == 0 && pipe(until) == 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        lock_folder();
        close(until[1]);
        CHECK(write(has[1], "", 1) == 1);
        CHECK(read(until[0], &byte, 1) == 0);
        exit(0);
    }
    close(until[0]);
    CHECK(read(has[0], &byte, 1) == 1);
    *end = until[1];
    return pid;
}

TEST(two_programs_do_not_have_the_lock_at_once)
{
    struct ended e;
    int end;

    enter_new_folder();
    other_mirage(&end);
    e = ENDED({
        int fd = open(".mirage/lock", O_RDWR);

        exit(flock(fd, LOCK_EX | LOCK_NB) == 0 ? 1 : 0);
    });
    CHECK(e.status == 0);
    e = ended_begin();
    if (e.is_child) {
        close(end);
        lock_folder();
        printf("%d", is_regular(".mirage/lock"));
        ended_child();
    }
    /* Its message is in the file before the other one ends. */
    for (struct stat st = {0}; st.st_size == 0; usleep(1000))
        fstat(fileno(e.files[1]), &st);
    close(end);
    ended_wait(&e);
    CHECK(e.status == 0);
    CHECK_TEXT(e.out, "1"); /* a lock of its own: that one was removed */
    CHECK_TEXT(e.err, "mirage: another mirage is at work in this folder: "
                      "waiting for it\n");
    CHECK(!is_there(".mirage"));
}

TEST(a_file_is_replaced_when_it_is_complete)
{
    FILE *out;

    enter_new_folder();
    lock_folder();
    write_text_file("a", "old");
    out = begin_file("a");
    fputs("new", out);
    fflush(out);
    CHECK_TEXT(text_file("a"), "old");
    CHECK_TEXT(text_file(".mirage/a.draft"), "new");
    finish_file(out, "a");
    CHECK_TEXT(text_file("a"), "new");
    CHECK(!is_there(".mirage/a.draft"));
    out = begin_file(".mirage/record");
    CHECK(is_regular(".mirage/record.draft"));
    finish_file(out, ".mirage/record");
    CHECK(is_regular(".mirage/record"));
    unlock_folder();
}

TEST(a_link_in_the_place_of_a_draft_is_removed)
{
    FILE *out;

    enter_new_folder();
    lock_folder();
    write_text_file("other", "old");
    CHECK(symlink("../other", ".mirage/a.draft") == 0);
    out = begin_file("a");
    fputs("new", out);
    finish_file(out, "a");
    CHECK_TEXT(text_file("other"), "old");
    CHECK_TEXT(text_file("a"), "new");
    CHECK(is_regular("a"));
    unlock_folder();
}

TEST(a_file_gets_the_time_before_its_sources_were_read)
{
    struct timespec when = {1000000000, 5000}, now = file_time();
    time_t seconds = time(NULL);
    struct stat st;

    enter_new_folder();
    lock_folder();
    finish_file_at(begin_file("a"), "a", when);
    CHECK(stat("a", &st) == 0);
    CHECK(st.st_mtim.tv_sec == 1000000000);
    CHECK(st.st_mtim.tv_nsec == 5000);
    finish_file(begin_file("b"), "b");
    CHECK(stat("b", &st) == 0);
    CHECK(now.tv_sec <= seconds && now.tv_sec > seconds - 1000);
    CHECK(st.st_mtim.tv_sec + 1 >= now.tv_sec);
    unlock_folder();
}

TEST(a_draft_that_cannot_be_written_is_an_error)
{
    struct ended e;
    FILE *full;

    enter_new_folder();
    lock_folder();
    mkdir(".mirage/a.draft", 0777);
    CHECK(!open_draft("a"));
    CHECK(errno == EEXIST);
    e = ENDED(begin_file("a"));
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: cannot write a: File exists\n");
    full = fopen("/dev/full", "w");
    fputs("text", full);
    write_text_file(".mirage/b.draft", "");
    CHECK(!close_draft(full, "b"));
    CHECK(errno == ENOSPC);
    CHECK(!is_there(".mirage/b.draft"));
    full = fopen("/dev/full", "w");
    fputs("text", full);
    fflush(full); /* it fails here, and not when it is closed */
    CHECK(!close_draft(full, "b"));
    e = ENDED({
        full = fopen("/dev/full", "w");
        fputs("text", full);
        finish_file(full, "c");
    });
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: cannot write c: No space left on device\n");
    e = ENDED({
        full = fopen("/dev/full", "w");
        fputs("text", full);
        finish_file_at(full, "c", file_time());
    });
    CHECK_TEXT(e.err, "mirage: cannot write c: No space left on device\n");
    CHECK(!rename_draft("n", "n"));
    unlock_folder();
}

TEST(links_are_there_and_are_no_regular_files)
{
    enter_new_folder();
    CHECK(symlink("nothing", "a") == 0);
    write_text_file("b", "");
    CHECK(is_there("a"));
    CHECK(!is_regular("a"));
    CHECK(is_there("b"));
    CHECK(is_regular("b"));
    CHECK(!is_there("c"));
    CHECK(!is_regular("c"));
    CHECK(is_there("."));
    CHECK(!is_regular("."));
}
