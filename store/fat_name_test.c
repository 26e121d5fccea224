/* SPDX-License-Identifier: ISC */
#include "fat_name.h"
#include "check.h"
#include <mirage/fat.h>

static struct fat_name name_of(const char *text)
{
    struct fat_name n = {{0}, 0};

    CHECK(fat_name_parse(text, strlen(text), &n) == OK);
    return n;
}

static enum status parse(const char *text)
{
    struct fat_name n;

    return fat_name_parse(text, strlen(text), &n);
}

TEST(utf_8_is_converted_to_utf_16_and_back)
{
    static const char *const texts[] = {"a", "a file.txt", "Grüße", "日本語",
                                        "🎈", "a🎈b", "\u07ff\u0800\uffff",
                                        ".hidden", "..x", " lead",
                                        "\U0010ffff"};
    char text[FAT_NAME_BYTES];

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct fat_name n = name_of(texts[i]);

        CHECK(fat_name_text(&n, text));
        CHECK_TEXT(text, texts[i]);
    }
}

TEST(a_text_that_no_directory_lists_is_not_parsed)
{
    static const char *const wrong[] = {
        "\x01", "\xff", "\xc0\x80", "\xc3", "a\xe2\x98",
        "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
        "\xe0\x80\xaf", "a\x80"};
    char long_one[257];

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(parse(wrong[i]) == ERR_NAME);
    memset(long_one, 'x', 256);
    long_one[256] = '\0';
    CHECK(parse(long_one) == ERR_NAME);
    CHECK(parse(long_one + 1) == OK);
}

TEST(a_name_against_the_rules_is_parsed_but_not_created)
{
    static const char *const odd[] = {"a.", "a ", "a:b", "a*", "a?", "a\"",
                                      "a<", "a>", "a|", "a\\b", "\x7f"};
    char text[FAT_NAME_BYTES], folded[FAT_FOLDED];

    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct fat_name n = name_of(odd[i]);

        CHECK(fat_name_text(&n, text));
        CHECK_TEXT(text, odd[i]);
        CHECK(fat_name_check_new(&n) == ERR_NAME);
        CHECK(fat_fold_name(odd[i], folded) == ERR_NAME);
    }
    CHECK(fat_fold_name("", folded) == ERR_NAME);
    CHECK(fat_fold_name("..", folded) == ERR_NAME);
}

TEST(names_that_differ_by_case_fold_to_the_same)
{
    char folded[FAT_FOLDED];

    CHECK(fat_fold_name("Readme.txt", folded) == OK);
    CHECK_TEXT(folded, "README.TXT");
    CHECK(fat_fold_name("grüße ÿ ж", folded) == OK);
    CHECK_TEXT(folded, "GRÜßE Ÿ Ж");
}

TEST(a_lone_surrogate_is_not_converted_to_utf_8)
{
    struct fat_name n = {{0xd83c, 'x'}, 2};
    char text[FAT_NAME_BYTES];

    CHECK(!fat_name_text(&n, text));
    n.len = 1;
    CHECK(!fat_name_text(&n, text));
    n.unit[0] = 0xdf88;
    CHECK(!fat_name_text(&n, text));
    n.unit[0] = '/';
    CHECK(!fat_name_text(&n, text));
    n.unit[0] = '.';
    CHECK(!fat_name_text(&n, text));
}

TEST(names_are_compared_without_case)
{
    static const char *const pairs[][2] = {
        {"readme.TXT", "ReadMe.txt"},
        {"ÄÖÜ", "äöü"},
        {"ÿ", "Ÿ"},
        {"ŝĝ", "ŜĜ"},
        {"Ÿźż", "ÿŹŻ"},
        {"ΑΒΣ", "αβσ"},
        {"ς", "Σ"},
        {"ПРИВЕТ", "привет"},
        {"Ёѓ", "ёЃ"},
        {"ԱՖ", "աֆ"},
        {"ＡＺ", "ａｚ"},
        {"ỆỸ", "ệỹ"},
        {"ǍǏ", "ǎǐ"},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct fat_name a = name_of(pairs[i][0]), b = name_of(pairs[i][1]);

        CHECK(fat_name_is_same(&a, &b));
        CHECK(fat_name_hash(&a, 7) == fat_name_hash(&b, 7));
    }
    CHECK(!fat_name_is_same(&(struct fat_name){{'a'}, 1},
                            &(struct fat_name){{'b'}, 1}));
    CHECK(!fat_name_is_same(&(struct fat_name){{0x00f7}, 1},
                            &(struct fat_name){{0x00d7}, 1}));
}

static void short_is(const char *text, const char *wanted, enum fat_fit fit)
{
    struct fat_name n = name_of(text);
    uint8_t s[12] = {0};

    CHECK(fat_short_make(&n, s) == fit);
    CHECK_TEXT((const char *)s, wanted);
}

