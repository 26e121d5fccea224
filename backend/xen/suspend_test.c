/* SPDX-License-Identifier: ISC */
/* Suspending and resuming, as `xl save`, `xl restore` and `xl migrate` do. */
#include "shutdown.h"
#include <conform/block_contract.h>
#include <fake/disk.h>
#include <fake/fake_check.h>
#include <xen/event_channel.h>
#include <mirage/random.h>
#include "xenstore.h"
#include "suspend.h"
#include "guest.h"
#include "events.h"
#include <mirage/drivers.h>
#include <mirage/network.h>
#include <conform/stackv4_contract.h>
#include <fake/vif.h>

#define PATH    "control/shutdown"
#define SECTORS 300u
#define DISK                                                     \
    "sectors=300\nsector-size=512\ninfo=0\n"                     \
    "feature-flush-cache=1\nfeature-max-indirect-segments=256\n" \
    "feature-persistent=1\nmax-ring-page-order=4"
#define VIF   "feature-rx-copy=1\nfeature-sg=1\nfeature-gso-tcpv4=1"
#define OTHER (77 * SECOND) /* the time of the destination's Xen */

static struct fake_disk disk;
static struct fake_vif vif[2];

static void ask_to_suspend(void)
{
    store_set(PATH, "suspend");
}

static void stay(void)
{
}

/* Resumes an hour later, on a Xen that has started recently. */
static void move(void)
{
    fake_restore(OTHER, 1700003600);
}

static void move_again_and_again(void)
{
    move();
    if (fake.suspensions < 5)
        fake_after(17 * MILLISECOND, ask_to_suspend);
}

static void suspend_after(nanoseconds length, void (*suspended)(void))
{
    fake.suspended = suspended;
    shutdown_start();
    fake_after(length, ask_to_suspend);
}

static void check_said(const char *text)
{
    CHECK(time_sleep(SECOND) == OK);
    if (!strstr(console_text(), text))
        fake_fail("the console has no \"%s\":\n%s", text, console_text());
}

static struct block *connect_disk(void)
{
    return disk_connect(&disk, SECTORS, 51712, "xvda", DISK);
}

static void check_connection(struct block *b, unsigned number)
{
    uint8_t data[512] = {5};

    CHECK(block_write(b, 7, data, 1) == OK);
    CHECK(disk.backend.connections == number);
}

TEST(an_image_continues_in_the_same_domain)
{
    struct block *b = connect_disk();
    uint8_t data[512] = {5};
    nanoseconds begin = time_now();

    suspend_after(SECOND, stay);
    CHECK(time_sleep(3 * SECOND) == OK);
    CHECK(fake.suspensions == 1);
    CHECK_TEXT(store_get(PATH), "");
    CHECK(time_now() - begin < 4 * SECOND);
    CHECK(block_write(b, 7, data, 1) == OK);
    CHECK(disk.backend.connections == 1);
}

TEST(an_image_continues_as_another_domain)
{
    struct block *b = connect_disk();
    uint8_t data[512] = {5}, back[512];

    suspend_after(SECOND, move);
    CHECK(block_write(b, 7, data, 1) == OK);
    CHECK(time_sleep(3 * SECOND) == OK);
    CHECK(fake.suspensions == 1);
    CHECK(block_read(b, 7, back, 1) == OK && memcmp(back, data, 512) == 0);
    CHECK(disk.backend.connections == 2);
    CHECK_TEXT(disk.backend.back, "/local/domain/0/backend/vbd/2/51712");
}

TEST(console_and_xenstore_work_after_a_migration)
{
    char got[8];
    size_t len;

    suspend_after(SECOND, move);
    CHECK(time_sleep(3 * SECOND) == OK);
    console_type("hi\n");
    CHECK(platform_input(got, sizeof got, &len) == OK && got[0] == 'h');
    platform_put("there\n", 6);
    check_said("there\n");
    fake.suspended = stay;
    ask_to_suspend();
    CHECK(time_sleep(SECOND) == OK);
    CHECK(fake.suspensions == 2);
}

