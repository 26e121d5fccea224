/* SPDX-License-Identifier: ISC */
/*
 * A file of the image, sent by a host's TCP connection from where it lies: the
 * kernel is given the file's own memory.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "check.h"
#include <dlfcn.h>
#include <mirage/flow.h>
#include <mirage/stackv4.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <mirage/console.h>
#include <mirage/crunched.h>
#include <mirage/drivers.h>
#include <mirage/kv_ro.h>
#include <mirage/macros.h>
#include <mirage/random.h>

#define SIZE ((size_t)3000000)

static uint8_t content[SIZE];
static size_t in_place, copied; /* bytes given to the kernel */

/* Takes the place of the C library's function. */
ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    static ssize_t (*real)(int, const struct msghdr *, int);
    ssize_t n;
    size_t left;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "sendmsg");
    n = real(fd, m, flags);
    left = n > 0 ? (size_t)n : 0;
    for (size_t i = 0; left > 0; i++) {
        const uint8_t *p = m->msg_iov[i].iov_base;
        size_t len = min(left, m->msg_iov[i].iov_len);

        if (p >= content && p + len <= content + SIZE)
            in_place += len;
        else
            copied += len;
        left -= len;
    }
    return n;
}

static void say_nothing(struct console *c, const char *text, size_t len)
{
    (void)c;
    (void)text;
    (void)len;
}

static const struct console_ops console_ops = {.write = say_nothing};
static struct console console = {.ops = &console_ops};

static unsigned released;

static void note_release(void *ctx)
{
    CHECK(ctx == &released);
    released++;
}

/* The application: answers each connection with a header and the file. */
static void serve_file(void *ctx, struct flow *flow, struct endpoint peer)
{
    struct buf *head = buf_copy_in("header\n", 7, 0);
    const void *data;
    size_t len;

    (void)peer;
    CHECK(kv_ro_view(ctx, "file", &data, &len) == OK && len == SIZE);
    CHECK(head != NULL);
    head->next = buf_over(data, len, note_release, &released);
    CHECK(head->next != NULL);
    CHECK(flow_write_bufs(flow, head, FOREVER) == OK);
}

static bool is_file(struct flow *f, size_t skipped)
{
    struct buf *b;
    size_t at = 0;
    bool same = true;

    while (flow_read(f, &b, time_after(10 * SECOND)) == OK) {
        for (size_t i = 0; i < b->len; i++, at++)
            same &= at < skipped || (at - skipped < SIZE &&
                                     b->data[i] == content[at - skipped]);
        buf_free(b);
    }
    return same && at == skipped + SIZE;
}

TEST(a_view_of_a_file_is_given_to_the_host_without_a_copy)
{
    static const struct crunched_file file = {"file", content, SIZE};
    static const struct crunched files = {&file, 1, 0};
    const char *const addresses[] = {"127.0.0.1", NULL};
    struct stackv4 *stack;
    struct kv_ro *kv;
    struct flow *f = NULL;
    enum status s = ERR_IN_USE;
    uint16_t port = 0;

    for (size_t i = 0; i < SIZE; i++)
        content[i] = (uint8_t)(i * 7 + i / 251);
    CHECK(kv_ro_crunch_connect(&files, &kv) == OK);
    CHECK(stackv4_socket_connect(&console, addresses, &stack) == OK);
    for (int i = 0; i < 100 && s != OK; i++) {
        port = (uint16_t)(20000 + random_below(8000));
        s = stackv4_listen_tcp(stack, port, serve_file, kv);
    }
    CHECK(s == OK);
    CHECK(stackv4_connect(stack,
                          (struct endpoint){ipv4_address(127, 0, 0, 1), port},
                          time_after(5 * SECOND), &f) == OK);
    CHECK(is_file(f, 7));
    flow_close(f);
    CHECK(in_place == SIZE && copied == 7);
    CHECK(released == 1);
    stackv4_listen_tcp(stack, port, NULL, NULL);
    kv_ro_disconnect(kv);
}
