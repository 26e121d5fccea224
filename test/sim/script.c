/* SPDX-License-Identifier: ISC */
/* A scripted TCP peer: parses lines, sends, and compares. */
#include "script.h"
#include "pair.h"
#include <mirage/bytes.h>
#include <mirage/checksum.h>
#include <mirage/panic.h>
#include <mirage/text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEER_PORT 4000
#define QUEUE     64

struct seen {
    struct tcp_segment s;
    size_t len;
    uint8_t service;
    bool whole;
    nanoseconds at;
};

/* A parsed line. */
struct line {
    const char *text;
    struct tcp_segment s; /* relative to the other side's ISS */
    bool is_absolute; /* =N */
    bool has_sack;
    size_t len;
    unsigned times;
    int service; /* -1: any */
    bool has_window, has_echo;
    bool is_whole, is_not_whole; /* with DF, without */
    bool no_sack, no_scale, no_time; /* without that option */
    nanoseconds after; /* FOREVER: any */
};

unsigned script_port;

static struct seen seen[QUEUE];
static unsigned seen_first, seen_count;
static struct waiters arrival;
static uint32_t first, first_time; /* our ISS and first timestamp */
static bool has_first;

static void on_segment(void *ctx, const struct ipv4_packet *packet,
                       struct buf *b)
{
    size_t len = buf_length(b);
    struct seen one;

    (void)ctx;
    b = buf_pullup(b, len < TCP_MOST ? len : TCP_MOST);
    /* Segments from another address or with a wrong checksum are ignored. */
    if (b && ipv4_number(packet->from) == 0x0a000002 &&
        tcp_parse(b->data, b->len, &one.s) && one.s.to == PEER_PORT &&
        seen_count < QUEUE &&
        checksum_fold(checksum_add_bufs(
            checksum_pseudo(packet->from, packet->to, PROTOCOL_TCP, len), b,
            0, len)) == 0xffff) {
        one.len = len - one.s.header;
        one.service = packet->service;
        one.whole = packet->whole;
        one.at = time_now();
        seen[(seen_first + seen_count++) % QUEUE] = one;
        if (one.s.flags & TCP_SYN && !has_first) {
            first = one.s.seq;
            first_time = one.s.time;
            has_first = true;
        }
        script_port = one.s.from;
    }
    buf_free(b);
    wake_all(&arrival);
}

void script_begin(void)
{
    ipv4_listen(left.ip, PROTOCOL_TCP, on_segment, NULL, NULL);
    seen_count = 0;
    has_first = false;
    script_port = 0;
}

void script_restart(uint64_t seed)
{
    static bool is_made;

    if (!is_made) {
        sim_seed(seed);
        pair_make(1500, 0);
        pair_watch();
        pair_listen(80);
        is_made = true;
    }
    pair_reset();
    require(time_sleep(SECOND) == OK);
    script_begin();
}

static uint8_t flags_of(const char *text)
{
    static const char *const names[] = {"FIN", "SYN", "RST", "PSH",
                                        "ACK", "URG", "ECE", "CWR"};
    uint8_t flags = 0;

    for (int i = 0; i < 8; i++)
        if (strstr(text, names[i]))
            flags |= (uint8_t)(1 << i);
    return flags;
}

static void inject_one(const struct line *l, unsigned n)
{
    struct ipv4_packet packet = {.to = ipv4_address(10, 0, 0, 2),
                                 .protocol = PROTOCOL_TCP,
                                 .service = (uint8_t)l->service};
    struct tcp_segment s = l->s;
    struct buf *b = buf_new(IPV4_HEADROOM);

    s.seq += n * (uint32_t)l->len;
    s.from = PEER_PORT;
    s.to = (uint16_t)(script_port ? script_port : 80);
    if (!(s.flags & TCP_ACK))
        s.ack = 0;
    else if (!l->is_absolute)
        s.ack += first;
    for (int i = 0; i < s.sack_count; i++) {
        s.sack[i].from += first;
        s.sack[i].to += first;
    }
    if (s.has_timestamps)
        s.echo += first_time;
    b->len = tcp_emit(&s, buf_append(b, TCP_MOST));
    memset(buf_append(b, l->len), 'x', l->len);
    put_be16(b->data + 16,
             checksum_finish(checksum_add(
                 checksum_pseudo(ipv4_address(10, 0, 0, 1), packet.to,
                                 PROTOCOL_TCP, b->len),
                 b->data, b->len)));
    if (ipv4_write(left.ip, &packet, b) != OK)
        printf("script: not sent\n");
}

