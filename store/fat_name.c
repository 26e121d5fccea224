/* SPDX-License-Identifier: ISC */
/*
 * Short names are of code page 437. Case is folded for Latin, Greek, Cyrillic
 * and Armenian letters, by Unicode's simple mappings.
 */
#include "fat_name.h"
#include "fat_layout.h"
#include <string.h>

/* Bytes 0x80 to 0xff of code page 437 as Unicode. */
static const uint16_t high[128] = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7,
    0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
    0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
    0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192,
    0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba,
    0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556,
    0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510,
    0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
    0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567,
    0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b,
    0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
    0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4,
    0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229,
    0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
    0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0};

/*
 * Ranges of small letters, and what to add to get their capitals. PAIRS: small
 * and capital letters alternate; the small ones have the parity of `first`.
 */
#define PAIRS 0x7fff
static const struct {
    uint16_t first, last;
    int16_t to_capital;
} letters[] = {
    {0x0061, 0x007a, -32},
    {0x00e0, 0x00f6, -32},
    {0x00f8, 0x00fe, -32},
    {0x00ff, 0x00ff, 121},
    {0x0101, 0x012f, PAIRS},
    {0x0133, 0x0137, PAIRS},
    {0x013a, 0x0148, PAIRS},
    {0x014b, 0x0177, PAIRS},
    {0x017a, 0x017e, PAIRS},
    {0x01ce, 0x01dc, PAIRS},
    {0x01df, 0x01ef, PAIRS},
    {0x01f9, 0x021f, PAIRS},
    {0x0223, 0x0233, PAIRS},
    {0x03ac, 0x03ac, -38},
    {0x03ad, 0x03af, -37},
    {0x03b1, 0x03c1, -32},
    {0x03c2, 0x03c2, -31},
    {0x03c3, 0x03cb, -32},
    {0x03cc, 0x03cc, -64},
    {0x03cd, 0x03ce, -63},
    {0x0430, 0x044f, -32},
    {0x0450, 0x045f, -80},
    {0x0461, 0x0481, PAIRS},
    {0x048b, 0x04bf, PAIRS},
    {0x04c2, 0x04ce, PAIRS},
    {0x04d1, 0x052f, PAIRS},
    {0x0561, 0x0586, -48},
    {0x1e01, 0x1e95, PAIRS},
    {0x1ea1, 0x1eff, PAIRS},
    {0x2170, 0x217f, -16},
    {0x24d0, 0x24e9, -26},
    {0xff41, 0xff5a, -32},
};

static uint16_t capital(uint16_t c)
{
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        if (c < letters[i].first)
            return c;
        if (c > letters[i].last)
            continue;
        if (letters[i].to_capital != PAIRS)
            return (uint16_t)(c + letters[i].to_capital);
        return (uint16_t)(c - ((c ^ letters[i].first) % 2 == 0));
    }
    return c;
}

/* Decodes a character of UTF-8, and returns its length in bytes; 0: it is not
 * valid. */
static size_t decode_utf8(const uint8_t *t, size_t len, uint32_t *c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = t[0] < 0x80   ? 1
               : t[0] < 0xc0 ? 0
               : t[0] < 0xe0 ? 2
               : t[0] < 0xf0 ? 3
               : t[0] < 0xf8 ? 4
                             : 0;

    if (n == 0 || n > len)
        return 0;
    *c = n == 1 ? t[0] : t[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((t[i] & 0xc0) != 0x80)
            return 0;
        *c = *c << 6 | (t[i] & 0x3f);
    }
    return *c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000) ? 0
                                                                           : n;
}

static bool is_forbidden(uint32_t c)
{
    return c < 0x20 || c == 0x7f || (c < 0x80 && strchr("\"*/:<>?\\|", (int)c));
}

enum status fat_name_parse(const char *text, size_t len, struct fat_name *name)
{
    const uint8_t *t = (const uint8_t *)text;
    uint32_t c;

    name->len = 0;
    for (size_t i = 0, n; i < len; i += n) {
        n = decode_utf8(t + i, len - i, &c);
        if (n == 0 || c == '/' || c < 0x20 ||
            name->len + (c > 0xffff ? 2 : 1) > FAT_NAME_UNITS)
            return ERR_NAME;
        if (c > 0xffff) {
            c -= 0x10000;
            name->unit[name->len++] = (uint16_t)(0xd800 | c >> 10);
            c = 0xdc00 | (c & 0x3ff);
        }
        name->unit[name->len++] = (uint16_t)c;
    }
    return OK;
}

