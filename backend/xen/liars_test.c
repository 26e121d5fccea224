/* SPDX-License-Identifier: ISC */
/*
 * xenstore, the reader of the console, the toolstack, domains that use grants,
 * and Xen's events, when they lie, by many seeds (hostile_check.h). Each call
 * ends, the rest of the image runs, and all works again once they are honest;
 * only a connection to xenstore that broke is over, which is said once.
 */
#include "balloon.h"
#include "events.h"
#include "grant.h"
#include "guest.h"
#include "xenstore.h"
#include <fake/disk.h>
#include <fake/hostile_check.h>
#include <mirage/buf.h>
#include <mirage/console.h>
#include <mirage/drivers.h>
#include <mirage/log.h>
#include <mirage/platform.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sched.h>

#define ENOUGH 1100u /* lies of a seed that tells one kind */

LOG_SOURCE(test);

static struct liar liar;
static struct fake_disk disk;

static uint32_t below(uint32_t bound)
{
    return liar_pick(&liar, bound);
}

static struct block *honest_disk(void)
{
    struct block *b = NULL;

    CHECK(block_ram_connect(300, 512, &disk.store) == OK);
    disk_add(&disk, 51728, "sectors=300\nsector-size=512\ninfo=0");
    CHECK(block_xen_connect("xvdb", &b) == OK);
    if (!b)
        panic("no disk");
    return b;
}

static void check_works(struct block *b)
{
    static uint8_t data[300 * 512];

    CHECK(block_write(b, 0, data, 300) == OK);
    CHECK(block_read(b, 0, data, 300) == OK);
}

static unsigned count_lines_with(const char *text)
{
    unsigned count = 0;

    for (const char *at = console_text(); (at = strstr(at, text)) != NULL;
         at++)
        count++;
    return count;
}

static void scatter(uint8_t *to, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = below(3) ? (uint8_t)below(256) : 0;
}

/* xenstore. */

enum { ANOTHER_TYPE,
       ANOTHER_ID,
       TOO_LONG,
       ODD_BODY,
       LONGEST_BODY,
       ODD_ERROR,
       TWO_REPLIES,
       MANY_EVENTS,
       ODD_EVENT,
       JUMPING_INDEX,
       CONFLICT,
       ODD_NUMBER,
       STORE_LIES };

static bool is_broken;
static unsigned users, requests;

static void put_bytes(const void *bytes, size_t len)
{
    const char *from = bytes;
    uint32_t at = stored.ring->rsp_prod;

    for (; len > 0; len--)
        stored.ring->rsp[MASK_XENSTORE_IDX(at++)] = *from++;
    stored.ring->rsp_prod = at;
}

static void jump(void)
{
    volatile uint32_t *index[] = {&stored.ring->rsp_prod,
                                  &stored.ring->rsp_cons,
                                  &stored.ring->req_prod,
                                  &stored.ring->req_cons};
    volatile uint32_t *at = index[below(4)];

    *at = below(2) ? *at + liar_number(&liar) : liar_number(&liar);
    stored.is_deaf = true; /* it would find nonsense among the requests */
}

static void send_odd_body(unsigned type, unsigned id)
{
    static const size_t lengths[] = {0, 1, 2, 11, 23, 24, 1000, 4095, 4096};
    uint8_t body[XENSTORE_PAYLOAD_MAX];
    size_t len = lengths[below(9)];

    scatter(body, len);
    store_send(type, id, body, len);
}

static void send_events(unsigned count, bool is_ended)
{
    static const char path[] = "dir/x\0"
                               "0x12345678";

    while (count-- > 0)
        store_send(XS_WATCH_EVENT, 0, path,
                   is_ended ? sizeof path : below(sizeof path));
}