static void inject(const struct line *l)
{
    for (unsigned i = 0; i < l->times; i++)
        inject_one(l, i);
}

/* Receives a segment until the deadline. */
static bool await(struct seen *s, nanoseconds deadline)
{

    while (seen_count == 0)
        if (wait_until(&arrival, deadline) != OK)
            return false;
    *s = seen[seen_first++ % QUEUE];
    seen_count--;
    return true;
}

static bool has_ranges(const struct tcp_segment *s,
                       const struct tcp_segment *wanted)
{
    return s->sack_count == wanted->sack_count &&
           memcmp(s->sack, wanted->sack,
                  s->sack_count * sizeof *s->sack) == 0;
}

/* Sends or expects the nth segment of line l. */
static bool is_it(const struct seen *s, const struct line *l, unsigned n)
{
    uint32_t seq =
        (l->is_absolute ? 0 : first) + l->s.seq + n * (uint32_t)l->len;

    return (s->s.flags & ~TCP_PSH) == (l->s.flags & ~TCP_PSH) &&
           s->s.seq == seq && s->len == l->len &&
           (!(l->s.flags & TCP_ACK) || s->s.ack == l->s.ack) &&
           (!l->s.may_sack || s->s.may_sack) &&
           !(l->no_sack && s->s.may_sack) &&
           (!l->s.has_scale ||
            (s->s.has_scale && s->s.scale == l->s.scale)) &&
           !(l->no_scale && s->s.has_scale) &&
           (!l->s.has_timestamps || s->s.has_timestamps) &&
           (!l->has_echo || s->s.echo == l->s.echo) &&
           !(l->no_time && s->s.has_timestamps) &&
           !(l->is_whole && !s->whole) && !(l->is_not_whole && s->whole) &&
           (!l->has_window || s->s.window == l->s.window) &&
           (!l->has_sack || has_ranges(&s->s, &l->s)) &&
           (l->service < 0 || (s->service & 3) == l->service);
}

static void print_seen(const char *text, const struct seen *s,
                       nanoseconds began)
{
    printf("script: %s: there came flags %02x, number %u, ack %u, %zu bytes, "
           "service %u, window %u, after %llu us%s%s",
           text, s->s.flags, s->s.seq - first, s->s.ack, s->len, s->service,
           s->s.window,
           (unsigned long long)((s->at - began) / MICROSECOND),
           s->s.may_sack ? ", sackok" : "", s->s.has_scale ? ", ws" : "");
    if (s->s.has_timestamps)
        printf(", ts %u:%u", s->s.time - first_time, s->s.echo);
    for (int r = 0; r < s->s.sack_count; r++)
        printf(", %u:%u", s->s.sack[r].from, s->s.sack[r].to);
    printf("\n");
}

/* Was it received at its time, within two ticks of the timers? */
static bool is_in_time(const struct seen *s, const struct line *l,
                       nanoseconds began)
{
    return l->after == FOREVER ||
           (s->at + 2 * MILLISECOND >= began + l->after &&
            s->at <= began + l->after + 3 * MILLISECOND);
}

static bool expect(const struct line *l)
{
    nanoseconds began = time_now();
    nanoseconds wait = l->after == FOREVER ? SECOND : l->after + SECOND;
    struct seen s;

    for (unsigned i = 0; i < l->times; i++) {
        if (!await(&s, time_after(wait))) {
            printf("script: %s: nothing came\n", l->text);
            return false;
        }
        if (!is_it(&s, l, i) || (i == 0 && !is_in_time(&s, l, began))) {
            print_seen(l->text, &s, began);
            return false;
        }
    }
    return true;
}

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

static void read_ranges(const char *text, struct line *l)
{
    l->has_sack = true;
    while (*text && l->s.sack_count < TCP_RANGES) {
        const char *to = text + strcspn(text, ":");

        l->s.sack[l->s.sack_count++] =
            (struct tcp_range){number(text), number(to + (*to == ':'))};
        text += strcspn(text, ",");
        text += *text == ',';
    }
}

