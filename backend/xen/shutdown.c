/* SPDX-License-Identifier: ISC */
/*
 * The toolstack writes a request into control/shutdown (Xen's
 * docs/misc/xenstore-paths.pandoc). The guest acknowledges it by making the
 * entry empty.
 */
#include "shutdown.h"
#include "suspend.h"
#include "xenstore.h"
#include <mirage/log.h>
#include <mirage/platform.h>
#include <stdbool.h>
#include <string.h>
#include <xen/xen.h>
#include <xen/sched.h>

#define PATH  "control/shutdown"
#define STACK 16384

LOG_SOURCE(xen);

static unsigned reason = SHUTDOWN_poweroff;
static bool is_suspend; /* the present request */

unsigned shutdown_reason(void)
{
    return reason;
}

/* Replaces bytes that could control a terminal. text_quote would add 500 bytes
 * to the smallest image (decision 0009). */
static char *printable(char *word)
{
    for (char *at = word; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    return word;
}

/* Notes and logs the request. False: it is unknown. */
static bool accept(char *word)
{
    is_suspend = strcmp(word, "suspend") == 0;
    if (strcmp(word, "reboot") == 0)
        reason = SHUTDOWN_reboot;
    else if (!is_suspend && strcmp(word, "poweroff") != 0 &&
             strcmp(word, "halt") != 0) {
        log_warning(&xen, "asked for \"%s\", which this image cannot do",
                    printable(word));
        return false;
    }
    log_info(&xen, "asked for %s", word);
    return true;
}

static void run(void *ctx)
{
    static struct xenstore_watch watch;
    char word[32];
    enum status s;

    (void)ctx;
    watch.path = PATH;
    s = xenstore_watch(&watch);
    while (s == OK && (s = xenstore_wait(&watch, FOREVER)) == OK) {
        enum status r = xenstore_read(PATH, word, sizeof word);

        if (r == ERR_RANGE)
            memcpy(word, "...", 4); /* longer than any known request */
        else if (r != OK || !*word)
            continue;
        if (!accept(word))
            continue;
        s = xenstore_write(PATH, "");
        if (!is_suspend)
            image_stop();
        else if (s == OK)
            suspend_guest();
    }
    if (s != ERR_CANCELLED)
        log_warning(&xen, "xl shutdown is not heard any more: %s",
                    status_text(s));
}

void shutdown_start(void)
{
    static const struct fiber_options options = {"shutdown", STACK};
    static struct fiber *fiber;
    enum status s;

    s = fiber_spawn(&options, run, NULL, &fiber);
    if (s != OK)
        log_warning(&xen, "xl shutdown will not be heard: %s", status_text(s));
}
