/* SPDX-License-Identifier: ISC */
/*
 * What an image says of itself: formatted text through platform_put, the
 * warning about a slow fiber, and the first line of a panic. Nothing here
 * needs fibers, which report by it.
 */
#include "report.h"
#include <mirage/log.h>
#include <mirage/platform.h>
#include <mirage/text.h>

LOG_SOURCE_SHARED(image);

static const char *name = "image";

void report_name(const char *program)
{
    name = program;
}

const char *image_name(void)
{
    return name;
}

void report_slow(const char *fiber, nanoseconds length)
{
    log_warning(&image,
                "fiber \"%s\" has kept all others from running for %u.%u s; "
                "fiber_yield() would give them their turn",
                fiber, (unsigned)(length / SECOND),
                (unsigned)(length % SECOND / (SECOND / 10)));
}

static void put(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    platform_put(text, len);
}

void image_vsay(const char *fmt, va_list args)
{
    text_vprint(put, NULL, fmt, args);
}

void image_say(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    image_vsay(fmt, args);
    va_end(args);
}

void report_panic(const char *fiber, uintptr_t frame, const char *file,
                  int line, const char *fmt, va_list args)
{
    static bool twice;

    image_say("\n%s crashed at %s:%d, in fiber \"%s\": ", name, file, line,
              fiber);
    image_vsay(fmt, args);
    image_say("\n");
    if (twice)
        platform_exit(1); /* the crash report itself has crashed */
    twice = true;
    platform_crash(frame);
}
