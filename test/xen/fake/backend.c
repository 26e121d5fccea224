/* SPDX-License-Identifier: ISC */
/* As in Linux's xen-blkback and xen-netback, both have the same order of
 * states: InitWait, and Connected once the frontend has said all. */
#include "backend.h"
#include "daemons.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct backend *backends[BACKENDS];
static unsigned count, domain = 1; /* the image's */

void backend_says(struct backend *b, const char *name, const char *value)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", b->back, name);
    store_set(path, value);
}

const char *backend_hears(struct backend *b, const char *name)
{
    char path[256];
    const char *value;

    snprintf(path, sizeof path, "%s/%s", b->front, name);
    value = store_get(path);
    return value ? value : "";
}

unsigned long backend_asks(struct backend *b, const char *name)
{
    const char *text = backend_hears(b, name);
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (!*text || *end)
        fake_fail("%s/%s is \"%s\", which is no number", b->front, name, text);
    return number;
}

void *backend_maps(struct backend *b, const char *name, uint32_t *grant)
{
    void *page;

    *grant = (uint32_t)backend_asks(b, name);
    page = fake_map(b->domain, *grant, true);
    if (!page)
        fake_fail("%s is no grant", name);
    return page;
}

void backend_be(struct backend *b, enum xenbus_state state)
{
    char value[4];

    b->state = state;
    snprintf(value, sizeof value, "%d", (int)state);
    backend_says(b, "state", value);
}

static void say_offers(struct backend *b)
{
    char line[128];

    for (const char *at = b->offers; *at;) {
        size_t len = strcspn(at, "\n");
        char *value;

        snprintf(line, sizeof line, "%.*s", (int)len, at);
        value = strchr(line, '=');
        *value++ = '\0';
        backend_says(b, line, value);
        at += len + (at[len] == '\n');
    }
}

/* Its entries, and the image's, as the toolstack makes them. */
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
    backend_says(b, "online", "1");
    say_offers(b);
    backend_be(b, XenbusStateInitWait);
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
    b->port = (unsigned)backend_asks(b, "event-channel");
    b->connect(b);
    b->connections++;
    b->is_told = true;
    backend_be(b, XenbusStateConnected);
}

static void follow(struct backend *b)
{
    switch ((enum xenbus_state)atoi(backend_hears(b, "state"))) {
    case XenbusStateInitialising:
        if (b->state == XenbusStateClosed && b->is_online) {
            say_offers(b);
            backend_be(b, XenbusStateInitWait);
        }
        break;
    case XenbusStateInitialised:
    case XenbusStateConnected:
        try_connect(b);
        break;
    case XenbusStateClosing:
        disconnect(b);
        backend_be(b, XenbusStateClosing);
        break;
    case XenbusStateClosed:
        disconnect(b);
        if (b->state != XenbusStateClosed)
            backend_be(b, XenbusStateClosed);
        break;
    default:
        break;
    }
}

/* The frontend's state has changed. */
void backends_see(const char *path)
{
    for (unsigned i = 0; i < count; i++) {
        size_t len = strlen(backends[i]->front);

        if (strncmp(path, backends[i]->front, len) == 0 &&
            strcmp(path + len, "/state") == 0)
            follow(backends[i]);
    }
}

bool backends_tell(unsigned port)
{
    for (unsigned i = 0; i < count; i++)
        if (backends[i]->port == port) {
            backends[i]->is_told = true;
            backends[i]->told++;
            return true;
        }
    return false;
}

void backends_act(void)
{
    for (unsigned i = 0; i < count; i++)
        if (backends[i]->port && !backends[i]->is_deaf)
            backends[i]->act(backends[i]);
}

nanoseconds backends_next(void)
{
    nanoseconds next = FOREVER;

    for (unsigned i = 0; i < count; i++)
        if (backends[i]->port && !backends[i]->is_deaf) {
            nanoseconds its = backends[i]->next(backends[i]);

            next = its < next ? its : next;
        }
    return next;
}

void backend_restart(struct backend *b)
{
    disconnect(b);
    backend_be(b, XenbusStateClosing);
}

void backend_remove(struct backend *b)
{
    b->is_online = false;
    backend_says(b, "online", "0");
    backend_restart(b);
}

void backend_notify(struct backend *b)
{
    fake_event(b->port);
}

/* Of an entry of the image's nothing is left. */
static void forget(struct backend *b, const char *name)
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
        backend_says(b, "online", NULL);
        backend_says(b, "state", NULL);
        forget(b, "state");
        forget(b, "event-channel");
        forget(b, "backend-id");
        if (!b->is_left)
            introduce(b);
    }
}
