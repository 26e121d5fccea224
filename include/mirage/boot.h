/* SPDX-License-Identifier: ISC */
/*
 * boot: the arguments an image is started with.
 *
 * The grammar, the same on every target: words that begin with -- are ours,
 *     --key=value    or    --flag   (the same as --flag=yes)
 * (a few keys may stand alone, too),
 * and each key is declared once, by the unikernel or by a library, in one
 * line at file scope:
 *     BOOT_STRING(greeting, "hello", "what to say");
 *     BOOT_NUMBER(times, 5, 1, 1000, "how often to say it");
 *     BOOT_FLAG(loud, "say it in capitals");
 * That defines static variables  const char *greeting; int64_t times;
 * bool loud;  set before any job runs. An underscore in the C name is a dash
 * in the key: BOOT_STRING(ipv4_gateway, ...) is --ipv4-gateway=...  The last
 * of several values wins. --help lists all of them.
 *
 * A key nobody declared, a value that does not fit, or a flag's value other
 * than yes/no/on/off/true/false/1/0 ends the image before it starts, with a
 * message that names the nearest key. Words without -- are an error in a Unix
 * process; in a virtual machine they are the VMM's, logged and ignored.
 *
 * Where a target hands over one string instead of words (Xen's extra=, QEMU's
 * -append), it is split at spaces, tabs and line ends. '...' takes everything
 * up to the next ' as it stands; in "..." and outside of quotes a backslash
 * takes the next character as it stands; quotes may stand anywhere in a word:
 *     --greeting="good morning"  '--greeting=good morning'
 * are the same word. boot_quote writes what boot_split reads.
 */
#ifndef MIRAGE_BOOT_H
#define MIRAGE_BOOT_H

#include <mirage/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum boot_type { BOOT_IS_FLAG,
                 BOOT_IS_NUMBER,
                 BOOT_IS_STRING,
                 BOOT_IS_PARSED,
                 BOOT_IS_OPTIONAL };

/*
 * For BOOT_PARSED: takes one value, which stays valid; NULL if it fits, or
 * else what would have fitted, such as "a level: error, warning, info or
 * debug". Called once for each time that the key is given.
 */
typedef const char *boot_parser(const char *value);

/* One declared argument. Made by the macros below; boot.c's own. */
struct boot_argument {
    const char *name; /* the C name: '_' stands for '-' */
    const char *doc;
    const char *value; /* for --help: "TEXT", or the default */
    enum boot_type type;
    void *variable;
    boot_parser *parse;
    int64_t low, high;
    struct boot_argument *next;
};

#define BOOT_FLAG(id, doc) \
    static bool id;        \
    BOOT_ARGUMENT(id, doc, 0, BOOT_IS_FLAG, &id, 0, 0, 0)

#ifdef __cplusplus
#define BOOT_ASSERT(condition, text) static_assert(condition, text)
#else
#define BOOT_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#define BOOT_NUMBER(id, otherwise, low, high, doc)             \
    static int64_t id = otherwise;                             \
    BOOT_ASSERT((otherwise) >= (low) && (otherwise) <= (high), \
                #id " is out of its own range");               \
    BOOT_ARGUMENT(id, doc, #otherwise, BOOT_IS_NUMBER, &id, 0, low, high)

#define BOOT_STRING(id, otherwise, doc) \
    static const char *id = otherwise;  \
    BOOT_ARGUMENT(id, doc, otherwise, BOOT_IS_STRING, &id, 0, 0, 0)

/* syntax is what --help shows after the equals sign, such as "LEVEL". */
#define BOOT_PARSED(id, syntax, parser, doc) \
    BOOT_ARGUMENT(id, doc, syntax, BOOT_IS_PARSED, 0, parser, 0, 0)

/* The same for a key that may stand alone: its value is "" then. */
#define BOOT_OPTIONAL(id, syntax, parser, doc) \
    BOOT_ARGUMENT(id, doc, syntax, BOOT_IS_OPTIONAL, 0, parser, 0, 0)

#define BOOT_ARGUMENT(id, doc, value, type, variable, parser, low, high) \
    static struct boot_argument boot_argument_##id = {                   \
        #id, doc, value, type, variable, parser, low, high, 0};          \
    static __attribute__((constructor)) void boot_declare_##id(void)     \
    {                                                                    \
        boot_register(&boot_argument_##id);                              \
    }                                                                    \
    struct boot_argument /* eats the semicolon */

/* For the macros above. Keeps argument. */
void boot_register(struct boot_argument *argument);

/*
 * Splits text into words, in place: text is overwritten, and words[i] point
 * into it. Returns the number of words, at most max.
 *
 * ERR_FORMAT: a quote is not closed, or text ends in a backslash.
 * ERR_RANGE: there are more than max words.
 */
MUST_CHECK enum status boot_split(char *text, const char **words, size_t max,
                                  size_t *count);

/*
 * Writes word so that boot_split reads it back as one word, any bytes but NUL
 * in it. Returns the length without the NUL; size or more says it was cut.
 */
size_t boot_quote(char *buffer, size_t size, const char *word);

#endif