enum status fat_name_check_new(const struct fat_name *name)
{
    uint16_t last = name->len > 0 ? name->unit[name->len - 1] : '.';

    if (last == '.' || last == ' ')
        return ERR_NAME;
    for (size_t i = 0; i < name->len; i++)
        if (is_forbidden(name->unit[i]))
            return ERR_NAME;
    return OK;
}

static size_t encode_utf8(char *t, uint32_t c)
{
    if (c < 0x80) {
        t[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        t[0] = (char)(0xc0 | c >> 6);
        t[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        t[0] = (char)(0xe0 | c >> 12);
        t[1] = (char)(0x80 | (c >> 6 & 0x3f));
        t[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    t[0] = (char)(0xf0 | c >> 18);
    t[1] = (char)(0x80 | (c >> 12 & 0x3f));
    t[2] = (char)(0x80 | (c >> 6 & 0x3f));
    t[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

bool fat_name_text(const struct fat_name *name, char text[FAT_NAME_BYTES])
{
    size_t at = 0;

    for (size_t i = 0; i < name->len; i++) {
        uint32_t c = name->unit[i];

        if (c >= 0xd800 && c < 0xe000) {
            if (c >= 0xdc00 || i + 1 == name->len ||
                (name->unit[i + 1] & 0xfc00) != 0xdc00)
                return false;
            c = 0x10000 + ((c & 0x3ff) << 10 | (name->unit[++i] & 0x3ff));
        }
        if (c == '/' || c < 0x20)
            return false;
        at += encode_utf8(text + at, c);
    }
    text[at] = '\0';
    return at > 0 && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

bool fat_name_is_same(const struct fat_name *a, const struct fat_name *b)
{
    if (a->len != b->len)
        return false;
    for (size_t i = 0; i < a->len; i++)
        if (a->unit[i] != b->unit[i] &&
            capital(a->unit[i]) != capital(b->unit[i]))
            return false;
    return true;
}

uint32_t fat_name_hash(const struct fat_name *name, uint32_t seed)
{
    uint32_t h = seed;

    for (size_t i = 0; i < name->len; i++) {
        h = (h ^ capital(name->unit[i])) * 0x9e3779b1u;
        h ^= h >> 15;
    }
    return h;
}

/* The character in a short name; 0: short names have none such. */
static uint8_t short_character(uint16_t unit)
{
    uint16_t c = unit >= 'a' && unit <= 'z' ? (uint16_t)(unit - 32) : unit;

    if (c <= 0x20 || c > 0x7e || is_forbidden(c) || strchr("+,.;=[]", c))
        return 0;
    return (uint8_t)c;
}

/* Copies the units [from, to) of a name, as far as n bytes of a short name can
 * have them. */
static enum fat_fit shorten(const struct fat_name *name, size_t from,
                            size_t to, uint8_t *bytes, size_t n)
{
    size_t at = 0;
    enum fat_fit fit = FAT_FITS;

    for (; from < to; from++) {
        uint8_t c = short_character(name->unit[from]);

        if (c == 0)
            fit = FAT_IS_LOSSY;
        else if (c != name->unit[from] && fit == FAT_FITS)
            fit = FAT_FITS_IN_CAPITALS;
        if (name->unit[from] == ' ' || name->unit[from] == '.')
            continue;
        if (at == n)
            return FAT_IS_LOSSY;
        bytes[at++] = c ? c : '_';
    }
    return fit;
}

enum fat_fit fat_short_make(const struct fat_name *name,
                            uint8_t name_83[FAT_SHORT_BYTES])
{
    size_t dot = name->len, first = 0;
    enum fat_fit fit, more = FAT_FITS;

    while (first < name->len &&
           (name->unit[first] == '.' || name->unit[first] == ' '))
        first++;
    for (size_t i = name->len; i-- > first + 1;)
        if (name->unit[i] == '.') {
            dot = i;
            break;
        }
    memset(name_83, ' ', FAT_SHORT_BYTES);
    fit = shorten(name, first, dot, name_83, 8);
    if (dot < name->len)
        more = shorten(name, dot + 1, name->len, name_83 + 8, 3);
    if (name_83[0] == ' ')
        name_83[0] = '_';
    if (first > 0)
        fit = FAT_IS_LOSSY;
    return more > fit ? more : fit;
}

/*
 * ~1 to ~9 follow up to six characters. Beyond, two characters and four digits
 * of a hash precede the tail, so that among thousands of names that begin alike
 * a free one is found after few tries.
 */
void fat_short_make_numbered(const struct fat_name *name,
                             const uint8_t basis[FAT_SHORT_BYTES],
                             uint32_t number, uint8_t name_83[FAT_SHORT_BYTES])
{
    size_t len = 0, most = number <= 9 ? 6 : 2;
    uint32_t hash = fat_name_hash(name, number);

    memcpy(name_83, basis, FAT_SHORT_BYTES);
    while (len < most && name_83[len] != ' ')
        len++;
    if (number > 9)
        for (int i = 0; i < 4; i++)
            name_83[len++] = (uint8_t) "0123456789ABCDEF"[hash >> (4 * i) & 15];
    name_83[len++] = '~';
    name_83[len++] = (uint8_t)('1' + (number - 1) % 9);
    while (len < 8)
        name_83[len++] = ' ';
}

uint8_t fat_short_checksum(const uint8_t name_83[FAT_SHORT_BYTES])
{
    uint8_t sum = 0;

    for (size_t i = 0; i < FAT_SHORT_BYTES; i++)
        sum = (uint8_t)((sum >> 1 | sum << 7) + name_83[i]);
    return sum;
}

void fat_short_read(const uint8_t slot[32], struct fat_name *name)
{
    size_t ends[2] = {8, 11};

    name->len = 0;
    for (size_t part = 0, i = 0; part < 2; part++) {
        bool is_small = slot[12] & (part == 0 ? 0x08 : 0x10);

        while (ends[part] > i && slot[ends[part] - 1] == ' ')
            ends[part]--;
        if (part == 1 && ends[part] > i)
            name->unit[name->len++] = '.';
        for (; i < ends[part]; i++) {
            uint8_t c = i == 0 && slot[0] == 0x05 ? 0xe5 : slot[i];
            uint16_t u = c < 0x80 ? c : high[c - 0x80];

            if (is_small && u >= 'A' && u <= 'Z')
                u = (uint16_t)(u + 32);
            name->unit[name->len++] = u;
        }
        i = 8;
    }
}

/* The byte of the i-th unit in a long name entry: LDIR_Name1, 2 and 3. */
static size_t unit_offset(size_t i)
{
    return i < 5 ? 1 + 2 * i : i < 11 ? 4 + 2 * i
                                      : 6 + 2 * i;
}

void fat_long_put(const struct fat_name *name, size_t n, uint8_t sum,
                  uint8_t slot[32])
{
    size_t from = (n - 1) * FAT_LONG_UNITS;

    memset(slot, 0, 32);
    slot[0] = (uint8_t)(n | (n == fat_long_entries(name) ? 0x40 : 0));
    slot[11] = 0x0f;
    slot[13] = sum;
    for (size_t i = 0; i < FAT_LONG_UNITS; i++)
        fat_put16(slot + unit_offset(i), from + i < name->len
                                             ? name->unit[from + i]
                                         : from + i == name->len ? 0
                                                                 : 0xffff);
}

void fat_long_get(struct fat_long_name *p, const uint8_t slot[32])
{
    uint8_t n = slot[0] & 0x3f;
    size_t from = (n - 1u) * FAT_LONG_UNITS, len = 0;

    if (slot[0] & 0x40) {
        p->wanted = n;
        p->sum = slot[13];
    }
    if (n == 0 || n != p->wanted || n > FAT_LONG_ENTRIES ||
        p->sum != slot[13]) {
        p->wanted = 0;
        p->is_whole = false;
        return;
    }
    while (len < FAT_LONG_UNITS && from + len < FAT_NAME_UNITS &&
           fat_get16(slot + unit_offset(len)) != 0) {
        p->name.unit[from + len] = (uint16_t)fat_get16(slot + unit_offset(len));
        len++;
    }
    if (slot[0] & 0x40)
        p->name.len = from + len;
    p->wanted--;
    p->is_whole = p->wanted == 0;
}

enum status fat_fold_name(const char *text, char folded[FAT_FOLDED])
{
    struct fat_name name;
    enum status s = fat_name_parse(text, strlen(text), &name);

    if (s == OK)
        s = fat_name_check_new(&name);
    if (s)
        return s;
    for (size_t i = 0; i < name.len; i++)
        name.unit[i] = capital(name.unit[i]);
    return fat_name_text(&name, folded) ? OK : ERR_NAME;
}
