/* SPDX-License-Identifier: ISC */
/* Tests of the texts of statuses. */
#include "check.h"

TEST(each_status_has_its_text)
{
    CHECK_TEXT(status_text(OK), "done");
    CHECK_TEXT(status_text(ERR_EOF), "end of the stream");
    CHECK_TEXT(status_text(ERR_IO), "the device failed");
}

TEST(an_unknown_status_has_a_text_too)
{
    CHECK_TEXT(status_text((enum status)(ERR_IO + 1)), "an unknown status");
    CHECK_TEXT(status_text((enum status)1000), "an unknown status");
}
