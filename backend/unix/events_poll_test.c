/* SPDX-License-Identifier: ISC */
/* The same by poll, and what is of poll alone. */
#include "events_poll.c"
#include "events_test.c"

/* In milliseconds, and rounded up: otherwise the image would not sleep at the
 * end of a wait. */
TEST(no_sleep_ends_early)
{
    CHECK(timeout(FOREVER) == -1);
    CHECK(timeout(0) == 0);
    CHECK(timeout(1) == 1);
    CHECK(timeout(MILLISECOND) == 1);
    CHECK(timeout(MILLISECOND + 1) == 2);
    CHECK(timeout(365 * 24 * 3600 * SECOND) == INT_MAX);
}
