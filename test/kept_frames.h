/* SPDX-License-Identifier: ISC */
/*
 * kept_frames: a network device that keeps the frames that it is given, in
 * `sent`, for tests of what network_write does in software.
 */
#ifndef TEST_KEPT_FRAMES_H
#define TEST_KEPT_FRAMES_H

#include "check.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/network.h>

#define FRAMES 64
#define PAGES  256
#define TCP    6
#define UDP    17
#define FIN    0x01
#define PSH    0x08
#define ACK    0x10
#define CWR    0x80
#define SEQ    0xfffffff0u

static struct buf *sent[FRAMES];
static size_t sent_count;
static uint8_t flat[NETWORK_FRAME + 100]; /* room for one frame in one piece */

static void keep_frame(struct network *n, struct buf *frame)
{
    (void)n;
    CHECK(sent_count < FRAMES);
    sent[sent_count++] = frame;
}

static struct network device(unsigned features)
{
    static const struct network_ops ops = {.write = keep_frame};

    if (buf_pages() < PAGES) /* other tests may have made a smaller pool */
        CHECK(buf_reserve(PAGES) == OK);
    return (struct network){
        .ops = &ops, .mtu = 1500, .features = features, .up = true};
}

/* Frees the sent frames; all pages must be free then. */
static void forget_sent(void)
{
    while (sent_count > 0)
        buf_free(sent[--sent_count]);
    CHECK(buf_pages_free() == buf_pages());
}

/* Byte i of a frame's data. */
static uint8_t letter(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

/*
 * Completes a frame whose link and IP headers are in b, with room for `header`
 * bytes of TCP's or UDP's at `at`: that header, with TCP's options if it is
 * longer than 20 bytes, and len data bytes in bufs of piece bytes. pseudo is
 * the sum of the pseudo header; asks, the frame's offload without csum_start.
 */
static struct buf *add_transport(struct buf *b, size_t at, size_t header,
                                 uint64_t pseudo, size_t len, size_t piece,
                                 struct offload asks)
{
    bool is_tcp = offload_is_tcp(asks.kind);
    uint8_t *p = b->data;
    struct buf *last = b;

    put_be16(p + at, 1000);
    put_be16(p + at + 2, 2000);
    if (is_tcp) {
        put_be32(p + at + 4, SEQ);
        p[at + 12] = (uint8_t)(header / 4 << 4);
        p[at + 13] = CWR | FIN | PSH | ACK;
        memset(p + at + 20, 1, header - 20);
    } else {
        put_be16(p + at + 4, (uint16_t)(header + len));
    }
    put_be16(p + at + (is_tcp ? 16 : 6), checksum_fold(pseudo));
    for (size_t i = 0; i < len; i++) {
        if (i % piece == 0)
            last = last->next = buf_new(0);
        *buf_append(last, 1) = letter(i);
    }
    asks.csum_start = (uint16_t)at;
    b->offload = asks;
    return b;
}

#endif
