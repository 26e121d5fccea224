/* SPDX-License-Identifier: ISC */
/*
 * A file of the image, sent by TCP from where it lies: until a device reads it,
 * the stack makes no copy, neither for the first transmission nor for others.
 */
#include "check.h"
#include "pair.h"
#include <mirage/crunched.h>
#include <mirage/drivers.h>
#include <string.h>

#define SIZE  ((size_t)1000000)
#define PORT  80
#define FIRST "header\n"

static uint8_t content[SIZE];
static const struct network_ops *real_ops;
static size_t in_place, copied; /* bytes of payload */

/* A device is given headers in a buf of their own, then the payload. */
static void watch_write(struct network *n, struct buf *frame)
{
    for (const struct buf *b = frame->next; b; b = b->next)
        if (b->data >= content && b->data + b->len <= content + SIZE)
            in_place += b->len;
        else
            copied += b->len;
    real_ops->write(n, frame);
}

static unsigned released;
static enum status written;

static void note_release(void *ctx)
{
    CHECK(ctx == &released);
    released++;
}

static void serve_file(void *ctx, struct flow *flow, struct endpoint peer)
{
    struct buf *head = buf_copy_in(FIRST, strlen(FIRST), 0);
    const void *data;
    size_t len;

    (void)peer;
    CHECK(kv_ro_view(ctx, "file", &data, &len) == OK && len == SIZE);
    CHECK(head != NULL);
    head->next = buf_over(data, len, note_release, &released);
    CHECK(head->next != NULL);
    written = flow_write_bufs(flow, head, FOREVER);
    if (written == OK)
        written = flow_finish(flow, time_after(600 * SECOND));
}

static bool is_file(struct flow *f)
{
    struct buf *b;
    size_t at = 0, skipped = strlen(FIRST);
    bool same = true;

    while (flow_read(f, &b, time_after(600 * SECOND)) == OK) {
        for (size_t i = 0; i < b->len; i++, at++)
            same &= at < skipped || (at - skipped < SIZE &&
                                     b->data[i] == content[at - skipped]);
        buf_free(b);
    }
    return same && at == skipped + SIZE;
}

/* Sends the file from right to left. */
static void send_file(void)
{
    static const struct network_ops ops = {.write = watch_write};
    static const struct crunched_file file = {"file", content, SIZE};
    static const struct crunched files = {&file, 1, 0};
    struct endpoint server = {ipv4_address(10, 0, 0, 2), PORT};
    struct kv_ro *kv;
    struct flow *f = NULL;

    if (!real_ops) {
        real_ops = right.net->ops;
        right.net->ops = &ops;
    }
    for (size_t i = 0; i < SIZE; i++)
        content[i] = (uint8_t)(i * 7 + i / 251);
    in_place = copied = released = 0;
    CHECK(kv_ro_crunch_connect(&files, &kv) == OK);
    CHECK(tcpv4_listen(right.tcp, PORT, serve_file, kv) == OK);
    CHECK(tcpv4_open(left.tcp, server, FOREVER, &f) == OK);
    CHECK(is_file(f));
    flow_close(f);
    CHECK(time_sleep(300 * SECOND) == OK);
    CHECK(written == OK && released == 1);
    kv_ro_disconnect(kv);
}

TEST(a_view_of_a_file_reaches_the_device_without_a_copy)
{
    sim_seed(1);
    pair_make(1500, NETWORK_CHECKSUM | NETWORK_TCP_SEGMENTS);
    pair_watch();
    send_file();
    CHECK(in_place == SIZE && copied == strlen(FIRST));
}

TEST(retransmissions_of_a_view_are_no_copies_either)
{
    struct sim_faults f = {.loss = 20000, .delay = 5 * MILLISECOND, .seed = 3};
    static const struct sim_faults none;

    pair_faults(&f);
    send_file();
    pair_faults(&none);
    CHECK(in_place > SIZE && copied >= strlen(FIRST) &&
          copied < 20 * strlen(FIRST));
}

TEST(a_device_without_features_gets_the_same_windows)
{
    right.net->features = 0;
    send_file();
    CHECK(in_place == SIZE && copied == strlen(FIRST));
    CHECK(pair_failures == 0 && pair_checks > 0);
    CHECK(time_sleep(300 * SECOND) == OK);
    CHECK(buf_pages_free() == buf_pages());
}

TEST(a_connection_that_is_reset_releases_the_memory)
{
    static const struct crunched_file file = {"file", content, SIZE};
    static const struct crunched files = {&file, 1, 0};
    struct endpoint server = {ipv4_address(10, 0, 0, 2), PORT};
    struct flow *f = NULL;
    struct kv_ro *kv;

    released = 0;
    CHECK(kv_ro_crunch_connect(&files, &kv) == OK);
    CHECK(tcpv4_listen(right.tcp, PORT, serve_file, kv) == OK);
    CHECK(tcpv4_open(left.tcp, server, FOREVER, &f) == OK);
    CHECK(time_sleep(5 * SECOND) == OK && released == 0);
    flow_abort(f);
    flow_close(f);
    CHECK(time_sleep(300 * SECOND) == OK);
    CHECK(written == ERR_RESET && released == 1);
    CHECK(buf_pages_free() == buf_pages());
    kv_ro_disconnect(kv);
}
