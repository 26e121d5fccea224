/* SPDX-License-Identifier: ISC */
/*
 * The states of frontend and backend (xen/io/xenbus.h, and Xen's
 * docs/misc/xenbus.txt) as a sequence of waits for the next state.
 */
#include "front.h"
#include "grant.h"
#include "suspend.h"
#include <mirage/log.h>
#include <mirage/text.h>
#include <string.h>

#define PATIENCE (30 * SECOND) /* for a step of the backend */
#define LOOK     (100 * MILLISECOND) /* between two attempts to reclaim */
#define SELDOM   (60 * SECOND) /* the same, after some time */

LOG_SOURCE(xenbus);

static struct front *fronts;

static enum status find_backend(struct front *f)
{
    char path[FRONT_NAME + 16];
    uint64_t domain;
    enum status s;

    text_format(path, sizeof path, "%s/backend-id", f->path);
    s = xenstore_number(path, &domain);
    if (s != OK)
        return s;
    if (domain >= DOMID_FIRST_RESERVED)
        return ERR_RANGE;
    f->domain = (uint16_t)domain;
    text_format(path, sizeof path, "%s/backend", f->path);
    s = xenstore_read(path, f->backend, sizeof f->backend);
    if (s == OK)
        text_format(f->watched, sizeof f->watched, "%s/state", f->backend);
    return s;
}

/* A migration ends all connections. */
static void on_resume(bool is_moved)
{
    for (struct front *f = fronts; f && is_moved; f = f->next) {
        f->is_moved = true;
        xenstore_notify(&f->watch);
    }
}

enum status front_find(struct front *f, const char *name, const char *kind,
                       unsigned long number)
{
    static struct resume_handler after = {.on_resume = on_resume};
    enum status s;

    memset(f, 0, sizeof *f);
    f->name = name;
    text_format(f->path, sizeof f->path, "device/%s/%lu", kind, number);
    s = find_backend(f);
    if (s != OK)
        return s == ERR_FORMAT || s == ERR_RANGE ? ERR_NOT_FOUND : s;
    f->watch.path = f->watched;
    if (!fronts)
        suspend_on_resume(&after);
    f->next = fronts;
    fronts = f;
    return OK;
}

bool front_read_names(const char *kind, char *names, size_t names_size,
                      char *text, size_t size)
{
    char path[FRONT_NAME];
    enum status s;

    text_format(path, sizeof path, "device/%s", kind);
    s = xenstore_list(path, names, names_size);
    if (s == OK || s == ERR_NOT_FOUND)
        text_format(text, size, "none");
    else
        text_format(text, size, "unknown (xenstore's list: %s)",
                    status_text(s));
    return s == OK;
}

void front_format_names(const char *kind, char *text, size_t size)
{
    char names[FRONT_NAMES];
    size_t len = 0;

    if (!front_read_names(kind, names, sizeof names, text, size))
        return;
    for (const char *n = names; *n && len < size; n += strlen(n) + 1)
        len += text_format(text + len, size - len, "%s%s", len ? ", " : "", n);
}

uint64_t front_read_number(struct front *f, const char *name,
                           uint64_t otherwise)
{
    char path[BACK_NAME + 64];
    uint64_t number;

    text_format(path, sizeof path, "%s/%s", f->backend, name);
    return xenstore_number(path, &number) == OK ? number : otherwise;
}

enum status front_publish(struct front *f, const struct xenstore_entry *entries,
                          size_t count)
{
    return f->is_moved ? ERR_RESET
                       : xenstore_write_all(f->path, entries, count);
}

enum status front_set_state(struct front *f, enum xenbus_state state)
{
    char path[FRONT_NAME + 8], value[4];

    if (f->is_moved)
        return ERR_RESET;
    text_format(path, sizeof path, "%s/state", f->path);
    text_format(value, sizeof value, "%u", (unsigned)state);
    return xenstore_write(path, value);
}

/* Reads the backend's state. XenbusStateUnknown: it has none. Errors are
 * xenstore's. */
static enum status read_state(struct front *f, enum xenbus_state *state)
{
    uint64_t number;
    enum status s = xenstore_number(f->watched, &number);

    if (s == OK && number <= XenbusStateReconfigured)
        *state = (enum xenbus_state)number;
    else
        *state = XenbusStateUnknown;
    return s == ERR_NOT_FOUND || s == ERR_FORMAT || s == ERR_RANGE ? OK : s;
}

/*
 * Blocks until the backend's state is in the set wanted. ERR_TIMEOUT. ERR_GONE:
 * it broke the protocol. ERR_RESET: the guest was migrated.
 */
