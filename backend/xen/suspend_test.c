/* SPDX-License-Identifier: ISC */
/* Suspending and resuming, as `xl save`, `xl restore` and `xl migrate` do. */
#include "shutdown.h"
#include <conform/block_contract.h>
#include <fake/disk.h>
#include <fake/fake_check.h>
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
    struct block *b = NULL;

    CHECK(block_ram_connect(SECTORS, 512, &disk.store) == OK);
    disk_add(&disk, 51712, DISK);
    CHECK(block_xen_connect("xvda", &b) == OK);
    if (!b)
        panic("no disk");
    return b;
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
