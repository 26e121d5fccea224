/* SPDX-License-Identifier: ISC */
#include "check.h"

TEST(each_status_has_its_text)
{
    CHECK_TEXT(status_text(OK), "done");
    CHECK_TEXT(status_text(ERR_EOF), "end of the stream");
    CHECK_TEXT(status_text(ERR_IO), "the device failed");
}

TEST(what_is_no_status_has_a_text_as_well)
{
    CHECK_TEXT(status_text((enum status)(ERR_IO + 1)), "an unknown status");
    CHECK_TEXT(status_text((enum status)1000), "an unknown status");
}