TEST(timers_stop_while_suspended_and_the_wall_clock_does_not)
{
    nanoseconds begin = time_now(), wall = time_wall();

    suspend_after(SECOND, move);
    CHECK(time_sleep(10 * SECOND) == OK);
    CHECK(fake.suspensions == 1);
    CHECK(time_now() - begin >= 10 * SECOND);
    CHECK(time_now() - begin < 10 * SECOND + 10 * MILLISECOND);
    /* Xen's time was 1,234 s when the image started. */
    CHECK(time_wall() > wall + (3600 - 1234) * SECOND);
    CHECK(time_wall() < wall + (3600 - 1000) * SECOND);
}

TEST(disk_requests_are_sent_again_after_a_migration)
{
    struct block *b = connect_disk();

    disk.latency = 100 * MICROSECOND;
    disk.latency_spread = 3 * MILLISECOND;
    suspend_after(20 * MILLISECOND, move_again_and_again);
    CHECK(block_contract_failures(b, 1) == 0);
    CHECK(fake.suspensions == 5);
    CHECK(disk.backend.connections == 6);
}

TEST(persistent_grants_are_made_anew_after_a_migration)
{
    disk.keeps_pages = true;
    disk_requests_are_sent_again_after_a_migration();
}

static void say_nothing(struct console *c, const char *text, size_t len)
{
    (void)c;
    (void)text;
    (void)len;
}

static const struct console_ops quiet_ops = {.write = say_nothing};
static struct console quiet = {.ops = &quiet_ops};

static struct stackv4 *connect_stack(unsigned number, const char *address)
{
    struct network *n = NULL;
    struct stackv4 *s = NULL;
    char name[4];

    snprintf(name, sizeof name, "%u", number);
    vif[number].peer = &vif[!number];
    vif_add(&vif[number], number, VIF);
    CHECK(network_xen_connect(name, &n) == OK);
    if (!n || stackv4_static_connect(&quiet, n, address, "255.255.255.0", "",
                                     &s) != OK)
        panic("no stack");
    return s;
}

TEST(tcp_connections_survive_a_migration)
{
    struct stackv4 *server = connect_stack(0, "10.0.0.2");
    struct stackv4 *client = connect_stack(1, "10.0.0.3");

    suspend_after(50 * MILLISECOND, move_again_and_again);
    CHECK(contract_failures("vif", server, client,
                            ipv4_address(10, 0, 0, 2)) == 0);
    CHECK(fake.suspensions == 5);
    CHECK(vif[0].backend.connections == 6);
}

TEST(an_image_survives_a_migration_without_its_disk)
{
    struct block *b = connect_disk();
    uint8_t data[512] = {5};

    disk.backend.is_left_behind = true;
    suspend_after(SECOND, move);
    CHECK(time_sleep(2 * SECOND) == OK);
    CHECK(block_write(b, 7, data, 1) == ERR_GONE);
    check_said("xvda: where the guest was moved to, it is not there");
}

static void connect_it(void)
{
    disk.backend.is_stopped = false;
    backend_set_state(&disk.backend, XenbusStateInitWait);
}

/* The backend is not ready when the guest is migrated. */
TEST(a_device_connects_although_the_guest_is_migrated_meanwhile)
{
    struct block *b = NULL;
    uint8_t data[512] = {5};

    CHECK(block_ram_connect(SECTORS, 512, &disk.store) == OK);
    disk_add(&disk, 51712, DISK);
    backend_set_state(&disk.backend, XenbusStateInitialising);
    suspend_after(SECOND, move);
    fake_after(2 * SECOND, connect_it);
    CHECK(block_xen_connect("xvda", &b) == OK);
    CHECK(fake.suspensions == 1);
    CHECK(b && block_write(b, 7, data, 1) == OK);
}

static bool refuse_mark(unsigned long number, unsigned long command,
                        void *argument, long *result)
{
    (void)argument;
    *result = -28;
    return number == __HYPERVISOR_event_channel_op &&
           command == EVTCHNOP_bind_ipi;
}