/* False: the request is also handled. */
static bool lie_about(const struct xsd_sockmsg *request, unsigned kind)
{
    static const char *const numbers[] = {"", "0", "-1", "4294967296", "1x",
                                          "18446744073709551616"};
    static const char longest[XENSTORE_PAYLOAD_MAX] = "long";
    struct xsd_sockmsg header = *request;
    unsigned id = request->req_id;

    switch (kind) {
    case ANOTHER_TYPE:
        kind = (request->type + 1 + below(20)) % 24;
        store_send(kind == XS_WATCH_EVENT ? XS_ERROR : kind, id, "OK", 3);
        return true;
    case ANOTHER_ID:
        store_send(request->type, id + 1 + below(1000), "1", 2);
        return true;
    case TOO_LONG:
        header.len = XENSTORE_PAYLOAD_MAX + 1 +
                     (below(2) ? liar_number(&liar) & 0x7fffffff : 0);
        store_send_raw(&header, sizeof header);
        return true;
    case ODD_BODY:
        send_odd_body(request->type, id);
        return true;
    case LONGEST_BODY:
        store_send(request->type, id, longest, sizeof longest);
        return true;
    case ODD_ERROR:
        send_odd_body(XS_ERROR, id);
        return true;
    case TWO_REPLIES:
        store_send(request->type, id, "1", 2);
        store_send(request->type, id, "1", 2);
        return true;
    case CONFLICT:
        store_send(XS_ERROR, id, "EAGAIN", 7);
        return true;
    case ODD_NUMBER:
        kind = below(6);
        store_send(request->type, id, numbers[kind], strlen(numbers[kind]));
        return true;
    case JUMPING_INDEX:
        jump();
        return true;
    default:
        send_events(1 + below(20), kind == MANY_EVENTS);
        return false;
    }
}

static bool lie_to(const struct xsd_sockmsg *request, const char *body)
{
    unsigned kind;

    if (strstr(body, "/state") || strstr(body, "/online"))
        return false; /* or the disk would go */
    kind = liar_choose(&liar);
    liar_count(&liar, kind, true);
    return kind != LIAR_HONEST && lie_about(request, kind);
}

/* The store goes on after the connection has ended. A request that is lost gets
 * a reply of another. */
static void store_turn(void)
{
    static unsigned after;
    struct xsd_sockmsg wrong = {XS_READ, 1u << 31, 0, 0};

    if (stored.is_deaf && !is_broken)
        put_bytes(&wrong, sizeof wrong);
    for (int i = 0; is_broken && after < ENOUGH && i < 100; i++, after++) {
        unsigned kind = liar_choose(&liar);

        wrong.len = kind == TOO_LONG ? liar_number(&liar) : 0;
        if (kind == JUMPING_INDEX)
            jump();
        else
            put_bytes(&wrong, sizeof wrong);
        liar_count(&liar, kind, false);
    }
    if (stored.is_deaf || is_broken)
        fake_event(STORE_PORT);
}

static bool is_text_or_same(enum status s, const char *value, size_t size)
{
    if (s == OK)
        return memchr(value, '\0', size) != NULL;
    for (size_t i = 0; i < size; i++)
        if (value[i] != 'x')
            return false;
    return true;
}

static enum status read_some(void)
{
    char value[24], names[40];
    uint64_t number = 7;
    enum status s;

    memset(value, 'x', sizeof value);
    memset(names, 'x', sizeof names);
    s = xenstore_read("name", value, sizeof value);
    CHECK(is_text_or_same(s, value, sizeof value));
    s = xenstore_list("dir", names, sizeof names);
    CHECK(is_text_or_same(s, names, sizeof names));
    return xenstore_number("name", &number);
}

static enum status write_some(void)
{
    static const struct xenstore_entry entries[] = {{"a", "1"}, {"b", "2"}};
    enum status s = xenstore_write("name", "123");

    return s == OK ? xenstore_write_all("dir", entries, 2) : s;
}

static void use_store(void *ctx)
{
    struct xenstore_watch *w = ctx;
    enum status s = xenstore_watch(w);

    while (liar.tally->acts - requests < ENOUGH + ENOUGH / 8 && !is_broken) {
        s = below(2) ? read_some() : write_some();
        CHECK(s == OK || s == ERR_IO || s == ERR_NOT_FOUND ||
              s == ERR_FORMAT || s == ERR_RANGE || s == ERR_IN_USE ||
              s == ERR_EXISTS || s == ERR_PERMISSION || s == ERR_NO_SPACE);
        is_broken |= xenstore_wait(w, time_after(MICROSECOND)) == ERR_IO;
    }
    users--;
}

