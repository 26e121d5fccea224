/* SPDX-License-Identifier: ISC */
/*
 * Client of xenstored (xen/io/xs_wire.h). One request is in flight at a time.
 * Its reply and watch events are assembled from the ring while the image idles.
 */
#include "xenstore.h"
#include "events.h"
#include "guest.h"
#include <mirage/platform.h>
#include <mirage/text.h>
#include <string.h>
#include <xen/io/xs_wire.h>

#define TRIES 100 /* of a transaction that conflicts with others */

static volatile struct xenstore_domain_interface *ring;
static struct fiber_mutex one_at_a_time;
static struct waiters replied, room;
static struct xenstore_watch *watches;

/* The message that is being received; is_reply: the whole reply. */
static struct {
    struct xsd_sockmsg header;
    char body[XENSTORE_PAYLOAD_MAX + 1];
    uint32_t got; /* bytes of header and body */
    bool is_reply;
} message;

static bool is_waiting; /* a request has no reply yet */
static uint32_t request_id; /* of the last request */
static bool broken;

/* The store broke the protocol: ends all waiting, for good. */
static void give_up(void)
{
    broken = true;
    wake_all(&replied);
    wake_all(&room);
    for (struct xenstore_watch *w = watches; w; w = w->next)
        wake_all(&w->waiters);
}

static size_t receive(char *to, size_t len)
{
    uint32_t end = __atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE);
    uint32_t at = ring->rsp_cons;
    size_t n = 0;

    if (end - at > XENSTORE_RING_SIZE) {
        give_up();
        return 0;
    }
    for (; n < len && at != end; n++, at++)
        to[n] = ring->rsp[MASK_XENSTORE_IDX(at)];
    __atomic_store_n(&ring->rsp_cons, at, __ATOMIC_RELEASE);
    return n;
}

void xenstore_notify(struct xenstore_watch *w)
{
    w->changed = true;
    wake_all(&w->waiters);
}

static void handle_watch(void)
{
    const char *token = message.body + strlen(message.body) + 1;

    if (token >= message.body + message.header.len)
        return;
    for (struct xenstore_watch *w = watches; w; w = w->next)
        if (strcmp(token, w->token) == 0)
            xenstore_notify(w);
}

/* Receives what there is of the present message. False: it is not complete. */
static bool receive_message(void)
{
    size_t head = sizeof message.header;

    if (message.got < head)
        message.got += receive((char *)&message.header + message.got,
                               head - message.got);
    if (message.got < head)
        return false;
    if (message.header.len > XENSTORE_PAYLOAD_MAX) {
        give_up();
        return false;
    }
    message.got += receive(message.body + (message.got - head),
                           message.header.len - (message.got - head));
    if (message.got < head + message.header.len)
        return false;
    message.body[message.header.len] = '\0';
    return true;
}

static void on_event(void *ctx)
{
    uint32_t before = ring->rsp_cons;

    (void)ctx;
    /* A reply stays in `message` until the requester has read it. */
    while (!broken && !message.is_reply && receive_message()) {
        if (message.header.type == XS_WATCH_EVENT) {
            handle_watch();
            message.got = 0;
        } else if (!is_waiting || message.header.req_id != request_id) {
            give_up();
        } else {
            message.is_reply = true;
            wake_all(&replied);
        }
    }
    wake_all(&room);
    if (ring->rsp_cons != before)
        event_notify(xen.store.port);
}

static struct event event;

void xenstore_start(void)
{
    ring = xen.store.page;
    event.port = xen.store.port;
    event.on_event = on_event;
    events_listen(&event);
}

/* The fiber is shielded from cancellation, and callers check again. */
static void wait(struct waiters *w)
{
    if (wait_until(w, FOREVER) != OK)
        return;
}

static void send(const void *data, size_t len)
{
    const char *from = data;

    while (len > 0 && !broken) {
        uint32_t at = ring->req_prod, used = at - ring->req_cons;

        if (used > XENSTORE_RING_SIZE) {
            give_up();
            return;
        }
        if (used == XENSTORE_RING_SIZE) {
            event_notify(xen.store.port);
            wait(&room);
            continue;
        }
        ring->req[MASK_XENSTORE_IDX(at)] = *from++;
        __atomic_store_n(&ring->req_prod, at + 1, __ATOMIC_RELEASE);
        len--;
    }
}

static enum status status_of(const char *error)
{
    static const struct {
        char name[7];
        unsigned char status;
    } known[] = {
        {"ENOENT", ERR_NOT_FOUND},
        {"EAGAIN", ERR_IN_USE},
        {"EACCES", ERR_PERMISSION},
        {"ENOSPC", ERR_NO_SPACE},
        {"EEXIST", ERR_EXISTS},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(error, known[i].name) == 0)
            return (enum status)known[i].status;
    return ERR_IO;
}

void xenstore_lock(void)
{
    fiber_shield();
    while (fiber_lock(&one_at_a_time, FOREVER) != OK)
        ;
}

/*
 * Sends a request of a path and text_len bytes, and waits for the reply, which
 * is in `message` until finish, which must be called. transaction: 0, or its
 * number.
 */
static enum status request_in(uint32_t transaction, uint32_t type,
                              const char *path, const char *text,
                              size_t text_len)
{
    struct xsd_sockmsg header = {.type = type, .tx_id = transaction};
    size_t len = strlen(path) + 1 + text_len;

    xenstore_lock();
    if (len > XENSTORE_PAYLOAD_MAX)
        return ERR_RANGE;
    header.len = (uint32_t)len;
    header.req_id = ++request_id;
    is_waiting = true;
    send(&header, sizeof header);
    send(path, strlen(path) + 1);
    send(text, text_len);
    event_notify(xen.store.port);
    while (!message.is_reply && !broken)
        wait(&replied);
    if (!message.is_reply)
        return ERR_IO;
    if (message.header.type == XS_ERROR)
        return status_of(message.body);
    return message.header.type == type ? OK : ERR_IO;
}

