/* SPDX-License-Identifier: ISC */
/*
 * Sends and receives much by TCP, and hashes it. Port 9 reads to the end and
 * answers with the hash of what came. Port 19 reads a number in decimal digits
 * and a newline, and sends so many bytes; the console then has their hash.
 * Port 13 answers with the number of pages in use and the end of the heap.
 */
#include <bearssl.h>
#include <mirage.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GOODBYE (20 * SECOND) /* for a peer to finish, once we have */

/* Writes the digest in hexadecimal digits, with a NUL. */
static void write_hash(const br_sha256_context *hash, char text[65])
{
    unsigned char bytes[br_sha256_SIZE];

    br_sha256_out(hash, bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void answer(struct flow *flow, const char *text)
{
    if (flow_write(flow, text, strlen(text), FOREVER) == OK)
        (void)flow_finish(flow, time_after(GOODBYE));
}

static void receive(void *ctx, struct flow *flow, struct endpoint peer)
{
    br_sha256_context hash;
    struct buf *b;
    enum status s;
    char text[66];

    (void)ctx, (void)peer;
    br_sha256_init(&hash);
    while ((s = flow_read(flow, &b, FOREVER)) == OK) {
        br_sha256_update(&hash, b->data, b->len);
        buf_free(b);
    }
    if (s != ERR_EOF) {
        printf("receiving failed: %s\n", status_text(s));
        return;
    }
    write_hash(&hash, text);
    strcat(text, "\n");
    answer(flow, text);
}

/* A page of numbers that depend on all before it (xorshift). */
static struct buf *next_page(uint64_t *x)
{
    struct buf *b = buf_new(0);
    uint64_t *word;

    if (!b)
        return NULL;
    word = (uint64_t *)(void *)buf_append(b, PAGE_BYTES);
    for (size_t i = 0; i < PAGE_BYTES / sizeof *word; i++) {
        *x ^= *x << 13;
        *x ^= *x >> 7;
        *x ^= *x << 17;
        word[i] = *x;
    }
    return b;
}

/* Reads the number of bytes that the peer asks for. 0: it does not. */
static unsigned long long read_number(struct flow *flow)
{
    char text[24] = "";
    struct buf *b;

    while (!strchr(text, '\n') && flow_read(flow, &b, FOREVER) == OK) {
        size_t len = strlen(text);

        if (b->len < sizeof text - len)
            memcpy(text + len, b->data, b->len);
        buf_free(b);
    }
    return strtoull(text, NULL, 10);
}

static void send(void *ctx, struct flow *flow, struct endpoint peer)
{
    unsigned long long left = read_number(flow), all = left;
    uint64_t x = 88172645463325252;
    br_sha256_context hash;
    char text[65];

    (void)ctx, (void)peer;
    br_sha256_init(&hash);
    while (left > 0) {
        struct buf *b = next_page(&x);
        enum status s = b ? OK : time_sleep(MILLISECOND);

        if (b) {
            buf_cut(b, left < b->len ? (size_t)left : b->len);
            br_sha256_update(&hash, b->data, b->len);
            left -= b->len;
            s = flow_write_bufs(flow, b, FOREVER);
        }
        if (s != OK) {
            printf("sending failed: %s\n", status_text(s));
            return;
        }
    }
    write_hash(&hash, text);
    printf("sent %llu bytes: %s\n", all, text);
    (void)flow_finish(flow, time_after(GOODBYE));
}

static void report(void *ctx, struct flow *flow, struct endpoint peer)
{
    char text[80];

    (void)ctx, (void)peer;
    snprintf(text, sizeof text, "%zu pages, heap to %p\n",
             buf_pages() - buf_pages_free(), sbrk(0));
    answer(flow, text);
}

void start(struct stackv4 *s)
{
    require(stackv4_listen_tcp(s, 9, receive, NULL) == OK);
    require(stackv4_listen_tcp(s, 13, report, NULL) == OK);
    require(stackv4_listen_tcp(s, 19, send, NULL) == OK);
    printf("listening\n");
    if (stackv4_run(s) != ERR_CANCELLED)
        exit(EXIT_FAILURE);
}
