/* SPDX-License-Identifier: ISC */
/* The calls of stackv4.h, by a driver that notes what it is asked for. */
#include "panics.h"
#include <mirage/platform.h>
#define image_say tested_say
static void tested_say(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
#include "stackv4.c"
#undef image_say
#include "check.h"
#include <mirage/text.h>

static char said[256];

static void tested_say(const char *fmt, ...)
{
    size_t len = strlen(said);
    va_list args;

    va_start(args, fmt);
    text_vformat(said + len, sizeof said - len, fmt, args);
    va_end(args);
}

/* What the driver was asked for, and what it answers. */
static char asked[64];
static enum status answer;
static uint16_t asked_port;
static struct endpoint asked_to;
static size_t asked_len;
static nanoseconds asked_deadline;
static void *asked_fn, *asked_ctx;

static void note(const char *call)
{
    strcat(asked, call);
}

static enum status fake_address_at(const struct stackv4 *s, size_t i,
                                   struct stackv4_address *address)
{
    (void)s;
    if (i > 1)
        return ERR_NOT_FOUND;
    *address = (struct stackv4_address){.prefix = 24};
    address->ip = ipv4_address(10, 0, 0, (uint8_t)(i + 1));
    return OK;
}

static void fake_on_address(struct stackv4 *s, address_handler *fn, void *ctx)
{
    (void)s;
    note("a");
    asked_fn = (void *)(uintptr_t)fn;
    asked_ctx = ctx;
}

static enum status fake_listen_udp(struct stackv4 *s, uint16_t port,
                                   udp_handler *fn, void *ctx)
{
    (void)s;
    note("u");
    asked_port = port;
    asked_fn = (void *)(uintptr_t)fn;
    asked_ctx = ctx;
    return answer;
}

static enum status fake_listen_tcp(struct stackv4 *s, uint16_t port,
                                   tcp_handler *fn, void *ctx)
{
    (void)s;
    note("t");
    asked_port = port;
    asked_fn = (void *)(uintptr_t)fn;
    asked_ctx = ctx;
    return answer;
}

static enum status fake_listen_events(struct stackv4 *s, uint16_t port,
                                      tcp_accepted *accepted, void *ctx)
{
    (void)s;
    note("e");
    asked_port = port;
    asked_fn = (void *)(uintptr_t)accepted;
    asked_ctx = ctx;
    return answer;
}

static enum status fake_limit_tcp(struct stackv4 *s, uint16_t port,
                                  const struct tcp_limits *limits)
{
    (void)s;
    note("l");
    asked_port = port;
    asked_len = limits->handlers;
    return answer;
}

static enum status fake_set_tcp_options(struct stackv4 *s, uint16_t port,
                                        const struct tcp_options *options)
{
    (void)s;
    note("o");
    asked_port = port;
    asked_len = options->stack;
    return answer;
}

static enum status fake_port_write(struct udp_port *port, struct endpoint to,
                                   const void *data, size_t len)
{
    (void)port, (void)data;
    note("pw");
    asked_to = to;
    asked_len = len;
    return answer;
}

static void fake_port_close(struct udp_port *port)
{
    (void)port;
    note("pc");
}

static const struct udp_port_ops fake_port_ops = {fake_port_write,
                                                  fake_port_close};
static struct udp_port fake_port = {.ops = &fake_port_ops, .number = 4567};

static enum status fake_udp_open(struct stackv4 *s,
                                 const struct endpoint *peer, udp_handler *fn,
                                 void *ctx, struct udp_port **port)
{
    (void)s;
    note("p");
    asked_to = *peer;
    asked_fn = (void *)(uintptr_t)fn;
    asked_ctx = ctx;
    if (answer == OK)
        *port = &fake_port;
    return answer;
}

static enum status fake_udp_write(struct stackv4 *s, uint16_t from,
                                  struct endpoint to, const void *data,
                                  size_t len)
{
    (void)s, (void)data;
    note("w");
    asked_port = from;
    asked_to = to;
    asked_len = len;
    return answer;
}

static enum status fake_connect(struct stackv4 *s, struct endpoint to,
                                nanoseconds deadline, struct flow **flow)
{
    (void)s, (void)flow;
    note("c");
    asked_to = to;
    asked_deadline = deadline;
    return answer;
}

static enum status fake_begin(struct stackv4 *s, struct endpoint to,
                              flow_event_handler *fn, void *ctx,
                              struct flow **flow)
{
    (void)s, (void)flow;
    note("b");
    asked_to = to;
    asked_fn = (void *)(uintptr_t)fn;
    asked_ctx = ctx;
    return answer;
}

static enum status fake_run(struct stackv4 *s)
{
    (void)s;
    note("r");
    return answer;
}

static void fake_finish(struct stackv4 *s)
{
    (void)s;
    note("f");
}

static void fake_disconnect(struct stackv4 *s)
{
    (void)s;
    note("d");
}

static void fake_counters(const struct stackv4 *s, counter_handler *fn,
                          void *ctx)
{
    (void)s;
    note("n");
    fn(ctx, "frames", 12345678901);
    fn(ctx, "drops", 0);
}

static const struct stackv4_ops fake_ops = {
    .address_at = fake_address_at,
    .on_address = fake_on_address,
    .listen_udp = fake_listen_udp,
    .listen_tcp = fake_listen_tcp,
    .listen_events = fake_listen_events,
    .limit_tcp = fake_limit_tcp,
    .set_tcp_options = fake_set_tcp_options,
    .udp_open = fake_udp_open,
    .udp_write = fake_udp_write,
    .connect = fake_connect,
    .begin = fake_begin,
    .run = fake_run,
    .finish = fake_finish,
    .disconnect = fake_disconnect,
    .counters = fake_counters,
};
static struct stackv4 fake = {&fake_ops};

static void begin(enum status s)
{
    asked[0] = said[0] = '\0';
    answer = s;
    asked_port = 0;
    asked_fn = asked_ctx = NULL;
}

/* Was the driver asked for this, with this function and context? */
static bool was_asked(const char *call, uint16_t port, void *ctx)
{
    bool was = strcmp(asked, call) == 0 && asked_port == port &&
               asked_ctx == ctx;

    begin(answer);
    return was;
}

static const struct endpoint there = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}}, 53};

