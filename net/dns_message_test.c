/* SPDX-License-Identifier: ISC */
/* Parsing and emission of DNS messages. */
#include "check.h"
#include "dns_message.h"
#include <mirage/bytes.h>
#include <stdlib.h>

/* clang-format off */
/* The question for www.example.org, at byte 12. */
#define WWW      "\3www\7example\3org\0"
#define QUESTION WWW "\0\1\0\1"
#define QUERY    "\x12\x34\1\0\0\1\0\0\0\0\0\0" QUESTION

/* The header of an answer with these counts of records. */
#define HEAD(flags, answers, others, more) \
    "\x12\x34" flags "\0\1\0" answers "\0" others "\0" more QUESTION

/* Records of a name: an address, for 300 s; an alias of two or four bytes. */
#define ADDRESS(name, ip)    name "\0\1\0\1\0\0\1\x2c\0\4" ip
#define CNAME2(name, ttl, a) name "\0\5\0\1\0\0\0" ttl "\0\2" a
#define CNAME4(name, ttl, a) name "\0\5\0\1\0\0\0" ttl "\0\4" a
/* A SOA for 600 s, with a negative TTL of least. */
#define SOA(least) "\xc0\x10\0\6\0\1\0\0\2\x58\0\x16\0\0" \
                   "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4" least
#define OPT "\0\0\x29\4\xd0\0\0\0\0\0\0"

/* Pointers to www.example.org, example.org, org; to byte n. */
#define AT_WWW     "\xc0\x0c"
#define AT_EXAMPLE "\xc0\x10"
#define AT_ORG     "\xc0\x18"
/* clang-format on */

static struct dns_name name_of(const char *text)
{
    struct dns_name name = {.len = 0};

    CHECK(dns_name_of_text(text, &name));
    return name;
}

static struct dns_query www(void)
{
    return (struct dns_query){0x1234, name_of("www.example.org"), false};
}

/* Parses a copy, so that AddressSanitizer sees what is read beyond the end. */
static bool parse(const char *p, size_t len, struct dns_reply *r)
{
    struct dns_query q = www();
    uint8_t *copy = malloc(len + (len == 0));
    bool is_good;

    memcpy(copy, p, len);
    is_good = dns_parse(copy, len, &q, false, r);
    free(copy);
    return is_good;
}

#define PARSE(message, r) parse(message, sizeof(message) - 1, r)

/* A text of count characters c. */
static const char *times(char c, size_t count)
{
    static char text[300];

    memset(text, c, count);
    text[count] = '\0';
    return text;
}

TEST(a_name_has_labels_between_dots_and_may_end_in_a_dot)
{
    struct dns_name a = name_of("www.example.org");
    struct dns_name b = name_of("WWW.Example.ORG.");

    CHECK(a.len == sizeof WWW - 1 && memcmp(a.wire, WWW, a.len) == 0);
    CHECK(b.len == a.len && memcmp(b.wire, WWW, a.len) != 0);
    CHECK(dns_name_equal(&a, &b));
    dns_name_fold(&b);
    CHECK(memcmp(a.wire, b.wire, a.len) == 0);
    CHECK(name_of("x").len == 3 && name_of("_dmarc.a-b.c9").len > 3);
}

TEST(names_that_no_host_can_have_are_refused)
{
    static const char *const wrong[] = {
        "", ".", "..", "a..b", ".a", "a b", "a\nb", "b\xc3\xbc.de", "a/b",
        "a:80", "10.0.0.300", "7", "1.2.3", "a*b", "a\\.b"};
    struct dns_name name;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(!dns_name_of_text(wrong[i], &name));
    CHECK(dns_name_of_text("1.2.3.x", &name));
}

