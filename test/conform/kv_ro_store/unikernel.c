/* SPDX-License-Identifier: ISC */
/*
 * Compares a store with what is wanted of it: the value "tree" of another one,
 * of which each line is a word and texts in hexadecimal digits.
 *
 *     value KEY SIZE HASH
 *     directory NAME ENTRY...     each entry with a '/' behind a directory's
 *     missing NAME
 *     wrong NAME                  it is no key
 */
#include <mirage.h>
#include <stdlib.h>
#include <string.h>

#define MOST_WORDS 2000

static struct console *out;
static struct kv_ro *store;
static const char *at; /* the line that is checked */
static int failed, checked;
static uint64_t seed = 1;

static void expect(bool holds, const char *what)
{
    checked++;
    if (holds)
        return;
    failed++;
    console_log(out, "does not hold: %s: %s", what, at);
}

#define EXPECT(condition) expect(condition, #condition)

static uint64_t any(uint64_t below)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (seed >> 33) % below;
}

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* A text of hexadecimal digits, in its own place. */
static char *text_of(char *word)
{
    char *to = word;

    for (char *from = word; from[0] && from[1]; from += 2)
        *to++ = (char)(digit(from[0]) << 4 | digit(from[1]));
    *to = '\0';
    return word;
}

static uint64_t hash(uint64_t h, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)data[i]) * 0x100000001b3;
    return h;
}

#define HASH_0 0xcbf29ce484222325

/* The whole value, read in pieces of any size. */
static void check_pieces(const char *key, uint64_t size, uint64_t wanted)
{
    static char data[70000];
    uint64_t h = HASH_0, offset = 0;
    size_t got, len;

    do {
        len = 1 + any(any(4) ? 5000 : sizeof data);
        if (kv_ro_read(store, key, offset, data, len, &got) != OK)
            break;
        h = hash(h, data, got);
        offset += got;
    } while (got == len);
    EXPECT(offset == size);
    EXPECT(h == wanted);
}

static bool note_nothing(void *ctx, const char *name, bool is_directory)
{
    (void)ctx, (void)name, (void)is_directory;
    return true;
}

static void check_value(const char *key, uint64_t size, uint64_t wanted)
{
    uint64_t found;
    size_t got, len;
    const void *view;
    char byte;
    enum status s;

    EXPECT(kv_ro_exists(store, key) == OK);
    EXPECT(kv_ro_size(store, key, &found) == OK && found == size);
    check_pieces(key, size, wanted);
    EXPECT(kv_ro_read(store, key, size, &byte, 1, &got) == OK && got == 0);
    EXPECT(kv_ro_read(store, key, size + any(1000), &byte, 1, &got) == OK &&
           got == 0);
    EXPECT(kv_ro_read(store, key, UINT64_MAX - any(9), &byte, 1, &got) == OK &&
           got == 0);
    EXPECT(kv_ro_read(store, key, 0, &byte, 0, &got) == OK && got == 0);
    s = kv_ro_view(store, key, &view, &len);
    EXPECT(s == OK || s == ERR_UNSUPPORTED);
    if (s == OK)
        EXPECT(len == size && hash(HASH_0, view, len) == wanted);
    EXPECT(kv_ro_list(store, key, note_nothing, NULL) == ERR_NOT_FOUND);
}

struct entries {
    char **word;
    size_t count, found, most;
    bool strange;
};

static bool note(void *ctx, const char *name, bool is_directory)
{
    struct entries *e = ctx;
    size_t len = strlen(name);
    bool known = false;

    for (size_t i = 0; i < e->count; i++)
        known |= strncmp(e->word[i], name, len) == 0 &&
                 strcmp(e->word[i] + len, is_directory ? "/" : "") == 0;
    e->strange |= !known;
    e->found++;
    return e->found < e->most;
}

static void check_directory(const char *name, char **word, size_t count)
{
    struct entries e = {word, count, 0, SIZE_MAX, false};
    char byte;
    size_t got;

    for (size_t i = 0; i < count; i++)
        text_of(word[i]);
    EXPECT(kv_ro_list(store, name, note, &e) == OK);
    EXPECT(e.found == count && !e.strange);
    if (count > 0) {
        e = (struct entries){word, count, 0, 1 + any(count), false};
        EXPECT(kv_ro_list(store, name, note, &e) == OK);
        EXPECT(e.found == e.most && !e.strange);
    }
    if (*name) {
        EXPECT(kv_ro_exists(store, name) == ERR_NOT_FOUND);
        EXPECT(kv_ro_read(store, name, 0, &byte, 1, &got) == ERR_NOT_FOUND);
    }
}

static void check_absence(const char *name, enum status wanted)
{
    uint64_t size;
    size_t len;
    const void *view;
    char byte;
    enum status s;

    EXPECT(kv_ro_exists(store, name) == wanted);
    EXPECT(kv_ro_size(store, name, &size) == wanted);
    EXPECT(kv_ro_read(store, name, 0, &byte, 1, &len) == wanted);
    s = kv_ro_view(store, name, &view, &len);
    EXPECT(s == wanted || (wanted != ERR_NAME && s == ERR_UNSUPPORTED));
    if (*name)
        EXPECT(kv_ro_list(store, name, note_nothing, NULL) == wanted);
}

static void check_line(char **word, size_t count)
{
    char *name = count > 1 ? text_of(word[1]) : "";

    if (strcmp(word[0], "value") == 0)
        check_value(name, strtoull(word[2], NULL, 10),
                    strtoull(word[3], NULL, 16));
    else if (strcmp(word[0], "directory") == 0)
        check_directory(name, word + 2, count - 2);
    else
        check_absence(name, strcmp(word[0], "wrong") == 0 ? ERR_NAME
                                                          : ERR_NOT_FOUND);
}

/* Words have one blank between them; an empty text is a word, too. */
static size_t split(char *line, char **word)
{
    size_t count = 0;

    word[count++] = line;
    for (; *line; line++)
        if (*line == ' ' && count < MOST_WORDS) {
            *line = '\0';
            word[count++] = line + 1;
        }
    return count;
}

void start(struct console *c, struct kv_ro *wanted, struct kv_ro *s)
{
    static char *word[MOST_WORDS];
    const void *view;
    char *text, *line;
    size_t len;

    out = c;
    store = s;
    require(kv_ro_view(wanted, "tree", &view, &len) == OK);
    require((text = malloc(len + 1)) != NULL);
    memcpy(text, view, len);
    text[len] = '\0';
    for (line = text; *line; line = text) {
        text = line + strcspn(line, "\n");
        if (*text)
            *text++ = '\0';
        require((at = strdup(line)) != NULL);
        check_line(word, split(line, word));
        free((void *)at);
    }
    console_log(c, "%d checked, %d failed", checked, failed);
}