TEST(addresses_are_the_drivers)
{
    struct stackv4_address a;
    struct ip_address ip;
    int place;

    begin(OK);
    stackv4_address(&fake, &a);
    CHECK(ip_equal(a.ip, ipv4_address(10, 0, 0, 1)) && a.prefix == 24);
    CHECK(ip_equal(stackv4_ip(&fake), ipv4_address(10, 0, 0, 1)));
    CHECK(stackv4_ip_at(&fake, 1, &ip) == OK);
    CHECK(ip_equal(ip, ipv4_address(10, 0, 0, 2)));
    CHECK(stackv4_ip_at(&fake, 2, &ip) == ERR_NOT_FOUND);
    CHECK(ip_equal(ip, ipv4_address(10, 0, 0, 2)));
    stackv4_on_address(&fake, NULL, &place);
    CHECK(was_asked("a", 0, &place));
}

TEST(listeners_and_their_limits_reach_the_driver)
{
    struct tcp_limits limits = {.handlers = 11};
    struct tcp_options options = {.stack = 12};
    int place;

    begin(ERR_IN_USE);
    CHECK(stackv4_listen_udp(&fake, 1, NULL, &place) == ERR_IN_USE);
    CHECK(was_asked("u", 1, &place));
    CHECK(stackv4_listen_tcp(&fake, 65535, NULL, &place) == ERR_IN_USE);
    CHECK(was_asked("t", 65535, &place));
    CHECK(stackv4_listen_events(&fake, 7, NULL, &place) == ERR_IN_USE);
    CHECK(was_asked("e", 7, &place));
    CHECK(stackv4_limit_tcp(&fake, 7, &limits) == ERR_IN_USE);
    CHECK(asked_len == 11 && was_asked("l", 7, NULL));
    CHECK(stackv4_set_tcp_options(&fake, 7, &options) == ERR_IN_USE);
    CHECK(asked_len == 12 && was_asked("o", 7, NULL));
}

TEST(nothing_listens_on_port_0)
{
    begin(OK);
    CHECK(PANICS((void)!stackv4_listen_udp(&fake, 0, NULL, NULL)));
    CHECK(PANICS((void)!stackv4_listen_tcp(&fake, 0, NULL, NULL)));
    CHECK(PANICS((void)!stackv4_listen_events(&fake, 0, NULL, NULL)));
    CHECK_TEXT(asked, "");
}