static void start_users(unsigned count)
{
    static struct xenstore_watch w[2] = {{.path = "dir"}, {.path = "other"}};

    requests = liar.tally->acts;
    for (users = 0; users < count; users++)
        CHECK(fiber_start(use_store, &w[users]) == OK);
}

/* A store that broke the protocol is not asked any more. */
static void check_over(void)
{
    char value[10];
    nanoseconds begin = time_now();
    struct xenstore_watch w = {.path = "x"};

    CHECK(xenstore_read("name", value, sizeof value) == ERR_IO);
    CHECK(xenstore_write("name", "x") == ERR_IO);
    CHECK(xenstore_wait(&w, FOREVER) == ERR_IO);
    CHECK(time_now() - begin < SECOND);
    CHECK(count_lines_with("it is not heard of any more") == 1);
    tally->ended++;
}

static void check_honest(void)
{
    char value[10];

    CHECK(xenstore_write("name", "42") == OK);
    CHECK(xenstore_read("name", value, sizeof value) == OK);
    CHECK_TEXT(value, "42");
    CHECK(count_lines_with("xenstore") == 0);
    tally->survived++;
}

TEST(a_store_that_lies_ends_no_more_than_its_connection)
{
    struct block *other = honest_disk();

    store_set("name", "1");
    store_set("dir/x", "y");
    liar_begin(&liar, tally, STORE_LIES, seed);
    stored.on_request = lie_to;
    fake.turn = store_turn;
    start_users(2);
    for (int i = 0; i < 20000 && users > 0; i++)
        CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(users == 0);
    CHECK(time_sleep(20 * MILLISECOND) == OK);
    check_works(other);
    fake.turn = NULL;
    stored.on_request = NULL;
    is_broken ? check_over() : check_honest();
}

static unsigned scribbled;

static void scribble_store(uint32_t random)
{
    volatile struct xenstore_domain_interface *s = stored.ring;

    if (scribbled & 1)
        liar_write(&s->rsp[random % XENSTORE_RING_SIZE],
                   (uint8_t)(random >> 24));
    if (scribbled & 2 && random >> 27 == 0)
        liar_write_index(&s->rsp_prod, s->rsp_prod + (random & 7) - 3);
    if (scribbled & 4 && random >> 27 == 1)
        liar_write_index(&s->rsp_cons, random);
}

static void break_store(void)
{
    stored.ring->rsp_prod = stored.ring->rsp_cons + XENSTORE_RING_SIZE + 1;
    fake_event(STORE_PORT);
}

TEST(a_store_that_changes_while_it_is_read_does_no_harm)
{
    struct block *other = honest_disk();

    liar_begin(&liar, tally, STORE_LIES, seed);
    scribbled = 1 + seed % 7;
    start_users(2);
    liar_thread(tally, scribble_store);
    for (unsigned i = 0; i < 20 && !is_broken; i++) {
        CHECK(time_sleep(100 * MICROSECOND) == OK);
        fake_event(STORE_PORT);
        liar_wait(100 * i);
    }
    liar_wait(2000);
    liar_thread_end();
    stored.is_deaf = true;
    fake.turn = break_store;
    stored.on_request = lie_to;
    for (int i = 0; i < 1000 && users > 0; i++)
        CHECK(time_sleep(MILLISECOND) == OK);
    CHECK(users == 0);
    check_works(other);
    check_over();
}

/* The console. */

enum { READ_TOO_MUCH,
       READ_BACKWARDS,
       NOT_READ,
       TYPED_TOO_MUCH,
       TYPED_ODD_BYTES,
       OWN_INDICES,
       OUTPUT_CHANGED,
       EMPTY_EVENT,
       CONSOLE_LIES };

static struct console *console;
static size_t input_len;
static bool is_reading;