TEST(labels_have_63_bytes_and_names_253_at_most)
{
    struct dns_name name;
    char text[300] = "";

    CHECK(dns_name_of_text(times('a', 63), &name) && name.len == 65);
    CHECK(!dns_name_of_text(times('a', 64), &name));
    for (int i = 0; i < 126; i++)
        strcat(text, "a.");
    CHECK(strlen(text) == 252);
    strcat(text, "a");
    CHECK(dns_name_of_text(text, &name) && name.len == 255);
    strcat(text, ".");
    CHECK(dns_name_of_text(text, &name) && name.len == 255);
    text[252] = '\0';
    strcat(text, "ab");
    CHECK(!dns_name_of_text(text, &name));
}

TEST(names_that_end_in_the_labels_of_a_domain_are_in_it)
{
    struct dns_name local = name_of("localhost"), sub = name_of("a.LocalHost");
    struct dns_name other = name_of("mylocalhost"), org = name_of("org");

    CHECK(dns_name_is_in(&local, &local) && dns_name_is_in(&sub, &local));
    CHECK(!dns_name_is_in(&other, &local) && !dns_name_is_in(&org, &local));
    CHECK(!dns_name_is_in(&local, &sub));
}

TEST(a_query_has_the_format_of_rfc_1035)
{
    struct dns_query q = www();
    uint8_t p[DNS_QUERY_LEN];

    CHECK(dns_emit(&q, p) == sizeof QUERY - 1);
    CHECK(memcmp(p, QUERY, sizeof QUERY - 1) == 0);
    q.has_edns = true;
    CHECK(dns_emit(&q, p) == sizeof QUERY - 1 + 11);
    CHECK(p[11] == 1 && memcmp(p + sizeof QUERY - 1, OPT, 11) == 0);
}

TEST(the_longest_name_fits_into_a_query)
{
    struct dns_query q = {1, {.len = 0}, true};
    char text[254];
    uint8_t p[DNS_QUERY_LEN];

    for (size_t i = 0; i < 253; i++)
        text[i] = i % 64 == 63 ? '.' : 'a';
    text[253] = '\0';
    q.name = name_of(text);
    CHECK(q.name.len == 255 && dns_emit(&q, p) == DNS_QUERY_LEN);
}

TEST(mixing_changes_only_the_case_of_letters)
{
    struct dns_name plain = name_of("www-4.example-9.org"), mixed = plain;
    unsigned seen[2] = {0, 0};

    for (int i = 0; i < 64; i++) {
        mixed = plain;
        dns_name_mix(&mixed);
        CHECK(dns_name_equal(&mixed, &plain) && mixed.len == plain.len);
        seen[mixed.wire[1] == 'w']++;
        dns_name_fold(&mixed);
        CHECK(memcmp(mixed.wire, plain.wire, plain.len) == 0);
    }
    CHECK(seen[0] > 0 && seen[1] > 0);
}

TEST(addresses_are_kept_in_order_with_the_least_ttl)
{
    static const char m[] = HEAD("\x81\x80", "\2", "\0", "\1")
        ADDRESS(AT_WWW, "\x0a\1\2\3")
            WWW "\0\1\0\1\0\0\0\x3c\0\4\x0a\1\2\4" OPT;
    struct dns_reply r;

    CHECK(PARSE(m, &r));
    CHECK(r.kind == DNS_FOUND && r.found.count == 2 && r.ttl == 60);
    CHECK(ip_equal(r.found.ip[0], ipv4_address(10, 1, 2, 3)));
    CHECK(ip_equal(r.found.ip[1], ipv4_address(10, 1, 2, 4)));
}

TEST(records_of_other_names_types_and_classes_are_ignored)
{
    static const char m[] = HEAD("\x81\x80", "\4", "\0", "\0")
        ADDRESS(AT_EXAMPLE, "\x0a\0\0\1")
            AT_WWW "\0\1\0\3\0\0\0\1\0\4\x0a\0\0\2" /* CHAOS */
        AT_WWW "\0\x10\0\1\0\0\0\1\0\2\1x" /* TXT */
        ADDRESS(AT_WWW, "\x0a\0\0\3");
    struct dns_reply r;

    CHECK(PARSE(m, &r));
    CHECK(r.kind == DNS_FOUND && r.found.count == 1 && r.ttl == 300);
    CHECK(ip_equal(r.found.ip[0], ipv4_address(10, 0, 0, 3)));
}