static void check_goes_on(struct block *b)
{
    uint8_t data[512] = {5};
    char value[10];

    CHECK(fake.suspensions == 0);
    store_set("name", "a name");
    CHECK(xenstore_read("name", value, sizeof value) == OK);
    CHECK(block_write(b, 7, data, 1) == OK);
    CHECK(disk.backend.connections == 1);
}

TEST(without_an_event_channel_an_image_goes_on_unsuspended)
{
    struct block *b = connect_disk();

    fake.on_hypercall = refuse_mark;
    suspend_after(SECOND, stay);
    CHECK(time_sleep(3 * SECOND) == OK);
    check_said("cannot be suspended: Xen gives no event channel");
    check_goes_on(b);
}

static unsigned resumed;

static void count_resume(bool is_moved)
{
    (void)is_moved;
    resumed++;
}

TEST(an_image_without_memory_for_its_tables_goes_on_unsuspended)
{
    static struct resume_handler h = {.on_resume = count_resume};
    struct block *b = connect_disk();

    suspend_on_resume(&h);
    fake.cannot_suspend = true;
    suspend_after(SECOND, stay);
    CHECK(time_sleep(3 * SECOND) == OK);
    check_said("cannot be suspended: there was no memory for its tables");
    check_goes_on(b);
    CHECK(resumed == 0);
    /* The mark is gone: the guest can try again. */
    fake.cannot_suspend = false;
    ask_to_suspend();
    CHECK(time_sleep(SECOND) == OK);
    CHECK(fake.suspensions == 1 && resumed == 1);
}

static size_t entropy_taken(void)
{
    uint8_t bytes[16];
    size_t before;

    random_bytes(bytes, sizeof bytes);
    before = fake.entropy;
    ask_to_suspend();
    CHECK(time_sleep(SECOND) == OK);
    return fake.entropy - before;
}

/* A saved guest can be resumed twice, with the same random numbers in it. */
TEST(random_numbers_are_new_after_each_suspension)
{
    fake.suspended = stay;
    shutdown_start();
    CHECK(entropy_taken() >= 32);
    fake.suspended = move;
    CHECK(entropy_taken() >= 32);
    CHECK(fake.suspensions == 2);
}

TEST(a_backend_is_followed_after_a_migration)
{
    struct block *b = connect_disk();
    uint8_t data[512] = {5};

    suspend_after(SECOND, move);
    CHECK(time_sleep(3 * SECOND) == OK);
    CHECK(disk.backend.connections == 2);
    CHECK(!strstr(console_text(), "watches nothing"));
    backend_restart(&disk.backend);
    CHECK(time_sleep(5 * SECOND) == OK);
    CHECK(disk.backend.connections == 3);
    CHECK(block_write(b, 7, data, 1) == OK);
    backend_remove(&disk.backend);
    CHECK(time_sleep(5 * SECOND) == OK);
    CHECK(block_write(b, 7, data, 1) == ERR_GONE);
}

static bool refuse_watches(const struct xsd_sockmsg *request, const char *body)
{
    (void)body;
    if (request->type == XS_WATCH)
        store_send(XS_ERROR, request->req_id, "EACCES", 7);
    return request->type == XS_WATCH;
}

static void move_to_refusals(void)
{
    move();
    stored.on_request = refuse_watches;
}

TEST(a_store_that_watches_nothing_after_a_migration_is_reported)
{
    suspend_after(SECOND, move_to_refusals);
    CHECK(time_sleep(3 * SECOND) == OK);
    check_said("xenstore watches nothing for it there");
}

/* The console's output is read before the image stops: what the toolstack does
 * not save is lost. */
static void look_at_console(void)
{
    CHECK(consoled.ring->out_prod == consoled.ring->out_cons);
    CHECK(strstr(console_text(), "before it") != NULL);
}

TEST(all_output_is_read_before_an_image_is_suspended)
{
    consoled.reads = one_byte;
    consoled.every = 100 * MICROSECOND;
    suspend_after(SECOND, look_at_console);
    CHECK(time_sleep(999 * MILLISECOND) == OK);
    platform_put("before it\n", 10);
    CHECK(time_sleep(3 * SECOND) == OK);
    CHECK(fake.suspensions == 1);
}

