/* SPDX-License-Identifier: ISC */
/*
 * The xenstore client: whatever bytes the store sends, in pieces of any size,
 * each call ends with a reply or an error.
 *
 * The first byte of the input is the size of the pieces, and whether the stream
 * ends in a jump of the ring's index or in endless 0xff. Two more bytes choose
 * the requests. The rest is the stream; each 0xfe in it becomes the token of
 * the watch.
 */
#include <xen/xenstore.c>
#include "platform.h"
#include <stdlib.h>

#define REQUESTS      8
#define NOTIFICATIONS 100000
#define TOKEN         0xfe

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct xen xen;

static struct event *store_event;
static struct xenstore_watch watched;
static unsigned notifications, piece;
static bool jumps;
static uint8_t stream[65536];
static size_t stream_at, stream_len;

void events_listen(struct event *e)
{
    store_event = e;
}

void event_rebind(struct event *e, uint32_t port)
{
    e->port = port;
}

void event_notify(uint32_t port)
{
    check(port == xen.store.port && ++notifications < NOTIFICATIONS);
}

static uint8_t next_of_stream(void)
{
    return stream_at < stream_len ? stream[stream_at++] : 0xff;
}

/* A turn of the store: it reads all requests, and sends a piece. */
void platform_wait(nanoseconds deadline)
{
    uint32_t used = ring->rsp_prod - ring->rsp_cons;
    uint32_t space = used > XENSTORE_RING_SIZE ? 0 : XENSTORE_RING_SIZE - used;

    (void)deadline;
    check(++notifications < NOTIFICATIONS);
    check(ring->req_prod - ring->req_cons <= XENSTORE_RING_SIZE);
    ring->req_cons = ring->req_prod;
    if (stream_at == stream_len && jumps)
        ring->rsp_prod = ring->rsp_cons + XENSTORE_RING_SIZE + 1;
    for (uint32_t n = 1 + piece * 7 % 130; n > 0 && space > 0; n--, space--) {
        ring->rsp[MASK_XENSTORE_IDX(ring->rsp_prod)] = (char)next_of_stream();
        ring->rsp_prod++;
    }
    request_id = 0; /* which an input can have */
    store_event->on_event(store_event->ctx);
}

static void fill_stream(const uint8_t *data, size_t size)
{
    char token[20];
    size_t len = (size_t)text_format(token, sizeof token, "%p",
                                     (void *)&watched);

    stream_at = stream_len = 0;
    for (; size > 0 && stream_len < sizeof stream - len; data++, size--) {
        if (*data != TOKEN) {
            stream[stream_len++] = *data;
            continue;
        }
        memcpy(stream + stream_len, token, len);
        stream_len += len;
    }
}

static void begin(uint8_t how)
{
    static struct xenstore_domain_interface page;

    memset(&page, 0, sizeof page);
    memset(&message, 0, sizeof message);
    watches = NULL;
    watched = (struct xenstore_watch){.path = "dir"};
    is_waiting = broken = false;
    notifications = 0;
    jumps = how & 0x80;
    piece = how & 0x7f;
    xen.store.page = &page;
    ring = &page;
    if (!store_event)
        xenstore_start();
}

static void read_value(size_t size)
{
    char *value = malloc(size);

    memset(value, 'x', size);
    if (xenstore_read("name", value, size) == OK)
        check(memchr(value, '\0', size) != NULL);
    free(value);
}

static void list_names(void)
{
    char *names = malloc(40);
    uint64_t number;

    memset(names, 'x', 40);
    if (xenstore_list("folder", names, 40) == OK)
        check(memchr(names, '\0', 40) != NULL);
    (void)!xenstore_number("number", &number);
    free(names);
}

static void write_all(void)
{
    static const struct xenstore_entry entries[] = {{"a", "1"}, {"b", "2"}};

    (void)!xenstore_write_all("folder", entries, 2);
}

static void ask_for(unsigned what)
{
    switch (what) {
    case 0:
        read_value(16);
        break;
    case 1:
        if (piece & 1)
            list_names();
        else
            read_value(XENSTORE_PAYLOAD_MAX + 1);
        break;
    case 2:
        if (piece & 2)
            write_all();
        else
            (void)!xenstore_write("name", "value");
        break;
    case 3:
        if (!watches)
            (void)!xenstore_watch(&watched);
        else
            (void)!xenstore_wait(&watched, FOREVER);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    begin(data[0]);
    fill_stream(data + 3, size - 3);
    for (unsigned i = 0; i < REQUESTS; i++)
        ask_for((data[1 + i / 4] >> i % 4 * 2) & 3);
    check(!one_at_a_time.owner && !replied.first && !room.first &&
          !watched.waiters.first);
    return 0;
}