TEST(at_most_eight_addresses_are_kept)
{
    char p[1000];
    struct dns_reply r;
    size_t len = sizeof QUERY - 1;

    memcpy(p, HEAD("\x81\x80", "\x14", "\0", "\0"), len);
    for (char i = 0; i < 20; i++, len += 16) {
        memcpy(p + len, ADDRESS(AT_WWW, "\x0a\0\0"), 16);
        p[len + 15] = i;
    }
    CHECK(parse(p, len, &r) && r.found.count == DNS_ADDRESSES);
    CHECK(ip_equal(r.found.ip[7], ipv4_address(10, 0, 0, 7)));
}

TEST(addresses_that_no_host_has_are_ignored)
{
    static const char m[] = HEAD("\x81\x80", "\3", "\0", "\0")
        ADDRESS(AT_WWW, "\0\0\0\0") ADDRESS(AT_WWW, "\xe0\0\0\1")
            ADDRESS(AT_WWW, "\xff\xff\xff\xff");
    struct dns_reply r;

    CHECK(PARSE(m, &r));
    CHECK(r.kind == DNS_NO_DATA && r.found.count == 0 && r.ttl == 0);
}

TEST(aliases_are_followed_in_any_order_to_the_address)
{
    /* www -> a.org (10 s), a.org -> b.org (200 s), b.org has an address. */
    static const char in_order[] = HEAD("\x81\x80", "\3", "\0", "\0")
        CNAME4(AT_WWW, "\x0a", "\1a" AT_ORG)
            CNAME4("\xc0\x2d", "\xc8", "\1b" AT_ORG)
                ADDRESS("\xc0\x3d", "\x0a\0\0\7");
    static const char reversed[] = HEAD("\x81\x80", "\3", "\0", "\0")
        ADDRESS("\1b" AT_ORG, "\x0a\0\0\7")
            CNAME2("\1a" AT_ORG, "\xc8", "\xc0\x21")
                CNAME2(AT_WWW, "\x0a", "\xc0\x33");
    struct dns_reply r;

    CHECK(PARSE(in_order, &r));
    CHECK(r.kind == DNS_FOUND && r.aliases == 2 && r.ttl == 10);
    CHECK(ip_equal(r.found.ip[0], ipv4_address(10, 0, 0, 7)));
    CHECK(PARSE(reversed, &r));
    CHECK(r.kind == DNS_FOUND && r.aliases == 2 && r.ttl == 10);
}

TEST(an_alias_without_its_address_is_reported)
{
    static const char m[] = HEAD("\x81\x80", "\1", "\0", "\0")
        CNAME4(AT_WWW, "\x0a", "\1a" AT_ORG);
    struct dns_name a = name_of("a.org");
    struct dns_reply r;

    CHECK(PARSE(m, &r));
    CHECK(r.kind == DNS_ALIAS && r.aliases == 1 && r.ttl == 10);
    CHECK(dns_name_equal(&r.name, &a));
}

TEST(a_loop_of_aliases_is_a_failure)
{
    static const char m[] = HEAD("\x81\x80", "\1", "\0", "\0")
        CNAME2(AT_WWW, "\x0a", AT_WWW);
    struct dns_reply r;

    CHECK(PARSE(m, &r));
    CHECK(r.kind == DNS_FAILED && r.ttl == 0 && r.name.len == 0);
}