static enum status wait_for(struct front *f, unsigned wanted,
                            nanoseconds deadline, enum xenbus_state *state)
{
    enum status s = OK;

    *state = XenbusStateUnknown;
    if (!f->watch.token[0])
        s = xenstore_watch(&f->watch);
    while (s == OK && !f->error && !f->is_moved) {
        s = read_state(f, state);
        if (s != OK)
            break;
        if (wanted >> *state & 1)
            return OK;
        s = xenstore_wait(&f->watch, deadline);
    }
    return s != OK ? s : f->error ? ERR_GONE
                                  : ERR_RESET;
}

/* The same for PATIENCE, with errors logged, except ERR_RESET. */
static enum status wait_state(struct front *f, unsigned wanted,
                              enum xenbus_state *state)
{
    enum status s = wait_for(f, wanted, time_after(PATIENCE), state);

    if (s == ERR_TIMEOUT)
        log_error(&xenbus,
                  "%s: its backend, domain %u, is in state %u after %d s; "
                  "what has gone wrong there is in dom0's /var/log/xen",
                  f->name, f->domain, (unsigned)*state,
                  (int)(PATIENCE / SECOND));
    else if (s != OK && s != ERR_RESET)
        log_error(&xenbus, "%s: %s", f->name, status_text(s));
    return s;
}

static bool is_taken_away(struct front *f)
{
    if (front_read_number(f, "online", 0) == 1)
        return false;
    log_warning(&xenbus, "%s was taken away", f->name);
    return true;
}

static void log_protocol_error(struct front *f)
{
    log_error(&xenbus, "%s: its backend, domain %u, %s; it is disconnected",
              f->name, f->domain, f->error);
}

/* When xenstore has failed, the backend's states are unknown, but it can still
 * break the protocol. why: xenstore's error. */
static enum status wait_for_protocol_error(struct front *f, enum status why)
{
    if (why != ERR_CANCELLED)
        log_error(&xenbus, "%s: xenstore: %s; it is not heard of any more when "
                           "its backend goes or comes",
                  f->name, status_text(why));
    while (why != ERR_CANCELLED && !f->error)
        if (wait_until(&f->watch.waiters, FOREVER) == ERR_CANCELLED)
            return ERR_CANCELLED;
    return why;
}

/*
 * Blocks until the backend disconnects. OK: it will reconnect, or the guest was
 * migrated. ERR_GONE: it will not, or it broke the protocol. The reason is
 * logged. ERR_CANCELLED: the image ends.
 */
static enum status wait_closed(struct front *f)
{
    enum xenbus_state state;
    enum status s = wait_for(f, IS(Closing) | IS(Closed) | IS(Unknown),
                             FOREVER, &state);

    if (s != OK && s != ERR_RESET && s != ERR_GONE)
        s = wait_for_protocol_error(f, s);
    if (f->error) {
        log_protocol_error(f);
        return ERR_GONE;
    }
    if (s != OK)
        return s == ERR_RESET ? OK : s;
    if (is_taken_away(f))
        return ERR_GONE;
    log_warning(&xenbus, "%s: its backend has gone; waiting for it", f->name);
    return OK;
}

/* Looks the device up again after a migration: the toolstack has rewritten its
 * entries. ERR_GONE: it does not exist there. */
static enum status find_again(struct front *f)
{
    char before[sizeof f->watched];
    enum status s;

    f->is_moved = false;
    memcpy(before, f->watched, sizeof before);
    s = find_backend(f);
    if (s == OK && strcmp(before, f->watched) != 0)
        s = xenstore_rewatch(&f->watch);
    if (s == OK)
        return OK;
    log_error(&xenbus, "%s: where the guest was moved to, it is not there: %s",
              f->name, status_text(s));
    return ERR_GONE;
}

/* Blocks until the backend is ready for a new connection. *closes: it is
 * closing once more, and waits for the frontend to close. ERR_GONE: it will not
 * come back. */
static enum status wait_ready(struct front *f, bool *closes)
{
    enum status s = OK;

    while (s == OK && !f->is_moved && !f->error) {
        enum xenbus_state state;

        s = read_state(f, &state);
        if (s != OK)
            break;
        *closes = state == XenbusStateClosing;
        if (state == XenbusStateInitWait || *closes)
            return OK;
        if (is_taken_away(f))
            return ERR_GONE;
        s = xenstore_wait(&f->watch, FOREVER);
    }
    return s != OK ? s : f->error ? ERR_GONE
                                  : ERR_RESET;
}

/* Closes the frontend, and blocks until the backend is ready again. */
static enum status wait_reopened(struct front *f)
{
    enum xenbus_state state;
    enum status s = OK;
    bool closes = true;

    while (s == OK && closes) {
        s = restart_wait(&f->reconnections);
        if (s == OK)
            s = front_set_state(f, XenbusStateClosed);
        if (s == OK)
            s = wait_for(f, IS(Closed) | IS(Unknown) | IS(InitWait), FOREVER,
                         &state);
        if (s == OK)
            s = front_set_state(f, XenbusStateInitialising);
        if (s == OK)
            s = wait_ready(f, &closes);
    }
    return s;
}

