/* SPDX-License-Identifier: ISC */
/*
 * backend: a backend of Xen that the input controls: xenstore, rings, grants
 * and events. A target includes this and then the driver's .c files. The
 * backend acts when the image waits. After the input has ended it behaves
 * correctly, and later goes away for good.
 *
 * What drivers allocate for the image's whole life is freed here, so that each
 * input starts anew.
 */
#ifndef FUZZ_BACKEND_H
#define FUZZ_BACKEND_H

#include "taken.h"
#include <xen/grant.c>
#include <xen/front.h>
#include <xen/events.h>
#include <xen/shared_ring.h>
#include <mirage/bare.h>
#include <mirage/buf.h>
#include <mirage/fiber.h>
#include <stdlib.h>
#include <string.h>

#define PAGES   4096u /* a power of two; frame numbers are below it */
#define CORRECT 40 /* turns after the input */
#define TURNS   2000 /* the most after the input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A value of xenstore, by the last part of its path. wrong: not 0 for a wrong
 * value. */
struct offer {
    const char *name, *value;
    uint8_t wrong;
};

/* A ring, as the backend sees it. */
struct ring {
    void *shared; /* begins with the indices of every ring */
    size_t head, entry; /* bytes before the entries, and of each */
    size_t request_id, id_bytes, status;
    bool receives; /* data, whose length is the status */
    unsigned size; /* entries */
};

struct indices {
    uint32_t req_prod, req_event, rsp_prod, rsp_event;
};

/* Defined by the target. */
static struct offer offers[];
static const size_t offers_count;
static unsigned find_rings(struct ring rings[2]); /* returns the count */

static unsigned turns_after;
static unsigned back_state, front_state;
static bool is_online;
static uint16_t back_domain;
static struct event *channel;

static struct front *fronts; /* of front.c, which comes last */
static struct xenstore_watch *watched;
static grant_entry_v1_t grants_of_image[ENTRIES];
static uintptr_t page_of_frame[PAGES];

static uint32_t next_number(void)
{
    static const uint32_t odd[] = {0, 1, 2, 31, 32, 33, 255, 256, 257, 4095,
                                   4096, 65535, 0x7fffffff, 0x80000000,
                                   0xffffffff};
    uint8_t b = next_byte();

    return b < 128 ? b : odd[b % (sizeof odd / sizeof odd[0])];
}

/* Grants. */

void *guest_grant_table(void)
{
    return grants_of_image;
}

bool bare_is_physical(const void *at, size_t len)
{
    (void)at;
    (void)len;
    return true;
}

uint64_t guest_frame(const void *page)
{
    uintptr_t address = (uintptr_t)page;
    size_t at = address / 4096 * 2654435761u % PAGES;

    check(address % 4096 == 0);
    while (page_of_frame[at] && page_of_frame[at] != address)
        at = (at + 1) % PAGES;
    page_of_frame[at] = address;
    return at;
}

/* The page, if the grant permits the backend to write to it; or NULL. */
static uint8_t *granted_page(uint32_t grant)
{
    const grant_entry_v1_t *e = &grants_of_image[grant % ENTRIES];

    if ((e->flags & GTF_type_mask) != GTF_permit_access ||
        e->domid != back_domain || e->flags & GTF_readonly)
        return NULL;
    return (uint8_t *)page_of_frame[e->frame];
}

static void use_a_grant(void)
{
    grant_entry_v1_t *e = &grants_of_image[RESERVED + next_byte() * 2u +
                                           next_byte() % 2u];

    if ((e->flags & GTF_type_mask) == GTF_permit_access)
        e->flags ^= GTF_reading | (e->flags & GTF_readonly ? 0 : GTF_writing);
}

/* Ends all use of grants. */
static void unmap_all(void)
{
    for (size_t i = 0; i < ENTRIES; i++)
        grants_of_image[i].flags &= (uint16_t) ~(GTF_reading | GTF_writing);
}

static void write_a_page(void)
{
    uint8_t *page = granted_page(RESERVED + next_byte());
    size_t at = next_byte() * 16u;

    for (unsigned n = next_byte() % 32u; page && n > 0; n--)
        page[at++ % 4096] = next_byte();
}

/* xenstore. */

static void change(void)
{
    if (watched) {
        watched->changed = true;
        wake_all(&watched->waiters);
    }
}

static void set_back_state(unsigned state)
{
    back_state = state;
    change();
}

/* The next step of a correct backend. */
static void follow(void)
{
    unsigned before = back_state;

    if (front_state == XenbusStateInitialising &&
        back_state == XenbusStateClosed && is_online)
        back_state = XenbusStateInitWait;
    if ((front_state == XenbusStateInitialised ||
         front_state == XenbusStateConnected) &&
        back_state == XenbusStateInitWait)
        back_state = XenbusStateConnected;
    if (front_state == XenbusStateClosed)
        back_state = XenbusStateClosed;
    if (front_state == XenbusStateClosed || before != back_state)
        change();
}