static void lie_at_console(unsigned kind)
{
    volatile struct xencons_interface *c = consoled.ring;

    switch (kind) {
    case READ_TOO_MUCH:
        c->out_cons = c->out_prod + 1 + below(5000);
        break;
    case READ_BACKWARDS:
        c->out_cons -= 1 + below(3000);
        break;
    case NOT_READ:
        c->out_cons = c->out_prod - sizeof c->out;
        break;
    case TYPED_TOO_MUCH:
        c->in_prod = c->in_cons + sizeof c->in + below(2) +
                     liar_number(&liar);
        break;
    case TYPED_ODD_BYTES:
        scatter((uint8_t *)(uintptr_t)c->in, sizeof c->in);
        c->in_prod += below(100);
        break;
    case OWN_INDICES:
        *(below(2) ? &c->out_prod : &c->in_cons) = liar_number(&liar);
        break;
    case OUTPUT_CHANGED:
        scatter((uint8_t *)(uintptr_t)c->out, sizeof c->out);
        break;
    default:
        fake_event(CONSOLE_PORT);
    }
}

static void console_turn(void)
{
    volatile struct xencons_interface *c = consoled.ring;

    fake_work(100 * MICROSECOND);
    for (int i = 0; i < 4; i++) {
        unsigned kind = liar_choose(&liar);

        if (kind == LIAR_HONEST)
            c->out_cons = c->out_prod;
        else
            lie_at_console(kind);
        liar_count(&liar, kind, true);
    }
    if (below(4) == 0)
        fake_event(CONSOLE_PORT);
}

static void write_lines(void *ctx)
{
    static const char line[700] = "a line\n";

    (void)ctx;
    for (int i = 0; i < 100; i++) {
        console_write(console, line, 1 + below(sizeof line));
        if (i % 40 == 0)
            log_error(&test, "a line of the log");
    }
    users--;
}

static void read_input(void *ctx)
{
    static char data[100];
    size_t got;

    (void)ctx;
    while (console_read(console, data, sizeof data, &got) == OK) {
        CHECK(got > 0 && got <= sizeof data);
        input_len += got;
    }
    is_reading = false;
}

static void start_console(void)
{
    static struct fiber *reader;

    CHECK(console_xen_connect("0", &console) == OK);
    is_reading = true;
    CHECK(fiber_spawn(NULL, read_input, NULL, &reader) == OK);
    for (users = 0; users < 2; users++)
        CHECK(fiber_start(write_lines, NULL) == OK);
}

/* The daemon takes the ring over, and all lines arrive again. */
static void check_console(void)
{
    volatile struct xencons_interface *c = consoled.ring;

    c->out_cons = c->out_prod;
    c->in_prod = c->in_cons;
    consoled.reads = all_bytes;
    for (int i = 0; i < 100 && users > 0; i++) {
        fake_event(CONSOLE_PORT);
        CHECK(time_sleep(MILLISECOND) == OK);
    }
    CHECK(users == 0 && is_reading);
    consoled.len = 0;
    console_log(console, "the end");
    input_len = 0;
    console_type("some input\n");
    CHECK(time_sleep(SECOND) == OK);
    CHECK(input_len == 11);
    CHECK(strstr(console_text(), "the end\n") != NULL);
    tally->survived++;
}

TEST(a_reader_of_the_console_that_lies_stops_nothing)
{
    liar_begin(&liar, tally, CONSOLE_LIES, seed);
    consoled.reads = NULL;
    start_console();
    fake.turn = console_turn;
    for (int i = 0; i < 350; i++)
        CHECK(time_sleep(300 * MICROSECOND) == OK);
    fake.turn = NULL;
    check_console();
}

static void scribble_console(uint32_t random)
{
    volatile struct xencons_interface *c = consoled.ring;

    if (scribbled & 1)
        liar_write(&c->in[random % sizeof c->in], (uint8_t)(random >> 24));
    if (scribbled & 2)
        liar_write_index(random & 32 ? &c->in_prod : &c->out_cons,
                         (random & 64 ? c->out_prod : 0) + (random >> 16));
    if (scribbled & 4 && random >> 30 == 0)
        liar_write_index(random & 32 ? &c->in_cons : &c->out_prod, random);
}

TEST(a_console_that_changes_while_it_is_read_stops_nothing)
{
    liar_begin(&liar, tally, CONSOLE_LIES, seed);
    consoled.reads = NULL;
    scribbled = 1 + seed % 7;
    start_console();
    liar_thread(tally, scribble_console);
    for (unsigned i = 0; i < 20; i++) {
        fake_event(CONSOLE_PORT);
        CHECK(time_sleep(100 * MICROSECOND) == OK);
        liar_wait(100 * i);
    }
    liar_thread_end();
    check_console();
}

