/* SPDX-License-Identifier: ISC */
/*
 * Connections that open and end abnormally leave no state, page, timer or
 * fiber. $CONNECTIONS of them; 4,000 in `make check`, 250,000 where $RAN says
 * that all tests run, a million with $SOAK.
 */
#include "check.h"
#include "peer.h"
#include <net/ipv4_wheel.h>
#include <mirage/random.h>
#include <stdlib.h>

#define PORT    80
#define LIMIT   (20 * SECOND)
#define AT_ONCE 40

static const struct sim_faults none;

/* Fibers of the test that run. */
static unsigned fibers;

enum status __real_fiber_start_with(const struct fiber_options *options,
                                    fiber_fn *fn, void *ctx);
enum status __wrap_fiber_start_with(const struct fiber_options *options,
                                    fiber_fn *fn, void *ctx);

struct start {
    fiber_fn *fn;
    void *ctx;
};

static void run(void *ctx)
{
    struct start s = *(struct start *)ctx;

    free(ctx);
    s.fn(s.ctx);
    fibers--;
}

enum status __wrap_fiber_start_with(const struct fiber_options *options,
                                    fiber_fn *fn, void *ctx)
{
    struct start *s = malloc(sizeof *s);
    enum status status;

    if (!s)
        return ERR_NO_MEMORY;
    *s = (struct start){fn, ctx};
    status = __real_fiber_start_with(options, run, s);
    if (status == OK)
        fibers++;
    else
        free(s);
    return status;
}

static void pause_some(void)
{
    CHECK(time_sleep(random_below(4) ? random_below(1000) * MICROSECOND
                                     : random_below(400) * MILLISECOND) == OK);
}

static void write_some(struct flow *f)
{
    static const uint8_t data[20000];

    (void)!flow_write(f, data, random_below(random_below(8) ? 100 : 20000),
                      time_after(LIMIT));
}

static void read_some(struct flow *f)
{
    struct buf *b;

    if (flow_read(f, &b, time_after(random_below(2) ? SECOND : LIMIT)) == OK)
        buf_free(b);
}

/* Makes a few random calls, and closes the flow. */
static void use(struct flow *f)
{
    for (unsigned calls = random_below(6); calls > 0; calls--) {
        switch (random_below(8)) {
        case 0:
        case 1:
            write_some(f);
            break;
        case 2:
        case 3:
            read_some(f);
            break;
        case 4:
            flow_shutdown(f, FLOW_WRITING);
            break;
        case 5:
            flow_shutdown(f, FLOW_READING);
            break;
        case 6:
            pause_some();
            break;
        case 7:
            if (random_below(4) == 0)
                flow_abort(f);
            break;
        }
    }
}

static void serve(void *ctx, struct flow *f, struct endpoint peer)
{
    (void)ctx;
    (void)peer;
    use(f);
}

/* Both hosts are ours; sometimes one is disconnected. */
static void open_one(void)
{
    struct endpoint to = {ipv4_address(10, 0, 0, 2),
                          random_below(16) ? PORT : PORT + 1};
    struct flow *f;
    nanoseconds wait = random_below(8) ? LIMIT : random_below(3000);

    if (tcpv4_open(left.tcp, to, time_after(wait), &f) != OK)
        return;
    use(f);
    flow_close(f);
}

static unsigned left_to_do, running;

static void open_many(void *ctx)
{
    (void)ctx;
    while (left_to_do > 0) {
        left_to_do--;
        open_one();
        if (random_below(64) == 0) {
            struct sim_faults f = {.loss = random_below(300000),
                                   .duplicate = random_below(100000),
                                   .reorder = random_below(100000)};

            pair_faults(random_below(2) ? &none : &f);
        }
    }
    running--;
}

/* A hostile peer that knows our sequence numbers sends random segments, and is
 * silent at the end. */
static void send_segment(uint16_t port, uint8_t flags, uint32_t seq,
                         uint32_t ack, size_t len)
{
    static const uint8_t data[1400];
    struct endpoint from = {ipv4_address(10, 0, 0, 7), port};
    struct ipv4_packet packet = {.from = from.ip,
                                 .to = ipv4_address(10, 0, 0, 2),
                                 .protocol = PROTOCOL_TCP};
    struct tcp_segment s = {.from = port,
                            .to = PORT,
                            .seq = seq,
                            .ack = ack,
                            .flags = flags,
                            .window = (uint16_t)random_below(65536)};
    struct buf *b;

    if (random_below(2)) {
        s.has_timestamps = true;
        s.time = (uint32_t)(time_now() / MILLISECOND);
    }
    if (flags & TCP_SYN) {
        s.has_mss = random_below(2);
        s.mss = (uint16_t)random_below(2000);
        s.has_scale = random_below(2);
        s.scale = (uint8_t)random_below(15);
    }
    b = buf_copy_in(data, len, TCP_MOST);
    if (b) {
        uint8_t header[TCP_MOST];
        size_t size = tcp_emit(&s, header);

        memcpy(buf_prepend(b, size), header, size);
        b->offload.csum_good = true;
        tcp_input(right.tcp, &packet, b);
    }
}

static uint32_t near(uint32_t number)
{
    switch (random_below(4)) {
    case 0:
        return number + random_below(3000);
    case 1:
        return number - random_below(3000);
    default:
        return number;
    }
}