/*
 * Blocks until the pages of the last connection are reclaimed. ERR_GONE: the
 * backend still has some mapped 30 s after it has disconnected, which breaks
 * the protocol. ERR_RESET: the guest was migrated. ERR_CANCELLED.
 */
static enum status wait_pages(struct front *f)
{
    nanoseconds end = time_after(PATIENCE);

    while (f->ops->reclaim(f) > 0) {
        enum status s = time_sleep(LOOK);

        if (s != OK || f->is_moved)
            return s != OK ? s : ERR_RESET;
        if (f->error)
            break;
        if (time_now() >= end)
            f->error = "keeps pages in use of the connection before";
    }
    if (!f->error)
        return OK;
    log_protocol_error(f);
    return ERR_GONE;
}

/* Some pages may stay mapped by the backend, for wait_pages. */
static void end_connection(struct front *f)
{
    f->is_connected = false;
    if (f->ops->disconnected)
        f->ops->disconnected(f);
    if (f->has_channel)
        event_close(&f->event);
    f->has_channel = false;
    (void)f->ops->reclaim(f);
}

static enum status open_channel(struct front *f)
{
    enum status s = event_open(&f->event, f->domain);

    f->has_channel = s == OK;
    return s;
}

static enum status connect(struct front *f)
{
    enum xenbus_state state;
    enum status s = wait_state(f, f->ops->ready, &state);

    if (s == OK)
        s = open_channel(f);
    if (s == OK)
        s = f->ops->publish(f);
    if (s == OK)
        s = wait_state(f, IS(Connected) | IS(Closing) | IS(Closed), &state);
    if (s == OK && state != XenbusStateConnected) {
        log_error(f->ops->log, "%s: its backend, domain %u, refuses it",
                  f->name, f->domain);
        s = ERR_IO;
    }
    if (s == OK && f->ops->accept)
        s = f->ops->accept(f);
    if (s != OK) {
        end_connection(f);
        return s;
    }
    f->is_connected = true;
    f->ops->connected(f);
    return OK;
}

/*
 * Connects again after the backend has gone, or after a migration. A backend
 * gets no pages before it has unmapped those of the last connection: otherwise
 * each connection could cost some. A failure because of a further migration is
 * retried.
 */
static enum status reconnect(struct front *f)
{
    enum status s;

    do {
        bool is_moved = f->is_moved;

        end_connection(f);
        s = is_moved ? find_again(f) : wait_reopened(f);
        if (s == OK && is_moved && f->ops->regrant && !f->ops->regrant(f))
            s = ERR_GONE;
        if (s == OK)
            s = wait_pages(f);
        if (s == OK)
            s = connect(f);
    } while (s != OK && f->is_moved);
    return s;
}

/* Closes the frontend for good, and blocks until all pages are reclaimed, or
 * the image ends. */
static void close_device(struct front *f)
{
    nanoseconds pause = LOOK;
    unsigned held = f->ops->reclaim_all(f);

    if (front_set_state(f, XenbusStateClosed) != OK)
        log_debug(&xenbus, "%s: its backend is not told the end", f->name);
    if (held > 0 && time_sleep(SECOND) == OK)
        held = f->ops->reclaim_all(f);
    if (held == 0)
        return;
    log_warning(&xenbus,
                "%s: its backend, domain %u, still uses %u pages that it was "
                "lent; they are not used again before it lets them go",
                f->name, f->domain, held);
    for (; f->ops->reclaim_all(f) > 0;
         pause = pause < SELDOM ? 2 * pause : pause)
        if (time_sleep(pause) != OK)
            return;
    log_info(&xenbus, "%s: all pages are back", f->name);
}

static void run(void *ctx)
{
    struct front *f = ctx;
    enum status s;

    while ((s = wait_closed(f)) == OK && (s = reconnect(f)) == OK)
        log_warning(f->ops->log, "%s: its backend is back", f->name);
    if (s == ERR_CANCELLED)
        return; /* the image ends */
    end_connection(f);
    f->ops->gone(f);
    close_device(f);
}

enum status front_connect(struct front *f, const struct front_ops *ops)
{
    enum status s = grant_start();

    f->ops = ops;
    f->event = (struct event){.on_event = ops->on_event, .ctx = f};
    if (s == OK)
        s = connect(f);
    return s != OK && f->is_moved ? reconnect(f) : s;
}

enum status front_follow(struct front *f, const struct fiber_options *options)
{
    struct fiber *fiber;

    return fiber_spawn(options, run, f, &fiber);
}

void front_protocol_error(struct front *f, const char *how)
{
    f->is_connected = false;
    f->error = how;
    xenstore_notify(&f->watch);
}