TEST(a_negative_answer_has_the_lesser_ttl_of_the_soa)
{
    static const struct {
        const char message[80];
        size_t len;
        enum dns_kind kind;
        uint32_t ttl;
    } answers[] = {
        {HEAD("\x81\x83", "\0", "\1", "\0") SOA("\0\0\0\x3c"),
         sizeof QUERY - 1 + 34, DNS_NO_NAME, 60},
        {HEAD("\x81\x83", "\0", "\1", "\0") SOA("\0\0\x20\0"),
         sizeof QUERY - 1 + 34, DNS_NO_NAME, 600},
        {HEAD("\x81\x80", "\0", "\1", "\0") SOA("\0\0\0\x3c"),
         sizeof QUERY - 1 + 34, DNS_NO_DATA, 60},
        {HEAD("\x81\x83", "\0", "\0", "\0"), sizeof QUERY - 1, DNS_NO_NAME, 0},
        {HEAD("\x81\x80", "\0", "\0", "\0"), sizeof QUERY - 1, DNS_NO_DATA, 0},
    };
    struct dns_reply r;

    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        CHECK(parse(answers[i].message, answers[i].len, &r));
        CHECK(r.kind == answers[i].kind && r.ttl == answers[i].ttl);
    }
}

TEST(an_alias_of_a_missing_name_has_the_least_ttl)
{
    static const char m[] = HEAD("\x81\x83", "\1", "\1", "\0")
        CNAME4(AT_WWW, "\x0a", "\1a" AT_ORG) SOA("\0\0\0\x3c");
    struct dns_reply r;

    CHECK(PARSE(m, &r) && r.kind == DNS_NO_NAME && r.ttl == 10);
}

TEST(a_referral_is_a_failure)
{
    static const char m[] = HEAD("\x81\0", "\0", "\1", "\0")
        AT_EXAMPLE "\0\2\0\1\0\0\0\x0a\0\2" AT_ORG; /* NS */
    struct dns_reply r;

    CHECK(PARSE(m, &r) && r.kind == DNS_FAILED);
}

TEST(a_ttl_with_the_highest_bit_is_zero)
{
    static const char m[] = HEAD("\x81\x80", "\1", "\0", "\0")
        AT_WWW "\0\1\0\1\x80\0\0\0\0\4\x0a\0\0\1";
    struct dns_reply r;

    CHECK(PARSE(m, &r) && r.kind == DNS_FOUND && r.ttl == 0);
}

TEST(codes_tell_format_errors_from_failures)
{
    static const struct {
        uint8_t code, more;
        enum dns_kind kind;
    } codes[] = {
        {1, 0, DNS_FORMAT_ERROR}, /* FORMERR */
        {2, 0, DNS_FAILED}, /* SERVFAIL */
        {4, 0, DNS_FORMAT_ERROR}, /* NOTIMP */
        {5, 0, DNS_FAILED}, /* REFUSED */
        {0, 1, DNS_FORMAT_ERROR}, /* BADVERS */
        {7, 1, DNS_FAILED},
        {3, 1, DNS_FAILED},
        {0, 0x80, DNS_FAILED},
    };
    struct dns_reply r;

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char p[] = HEAD("\x81\x80", "\0", "\0", "\1") OPT;

        p[3] = (char)(0x80 | codes[i].code);
        p[sizeof QUERY - 1 + 5] = (char)codes[i].more;
        CHECK(parse(p, sizeof p - 1, &r) && r.kind == codes[i].kind);
        CHECK(r.has_edns);
        CHECK(r.code == codes[i].more * 16u + codes[i].code);
    }
}

TEST(without_a_question_only_failures_are_accepted)
{
    struct dns_reply r;

    CHECK(PARSE("\x12\x34\x81\x81\0\0\0\0\0\0\0\0", &r));
    CHECK(r.kind == DNS_FORMAT_ERROR);
    CHECK(PARSE("\x12\x34\x81\x84\0\0\0\0\0\0\0\0", &r));
    CHECK(r.kind == DNS_FORMAT_ERROR);
    CHECK(PARSE("\x12\x34\x81\x82\0\0\0\0\0\0\0\0", &r));
    CHECK(r.kind == DNS_FAILED && !r.has_edns);
    CHECK(PARSE("\x12\x34\x81\x85\0\0\0\0\0\0\0\0", &r));
    CHECK(r.kind == DNS_FAILED);
    CHECK(!PARSE("\x12\x34\x81\x83\0\0\0\0\0\0\0\0", &r));
    CHECK(!PARSE("\x12\x34\x81\x80\0\0\0\0\0\0\0\0", &r));
    CHECK(!PARSE("\x12\x35\x81\x81\0\0\0\0\0\0\0\0", &r));
}