static struct offer *offer_of(const char *path)
{
    const char *name = strrchr(path, '/') + 1;

    for (size_t i = 0; i < offers_count; i++)
        if (strcmp(offers[i].name, name) == 0)
            return &offers[i];
    return NULL;
}

enum status xenstore_read(const char *path, char *value, size_t size)
{
    static const char *const values[] = {"", "0", "1", "2", "x", "-1", "4096",
                                         "18446744073709551615", "/a/b", "768",
                                         "00:16:3e:00:00:0g", "65536",
                                         "4294967295"};
    const struct offer *o = offer_of(path);
    const char *text;

    if (!o)
        return ERR_NOT_FOUND;
    text = o->wrong == 0        ? o->value
           : o->wrong % 16 < 13 ? values[o->wrong % 16]
                                : NULL;
    if (!text)
        return ERR_NOT_FOUND;
    if (strlen(text) >= size)
        return ERR_RANGE;
    strcpy(value, text);
    return OK;
}

enum status xenstore_number(const char *path, uint64_t *number)
{
    char text[32], *end;
    enum status s = OK;

    if (strcmp(strrchr(path, '/'), "/state") == 0) {
        *number = back_state;
        return OK;
    }
    if (strcmp(strrchr(path, '/'), "/online") == 0) {
        *number = is_online;
        return OK;
    }
    s = xenstore_read(path, text, sizeof text);
    if (s != OK)
        return s;
    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end ? OK : ERR_FORMAT;
}

enum status xenstore_list(const char *path, char *names, size_t size)
{
    (void)path;
    memset(names, 0, size);
    return OK;
}

enum status xenstore_write(const char *path, const char *value)
{
    if (strcmp(strrchr(path, '/'), "/state") == 0)
        front_state = (unsigned)atoi(value);
    return OK;
}

enum status xenstore_write_all(const char *path,
                               const struct xenstore_entry *all, size_t count)
{
    (void)path;
    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i].name, "state") == 0)
            front_state = (unsigned)atoi(all[i].value);
    return OK;
}

enum status xenstore_watch(struct xenstore_watch *w)
{
    watched = w;
    w->changed = true;
    strcpy(w->token, "w");
    return OK;
}

enum status xenstore_wait(struct xenstore_watch *w, nanoseconds deadline)
{
    while (!w->changed) {
        enum status s = wait_until(&w->waiters, deadline);

        if (s != OK)
            return s;
    }
    w->changed = false;
    return OK;
}

enum status xenstore_rewatch(struct xenstore_watch *w)
{
    w->changed = true;
    return OK;
}

void xenstore_notify(struct xenstore_watch *w)
{
    w->changed = true;
    wake_all(&w->waiters);
}

/* Events. */

enum status event_open(struct event *e, uint16_t domain)
{
    check(!channel);
    back_domain = domain;
    channel = e;
    e->port = 9;
    return OK;
}

void event_close(struct event *e)
{
    check(channel == e);
    channel = NULL;
}

void event_notify(uint32_t port)
{
    check((channel && port == 9) || port == 0);
}

/* Migration. */

static struct resume_handler *suspended[2]; /* of grants and fronts */
static size_t suspended_count;

void suspend_on_resume(struct resume_handler *s)
{
    check(suspended_count < 2);
    suspended[suspended_count++] = s;
}

static void migrate(void)
{
    memset(grants_of_image, 0, sizeof grants_of_image);
    if (channel)
        channel->port = 0;
    back_state = XenbusStateInitWait;
    front_state = XenbusStateInitialising;
    is_online = true;
    for (size_t i = 0; i < suspended_count; i++)
        suspended[i]->on_resume(true);
}

/* The rings. */

static uint8_t *entry_of(const struct ring *r, uint32_t at)
{
    return (uint8_t *)r->shared + r->head + at % r->size * r->entry;
}

/* The status of the next `repeats` responses in a ring that does not receive.
 */
static unsigned repeats;
static int8_t repeated;

/* Responds to the next request. False: there is none. */
static bool respond(const struct ring *r)
{
    struct indices *at = r->shared;
    uint8_t *entry = entry_of(r, at->rsp_prod);
    uint8_t id[8];
    int16_t status = 0;

    if (at->rsp_prod == at->req_prod)
        return false;
    if (r->receives)
        status = fuzz_left > 0 ? (int16_t)(next_byte() * 16u) : 60;
    else if (repeats > 0 && repeats--)
        status = repeated;
    memcpy(id, entry + r->request_id, r->id_bytes);
    memset(entry, 0, r->entry);
    memcpy(entry, id, r->id_bytes);
    if (r->receives)
        entry[4] = next_byte() & 15; /* its flags */
    memcpy(entry + r->status, &status, sizeof status);
    at->rsp_prod++;
    return true;
}

