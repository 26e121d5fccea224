/* SPDX-License-Identifier: ISC */
/*
 * What a bare image does between its loader and core: the memory map, the
 * command line, and constructors.
 */
#include "entropy.h"
#include "start.h"
#include <mirage/bare.h>
#include <mirage/boot.h>
#include <mirage/libc.h>
#include <mirage/log.h>
#include <mirage/main.h>
#include <mirage/platform.h>
#include <string.h>

#define MOST_WORDS 64
#define ADDRESSES  ((uint64_t)1 << 52) /* of any processor */

LOG_SOURCE(memory);

typedef void constructor(void);
extern constructor *const image_init_first[], *const image_init_last[];

static size_t unused_regions;

void start_add_region(struct start *s, uint64_t base, uint64_t size)
{
    if (base > ADDRESSES || size > ADDRESSES - base)
        return; /* not memory */
    if (s->regions == START_REGIONS)
        unused_regions++;
    else
        s->region[s->regions++] = (struct region){base, size};
}

void start_set_rsdp(struct start *s, uint64_t address)
{
    s->rsdp = address;
}

void start_set_line(struct start *s, const char *text, size_t max)
{
    size_t len = text ? strnlen(text, max) : 0;

    if (len >= START_LINE) {
        image_say("the command line has more than %d bytes\n",
                  START_LINE - 1);
        platform_exit(64);
    }
    if (len > 0)
        memcpy(s->command_line, text, len);
    s->command_line[len] = '\0';
}

void start_image(struct start *s)
{
    static const char *words[MOST_WORDS];
    size_t count = 0;
    enum status split;

    for (constructor *const *c = image_init_first; c < image_init_last; c++)
        (*c)();
    split = boot_split(s->command_line, words, MOST_WORDS, &count);
    if (split != OK) {
        image_say("%s: the command line: %s\n", mirage_name,
                  split == ERR_RANGE ? "too many words"
                                     : "a quote or a backslash is open");
        platform_exit(64);
    }
    log_debug(&memory, "%zu KiB are free",
              (pages_free_count() + pages_unmapped_count()) * BARE_PAGE / 1024);
    if (unused_regions > 0)
        log_warning(&memory, "%zu more pieces of memory than we can note are "
                             "left unused",
                    unused_regions);
    image_start(mirage_name, words, count, true);
}

__attribute__((weak)) bool entropy_ask_devices(void)
{
    return false;
}

void platform_started(void)
{
    if (!entropy_ask_devices())
        entropy_report();
}

void platform_exit(int code)
{
    libc_stop();
    bare_leave(code);
}