/* No event of Xen's may interrupt the guest, in a new shared page, too. */
TEST(all_events_are_masked_after_a_migration)
{
    suspend_after(SECOND, move);
    CHECK(time_sleep(3 * SECOND) == OK);
    for (size_t i = 0; i < 64; i++)
        CHECK(guest_shared()->evtchn_mask[i] == ~0ul);
}

/* The destination has another channel in the place of the mark. */
static bool tell_unbound(unsigned long number, unsigned long command,
                         void *argument, long *result)
{
    struct evtchn_status *s = argument;

    if (fake.suspensions == 0 || number != __HYPERVISOR_event_channel_op ||
        command != EVTCHNOP_status)
        return false;
    s->status = EVTCHNSTAT_unbound;
    *result = 0;
    return true;
}

static bool tell_nothing(unsigned long number, unsigned long command,
                         void *argument, long *result)
{
    struct evtchn_status *s = argument;

    if (fake.suspensions == 0 || number != __HYPERVISOR_event_channel_op ||
        command != EVTCHNOP_status)
        return false;
    s->status = EVTCHNSTAT_ipi;
    *result = -3; /* ESRCH */
    return true;
}

static void check_moves(bool (*tell)(unsigned long, unsigned long, void *,
                                     long *))
{
    struct block *b = connect_disk();
    uint8_t data[512] = {5};

    fake.on_hypercall = tell;
    suspend_after(SECOND, move);
    CHECK(time_sleep(3 * SECOND) == OK);
    CHECK(block_write(b, 7, data, 1) == OK);
    CHECK(disk.backend.connections == 2);
}

TEST(a_port_that_is_another_channel_is_not_the_mark)
{
    check_moves(tell_unbound);
}

TEST(a_port_that_xen_does_not_know_is_not_the_mark)
{
    check_moves(tell_nothing);
}

/* The ring is empty after a migration, and its index the same as before once as
 * much was written again. */
TEST(output_after_a_migration_is_notified_at_any_index)
{
    uint32_t before;

    shutdown_start();
    fake.suspended = move;
    platform_put("before\n", 7);
    CHECK(time_sleep(SECOND) == OK);
    before = consoled.ring->out_prod;
    CHECK(before == 8);
    ask_to_suspend();
    CHECK(time_sleep(SECOND) == OK);
    CHECK(fake.suspensions == 1 && consoled.ring->out_prod == 0);
    consoled.len = 0;
    platform_put("eight...", 8);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(consoled.ring->out_prod == before);
    CHECK_TEXT(console_text(), "eight...");
}

TEST(a_suspension_leaves_no_event_channel_behind)
{
    struct block *b = connect_disk();
    unsigned before = fake.channels;

    fake.suspended = stay;
    shutdown_start();
    for (unsigned i = 0; i < 3; i++) {
        ask_to_suspend();
        CHECK(time_sleep(SECOND) == OK);
    }
    CHECK(fake.suspensions == 3 && fake.channels == before);
    fake.suspended = move;
    ask_to_suspend();
    CHECK(time_sleep(SECOND) == OK);
    CHECK(fake.suspensions == 4 && fake.channels == before);
    check_connection(b, 2);
}

/* The toolstack leaves the rings as they were: what is in them was meant for
 * the store before, or came from it. */
static void move_with_old_rings(void)
{
    move();
    for (int i = 0; i < 20; i++)
        stored.ring->rsp[i] = (char)0xff;
    stored.ring->rsp_prod = 20;
    stored.ring->req_prod = 3;
}

TEST(what_was_in_the_ring_of_the_store_before_is_dropped)
{
    char value[10];

    suspend_after(SECOND, move_with_old_rings);
    CHECK(time_sleep(3 * SECOND) == OK);
    CHECK(fake.suspensions == 1);
    store_set("name", "a name");
    CHECK(xenstore_read("name", value, sizeof value) == OK);
    CHECK_TEXT(value, "a name");
}