/* Parses a word after the flags; numbers counts those without a name. */
static bool read_word(const char *word, struct line *l, unsigned *numbers)
{
    bool is_absolute = *word == '=';

    if (strncmp(word, "sack=", 5) == 0) {
        read_ranges(word + 5, l);
    } else if (strcmp(word, "sackok") == 0) {
        l->s.may_sack = true;
    } else if (strcmp(word, "nosack") == 0) {
        l->no_sack = true;
    } else if (strcmp(word, "nows") == 0) {
        l->no_scale = true;
    } else if (strcmp(word, "df") == 0) {
        l->is_whole = true;
    } else if (strcmp(word, "nodf") == 0) {
        l->is_not_whole = true;
    } else if (strcmp(word, "nots") == 0) {
        l->no_time = true;
    } else if (strncmp(word, "ws=", 3) == 0) {
        l->s.has_scale = true;
        l->s.scale = (uint8_t)number(word + 3);
    } else if (strcmp(word, "ts") == 0) {
        l->s.has_timestamps = true;
    } else if (strncmp(word, "echo=", 5) == 0) {
        l->s.has_timestamps = l->has_echo = true;
        l->s.echo = number(word + 5);
    } else if (strncmp(word, "after=", 6) == 0) {
        l->after = number(word + 6) * MILLISECOND;
    } else if (strncmp(word, "mss=", 4) == 0) {
        l->s.has_mss = true;
        l->s.mss = (uint16_t)number(word + 4);
    } else if (strncmp(word, "win=", 4) == 0) {
        l->s.window = (uint16_t)number(word + 4);
        l->has_window = true;
    } else if (strncmp(word, "ts=", 3) == 0) {
        l->s.has_timestamps = true;
        l->s.time = number(word + 3);
        l->s.echo = number(word + 3 + strcspn(word + 3, ":") + 1);
    } else if (strcmp(word, "noect") == 0 || strcmp(word, "ect") == 0 ||
               strcmp(word, "ce") == 0) {
        l->service = *word == 'n' ? 0 : *word == 'e' ? 2
                                                     : 3;
    } else if (*word == '+') {
        l->len = number(word + 1);
    } else if (*word == 'x') {
        l->times = number(word + 1);
    } else if (is_absolute || (*word >= '0' && *word <= '9')) {
        l->is_absolute |= is_absolute;
        *((*numbers)++ ? &l->s.ack : &l->s.seq) = number(word + is_absolute);
    } else {
        return false;
    }
    return true;
}

static bool play_line(const char *text)
{
    char how = 0, word[64] = "";
    int at = (int)strlen(text), more;
    unsigned numbers = 0;
    struct line l = {
        .text = text, .s.window = 65535, .times = 1, .after = FOREVER};
    struct seen s;

    if (sscanf(text, " %c %63s%n", &how, word, &at) < 1)
        return true;
    l.service = how == '<' ? -1 : 0;
    l.s.flags = flags_of(word);
    if (how == '.')
        return time_sleep(number(word) * MILLISECOND) == OK;
    for (; sscanf(text + at, "%63s%n", word, &more) == 1; at += more)
        if (!read_word(word, &l, &numbers))
            how = 0;
    switch (how) {
    case '>':
        inject(&l);
        return true;
    case '<':
        return expect(&l);
    case '~':
        seen_count = 0;
        return true;
    case '-':
        if (!await(&s, time_after(SECOND)))
            return true;
        print_seen(text, &s, time_now());
        return false;
    default:
        printf("script: %s: not understood\n", text);
        return false;
    }
}

bool script_play(const char *text)
{
    while (*text) {
        char line[128];
        size_t len = strcspn(text, "\n");

        require(len < sizeof line);
        text_format(line, sizeof line, "%.*s", (int)len, text);
        if (!play_line(line))
            return false;
        text += len + (text[len] == '\n');
    }
    return true;
}

bool script_handshake(const char *options, unsigned trip,
                      const char *ack_options)
{
    char text[200], wait[16] = "";

    if (trip > 0)
        text_format(wait, sizeof wait, ". %u\n", trip);
    text_format(text, sizeof text,
                "> SYN 100 mss=1000 %s\n"
                "< SYN,ACK 0 101\n"
                "%s"
                "> ACK 101 1 %s\n"
                ". 1\n",
                options, wait, ack_options);
    return script_play(text) && pair_flow != NULL;
}

enum status script_opened;
struct flow *script_flow;

static void open_one(void *ctx)
{
    struct endpoint to = {ipv4_address(10, 0, 0, 1), 4000};

    (void)ctx;
    script_flow = NULL;
    script_opened = tcpv4_open(right.tcp, to, time_after(100 * SECOND),
                               &script_flow);
}

void script_open(void)
{
    require(fiber_start(open_one, NULL) == OK);
}
