/* SPDX-License-Identifier: ISC */
/*
 * A fake of xenstored with a small tree. A request that the protocol forbids
 * fails the test.
 */
#include "fake.h"
#include "daemons.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES 256
#define WRITES  32 /* of a transaction */
#define OPEN    8 /* transactions at once */

struct store_daemon stored;

static struct entry {
    char path[XENSTORE_REL_PATH_MAX];
    char *value;
    const char *error;
} tree[ENTRIES];

static struct watch {
    char path[256], token[256];
} watches[ENTRIES];

static unsigned watch_count;

/* The open transactions and their writes. */
static struct transaction {
    uint32_t id; /* 0: unused */
    unsigned count;
    struct {
        char path[256], value[64];
    } writes[WRITES];
} transactions[OPEN];

static bool is_notified;
static nanoseconds say_at;

/* A request that is being received, and the bytes to be sent. */
static struct {
    struct xsd_sockmsg header;
    char body[XENSTORE_PAYLOAD_MAX + 1];
    size_t got;
} request;

static char queue[1 << 20];
static size_t queue_from, queue_to;

void store_init(void)
{
    stored = (struct store_daemon){
        .ring = fake_ring_page(sizeof *stored.ring),
        .sends = all_bytes,
    };
}

void store_notify(void)
{
    stored.notified++;
    is_notified = true;
}

void store_send_raw(const void *bytes, size_t len)
{
    if (len > sizeof queue - queue_to)
        fake_fail("the store says more than the test can have");
    memcpy(queue + queue_to, bytes, len);
    queue_to += len;
    is_notified = true; /* there is work */
}

void store_send(unsigned type, unsigned id, const void *body, size_t len)
{
    struct xsd_sockmsg header = {type, id, 0, (uint32_t)len};

    store_send_raw(&header, sizeof header);
    store_send_raw(body, len);
}

static struct entry *find(const char *path)
{
    for (struct entry *e = tree; e < tree + ENTRIES; e++)
        if (strcmp(e->path, path) == 0)
            return e;
    return NULL;
}

static struct entry *find_or_make(const char *path)
{
    struct entry *e = find(path);

    if (!e && (e = find("")))
        strncpy(e->path, path, sizeof e->path - 1);
    if (!e)
        fake_fail("the store has no room for %s", path);
    return e;
}

static void send_watch_event(const struct watch *w, const char *path)
{
    char body[sizeof w->path + sizeof tree->path];
    size_t len = strlen(path) + 1;

    memcpy(body, path, len);
    memcpy(body + len, w->token, strlen(w->token) + 1);
    store_send(XS_WATCH_EVENT, 0, body, len + strlen(w->token) + 1);
}

static bool is_below(const char *path, const char *above)
{
    size_t len = strlen(above);

    return strncmp(path, above, len) == 0 &&
           (path[len] == '\0' || path[len] == '/');
}

void store_set(const char *path, const char *value)
{
    struct entry *e = find_or_make(path);

    free(e->value);
    e->value = value ? strdup(value) : NULL;
    for (unsigned i = 0; i < watch_count; i++)
        if (is_below(path, watches[i].path))
            send_watch_event(&watches[i], path);
    backends_on_write(path);
}

const char *store_get(const char *path)
{
    const struct entry *e = find(path);

    return e ? e->value : NULL;
}

void store_refuse(const char *path, const char *error)
{
    find_or_make(path)->error = error;
}

static void reply(const void *body, size_t len)
{
    store_send(request.header.type, request.header.req_id, body, len);
}

static void refuse(const char *error)
{
    store_send(XS_ERROR, request.header.req_id, error, strlen(error) + 1);
}

static void add_watch(const char *path, const char *token)
{
    struct watch *w = &watches[watch_count];

    if (watch_count == ENTRIES || strlen(path) >= sizeof w->path ||
        strlen(token) >= sizeof w->token)
        fake_fail("the store has no room for a watch");
    for (unsigned i = 0; i < watch_count; i++)
        if (strcmp(watches[i].path, path) == 0 &&
            strcmp(watches[i].token, token) == 0) {
            refuse("EEXIST");
            return;
        }
    watch_count++;
    strcpy(w->path, path);
    strcpy(w->token, token);
    reply("OK", 3);
    send_watch_event(w, path);
}

static struct transaction *find_transaction(uint32_t id)
{
    for (struct transaction *t = transactions; t < transactions + OPEN; t++)
        if (t->id == id)
            return t;
    return NULL;
}

static void begin_transaction(void)
{
    static uint32_t last;
    struct transaction *t = find_transaction(0);
    char number[12];

    if (!t && !stored.on_request)
        fake_fail("more than %d transactions at once", OPEN);
    if (!t) {
        refuse("ENOSPC"); /* a test has let the image forget some */
        return;
    }
    t->id = ++last;
    t->count = 0;
    sprintf(number, "%u", last);
    reply(number, strlen(number) + 1);
}

static void write_in_transaction(struct transaction *t, const char *path,
                                 const char *value)
{
    if (t->count == WRITES || strlen(path) >= sizeof t->writes[0].path ||
        strlen(value) >= sizeof t->writes[0].value)
        fake_fail("the store has no room for a transaction");
    strcpy(t->writes[t->count].path, path);
    strcpy(t->writes[t->count++].value, value);
    reply("OK", 3);
}

