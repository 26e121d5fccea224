/* SPDX-License-Identifier: ISC */
/* Boot arguments: splitting and quoting words, setting variables, --help. */
#include "boot.h"
#include "log.h"
#include <mirage/boot.h>
#include <mirage/log.h>
#include <mirage/macros.h>
#include <mirage/nearest.h>
#include <mirage/platform.h>
#include <mirage/text.h>
#include <string.h>

#define USAGE_ERROR 64 /* EX_USAGE of sysexits.h */
#define KEY_SIZE    64

LOG_SOURCE(boot);

/* All boot arguments, for boot_word. */
static const char *const *all_words;
static size_t word_count;

static void answer(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    platform_answer(text, len);
}

static void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void print(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    text_vprint(answer, NULL, fmt, args);
    va_end(args);
}

/* Writes the key of a: its C name with dashes for underscores. */
static void write_key(const struct boot_argument *a, char key[KEY_SIZE])
{
    text_format(key, KEY_SIZE, "%s", a->name);
    for (char *c = key; *c; c++)
        if (*c == '_')
            *c = '-';
}

static struct boot_argument *find(const char *key, size_t len)
{
    for (struct boot_argument *a = boot_arguments_first; a; a = a->next) {
        char own[KEY_SIZE];

        write_key(a, own);
        if (strlen(own) == len && memcmp(own, key, len) == 0)
            return a;
    }
    return NULL;
}

static const char *set_flag(bool *flag, const char *value)
{
    static const char *const words[] = {"no", "yes", "off", "on",
                                        "false", "true", "0", "1"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(value, words[i]) == 0) {
            *flag = i % 2;
            return NULL;
        }
    return "yes or no (also on, off, true, false, 1, 0)";
}

/* Parses a decimal integer with an optional sign. False: it is none. */
static bool read_number(const char *text, int64_t *number)
{
    bool negative = *text == '-';
    int64_t n = 0;

    text += *text == '-' || *text == '+';
    if (!*text)
        return false;
    for (; *text; text++)
        if (*text < '0' || *text > '9' ||
            __builtin_mul_overflow(n, 10, &n) ||
            __builtin_sub_overflow(n, *text - '0', &n))
            return false; /* n is negative, so that INT64_MIN fits */
    if (!negative && n == INT64_MIN)
        return false;
    *number = negative ? n : -n;
    return true;
}

static const char *set_number(const struct boot_argument *a, const char *value)
{
    static char wanted[80];
    int64_t n;

    if (read_number(value, &n) && n >= a->low && n <= a->high) {
        *(int64_t *)a->variable = n;
        return NULL;
    }
    text_format(wanted, sizeof wanted, "a whole number from %lld to %lld",
                (long long)a->low, (long long)a->high);
    return wanted;
}

/* Sets the variable of a. Returns NULL, or what value should have been. value
 * is NULL where there was no "=". */
static const char *set(const struct boot_argument *a, const char *value)
{
    if (!value && a->type == BOOT_IS_FLAG)
        value = "yes";
    if (!value && a->type == BOOT_IS_OPTIONAL)
        value = "";
    if (!value)
        return "a value after =";
    switch (a->type) {
    case BOOT_IS_FLAG:
        return set_flag(a->variable, value);
    case BOOT_IS_NUMBER:
        return set_number(a, value);
    case BOOT_IS_STRING:
        *(const char **)a->variable = value;
        return NULL;
    case BOOT_IS_PARSED:
    case BOOT_IS_OPTIONAL:
        return a->parse(value);
    }
    return NULL;
}

static void refuse_unknown(const char *word, size_t key_len)
{
    char key[KEY_SIZE], candidates[2][KEY_SIZE];
    struct nearest n = {.word = key};
    int at = 0; /* the candidate that is not the best */

    text_format(key, sizeof key, "%.*s", (int)min(key_len, 60u), word + 2);
    nearest_offer(&n, "help");
    for (const struct boot_argument *a = boot_arguments_first; a; a = a->next) {
        write_key(a, candidates[at]);
        nearest_offer(&n, candidates[at]);
        at ^= n.best == candidates[at];
    }
    image_say("%s: --%s is not an argument of this image%s%s%s --help lists "
              "them\n",
              image_name(), key, n.best ? "; did you mean --" : ";",
              n.best ? n.best : "", n.best ? "?" : "");
    platform_exit(USAGE_ERROR);
}

static void help(void)
{
    print("usage: %s [--KEY=VALUE | --FLAG]...\n\n", image_name());
    print("  --%-28s %s\n", "help", "print this and end");
    for (const struct boot_argument *a = boot_arguments_first; a; a = a->next) {
        static const char *const kinds[] = {"", "=NUMBER", "=TEXT", "=", "[="};
        char key[KEY_SIZE], left[2 * KEY_SIZE];

        write_key(a, key);
        text_format(left, sizeof left, "%s%s%s%s", key, kinds[a->type],
                    a->type >= BOOT_IS_PARSED ? a->value : "",
                    a->type == BOOT_IS_OPTIONAL ? "]" : "");
        print("  --%-28s %s", left, a->doc);
        if (a->type == BOOT_IS_NUMBER || a->type == BOOT_IS_STRING)
            print(" (default: %s)", a->value && *a->value ? a->value : "none");
        print("\n");
    }
    platform_exit(0);
}