TEST(complete_addresses_of_a_truncated_message_are_read)
{
    struct dns_reply r;

    CHECK(PARSE(HEAD("\x83\x80", "\x09", "\0", "\0") "\xc0", &r));
    CHECK(r.kind == DNS_TRUNCATED && r.found.count == 0 && r.ttl == 0);
    CHECK(PARSE(HEAD("\x83\x80", "\x09", "\1", "\1")
                    CNAME2(AT_WWW, "\x09", AT_ORG)
                        ADDRESS(AT_ORG, "\x0a\0\0\1")
                            ADDRESS(AT_ORG, "\x0a\0\0\2") AT_ORG "\0\1\0",
                &r));
    CHECK(r.kind == DNS_TRUNCATED && r.found.count == 2 && r.ttl == 9);
    CHECK(r.found.ip[1].byte[15] == 2 && r.name.len == 0);
    /* A truncated failure has no addresses. */
    CHECK(PARSE(HEAD("\x83\x82", "\1", "\0", "\0")
                    ADDRESS(AT_WWW, "\x0a\0\0\1"),
                &r));
    CHECK(r.found.count == 0);
}

TEST(answers_to_another_query_are_refused)
{
    static const char right[] = HEAD("\x81\x80", "\1", "\0", "\0")
        ADDRESS(AT_WWW, "\x0a\0\0\1");
    static const struct {
        size_t at;
        char change;
    } changes[] = {
        {0, 1}, /* the number */
        {1, 1}, /* and its other half */
        {2, (char)0x80}, /* a question */
        {2, 0x08}, /* another operation */
        {5, 3}, /* two questions */
        {13, 'w' ^ 'W'}, /* another case */
        {13, 'w' ^ 'x'}, /* another name */
        {30, 1 ^ 28}, /* another type */
        {32, 1 ^ 3}, /* another class */
    };
    struct dns_query q = www();
    struct dns_reply r;
    char p[sizeof right];

    CHECK(PARSE(right, &r) && r.kind == DNS_FOUND);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        memcpy(p, right, sizeof p);
        p[changes[i].at] ^= changes[i].change;
        CHECK(!parse(p, sizeof p - 1, &r));
        CHECK(dns_parse((const uint8_t *)p, sizeof p - 1, &q, true, &r) ==
              (changes[i].change == ('w' ^ 'W')));
    }
}

TEST(messages_cut_at_any_byte_are_refused)
{
    static const char whole[] = HEAD("\x81\x80", "\2", "\1", "\1")
        CNAME4(AT_WWW, "\x0a", "\1a" AT_ORG)
            ADDRESS("\xc0\x2d", "\x0a\0\0\7") SOA("\0\0\0\x3c") OPT;
    struct dns_reply r;

    CHECK(PARSE(whole, &r) && r.kind == DNS_FOUND);
    for (size_t len = 0; len < sizeof whole - 1; len++)
        CHECK(!parse(whole, len, &r));
}

#define ONE(record) HEAD("\x81\x80", "\1", "\0", "\0") record
#define NONE(soa)   HEAD("\x81\x80", "\0", "\1", "\0") soa
#define SHORT_SOA(len, numbers) \
    "\xc0\x10\0\6\0\1\0\0\2\x58\0" len "\0\0" numbers

