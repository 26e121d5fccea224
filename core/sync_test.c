/* SPDX-License-Identifier: ISC */
/* Mutexes and mailboxes: who may do what, and who is woken. */
#include "panics.h"
#include "sync.c"
#include "check.h"

static char trace[64];

static void note(char c)
{
    size_t len = strlen(trace);

    trace[len] = c;
    trace[len + 1] = '\0';
}

static struct fiber *spawn(fiber_fn *fn, void *ctx)
{
    struct fiber *f;

    CHECK(fiber_spawn(NULL, fn, ctx, &f) == OK);
    CHECK(fiber_yield() == OK);
    return f;
}

static struct fiber_mutex mutex;

TEST(a_mutex_is_locked_once_and_unlocked_by_its_owner)
{
    CHECK(PANICS(fiber_unlock(&mutex)));
    CHECK(fiber_lock(&mutex, 0) == OK && mutex.owner == fiber_self());
    CHECK(PANICS(CHECK(fiber_lock(&mutex, 0) != OK)));
    CHECK(mutex.owner == fiber_self());
    fiber_unlock(&mutex);
    CHECK(!mutex.owner);
    CHECK(PANICS(fiber_unlock(&mutex)));
}

static void lock_and_note(void *ctx)
{
    CHECK(fiber_lock(&mutex, FOREVER) == OK);
    note(*(const char *)ctx);
    fiber_unlock(&mutex);
}

static void unlock_others(void *ctx)
{
    (void)ctx;
    CHECK(PANICS(fiber_unlock(&mutex)));
    note('p');
}

TEST(a_mutex_passes_to_the_fiber_that_waits_though_another_asks_first)
{
    struct fiber *f, *other;

    trace[0] = '\0';
    CHECK(fiber_lock(&mutex, 0) == OK);
    f = spawn(unlock_others, NULL);
    CHECK(fiber_join(f, FOREVER) == OK);
    f = spawn(lock_and_note, "f");
    other = spawn(lock_and_note, "o");
    fiber_unlock(&mutex);
    CHECK(mutex.owner == f); /* it has it before it runs */
    CHECK(fiber_lock(&mutex, FOREVER) == OK);
    CHECK_TEXT(trace, "pfo");
    fiber_unlock(&mutex);
    CHECK(fiber_join(f, FOREVER) == OK && fiber_join(other, FOREVER) == OK);
    CHECK(!mutex.owner);
}

static struct mailbox box;

static void send_one(void *ctx)
{
    enum status s = mailbox_send(&box, ctx, FOREVER);

    note(s == OK ? 's' : s == ERR_GONE ? 'g'
                                       : '?');
}

static void receive_one(void *ctx)
{
    void *message = NULL;
    enum status s = mailbox_receive(&box, &message, FOREVER);

    (void)ctx;
    note(s == OK ? *(const char *)message : s == ERR_EOF ? 'e'
                                                         : '?');
    CHECK(s == OK || message == NULL);
}

TEST(a_mailbox_has_room_for_at_least_one_message)
{
    void *slots[1];

    CHECK(PANICS(mailbox_init(&box, slots, 0)));
}

TEST(closing_a_mailbox_wakes_all_that_wait_to_send)
{
    void *slots[1], *message;
    struct fiber *f[2];

    trace[0] = '\0';
    mailbox_init(&box, slots, 1);
    CHECK(mailbox_send(&box, "a", 0) == OK);
    f[0] = spawn(send_one, "b");
    f[1] = spawn(send_one, "c");
    CHECK_TEXT(trace, "");
    mailbox_close(&box);
    for (int i = 0; i < 2; i++)
        CHECK(fiber_join(f[i], time_after(60 * SECOND)) == OK);
    CHECK_TEXT(trace, "gg");
    CHECK(mailbox_receive(&box, &message, 0) == OK);
    CHECK_TEXT(message, "a");
    CHECK(mailbox_receive(&box, &message, 0) == ERR_EOF);
    CHECK(mailbox_send(&box, "d", 0) == ERR_GONE);
}

TEST(closing_a_mailbox_wakes_all_that_wait_to_receive)
{
    void *slots[1];
    struct fiber *f[2];

    trace[0] = '\0';
    mailbox_init(&box, slots, 1);
    f[0] = spawn(receive_one, NULL);
    f[1] = spawn(receive_one, NULL);
    mailbox_close(&box);
    for (int i = 0; i < 2; i++)
        CHECK(fiber_join(f[i], time_after(60 * SECOND)) == OK);
    CHECK_TEXT(trace, "ee");
}

TEST(each_message_wakes_one_receiver_and_each_free_slot_one_sender)
{
    void *slots[2], *message;
    struct fiber *f[3];

    trace[0] = '\0';
    mailbox_init(&box, slots, 2);
    for (int i = 0; i < 2; i++)
        f[i] = spawn(receive_one, NULL);
    CHECK(mailbox_send(&box, "x", 0) == OK);
    CHECK(fiber_yield() == OK);
    CHECK_TEXT(trace, "x");
    CHECK(mailbox_send(&box, "y", 0) == OK);
    for (int i = 0; i < 2; i++)
        CHECK(fiber_join(f[i], time_after(60 * SECOND)) == OK);
    CHECK_TEXT(trace, "xy");
    for (int i = 0; i < 3; i++)
        f[i] = spawn(send_one, &"abc"[i]);
    CHECK_TEXT(trace, "xyss");
    CHECK(mailbox_receive(&box, &message, 0) == OK && *(char *)message == 'a');
    CHECK(fiber_yield() == OK);
    CHECK_TEXT(trace, "xysss");
    for (int i = 0; i < 2; i++) {
        CHECK(mailbox_receive(&box, &message, 0) == OK);
        CHECK(*(char *)message == "bc"[i]);
    }
    CHECK(mailbox_receive(&box, &message, 0) == ERR_TIMEOUT);
    for (int i = 0; i < 3; i++)
        CHECK(fiber_join(f[i], time_after(60 * SECOND)) == OK);
}
