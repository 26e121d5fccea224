/* SPDX-License-Identifier: ISC */
/*
 * boot: the arguments with which an image is started.
 *
 * The grammar is the same on every target. Words that begin with -- are for the
 * image:
 *     --key=value    or    --flag   (the same as --flag=yes)
 * (the value of a few keys is optional). Each key is declared once, by the
 * unikernel or by a library, in one line at file scope:
 *     BOOT_STRING(greeting, "hello", "what to say");
 *     BOOT_NUMBER(times, 5, 1, 1000, "how often to say it");
 *     BOOT_FLAG(loud, "say it in capitals");
 * This defines the static variables const char *greeting, int64_t times and
 * bool loud, which are set before any job runs. An underscore in the C name is
 * a dash in the key: BOOT_STRING(ipv4_gateway, ...) is --ipv4-gateway=... If a
 * key is given several times, the last value counts. --help lists all keys.
 *
 * An undeclared key, a value of the wrong form or out of range, or a value of a
 * flag other than yes/no/on/off/true/false/1/0 ends the image before it starts,
 * with exit status 64 and a message, which suggests the nearest key. Words
 * without -- are an error in a Unix process. In a virtual machine they are for
 * the hypervisor or a boot loader: they are logged and ignored.
 *
 * On targets that pass one string (Xen's extra=, QEMU's -append) it is split
 * into words at spaces, tabs and line ends. All between '...' is literal. In
 * "..." and outside of quotes a backslash makes the next character literal. A
 * word may be quoted in part:
 *     --greeting="good morning"  '--greeting=good morning'
 * are the same word.
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
 * For BOOT_PARSED: parses one value, which stays valid as long as the image
 * runs. Returns NULL if it is good, or else what it should have been, such as
 * "a level: error, warning, info or debug". Called each time the key is given.
 */
typedef const char *boot_parser(const char *value);

/* One declared argument. Made by the macros below; for boot.c itself. */
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

/* BOOT_PARSED for a key whose value is optional: without one it is "". */
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
 * Splits text into at most max words, in place: text is overwritten, and
 * words[0] to words[*count - 1] point into it.
 *
 * ERR_FORMAT: a quote is not closed, or text ends in a backslash. ERR_RANGE:
 * there are more than max words. After both, text and words are undefined, and
 * *count is unchanged.
 */
MUST_CHECK enum status boot_split(char *text, const char **words, size_t max,
                                  size_t *count);

/*
 * Quotes word, if need be, so that boot_split reads it as the same one word.
 * Writes to the `size` bytes at buffer, ended by a NUL unless size is zero.
 * Returns the length of the whole result without the NUL: if that is size or
 * more, the text in buffer was cut.
 */
size_t boot_quote(char *buffer, size_t size, const char *word);

/*
 * The value of the n-th word (from 0) KEY=VALUE whose key is this one, in the
 * order of the words; NULL: there are not so many. For drivers whose devices a
 * virtual machine monitor announces, as virtio_mmio.device=SIZE@ADDRESS:LINE.
 * The value stays valid.
 */
const char *boot_word(const char *key, size_t n);

/* Does a driver of this image read the word by boot_word? Others are reported
 * as ignored. Defined by the driver that does; otherwise no word is. */
bool boot_is_for_driver(const char *word);

#endif
