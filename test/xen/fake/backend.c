/* SPDX-License-Identifier: ISC */
/* The xenbus states of Linux's xen-blkback and xen-netback: InitWait, and
 * Connected once the frontend has published its rings. */
#include "backend.h"
#include "daemons.h"
#include <mirage/macros.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct backend *backends[BACKENDS];
static unsigned count;
static unsigned domain = 1; /* the image's */

void backend_write(struct backend *b, const char *name, const char *value)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", b->back, name);
    store_set(path, value);
}

const char *backend_read_front(struct backend *b, const char *name)
{
    char path[256];
    const char *value;

    snprintf(path, sizeof path, "%s/%s", b->front, name);
    value = store_get(path);
    return value ? value : "";
}

unsigned long backend_read_number(struct backend *b, const char *name)
{
    const char *text = backend_read_front(b, name);
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (!*text || *end)
        fake_fail("%s/%s is \"%s\", which is no number", b->front, name, text);
    return number;
}

void *backend_map(struct backend *b, const char *name, uint32_t *grant)
{
    void *page;

    *grant = (uint32_t)backend_read_number(b, name);
    page = fake_map(b->domain, *grant, true);
    if (!page)
        fake_fail("%s is no grant", name);
    return page;
}

void backend_set_state(struct backend *b, enum xenbus_state state)
{
    char value[4];

    b->state = state;
    snprintf(value, sizeof value, "%d", (int)state);
    backend_write(b, "state", value);
}

static void write_offers(struct backend *b)
{
    char line[128];

    for (const char *at = b->offers; *at;) {
        size_t len = strcspn(at, "\n");
        char *value;

        snprintf(line, sizeof line, "%.*s", (int)len, at);
        value = strchr(line, '=');
        *value++ = '\0';
        backend_write(b, line, value);
        at += len + (at[len] == '\n');
    }
}

/* Writes the entries of backend and frontend, as the toolstack does. */
static void introduce(struct backend *b)
{
    char path[128], number[12];

    snprintf(b->back, sizeof b->back, "/local/domain/%u/backend/%s/%u/%u",
             b->domain, b->kind, domain, b->number);
    snprintf(path, sizeof path, "%s/backend-id", b->front);
    snprintf(number, sizeof number, "%u", b->domain);
    store_set(path, number);
    snprintf(path, sizeof path, "%s/backend", b->front);
    store_set(path, b->back);
    snprintf(path, sizeof path, "%s/state", b->front);
    store_set(path, "1");
    b->is_online = true;
    backend_write(b, "online", "1");
    write_offers(b);
    backend_set_state(b, XenbusStateInitWait);
}

void backend_add(struct backend *b)
{
    if (count == BACKENDS)
        fake_fail("more backends than the fake has");
    backends[count++] = b;
    snprintf(b->front, sizeof b->front, "device/%s/%u", b->kind, b->number);
    introduce(b);
}

static void disconnect(struct backend *b)
{
    if (b->port)
        b->disconnect(b);
    b->port = 0;
}

static void try_connect(struct backend *b)
{
    if (b->state != XenbusStateInitWait)
        return;
    b->port = (unsigned)backend_read_number(b, "event-channel");
    b->connect(b);
    b->connections++;
    b->is_notified = true;
    backend_set_state(b, XenbusStateConnected);
}

static void follow(struct backend *b)
{
    switch ((enum xenbus_state)atoi(backend_read_front(b, "state"))) {
    case XenbusStateInitialising:
        if (b->state == XenbusStateClosed && b->is_online) {
            write_offers(b);
            backend_set_state(b, XenbusStateInitWait);
        }
        break;
    case XenbusStateInitialised:
    case XenbusStateConnected:
        try_connect(b);
        break;
    case XenbusStateClosing:
        disconnect(b);
        backend_set_state(b, XenbusStateClosing);
        break;
    case XenbusStateClosed:
        disconnect(b);
        if (b->state != XenbusStateClosed)
            backend_set_state(b, XenbusStateClosed);
        break;
    default:
        break;
    }
}

void backends_on_write(const char *path)
{
    for (unsigned i = 0; i < count; i++) {
        size_t len = strlen(backends[i]->front);

        if (strncmp(path, backends[i]->front, len) == 0 &&
            strcmp(path + len, "/state") == 0)
            follow(backends[i]);
    }
}

bool backends_on_event(unsigned port)
{
    for (unsigned i = 0; i < count; i++)
        if (backends[i]->port == port) {
            backends[i]->is_notified = true;
            backends[i]->notified++;
            return true;
        }
    return false;
}

static bool is_active(const struct backend *b)
{
    return (b->port || b->acts_always) && !b->is_stopped;
}

void backends_act(void)
{
    for (unsigned i = 0; i < count; i++)
        if (is_active(backends[i]))
            backends[i]->act(backends[i]);
}

nanoseconds backends_next(void)
{
    nanoseconds next = FOREVER;

    for (unsigned i = 0; i < count; i++)
        if (is_active(backends[i])) {
            nanoseconds its = backends[i]->next(backends[i]);

            next = min(its, next);
        }
    return next;
}

void backend_restart(struct backend *b)
{
    disconnect(b);
    backend_set_state(b, XenbusStateClosing);
}

void backend_remove(struct backend *b)
{
    b->is_online = false;
    backend_write(b, "online", "0");
    backend_restart(b);
}

void backend_notify(struct backend *b)
{
    fake_event(b->port);
}

/* Removes an entry of the frontend. */
static void remove_entry(struct backend *b, const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", b->front, name);
    store_set(path, NULL);
}

void backends_restore(void)
{
    domain++;
    for (unsigned i = 0; i < count; i++) {
        struct backend *b = backends[i];

        disconnect(b);
        backend_write(b, "online", NULL);
        backend_write(b, "state", NULL);
        remove_entry(b, "state");
        remove_entry(b, "event-channel");
        remove_entry(b, "backend-id");
        if (!b->is_left_behind)
            introduce(b);
    }
}