/* A datagram of UDP_MOST bytes is sent, and a longer one is not. */
TEST(datagrams_that_no_one_can_receive_are_refused)
{
    static const char data[UDP_MOST + 1];
    struct endpoint no_port = there, no_ipv4 = there;

    no_port.port = 0;
    no_ipv4.ip.byte[0] = 0x20;
    begin(OK);
    CHECK(stackv4_udp_write(&fake, 9, there, data, UDP_MOST) == OK);
    CHECK(asked_len == UDP_MOST && ip_equal(asked_to.ip, there.ip) &&
          asked_to.port == 53);
    CHECK(was_asked("w", 9, NULL));
    CHECK(stackv4_udp_write(&fake, 9, there, data, UDP_MOST + 1) == ERR_RANGE);
    CHECK(stackv4_udp_write(&fake, 9, no_port, data, 1) == ERR_UNREACHABLE);
    CHECK(stackv4_udp_write(&fake, 9, no_ipv4, data, 1) == ERR_UNREACHABLE);
    CHECK(was_asked("", 0, NULL));
    CHECK(udp_port_write(&fake_port, there, data, UDP_MOST) == OK);
    CHECK(asked_len == UDP_MOST && was_asked("pw", 0, NULL));
    CHECK(udp_port_write(&fake_port, there, data, UDP_MOST + 1) == ERR_RANGE);
    CHECK(udp_port_write(&fake_port, no_port, data, 1) == ERR_UNREACHABLE);
    CHECK(udp_port_write(&fake_port, no_ipv4, data, 1) == ERR_UNREACHABLE);
    CHECK(was_asked("", 0, NULL));
    answer = ERR_REFUSED;
    CHECK(stackv4_udp_write(&fake, 9, there, data, 0) == ERR_REFUSED);
    CHECK(udp_port_write(&fake_port, there, data, 0) == ERR_REFUSED);
}

TEST(a_port_that_is_opened_by_number_is_known_by_it)
{
    struct udp_port *port = NULL;
    uint16_t number = 1;
    int place;

    begin(ERR_NO_MEMORY);
    CHECK(stackv4_open_udp(&fake, &there, NULL, &place, &number) ==
          ERR_NO_MEMORY);
    CHECK(number == 1 && !fake_port.by_number);
    begin(OK);
    CHECK(stackv4_udp_open(&fake, &there, NULL, &place, &port) == OK);
    CHECK(port == &fake_port && !fake_port.by_number);
    CHECK(was_asked("p", 0, &place));
    CHECK(stackv4_open_udp(&fake, &there, NULL, &place, &number) == OK);
    CHECK(number == 4567 && fake_port.by_number);
    CHECK(was_asked("p", 0, &place));
    udp_port_close(&fake_port);
    CHECK(was_asked("pc", 0, NULL));
}

TEST(connections_to_port_0_or_over_ipv6_are_not_tried)
{
    struct endpoint no_port = there, no_ipv4 = there;
    struct flow *flow = NULL;
    int place;

    no_port.port = 0;
    no_ipv4.ip.byte[0] = 0x20;
    begin(ERR_RESET);
    CHECK(stackv4_connect(&fake, there, 99, &flow) == ERR_RESET);
    CHECK(asked_deadline == 99 && ip_equal(asked_to.ip, there.ip));
    CHECK(was_asked("c", 0, NULL));
    CHECK(stackv4_begin(&fake, there, NULL, &place, &flow) == ERR_RESET);
    CHECK(was_asked("b", 0, &place));
    CHECK(stackv4_connect(&fake, no_port, 99, &flow) == ERR_UNREACHABLE);
    CHECK(stackv4_connect(&fake, no_ipv4, 99, &flow) == ERR_UNREACHABLE);
    CHECK(stackv4_begin(&fake, no_port, NULL, &place, &flow) ==
          ERR_UNREACHABLE);
    CHECK(stackv4_begin(&fake, no_ipv4, NULL, &place, &flow) ==
          ERR_UNREACHABLE);
    CHECK(was_asked("", 0, NULL));
}

TEST(counters_are_printed_at_the_end_if_the_boot_argument_says_so)
{
    begin(ERR_GONE);
    CHECK(stackv4_run(&fake) == ERR_GONE);
    stackv4_finish(&fake);
    CHECK_TEXT(asked, "rf");
    CHECK_TEXT(said, "");
    stats = true;
    stackv4_finish(&fake);
    CHECK_TEXT(asked, "rffn");
    CHECK_TEXT(said, "frames                       12345678901\n"
                     "drops                        0\n");
    stackv4_disconnect(&fake);
    CHECK_TEXT(asked, "rffnfd");
    stats = false;
}