TEST(rdata_of_a_wrong_length_is_refused)
{
    struct dns_reply r;

    CHECK(!PARSE(ONE(AT_WWW "\0\1\0\1\0\0\0\0\0\3\x0a\0\0"), &r));
    CHECK(!PARSE(ONE(AT_WWW "\0\1\0\1\0\0\0\0\0\4\x0a\0\0"), &r));
    CHECK(!PARSE(ONE(AT_WWW "\0\x10\0\1\0\0\0\0\0\4\3ab"), &r));
    /* A SOA of two names alone; with three numbers; with a byte too many. */
    CHECK(!PARSE(NONE(SHORT_SOA("\2", "")), &r));
    CHECK(!PARSE(NONE(SHORT_SOA("\x0e", "abcdabcdabcd")), &r));
    CHECK(!PARSE(NONE(SHORT_SOA("\x17", "abcdabcdabcdabcdabcde")), &r));
    CHECK(PARSE(NONE(SHORT_SOA("\x16", "abcdabcdabcdabcdabcd")), &r));
    CHECK(!PARSE(ONE(AT_WWW "\0\1\0\1\0\0\0\0\0\5\x0a\0\0\0\0"), &r));
    CHECK(!PARSE(ONE(AT_WWW "\0\5\0\1\0\0\0\0\0\3" AT_EXAMPLE "\0"), &r));
    CHECK(!PARSE(ONE(AT_WWW "\0\5\0\1\0\0\0\0\0\1" AT_EXAMPLE), &r));
}

TEST(compression_pointers_must_point_back)
{
    struct dns_reply r;

    /* To itself, forward, into the header, and back to its own label. */
    CHECK(!PARSE(ONE(ADDRESS("\xc0\x21", "\x0a\0\0\1")), &r));
    CHECK(!PARSE(ONE(ADDRESS("\xc0\x23", "\x0a\0\0\1")), &r));
    CHECK(!PARSE(ONE(ADDRESS("\xc0\x00", "\x0a\0\0\1")), &r));
    CHECK(!PARSE(ONE(ADDRESS("\xc0\x0b", "\x0a\0\0\1")), &r)); /* a 0 */
    CHECK(!PARSE(ONE(ADDRESS("\1x\xc0\x21", "\x0a\0\0\1")), &r));
    /* Reserved bits of a length (RFC 1035, 4.1.4). */
    CHECK(!PARSE(ONE(ADDRESS("\x40\x0c", "\x0a\0\0\1")), &r));
}

/* A name has 127 labels at most, and a pointer to a pointer is of no use:
 * thousands of them are an attack. */
TEST(a_limited_number_of_compression_pointers_is_followed)
{
    for (unsigned count = 127; count <= 128; count++) {
        char p[1000];
        struct dns_reply r;
        size_t len = sizeof QUERY - 1;

        memcpy(p, HEAD("\x81\x80", "\2", "\0", "\0"), len);
        memcpy(p + len, "\0\0\x10\0\1\0\0\0\0", 9);
        len += 9;
        put_be16((uint8_t *)p + len, (uint16_t)(2 * (count - 1)));
        len += 2;
        for (unsigned i = 1; i < count; i++, len += 2)
            put_be16((uint8_t *)p + len,
                     (uint16_t)(0xc000 | (i > 1 ? len - 2 : 12)));
        put_be16((uint8_t *)p + len, (uint16_t)(0xc000 | (len - 2)));
        memcpy(p + len + 2, ADDRESS("", "\x0a\0\0\1"), 14);
        CHECK(parse(p, len + 16, &r) == (count < 128));
    }
}

TEST(a_name_that_grows_beyond_255_bytes_is_refused)
{
    char p[1000];
    struct dns_reply r;
    size_t len = sizeof QUERY - 1;

    /* Four labels of 60 bytes, then a name that ends in them: 4 * 61 + 1 = 245
     * bytes, and with a label of 9 before it 255. */
    memcpy(p, HEAD("\x81\x80", "\2", "\0", "\0"), len);
    for (int i = 0; i < 4; i++, len += 61) {
        memset(p + len, 'x', 61);
        p[len] = 60;
    }
    memcpy(p + len, ADDRESS("\0", "\x0a\0\0\1"), 15);
    len += 15;
    for (char n = 8; n <= 10; n++) {
        p[len] = n;
        memset(p + len + 1, 'y', (size_t)n);
        memcpy(p + len + 1 + n, ADDRESS("\xc0\x21", "\x0a\0\0\1"), 16);
        CHECK(parse(p, len + 1 + (size_t)n + 16, &r) == (n < 10));
    }
}