static enum status request(uint32_t type, const char *path, const char *text,
                           size_t text_len)
{
    return request_in(0, type, path, text, text_len);
}

void xenstore_unlock(void)
{
    fiber_unlock(&one_at_a_time);
    fiber_unshield();
}

static void finish(void)
{
    if (message.is_reply)
        message.got = 0;
    message.is_reply = is_waiting = false;
    xenstore_unlock();
    on_event(NULL); /* more may have come behind the reply */
}

/* The reply is one text: a NUL can only be its last byte, since callers would
 * not see what is behind it. */
static bool is_text(void)
{
    return strlen(message.body) + 1 >= message.header.len;
}

/* The reply is a list of names: each has at least one byte and ends with a
 * NUL. */
static bool is_list(void)
{
    const char *at = message.body, *end = at + message.header.len;

    while (at < end && *at)
        at += strlen(at) + 1;
    return at == end;
}

/* Copies the reply and a NUL, if it has the right form. */
static enum status read_as(uint32_t type, const char *path,
                           bool (*is_sound)(void), char *value, size_t size)
{
    enum status s = request(type, path, NULL, 0);

    if (s == OK && !is_sound())
        s = ERR_FORMAT;
    if (s == OK && message.header.len >= size)
        s = ERR_RANGE;
    if (s == OK)
        memcpy(value, message.body, message.header.len + 1);
    finish();
    return s == ERR_PERMISSION ? ERR_NOT_FOUND : s;
}

enum status xenstore_read(const char *path, char *value, size_t size)
{
    return read_as(XS_READ, path, is_text, value, size);
}

enum status xenstore_list(const char *path, char *names, size_t size)
{
    return read_as(XS_DIRECTORY, path, is_list, names, size);
}

/* Decimal digits, and nothing else. */
static bool number_of(const char *text, uint64_t *number)
{
    *number = 0;
    if (!*text)
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');

        if (*number > (UINT64_MAX - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    return !*text;
}

enum status xenstore_number(const char *path, uint64_t *number)
{
    char text[24];
    enum status s = xenstore_read(path, text, sizeof text);

    return s != OK                   ? s
           : number_of(text, number) ? OK
                                     : ERR_FORMAT;
}

enum status xenstore_write(const char *path, const char *value)
{
    enum status s = request(XS_WRITE, path, value, strlen(value));

    finish();
    return s;
}

static enum status begin_transaction(uint32_t *transaction)
{
    enum status s = request(XS_TRANSACTION_START, "", NULL, 0);
    uint64_t number;

    if (s == OK && (!is_text() || !number_of(message.body, &number) ||
                    number == 0 || number > UINT32_MAX))
        s = ERR_IO;
    if (s == OK)
        *transaction = (uint32_t)number;
    finish();
    return s;
}

static enum status end_transaction(uint32_t transaction, bool commit)
{
    enum status s = request_in(transaction, XS_TRANSACTION_END,
                               commit ? "T" : "F", NULL, 0);

    finish();
    return s;
}

static enum status write_in(uint32_t transaction, const char *path,
                            const struct xenstore_entry *e)
{
    char whole[XENSTORE_ABS_PATH_MAX];
    enum status s;

    if (text_format(whole, sizeof whole, "%s/%s", path, e->name) >=
        sizeof whole)
        return ERR_RANGE;
    s = request_in(transaction, XS_WRITE, whole, e->value, strlen(e->value));
    finish();
    return s;
}

enum status xenstore_write_all(const char *path,
                               const struct xenstore_entry *entries,
                               size_t count)
{
    enum status s;

    for (int tries = 0; tries < TRIES; tries++) {
        uint32_t transaction;

        s = begin_transaction(&transaction);
        if (s != OK)
            return s;
        for (size_t i = 0; i < count && s == OK; i++)
            s = write_in(transaction, path, &entries[i]);
        if (s != OK) {
            enum status ended = end_transaction(transaction, false);

            (void)ended; /* the first error counts */
            return s;
        }
        s = end_transaction(transaction, true);
        if (s != ERR_IN_USE)
            return s;
    }
    return s;
}

enum status xenstore_rewatch(struct xenstore_watch *w)
{
    enum status s = request(XS_WATCH, w->path, w->token, strlen(w->token) + 1);

    finish();
    return s == ERR_EXISTS ? OK : s; /* it is watched already */
}

enum status xenstore_watch(struct xenstore_watch *w)
{
    text_format(w->token, sizeof w->token, "%p", (void *)w);
    w->next = watches;
    watches = w;
    return xenstore_rewatch(w);
}

/* No request is in flight. What is left in the ring is from the old store. */
void xenstore_reset(void)
{
    event_rebind(&event, xen.store.port);
    message.got = 0;
    message.is_reply = false;
    ring->rsp_cons = ring->rsp_prod;
    ring->req_prod = ring->req_cons;
}

enum status xenstore_rewatch_all(void)
{
    enum status s = OK;

    for (struct xenstore_watch *w = watches; w && s == OK; w = w->next)
        s = xenstore_rewatch(w);
    return s;
}

enum status xenstore_wait(struct xenstore_watch *w, nanoseconds deadline)
{
    while (!w->changed) {
        enum status s = broken ? ERR_IO : wait_until(&w->waiters, deadline);

        if (s != OK)
            return s;
    }
    w->changed = false;
    return OK;
}
