/* SPDX-License-Identifier: ISC */
#include "quote.h"
#include "host.h"
#include <stdlib.h>

/* What a function of quote.h writes. */
static const char *written(void (*put)(FILE *out, const char *text),
                           const char *text)
{
    static char *last;
    size_t len;
    FILE *out;

    free(last);
    out = open_memstream(&last, &len);
    put(out, text);
    fclose(out);
    return last;
}

TEST(c_strings_have_no_line_end_quote_backslash_or_trigraph)
{
    CHECK_TEXT(written(put_c_text, ""), "\"\"");
    CHECK_TEXT(written(put_c_text, "a\nb\tc"), "\"a\\nb\\tc\"");
    CHECK_TEXT(written(put_c_text, "\"\\?"), "\"\\\"\\\\\\?\"");
    CHECK_TEXT(written(put_c_text, " ~"), "\" ~\"");
    CHECK_TEXT(written(put_c_text, "\x7f\x1f\xff"), "\"\\177\\037\\377\"");
    CHECK_TEXT(written(put_c_text, "\x01"
                                   "7"),
               "\"\\0017\"");
}

static void put_two_bytes(FILE *out, const char *text)
{
    put_c_string(out, text, 2);
}

TEST(c_strings_may_have_null_bytes)
{
    CHECK_TEXT(written(put_two_bytes, "\0a"), "\"\\000a\"");
}

TEST(the_columns_of_a_c_byte_are_counted)
{
    FILE *out = fopen("/dev/null", "w");

    CHECK(put_c_byte(out, 'a') == 1);
    CHECK(put_c_byte(out, '\n') == 2);
    CHECK(put_c_byte(out, '\t') == 2);
    CHECK(put_c_byte(out, '"') == 2);
    CHECK(put_c_byte(out, 200) == 4);
    fclose(out);
}

TEST(json_strings_escape_quotes_backslashes_and_control_characters)
{
    CHECK_TEXT(written(put_json_string, "a\"b\\c"), "\"a\\\"b\\\\c\"");
    CHECK_TEXT(written(put_json_string, "\n\x1f "), "\"\\u000a\\u001f \"");
    CHECK_TEXT(written(put_json_string, "\xc3\xa4"), "\"\xc3\xa4\"");
}

TEST(labels_of_graphviz_escape_entities)
{
    CHECK_TEXT(written(put_dot_string, "a&lt;\"\\\n"),
               "\"a&amp;lt;\\\"\\\\\\n\"");
}

TEST(xml_text_escapes_markup_quotes_and_placeholders)
{
    CHECK_TEXT(written(put_xml_text, "a&b<c>'d'\"@"),
               "a&amp;b&lt;c>&#39;d&#39;&#34;&#64;");
}

TEST(utf8_has_its_continuation_bytes)
{
    CHECK(is_utf8(""));
    CHECK(is_utf8("a\x7f"));
    CHECK(is_utf8("\xc3\xa4"));
    CHECK(is_utf8("\xc2\x80\xdf\xbf"));
    CHECK(is_utf8("\xe0\xa0\x80\xef\xbf\xbf"));
    CHECK(is_utf8("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
    CHECK(!is_utf8("\x80"));
    CHECK(!is_utf8("\xc1\xbf"));
    CHECK(!is_utf8("\xc3"));
    CHECK(!is_utf8("\xc3z"));
    CHECK(!is_utf8("\xc3\xc3"));
    CHECK(!is_utf8("\xe0\xa0"));
    CHECK(!is_utf8("\xf0\x90\x80"));
    CHECK(!is_utf8("\xf5\x80\x80\x80"));
    CHECK(!is_utf8("\xff"));
}

TEST(xl_strings_escape_quotes_backslashes_and_line_ends)
{
    CHECK_TEXT(xl_string("a b"), "\"a b\"");
    CHECK_TEXT(xl_string("\"\\\n'"), "\"\\\"\\\\\\n'\"");
    CHECK_TEXT(xl_string(""), "\"\"");
}

TEST(each_word_of_a_boot_line_is_quoted)
{
    char *words[] = {(char[]){"a"}, (char[]){"b c"}, (char[]){""},
                     (char[]){"\"\\"}};

    CHECK_TEXT(boot_line(0, words), "");
    CHECK_TEXT(boot_line(1, words), "\"a\"");
    CHECK_TEXT(boot_line(4, words), "\"a\" \"b c\" \"\" \"\\\"\\\\\"");
}

TEST(words_for_a_shell_are_quoted_where_they_must_be)
{
    CHECK_TEXT(shell_word("a_-+=.,:/@%9Z"), "a_-+=.,:/@%9Z");
    CHECK_TEXT(shell_word(""), "''");
    CHECK_TEXT(shell_word("a b"), "'a b'");
    CHECK_TEXT(shell_word("$(a)"), "'$(a)'");
    CHECK_TEXT(shell_word("~"), "'~'");
    CHECK_TEXT(shell_word("a\n"), "'a\n'");
    CHECK_TEXT(shell_word("'"), "''\\'''");
    CHECK_TEXT(shell_word("a'b'c"), "'a'\\''b'\\''c'");
}