static void set_argument(const char *word)
{
    size_t key_len = strcspn(word + 2, "=");
    const char *equals = word + 2 + key_len;
    struct boot_argument *a = find(word + 2, key_len);
    const char *wanted;

    if (key_len == 4 && memcmp(word + 2, "help", 4) == 0)
        help();
    if (!a)
        refuse_unknown(word, key_len);
    if ((wanted = set(a, *equals ? equals + 1 : NULL)) != NULL) {
        image_say("%s: %s: expected %s\n", image_name(), word, wanted);
        platform_exit(USAGE_ERROR);
    }
    log_debug(&boot, "%s", word);
}

/* The list is sorted, so duplicates are neighbours. */
static void refuse_duplicates(void)
{
    for (const struct boot_argument *a = boot_arguments_first; a; a = a->next)
        if (strcmp(a->name, "help") == 0 ||
            (a->next && strcmp(a->name, a->next->name) == 0)) {
            char key[KEY_SIZE];

            write_key(a, key);
            image_say("%s: --%s is declared twice in this image\n",
                      image_name(), key);
            platform_exit(USAGE_ERROR);
        }
}

static bool begins(const char *word, const char *with)
{
    for (; *with; word++, with++)
        if (*word != *with)
            return false;
    return true;
}

/* Sets --log before all others, and then prints the lines logged so far that it
 * asks for. */
static void set_log_arguments(const char *const *words, size_t count)
{
    size_t end = log_end();

    for (size_t i = 0; i < count; i++)
        if (begins(words[i], "--log="))
            set_argument(words[i]);
    log_catch_up(end);
}

const char *boot_word(const char *key, size_t n)
{
    size_t len = strlen(key);

    for (size_t i = 0; i < word_count; i++)
        if (begins(all_words[i], key) && all_words[i][len] == '=' && n-- == 0)
            return all_words[i] + len + 1;
    return NULL;
}

/* An image without such a driver has this one. */
__attribute__((weak)) bool boot_is_for_driver(const char *word)
{
    (void)word;
    return false;
}

void boot_arguments(const char *const *words, size_t count, bool foreign)
{
    all_words = words;
    word_count = count;
    refuse_duplicates();
    set_log_arguments(words, count);
    for (size_t i = 0; i < count; i++) {
        if (begins(words[i], "--log="))
            continue;
        if (begins(words[i], "--")) {
            set_argument(words[i]);
            continue;
        }
        if (foreign) {
            if (!boot_is_for_driver(words[i]))
                log_info(&boot, "%s is not for us: ignored", words[i]);
            continue;
        }
        image_say("%s: %s is no argument: they are written --KEY=VALUE; --help "
                  "lists them\n",
                  image_name(), words[i]);
        platform_exit(USAGE_ERROR);
    }
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * Copies the word at *from to *to without its quotes, and advances both past
 * it; *to is never beyond *from. False: a quote is not closed, or the text ends
 * in a backslash.
 */
static bool split_word(char **from, char **to)
{
    char quote = 0;

    for (; **from && (quote || !is_space(**from)); (*from)++) {
        char c = **from;

        if (quote ? c == quote : c == '\'' || c == '"') {
            quote = quote ? 0 : c;
            continue;
        }
        if (c == '\\' && quote != '\'') {
            c = *++*from;
            if (!c)
                return false;
        }
        *(*to)++ = c;
    }
    return quote == 0;
}

enum status boot_split(char *text, const char **words, size_t max,
                       size_t *count)
{
    char *from = text, *to = text;
    size_t n = 0;

    for (;;) {
        while (is_space(*from))
            from++;
        if (!*from)
            break;
        if (n == max)
            return ERR_RANGE;
        words[n++] = to;
        if (!split_word(&from, &to))
            return ERR_FORMAT;
        if (*from)
            from++; /* first: the NUL may be written to the same place */
        *to++ = '\0';
    }
    *count = n;
    return OK;
}

size_t boot_quote(char *buffer, size_t size, const char *word)
{
    size_t len = 0;
    bool plain = *word && !strpbrk(word, " \t\n\r'\"\\");

#define ADD(c) (void)(len + 1 < size ? buffer[len] = (c) : 0), len++
    if (!plain)
        ADD('"');
    for (; *word; word++) {
        if (*word == '"' || *word == '\\')
            ADD('\\');
        ADD(*word);
    }
    if (!plain)
        ADD('"');
#undef ADD
    if (size > 0)
        buffer[min(len, size - 1)] = '\0';
    return len;
}