static void lie(uint16_t port)
{
    static const uint8_t flags[] = {
        TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK,
        TCP_ACK, TCP_ACK, TCP_ACK | TCP_FIN,
        TCP_ACK | TCP_FIN, TCP_RST, TCP_RST | TCP_ACK,
        0, TCP_FIN, TCP_ACK | TCP_PSH};
    struct endpoint local = {ipv4_address(10, 0, 0, 2), PORT};
    struct endpoint peer = {ipv4_address(10, 0, 0, 7), port};
    uint32_t first = random_below(UINT32_MAX);

    send_segment(port, TCP_SYN, first, 0, random_below(8) ? 0 : 100);
    for (unsigned i = random_below(8); i > 0; i--) {
        struct connection *c = tcp_find(right.tcp, local, peer);

        if (c)
            send_segment(port, flags[random_below(sizeof flags)],
                         near(c->rcv.nxt), near(c->snd.nxt),
                         random_below(2) ? 0 : random_below(1400));
        pause_some();
    }
}

static uint16_t next_port = 1000;

static void lie_much(void *ctx)
{
    (void)ctx;
    while (left_to_do > 0) {
        left_to_do--;
        if (next_port++ == 60000)
            next_port = 1000;
        lie(next_port);
    }
    running--;
}

/* Simultaneous open. */
static void both_open(void *ctx)
{
    (void)ctx;
    while (left_to_do > 0) {
        struct connection *a, *b;
        struct endpoint l = {ipv4_address(10, 0, 0, 1), 0};
        struct endpoint r = {ipv4_address(10, 0, 0, 2), 0};

        left_to_do--;
        l.port = (uint16_t)(10000 + random_below(30000));
        r.port = (uint16_t)(10000 + random_below(30000));
        if (tcp_find(left.tcp, l, r) || tcp_find(right.tcp, r, l))
            continue;
        a = tcp_create(left.tcp, l, r);
        b = tcp_create(right.tcp, r, l);
        CHECK(a && b);
        a->state = b->state = TCP_SYN_SENT;
        a->is_held = b->is_held = true;
        tcp_output(a);
        if (random_below(2))
            pause_some();
        tcp_output(b);
        pause_some();
        use(&a->flow);
        use(&b->flow);
        flow_close(&a->flow);
        flow_close(&b->flow);
    }
    running--;
}

static unsigned count_timers(const struct wheel *w)
{
    unsigned count = 0;

    for (int level = 0; level < WHEEL_LEVELS; level++)
        for (int slot = 0; slot < WHEEL_SLOTS; slot++)
            for (const struct wheel_timer *t = w->slot[level][slot]; t;
                 t = t->next)
                count++;
    return count;
}

static bool is_free(const struct tcpv4 *tcp)
{
    size_t free_ones = tcp->pool.used, held = 0;

    for (const struct connection *c = tcp->pool.free; c; c = c->next) {
        if (c->state != TCP_CLOSED || c->rcvq.first || c->sndq.first ||
            c->ooo.first || wheel_is_set(&c->timer) || c->is_scheduled)
            return false;
        free_ones--;
    }
    for (const struct ooo_run *h = tcp->ooo_free; h; h = h->next)
        held++;
    for (size_t i = 0; i < tcp->pool.buckets; i++)
        if (tcp->pool.bucket[i])
            return false;
    for (const struct tcp_listener *l = tcp->listeners; l; l = l->next)
        if (l->half_open > 0 || l->handlers > 0)
            return false;
    return free_ones == 0 && tcp->count == 0 && tcp->half_open == 0 &&
           held == TCP_OOO_RUNS && tcp->ooo_free_count == TCP_OOO_RUNS &&
           !tcp->oldest && !tcp->newest && !tcp->work;
}

static unsigned connections(void)
{
    const char *given = getenv("CONNECTIONS");

    return given            ? (unsigned)atoi(given)
           : getenv("SOAK") ? 1000000
           : getenv("RAN")  ? 250000
                            : 4000;
}

TEST(connections_that_end_abnormally_leave_no_state)
{
    fiber_fn *const kinds[] = {open_many, open_many, lie_much, both_open};
    unsigned fibers_before, timers_before;

    sim_seed(24);
    pair_make(1500, 0);
    CHECK(tcpv4_listen(right.tcp, PORT, serve, NULL) == OK);
    open_one(); /* ARP */
    CHECK(time_sleep(200 * SECOND) == OK);
    fibers_before = fibers;
    timers_before = count_timers(ipv4_wheel(left.ip)) +
                    count_timers(ipv4_wheel(right.ip));
    left_to_do = connections();
    for (unsigned i = 0; i < AT_ONCE; i++, running++)
        CHECK(fiber_start(kinds[i % 4], NULL) == OK);
    while (running > 0)
        CHECK(time_sleep(SECOND) == OK);
    pair_faults(&none);
    CHECK(left.tcp->counters.accepted + right.tcp->counters.accepted >
          connections() / 8);
    /* The longest life of a connection: unsent data for a dead peer. */
    CHECK(time_sleep(1000 * SECOND) == OK);
    CHECK(is_free(left.tcp));
    CHECK(is_free(right.tcp));
    CHECK(buf_pages_free() == buf_pages());
    CHECK(fibers == fibers_before);
    /* ARP counts lines of the log in periods of up to four hours. */
    CHECK(time_sleep(24 * 3600 * SECOND) == OK);
    CHECK(count_timers(ipv4_wheel(left.ip)) +
              count_timers(ipv4_wheel(right.ip)) <=
          timers_before);
}