/* The balloon: targets of the toolstack, and Xen's answers. There is no memory
 * that a thread could change. */

enum { ODD_TARGET,
       NO_TARGET,
       GIVES_LESS,
       GIVES_NOTHING,
       GIVES_MORE,
       TAKES_LESS,
       TAKES_MORE,
       BALLOON_LIES };

#define TARGET "memory/target"

static void set_target(uint32_t kib)
{
    char text[12];

    snprintf(text, sizeof text, "%u", kib);
    store_set(TARGET, text);
}

static void lie_about_target(unsigned kind)
{
    static const char *const targets[] = {
        "", "-1", "x", "4100", "4097", "4294967296", "1 ",
        "18446744073709551615", "99999999999999999999"};

    if (kind == NO_TARGET)
        store_set(TARGET, NULL);
    else
        store_set(TARGET, targets[below(9)]);
}

static bool lie_about_memory(unsigned long number, unsigned long command,
                             void *argument, long *result)
{
    const struct xen_memory_reservation *r = argument;
    bool gives = command == XENMEM_populate_physmap;
    unsigned kind;
    long count, n;

    if (number != __HYPERVISOR_memory_op)
        return false;
    count = n = (long)r->nr_extents;
    kind = liar_choose(&liar);
    if (kind == LIAR_HONEST)
        liar_count(&liar, kind, true);
    if (kind < GIVES_LESS || kind == LIAR_HONEST ||
        gives != (kind < TAKES_LESS))
        return false;
    liar_count(&liar, kind, true);
    if (kind == GIVES_LESS || kind == TAKES_LESS)
        n = count > 1 ? 1 + below((uint32_t)count - 1) % 4 : 0;
    if (kind == GIVES_NOTHING)
        n = 0;
    *result = kind == GIVES_MORE || kind == TAKES_MORE
                  ? count + 1 + (liar_number(&liar) & 0xffff)
              : n > 0 ? n
                      : -(long)below(40);
    if (gives)
        fake.given_back -= (size_t)n;
    else
        fake.given_back += (size_t)count;
    return true;
}

TEST(a_toolstack_or_a_xen_that_lies_costs_no_memory_for_good)
{
    unsigned before = tally->acts, enough = seed % 3 == 1 ? ENOUGH : 150;

    store_set("memory/static-max", "4096");
    set_target(4096);
    fake.spare_pages = 1u << 20;
    balloon_start();
    CHECK(time_sleep(SECOND) == OK);
    liar_begin(&liar, tally, BALLOON_LIES, seed);
    fake.on_hypercall = lie_about_memory;
    for (int i = 0; i < 4000 && tally->acts - before < enough; i++) {
        unsigned kind = liar_choose(&liar);

        if (kind < GIVES_LESS) {
            liar_count(&liar, kind, true);
            lie_about_target(kind);
        } else {
            set_target(i % 2 ? 4096 : 4096 - 32 - 4 * below(20));
        }
        CHECK(time_sleep(kind == GIVES_NOTHING ? 10 * SECOND
                                               : 10 * MILLISECOND) == OK);
    }
    fake.on_hypercall = NULL;
    set_target(4096);
    CHECK(time_sleep(10 * SECOND) == OK);
    CHECK(fake.given_back == 0 && fake.free_pages == 1024);
    tally->survived++;
}

/* Grants, which another domain may use at any time. */

enum { MAPPED_TO_READ,
       MAPPED_TO_WRITE,
       UNUSED_CHANGED,
       GRANT_LIES };

#define GRANTED 64u

static grant_entry_v1_t *table;
static uint8_t *pages[GRANTED]; /* granted; or NULL */
static uint32_t grants[GRANTED];
static bool is_read_only[GRANTED];

static void grant(unsigned i)
{
    pages[i] = page_alloc(1);
    is_read_only[i] = below(2);
    memset(pages[i], 0x5a, PAGE_BYTES);
    grants[i] = grant_access(7, pages[i], !is_read_only[i]);
    CHECK(grants[i] != 0);
}