static void end_transaction(struct transaction *t, bool commit)
{
    t->id = 0;
    if (commit && stored.conflicts > 0) {
        stored.conflicts--;
        refuse("EAGAIN");
        return;
    }
    reply("OK", 3);
    for (unsigned i = 0; commit && i < t->count; i++)
        store_set(t->writes[i].path, t->writes[i].value);
}

/* Replies with the names directly below path, each once. */
static void list_names(const char *path)
{
    char names[XENSTORE_PAYLOAD_MAX];
    size_t len = 0, above = strlen(path);

    for (struct entry *e = tree; e < tree + ENTRIES; e++) {
        const char *name = e->path + above + 1;
        size_t n, at = 0;

        if (!e->value || !is_below(e->path, path) || !e->path[above])
            continue;
        n = strcspn(name, "/");
        while (at < len && (strlen(names + at) != n ||
                            strncmp(names + at, name, n) != 0))
            at += strlen(names + at) + 1;
        if (at < len)
            continue;
        memcpy(names + len, name, n);
        names[len + n] = '\0';
        len += n + 1;
    }
    if (len > 0)
        reply(names, len);
    else
        refuse("ENOENT");
}

static void handle(void)
{
    const char *path = request.body;
    size_t path_len = strnlen(path, request.header.len);
    const char *rest = path + path_len + 1;
    struct entry *e;
    struct transaction *t = find_transaction(request.header.tx_id);

    stored.requests++;
    if (path_len == request.header.len)
        fake_fail("a request whose path has no end");
    if (stored.on_request && stored.on_request(&request.header, request.body))
        return;
    if (request.header.tx_id && !t) {
        refuse("ENOENT");
        return;
    }
    e = find(path);
    if (request.header.type == XS_TRANSACTION_START) {
        begin_transaction();
    } else if (request.header.type == XS_TRANSACTION_END) {
        end_transaction(t, *path == 'T');
    } else if (e && e->error) {
        refuse(e->error);
    } else if (request.header.type == XS_READ) {
        if (e && e->value)
            reply(e->value, strlen(e->value));
        else
            refuse("ENOENT");
    } else if (request.header.type == XS_DIRECTORY) {
        list_names(path);
    } else if (request.header.type == XS_WRITE && request.header.tx_id) {
        write_in_transaction(t, path, rest);
    } else if (request.header.type == XS_WRITE) {
        reply("OK", 3);
        store_set(path, rest);
    } else if (request.header.type == XS_WATCH) {
        if (request.body[request.header.len - 1] != '\0')
            fake_fail("a watch whose token has no end");
        add_watch(path, rest);
    } else {
        refuse("ENOSYS");
    }
}

static bool take(void *to, size_t offset, size_t whole)
{
    uint32_t at = stored.ring->req_cons;

    for (; request.got < offset + whole && at != stored.ring->req_prod; at++)
        ((char *)to)[request.got++ - offset] =
            stored.ring->req[MASK_XENSTORE_IDX(at)];
    stored.ring->req_cons = at;
    return request.got >= offset + whole;
}

static void receive(void)
{
    uint32_t size = stored.ring->req_prod - stored.ring->req_cons;

    if (stored.is_deaf)
        stored.ring->req_cons = stored.ring->req_prod;
    if (size > XENSTORE_RING_SIZE || stored.is_deaf)
        return; /* by a test */
    while (!stored.is_deaf &&
           take(&request.header, 0, sizeof request.header)) {
        if (request.header.len > XENSTORE_PAYLOAD_MAX)
            fake_fail("a request of %u bytes", request.header.len);
        if (!take(request.body, sizeof request.header, request.header.len))
            break;
        request.body[request.header.len] = '\0';
        request.got = 0;
        handle();
    }
    if (size > 0)
        fake_event(fake_port(STORE_PORT));
}

static size_t room(void)
{
    uint32_t used = stored.ring->rsp_prod - stored.ring->rsp_cons;

    return used > XENSTORE_RING_SIZE ? 0 : XENSTORE_RING_SIZE - used;
}

static bool can_transmit(void)
{
    return stored.sends && queue_from < queue_to && room() > 0;
}

static void transmit(void)
{
    uint32_t at = stored.ring->rsp_prod;
    size_t n = stored.sends(), space = room();

    for (; n > 0 && space > 0 && queue_from < queue_to; n--, space--)
        stored.ring->rsp[MASK_XENSTORE_IDX(at++)] = queue[queue_from++];
    stored.ring->rsp_prod = at;
    if (queue_from == queue_to)
        queue_from = queue_to = 0;
    say_at = fake.now + stored.every;
    fake_event(fake_port(STORE_PORT));
}

void store_act(void)
{
    if (!is_notified || !stored.sends)
        return;
    receive();
    if (can_transmit() && fake.now >= say_at)
        transmit();
    is_notified = can_transmit();
}

nanoseconds store_next(void)
{
    return is_notified && can_transmit() ? say_at : FOREVER;
}

void store_restore(void)
{
    memset((void *)(uintptr_t)stored.ring, 0, sizeof *stored.ring);
    watch_count = 0;
    memset(transactions, 0, sizeof transactions);
    request.got = 0;
    queue_from = queue_to = 0;
    say_at = 0;
    is_notified = false;
}
