/* SPDX-License-Identifier: ISC */
#include "vbd_name.h"
#include <fake/fake_check.h>

TEST(names_have_the_numbers_that_xen_gives_them)
{
    static const struct {
        const char *name;
        unsigned long number;
    } known[] = {
        {"xvda", 51712},
        {"xvda1", 51713},
        {"xvdb", 51728},
        {"xvdp15", 51967},
        {"xvdq", 268439552},
        {"xvdz", 268441856},
        {"xvdaa", 268442112},
        {"xvda16", 268435472},
        {"xvdzz3", 268614915},
        {"xvdbgqcv255", 536870911}, /* the last */
        {"sda", 2048},
        {"sda3", 2051},
        {"sdp15", 2303},
        {"hda", 768},
        {"hdb1", 833},
        {"hdc", 5632},
        {"hdd63", 5759},
    };
    char name[VBD_NAME];

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        unsigned long number = 0;

        CHECK(vbd_number(known[i].name, &number));
        CHECK(number == known[i].number);
        vbd_name(known[i].number, name);
        CHECK_TEXT(name, known[i].name);
    }
}

TEST(disk_numbers_are_parsed)
{
    unsigned long number;
    char name[VBD_NAME];

    CHECK(vbd_number("51712", &number) && number == 51712);
    CHECK(vbd_number("0xca00", &number) && number == 51712);
    CHECK(vbd_number("/dev/xvda1", &number) && number == 51713);
    CHECK(vbd_number("4294967295", &number) && number == 4294967295);
    vbd_name(4294967295, name);
    CHECK_TEXT(name, "4294967295");
}

TEST(other_names_have_no_number)
{
    static const char *const none[] = {
        "", "disk.img", "xvd", "xvd1", "xvdA", "xvda01", "xvda1x", "xvda256",
        "xvda0", "sdq", "sda16", "hde", "hda64", "0x", "0xg", "51712x", "-1",
        "4294967296", "99999999999999999999", "18446744073709603328",
        "0x1000000000000ca00", "xvdbgqcw", "xvdzzzzzzzzzz",
        "eth0"};
    unsigned long number;

    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        CHECK(!vbd_number(none[i], &number));
}