/* The page is the image's again: nobody changes it, or reads it later. */
static bool take_back(unsigned i)
{
    if (!grant_end(grants[i]))
        return false;
    CHECK(!fake_map(7, grants[i], false));
    memset(pages[i], 1, PAGE_BYTES);
    page_free(pages[i], 1);
    pages[i] = NULL;
    return true;
}

static void change_unused(void)
{
    for (unsigned i = 0; i < 16; i++) {
        grant_entry_v1_t *e = &table[below(GRANT_PAGES * 512)];

        if (e->flags != 0)
            continue;
        e->domid = (uint16_t)below(65536);
        e->frame = below(65536);
    }
}

static void lie_about_grant(unsigned kind, unsigned i)
{
    bool writes = kind == MAPPED_TO_WRITE && !is_read_only[i];

    if (kind == UNUSED_CHANGED) {
        change_unused();
        CHECK(take_back(i));
        return;
    }
    CHECK(!fake_map(8, grants[i], false));
    CHECK(!(is_read_only[i] && fake_map(7, grants[i], true)));
    CHECK(fake_map(7, grants[i], writes) == pages[i]);
    CHECK(!take_back(i) && !take_back(i));
    fake_unmap(grants[i], writes);
    CHECK(take_back(i));
}

TEST(a_domain_that_maps_what_is_being_taken_back_keeps_only_that)
{
    unsigned unused;

    CHECK(grant_start() == OK);
    unused = grants_free();
    table = guest_grant_table();
    liar_begin(&liar, tally, GRANT_LIES, seed);
    for (unsigned n = 0; n < ENOUGH; n++) {
        unsigned i = below(GRANTED), kind = liar_choose(&liar);

        if (!pages[i])
            grant(i);
        if (kind == LIAR_HONEST)
            CHECK(take_back(i));
        else
            lie_about_grant(kind, i);
        liar_count(&liar, kind, true);
    }
    for (unsigned i = 0; i < GRANTED; i++)
        CHECK(!pages[i] || take_back(i));
    CHECK(grants_free() == unused && fake_any_grant(7, 0, false) == 0);
}

/* What Xen does for a domain that maps and unmaps: the flags change only if the
 * grant permits it at that moment. Writes to the page meanwhile. */
