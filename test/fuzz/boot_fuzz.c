/* SPDX-License-Identifier: ISC */
/*
 * Fuzzes boot arguments: any text is split or refused; the words, quoted and
 * split again, are the same; and any words are set or refused.
 */
#include <core/boot.h>
#include "platform.h"
#include <mirage.h>
#include <mirage/log.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 32

BOOT_STRING(text, "otherwise", "a text");
BOOT_NUMBER(number, 5, -100, 100, "a number");
BOOT_FLAG(flag, "a flag");

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const char *const *words, size_t count)
{
    size_t len = 0, size = 1, again;
    const char *back[WORDS];
    char *quoted;

    for (size_t i = 0; i < count; i++)
        size += boot_quote(NULL, 0, words[i]) + 1;
    quoted = malloc(size);
    quoted[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        len += boot_quote(quoted + len, size - len, words[i]);
        quoted[len++] = ' ';
        quoted[len] = '\0';
    }
    check(boot_split(quoted, back, WORDS, &again) == OK && again == count);
    for (size_t i = 0; i < count; i++)
        check(strcmp(words[i], back[i]) == 0);
    free(quoted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);
    const char *words[WORDS];
    size_t count;

    memcpy(copy, data, size);
    copy[size] = '\0';
    if (boot_split(copy, words, WORDS, &count) == OK) {
        check_round_trip(words, count);
        if (setjmp(fuzz_exit) == 0)
            boot_arguments(words, count, true);
        check(number >= -100 && number <= 100);
        text = "otherwise";
    }
    free(copy);
    return 0;
}
