/* SPDX-License-Identifier: ISC */
/*
 * Runs a domain by `xl create -c`, and finds its exit status: xl itself ends
 * with 0 when the console closes. The daemon that xl leaves behind logs how the
 * domain ended.
 */
#define _GNU_SOURCE
#include "xl.h"
#include "process.h"
#include "quote.h"
#include "root.h"
#include "say.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CRASHED   70 /* the exit status of a crash on other targets */
#define DESTROYED 137 /* that of a process after SIGKILL */

/* How a domain ended, by its last line in xl's log. */
enum end {
    STILL_RUNS = -3,
    IS_UNKNOWN = -2, /* there is no log */
    IS_DESTROYED = -1,
    POWEROFF = 0, /* from here on the reasons of xen/sched.h, SHUTDOWN_* */
    REBOOT,
    SUSPEND,
    CRASH,
    WATCHDOG,
};

/* A user who runs it by sudo may not have /usr/sbin on PATH. */
static const char *find_xl(void)
{
    static const char *const others[] = {"/usr/sbin/xl", "/usr/local/sbin/xl",
                                         NULL};

    if (find_program("xl"))
        return "xl";
    for (const char *const *o = others; *o; o++)
        if (access(*o, X_OK) == 0)
            return *o;
    return NULL;
}

/* The domain's name, by the last assignment in the file. */
static char *guest_name(const char *file, const char *image)
{
    FILE *in = fopen(file, "r");
    char *line = NULL, *name = text_of("%s", image), *found;
    size_t size = 0;

    if (!in)
        die(FAILED, "there is no %s: run `mirage configure`", file);
    while (getline(&line, &size, in) > 0)
        if (sscanf(line, " name = \"%m[^\"]", &found) == 1 ||
            sscanf(line, " name = '%m[^']", &found) == 1)
            name = found;
    fclose(in);
    return name;
}

static const char *log_folder(void)
{
    const char *folder = getenv("XEN_LOG_DIR");

    return folder && *folder ? folder : "/var/log/xen";
}

/* An unknown reason is not taken for success. */
static enum end reason_of(const char *text)
{
    char *rest;
    long code = strtol(text, &rest, 10);

    return rest == text || code < POWEROFF || code > WATCHDOG
               ? IS_UNKNOWN
               : (enum end)code;
}

/* How the last domain in the log has ended. */
static enum end last_end(char *log)
{
    enum end end = STILL_RUNS;
    char *line, *at;

    while ((line = strsep(&log, "\n")) != NULL)
        if (strstr(line, "Waiting for domain "))
            end = STILL_RUNS;
        else if ((at = strstr(line, "has shut down, reason code ")) != NULL)
            end = reason_of(at + strlen("has shut down, reason code "));
        else if (strstr(line, "has been destroyed") && end == STILL_RUNS)
            end = IS_DESTROYED;
    return end;
}

static enum end read_end(const char *sudo, const char *name)
{
    struct words w = {.quiet = true};
    struct outcome o;

    add_words(&w, sudo);
    add_word(&w, "cat");
    add_word(&w, text_of("%s/xl-%s.log", log_folder(), name));
    o = run(&w, STDOUT_FILENO, 0);
    return o.status == 0 ? last_end(o.text) : IS_UNKNOWN;
}

static bool is_there(const char *sudo, const char *name)
{
    struct words w = {.quiet = true};

    add_words(&w, sudo);
    add_word(&w, find_xl());
    add_word(&w, "domid");
    add_word(&w, name);
    return run(&w, STDOUT_FILENO, 0).status == 0;
}

/*
 * Waits for the end to appear in the log, which may be later than the end of
 * the console: 3 seconds while xl knows the domain, up to 30 after that.
 */
static enum end wait_for_end(const char *sudo, const char *name)
{
    enum end end = read_end(sudo, name);

    for (int tenths = 0; tenths < 300 && end == STILL_RUNS; tenths++) {
        if (tenths > 30 && tenths % 10 == 0 && is_there(sudo, name))
            return STILL_RUNS;
        usleep(100000);
        end = read_end(sudo, name);
    }
    return end == STILL_RUNS ? IS_UNKNOWN : end;
}

/* Returns the exit status for an end; a message tells the rest. */
static int status_of(enum end end, const char *name)
{
    switch (end) {
    case STILL_RUNS:
        say("%s goes on: `xl console %s` returns to it, `xl destroy %s` ends "
            "it",
            name, shell_word(name), shell_word(name));
        return 0;
    case IS_UNKNOWN:
        say("how %s ended is not known: xl's log %s/xl-%s.log does not tell",
            name, log_folder(), name);
        return FAILED;
    case IS_DESTROYED: say("%s was destroyed", name); return DESTROYED;
    case CRASH: say("%s crashed", name); return CRASHED;
    case WATCHDOG: say("%s was ended by its watchdog", name); return CRASHED;
    default: return 0;
    }
}

static void require_xl(const char *image)
{
    if (!find_xl())
        die(FAILED,
            "there is no xl here, so this is no dom0 of Xen's. Either copy "
            "%s.xl and\nmir-%s.xen to one and run `xl create -c %s.xl` there, "
            "or make this machine one;\non Debian: apt-get install "
            "xen-system-amd64, and boot anew.",
            image, image, image);
}

int run_in_xen(const char *image, const char *sudo, int count, char **words)
{
    char *file = text_of("%s.xl", image);
    char *name = guest_name(file, image);
    struct words w = {0};
    struct outcome o;
    int status;

    require_xl(image);
    add_words(&w, sudo);
    add_word(&w, find_xl());
    add_words(&w, "create -c");
    add_word(&w, file);
    if (count > 0)
        add_word(&w, text_of("extra=%s",
                             xl_string(boot_line(count, words))));
    print_command(&w);
    o = run(&w, -1, 0);
    want_started(&w, &o);
    status = o.status;
    if (status != 0) {
        if (!*sudo && geteuid() != 0)
            say("xl is for root: SUDO=sudo mirage run");
        return status;
    }
    return status_of(wait_for_end(sudo, name), name);
}
