/* SPDX-License-Identifier: ISC */
/* Batches of reads and writes, with io_uring and without. */
#include "batch.h"
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int end[2];
static struct batch *batch;
static char text[8][8];
static struct iovec part[8];
static struct batch_entry entry[8];

/* A pair of sockets with message boundaries, as a TAP has frames. */
static void begin(bool with_ring)
{
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, end) == 0);
    batch = batch_new(end[0]);
    CHECK(batch != NULL);
    if (!with_ring)
        batch_without_ring(batch);
    memset(text, 0, sizeof text);
}

static void finish(void)
{
    batch_free(batch);
    close(end[0]);
    close(end[1]);
}

static void ask(int i, bool is_write, const char *what)
{
    strcpy(text[i], what);
    part[i] = (struct iovec){text[i], is_write ? strlen(what) : 8};
    entry[i] = (struct batch_entry){is_write, &part[i], 1, 0};
}

static void try_both_ways(bool with_ring)
{
    char got[8] = "";

    begin(with_ring);
    CHECK(write(end[1], "one", 3) == 3 && write(end[1], "four", 4) == 4);
    ask(0, true, "a");
    ask(1, true, "bc");
    ask(2, false, "");
    ask(3, false, "");
    ask(4, false, "");
    ask(5, false, "");
    batch_run(batch, entry, 6);
    CHECK(entry[0].done == 1 && entry[1].done == 2);
    CHECK(entry[2].done == 3 && strcmp(text[2], "one") == 0);
    CHECK(entry[3].done == 4 && strcmp(text[3], "four") == 0);
    CHECK(entry[4].done == -EAGAIN && entry[5].done == -EAGAIN);
    CHECK(read(end[1], got, 8) == 1 && got[0] == 'a');
    CHECK(read(end[1], got, 8) == 2 && memcmp(got, "bc", 2) == 0);
    finish();
}

static void try_an_error(bool with_ring)
{
    begin(with_ring);
    close(end[1]);
    ask(0, true, "a");
    ask(1, true, "b");
    batch_run(batch, entry, 2);
    CHECK(entry[0].done == -ECONNREFUSED && entry[1].done < 0);
    finish();
}

TEST(entries_are_done_in_their_order_and_none_waits)
{
    try_both_ways(true);
    try_both_ways(false);
}

TEST(a_failed_entry_has_its_errno)
{
    try_an_error(true);
    try_an_error(false);
}

TEST(a_single_entry_is_done_too)
{
    begin(true);
    ask(0, false, "");
    batch_run(batch, entry, 1);
    CHECK(entry[0].done == -EAGAIN);
    finish();
}

TEST(many_batches_leave_nothing_behind)
{
    begin(true);
    for (int i = 0; i < 1000; i++) {
        char got[8];

        ask(0, true, "x");
        ask(1, true, "y");
        batch_run(batch, entry, 2);
        CHECK(entry[0].done == 1 && entry[1].done == 1);
        CHECK(read(end[1], got, 8) == 1 && read(end[1], got, 8) == 1);
    }
    finish();
}