/* Does something to the rings. */
static void act(uint8_t what)
{
    struct ring rings[2];
    unsigned n = find_rings(rings);
    struct ring *r = &rings[what / 16 % n];
    struct indices *at = r->shared;
    uint32_t number;
    uint8_t *entry = entry_of(r, at->rsp_prod);

    switch (what % 16) {
    case 6:
        number = next_number();
        respond(r);
        memcpy(entry + next_byte() * 2u % r->entry, &number, 2);
        break;
    case 7:
        at->rsp_prod += next_number();
        break;
    case 8:
        entry = entry_of(r, at->rsp_prod + next_byte());
        for (size_t i = 0; i < r->entry; i++)
            entry[i] = next_byte();
        break;
    case 9:
        ((uint32_t *)r->shared)[next_byte() % 4] = next_number();
        break;
    case 10:
        entry[next_byte() % r->entry] = next_byte();
        at->rsp_prod++;
        break;
    case 11:
        repeats = next_byte() * 16u;
        repeated = (int8_t)next_byte();
        break;
    default:
        for (unsigned k = what % 4u; k < 4; k++)
            respond(r);
    }
}

static void respond_to_all(void)
{
    struct ring rings[2];
    unsigned n = find_rings(rings);

    for (unsigned i = 0; i < n; i++) {
        struct indices *at = rings[i].shared;
        unsigned most = rings[i].size;

        if (at->req_prod - at->rsp_prod <= most)
            while (respond(&rings[i]))
                continue;
    }
}

/* Turns of the backend. */

static void do_something(void)
{
    uint8_t what = next_byte();

    switch (what % 16) {
    case 0:
        use_a_grant();
        break;
    case 1:
        write_a_page();
        break;
    case 2:
        set_back_state(next_byte() % 9u);
        break;
    case 3:
        is_online = next_byte() % 2;
        set_back_state(XenbusStateClosing);
        break;
    case 4:
        offers[next_byte() % offers_count].wrong = next_byte();
        break;
    case 5:
        follow();
        break;
    default:
        if (what == 0xff)
            migrate();
        else if (channel && channel->port != 0)
            act(what);
    }
}

static void end(void)
{
    check(++turns_after < TURNS);
    if (turns_after == 1) {
        is_online = true;
        for (size_t i = 0; i < offers_count; i++)
            offers[i].wrong = 0;
    }
    if (turns_after > CORRECT && back_state == XenbusStateConnected) {
        is_online = false;
        set_back_state(XenbusStateClosing);
    }
    if (back_state > XenbusStateClosed || back_state < XenbusStateInitWait ||
        back_state == XenbusStateInitialised)
        set_back_state(XenbusStateClosed);
    unmap_all();
    follow();
    if (channel && channel->port != 0)
        respond_to_all();
}

void platform_wait(nanoseconds deadline)
{
    if (fuzz_left > 0) {
        for (unsigned n = next_byte() % 4u + 1; n > 0; n--)
            do_something();
        follow();
    } else {
        end();
    }
    if (channel && channel->port != 0)
        channel->on_event(channel->ctx);
    fuzz_now += MILLISECOND;
    if (fuzz_left == 0 && deadline != FOREVER && deadline > fuzz_now)
        fuzz_now = deadline;
}

static struct fiber *fibers[16];
static size_t fibers_count;

static enum status noted_spawn(const struct fiber_options *o, fiber_fn *fn,
                               void *ctx, struct fiber **f)
{
    enum status s = fiber_spawn(o, fn, ctx, f);

    check(s == OK && fibers_count < sizeof fibers / sizeof fibers[0]);
    fibers[fibers_count++] = *f;
    return s;
}

static void begin(const uint8_t *data, size_t size)
{
    begin_input(data, size);
    memset(grants_of_image, 0, sizeof grants_of_image);
    memset(page_of_frame, 0, sizeof page_of_frame);
    memset(next_free, 0, sizeof next_free);
    first_free = free_count = 0;
    table = NULL;
    fronts = NULL;
    suspended_count = 0;
    watched = NULL;
    channel = NULL;
    turns_after = 0;
    repeats = 0;
    is_online = true;
    back_state = XenbusStateInitWait;
    front_state = XenbusStateInitialising;
    for (size_t i = 0; i < offers_count; i++)
        offers[i].wrong = 0;
}

/* Plays the input to its end. Then joins the fibers, cancelling the first
 * `asked`, checks that nothing is granted, and frees all. */
static void finish_all(size_t asked)
{
    while (fuzz_left > 0)
        check(time_sleep(MILLISECOND) == OK);
    while (fibers_count > 0) {
        struct fiber *f = fibers[--fibers_count];

        if (fibers_count < asked)
            fiber_cancel(f);
        check(fiber_join(f, FOREVER) == OK);
    }
    for (size_t i = 0; i < ENTRIES; i++)
        check(grants_of_image[i].flags == 0);
    free_taken();
}

#define page_alloc(count)    note(page_alloc(count), count)
#define page_free(at, count) (forget(at), page_free(at, count))
#define calloc(count, size)  note(calloc(count, size), 0)
#define free(at)             (forget(at), free(at))
#define fiber_spawn          noted_spawn

#include <xen/front.c>
#include <xen/shared_ring.c>

#endif