static void map_and_unmap(uint32_t random)
{
    unsigned i = GNTTAB_NR_RESERVED_ENTRIES + random % (2 * GRANTED);
    uint16_t *at = &table[i].flags;
    uint16_t flags = __atomic_load_n(at, __ATOMIC_ACQUIRE);
    uint16_t used = flags & GTF_readonly
                        ? GTF_reading
                        : GTF_reading | (random >> 31 ? GTF_writing : 0);

    if ((flags & GTF_type_mask) != GTF_permit_access ||
        !__atomic_compare_exchange_n(at, &flags, flags | used, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return;
    if (used & GTF_writing)
        liar_write((uint8_t *)fake_page(i) + (random >> 8 & 4095), 0x77);
    __atomic_fetch_and(at, (uint16_t)~used, __ATOMIC_SEQ_CST);
}

TEST(a_grant_that_changes_while_it_is_ended_is_never_both)
{
    unsigned unused, held = 0;

    CHECK(grant_start() == OK);
    unused = grants_free();
    table = guest_grant_table();
    liar_begin(&liar, tally, GRANT_LIES, seed);
    liar_thread(tally, map_and_unmap);
    for (unsigned n = 0; n < 40; n++) {
        for (unsigned k = 0; k < 100; k++) {
            unsigned i = below(GRANTED);

            if (!pages[i])
                grant(i);
            else
                held += !take_back(i);
        }
        liar_wait(100 * n);
    }
    liar_thread_end();
    for (unsigned i = 0; i < GRANTED; i++)
        CHECK(!pages[i] || take_back(i));
    CHECK(grants_free() == unused && fake_any_grant(7, 0, false) == 0);
    tally->survived += held > 0;
}

/* Events. */

enum { EVENT_FOR_NOTHING,
       UNKNOWN_PORTS,
       ALL_PORTS,
       CHANGED_MASK,
       REFUSED_SEND,
       REFUSED_PORT,
       ENDED_POLL,
       EVENT_LIES };

#define OUR_PORT 130u

static unsigned came;

static void on_ours(void *ctx)
{
    (void)ctx;
    came++;
}

static void lie_by_events(unsigned kind)
{
    volatile struct shared_info *s = guest_shared();
    unsigned word = below(sizeof s->evtchn_pending / sizeof(long));

    switch (kind) {
    case EVENT_FOR_NOTHING:
        fake_event(OUR_PORT);
        break;
    case UNKNOWN_PORTS:
        fake_event(below(4096));
        break;
    case ALL_PORTS:
        s->evtchn_pending[word] = ~0ul;
        break;
    case CHANGED_MASK:
        s->evtchn_mask[word] ^= 1ul << below(64);
        break;
    default:
        break;
    }
}

static bool refuse(unsigned long number, unsigned long command, void *argument,
                   long *result)
{
    unsigned kind = LIAR_HONEST;
    unsigned lie = number == __HYPERVISOR_sched_op ? ENDED_POLL
                   : command == EVTCHNOP_send      ? REFUSED_SEND
                                                   : REFUSED_PORT;

    (void)argument;
    if (number == __HYPERVISOR_event_channel_op &&
        command != EVTCHNOP_send && command != EVTCHNOP_alloc_unbound)
        return false;
    kind = liar_choose(&liar);
    *result = -22;
    if (kind != lie)
        return false;
    liar_count(&liar, kind, true);
    return true;
}

static void events_turn(void)
{
    unsigned kind = liar_choose(&liar);

    if (kind >= REFUSED_SEND && kind != LIAR_HONEST)
        return;
    lie_by_events(kind);
    liar_count(&liar, kind, true);
}

static void open_and_close(void)
{
    struct event e = {.on_event = on_ours};
    enum status s = event_open(&e, 0);

    CHECK(s == OK || s == ERR_NO_MEMORY);
    if (s == OK)
        event_close(&e);
}

TEST(events_that_lie_and_calls_that_fail_stop_nothing)
{
    static struct event ours = {.port = OUR_PORT, .on_event = on_ours};
    struct block *other = honest_disk();
    unsigned before = tally->acts;

    events_listen(&ours);
    liar_begin(&liar, tally, EVENT_LIES, seed);
    fake.on_hypercall = refuse;
    fake.turn = events_turn;
    for (int i = 0; i < 5000 && tally->acts - before < ENOUGH; i++) {
        nanoseconds end = time_after(20 * MICROSECOND);

        open_and_close();
        event_notify(xen.store.port);
        CHECK(time_sleep(20 * MICROSECOND) == OK);
        CHECK(time_now() >= end && time_now() < end + MILLISECOND);
    }
    fake.on_hypercall = NULL;
    fake.turn = NULL;
    CHECK(time_sleep(SECOND) == OK);
    came = 0;
    fake_event(OUR_PORT);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(came == 1);
    check_works(other);
    tally->survived++;
}

/* Other bits of the word in which the image consumes an event. */
static void scribble_events(uint32_t random)
{
    volatile unsigned long *word = &guest_shared()->evtchn_pending[2];
    unsigned long bit = 1ul << random % 64;

    if (bit == 1ul << OUR_PORT % 64)
        return;
    if (random >> 31)
        __atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST);
}

TEST(a_pending_word_that_changes_while_it_is_read_loses_no_event)
{
    static struct event ours = {.port = OUR_PORT, .on_event = on_ours};

    events_listen(&ours);
    liar_begin(&liar, tally, EVENT_LIES, seed);
    liar_thread(tally, scribble_events);
    for (unsigned i = 0; i < 200; i++) {
        __atomic_fetch_or(&guest_shared()->evtchn_pending[OUR_PORT / 64],
                          1ul << OUR_PORT % 64, __ATOMIC_SEQ_CST);
        CHECK(time_sleep(10 * MICROSECOND) == OK);
        CHECK(came == i + 1);
        liar_wait(10 * i);
    }
    liar_thread_end();
    tally->survived++;
}