TEST(short_names_are_made_by_the_rules_of_fat)
{
    short_is("README.TXT", "README  TXT", FAT_FITS);
    short_is("A", "A          ", FAT_FITS);
    short_is("12345678.123", "12345678123", FAT_FITS);
    short_is("A~1{}$#&'()-@^_`", "A~1{}$#&   ", FAT_IS_LOSSY);
    short_is("readme.txt", "README  TXT", FAT_FITS_IN_CAPITALS);
    short_is("ReadMe", "README     ", FAT_FITS_IN_CAPITALS);
    short_is("123456789", "12345678   ", FAT_IS_LOSSY);
    short_is("a.jpeg", "A       JPE", FAT_IS_LOSSY);
    short_is("a.b.c", "AB      C  ", FAT_IS_LOSSY);
    short_is("two words", "TWOWORDS   ", FAT_IS_LOSSY);
    short_is(".hidden", "HIDDEN     ", FAT_IS_LOSSY);
    short_is(". .x", "X          ", FAT_IS_LOSSY);
    short_is("+,;=[]", "______     ", FAT_IS_LOSSY);
    short_is("日本.txt", "__      TXT", FAT_IS_LOSSY);
}

TEST(each_number_makes_another_short_name)
{
    struct fat_name n = name_of("a long name.text");
    uint8_t basis[FAT_SHORT_BYTES], s[12] = {0}, t[12] = {0};

    CHECK(fat_short_make(&n, basis) == FAT_IS_LOSSY);
    fat_short_make_numbered(&n, basis, 1, s);
    CHECK_TEXT((const char *)s, "ALONGN~1TEX");
    fat_short_make_numbered(&n, basis, 9, s);
    CHECK_TEXT((const char *)s, "ALONGN~9TEX");
    fat_short_make_numbered(&n, basis, 10, s);
    fat_short_make_numbered(&n, basis, 11, t);
    CHECK(memcmp(s, "AL", 2) == 0 && s[6] == '~' && s[7] == '1');
    CHECK(memcmp(s, t, FAT_SHORT_BYTES) != 0);
    n = name_of("b+");
    CHECK(fat_short_make(&n, basis) == FAT_IS_LOSSY);
    fat_short_make_numbered(&n, basis, 2, s);
    CHECK_TEXT((const char *)s, "B_~2       ");
}

TEST(a_short_name_is_read_in_the_case_of_its_ntres_bits)
{
    uint8_t slot[32] = "README  TXT";
    struct fat_name n;
    char text[FAT_NAME_BYTES];

    slot[11] = 0x20;
    slot[12] = 0x08;
    fat_short_read(slot, &n);
    CHECK(fat_name_text(&n, text));
    CHECK_TEXT(text, "readme.TXT");
    slot[12] = 0x10;
    fat_short_read(slot, &n);
    CHECK(fat_name_text(&n, text));
    CHECK_TEXT(text, "README.txt");
    slot[12] = 0;
    slot[0] = 0x05; /* stands for 0xe5, which marks a free entry */
    slot[1] = 0x81;
    fat_short_read(slot, &n);
    CHECK(fat_name_text(&n, text));
    CHECK_TEXT(text, "σüADME.TXT");
}

/* Writes the entries of a name, the last part first, and reads them. */
static bool round_trip(const char *text)
{
    struct fat_name n = name_of(text);
    struct fat_long_name p = {0};
    uint8_t slot[32];
    char found[FAT_NAME_BYTES];

    for (size_t i = fat_long_entries(&n); i > 0; i--) {
        CHECK(!p.is_whole);
        fat_long_put(&n, i, 0x5a, slot);
        fat_long_get(&p, slot);
    }
    CHECK(p.is_whole && p.sum == 0x5a);
    return fat_name_text(&p.name, found) && strcmp(found, text) == 0;
}

TEST(a_long_name_is_read_back_from_its_entries)
{
    char text[256];

    for (size_t len = 1; len <= 255; len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        CHECK(round_trip(text));
    }
    CHECK(round_trip("thirteen char"));
    CHECK(round_trip("🎈🎈🎈🎈🎈🎈🎈🎈🎈"));
}

TEST(long_name_entries_that_do_not_belong_together_are_ignored)
{
    struct fat_name n = name_of("a name of more than thirteen characters");
    struct fat_long_name p = {0};
    uint8_t slot[32];

    fat_long_put(&n, 3, 1, slot);
    fat_long_get(&p, slot);
    fat_long_put(&n, 1, 1, slot); /* the second is missing */
    fat_long_get(&p, slot);
    CHECK(!p.is_whole);
    p = (struct fat_long_name){0};
    fat_long_put(&n, 3, 1, slot);
    fat_long_get(&p, slot);
    fat_long_put(&n, 2, 2, slot); /* of another name */
    fat_long_get(&p, slot);
    fat_long_put(&n, 1, 1, slot);
    fat_long_get(&p, slot);
    CHECK(!p.is_whole);
    for (int first = 0; first < 256; first++) {
        p = (struct fat_long_name){0};
        slot[0] = (uint8_t)first;
        fat_long_get(&p, slot);
        CHECK(p.name.len <= FAT_NAME_UNITS);
    }
}
