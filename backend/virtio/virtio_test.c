/* SPDX-License-Identifier: ISC */
/* The life of a device (virtio 1.2, 2.1, 2.4, 3.1.1), honest and not. */
#include "virtio.h"
#include "check.h"
#include <virtio/fake/fake.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <mirage/time.h>
#include <stdlib.h>

#define BIT(feature) (UINT64_C(1) << (feature))
#define WANTED       0x5u /* features of the device's type */
#define NEEDED       0x1u

LOG_SOURCE(virtio_test);

struct user {
    struct fake *fake;
    struct virtqueue *q;
    unsigned starts, uses, stops, gone, changes;
    unsigned reclaimed;
    enum status answer; /* of start */
    void (*in_start)(struct user *u);
    uint8_t byte[8];
};

static void on_used(void *ctx)
{
    (void)ctx;
}

static enum status start(struct virtio_device *d, void *ctx)
{
    struct user *u = ctx;
    enum status s = virtqueue_create(d, 0, 16, 2, on_used, u, &u->q);

    u->starts++;
    if (u->in_start)
        u->in_start(u);
    return s != OK ? s : u->answer;
}

static void started(struct virtio_device *d, void *ctx)
{
    struct user *u = ctx;
    struct virtio_piece p = {u->byte, 1};

    u->uses++;
    CHECK(d->is_running);
    CHECK(u->fake->status & VIRTIO_CONFIG_S_DRIVER_OK);
    CHECK(virtqueue_add(u->q, &p, 0, 1, u) || d->is_gone);
    virtqueue_kick(u->q);
}

static void config_changed(struct virtio_device *d, void *ctx)
{
    (void)d;
    ((struct user *)ctx)->changes++;
}

static void stopped(struct virtio_device *d, void *ctx, bool is_gone)
{
    struct user *u = ctx;

    u->stops++;
    u->gone += is_gone;
    CHECK(!d->is_running);
    CHECK(d->keeps_memory || !u->fake->queue[0].is_started);
    while (d->queue[0] && virtqueue_reclaim(d->queue[0]))
        u->reclaimed++;
}

static const struct virtio_driver driver = {
    .log = &virtio_test,
    .features = WANTED,
    .required = NEEDED,
    .start = start,
    .started = started,
    .config_changed = config_changed,
    .stopped = stopped,
};

static struct user *new_user(uint64_t features, bool is_legacy)
{
    struct user *u = calloc(1, sizeof *u);

    u->fake = fake_new(features, is_legacy);
    u->fake->queue_size = 16;
    return u;
}

static struct user *begin(uint64_t features)
{
    struct user *u = new_user(features, false);

    CHECK(virtio_start(&u->fake->device, &driver, u) == OK);
    return u;
}

static void free_user(struct user *u)
{
    CHECK(fake_pages == 0);
    fake_free(u->fake);
    free(u);
}

static void end(struct user *u)
{
    if (!u->fake->device.is_gone)
        virtio_broken(&u->fake->device, "is not needed");
    CHECK(time_sleep(60 * SECOND) == OK);
    CHECK(u->gone == 1);
    free_user(u);
}

/* The device does not start, with this status, and is left as it should be. */
static void refuses(struct user *u, enum status s)
{
    CHECK(virtio_start(&u->fake->device, &driver, u) == s);
    CHECK(!u->fake->device.driver);
    CHECK(u->uses == 0);
    CHECK(u->stops == 0);
    CHECK(!u->fake->device.is_running);
    CHECK(!u->fake->queue[0].is_started);
    CHECK(u->fake->status & VIRTIO_CONFIG_S_FAILED);
    free_user(u);
}

static uint8_t steps[16];
static unsigned steps_count;

static void note_status(struct fake *f, uint8_t status)
{
    (void)f;
    if (steps_count < sizeof steps)
        steps[steps_count++] = status;
}

TEST(a_device_is_initialised_in_the_order_of_the_specification)
{
    static const uint8_t order[] = {0, 1, 3, 11, 15};
    struct user *u = new_user(0xff | BIT(VIRTIO_F_RING_PACKED) |
                                  BIT(VIRTIO_F_ACCESS_PLATFORM) |
                                  BIT(VIRTIO_F_IN_ORDER),
                              false);

    steps_count = 0;
    u->fake->status = 0x0f; /* of whoever had it before */
    u->fake->on_status = note_status;
    CHECK(virtio_start(&u->fake->device, &driver, u) == OK);
    CHECK(steps_count == sizeof order);
    CHECK(memcmp(steps, order, sizeof order) == 0);
    CHECK(u->fake->accepted == (WANTED | BIT(VIRTIO_F_VERSION_1) |
                                BIT(VIRTIO_F_RING_PACKED)));
    CHECK(u->fake->device.features == u->fake->accepted);
    CHECK(u->starts == 1 && u->uses == 1);
    end(u);
}

TEST(a_legacy_device_has_no_features_ok)
{
    static const uint8_t order[] = {0, 1, 3, 7};
    struct user *u = new_user(WANTED | BIT(VIRTIO_F_VERSION_1) |
                                  BIT(VIRTIO_F_RING_PACKED) |
                                  BIT(VIRTIO_RING_F_EVENT_IDX),
                              true);

    steps_count = 0;
    u->fake->on_status = note_status;
    CHECK(virtio_start(&u->fake->device, &driver, u) == OK);
    CHECK(steps_count == sizeof order);
    CHECK(memcmp(steps, order, sizeof order) == 0);
    CHECK(u->fake->accepted == (WANTED | BIT(VIRTIO_RING_F_EVENT_IDX)));
    end(u);
}

TEST(a_device_without_version_1_is_refused)
{
    struct user *u = new_user(WANTED, false);

    u->fake->features &= ~BIT(VIRTIO_F_VERSION_1);
    refuses(u, ERR_UNSUPPORTED);
}

TEST(a_device_without_a_required_feature_is_refused)
{
    refuses(new_user(WANTED & ~NEEDED, false), ERR_UNSUPPORTED);
}

TEST(a_device_that_does_not_accept_our_features_is_refused)
{
    struct user *u = new_user(WANTED | BIT(VIRTIO_F_ACCESS_PLATFORM), false);

    u->fake->clears_features_ok = true;
    refuses(u, ERR_UNSUPPORTED);
}

TEST(a_queue_size_that_virtio_forbids_is_refused)
{
    static const uint16_t wrong[] = {0, 1, 3, 12, 255, 32769, 49152, 65535};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct user *u = new_user(WANTED, false);

        u->fake->queue_size = wrong[i];
        refuses(u, ERR_UNSUPPORTED);
    }
}

TEST(a_queue_of_the_largest_size_gets_as_many_entries_as_we_want)
{
    struct user *u = new_user(WANTED, false);

    u->fake->queue_size = 32768;
    CHECK(virtio_start(&u->fake->device, &driver, u) == OK);
    CHECK(virtqueue_size(u->q) == 16);
    end(u);
}

TEST(a_queue_that_is_not_taken_is_an_error_of_the_device)
{
    struct user *u = new_user(WANTED, false);

    u->fake->refuses_queues = true;
    refuses(u, ERR_IO);
}

TEST(a_device_starts_only_with_memory_for_its_queues)
{
    struct user *u = new_user(WANTED, false);

    fake_no_pages = true;
    refuses(u, ERR_NO_MEMORY);
    fake_no_pages = false;
}

TEST(a_status_of_the_driver_ends_the_start)
{
    struct user *u = new_user(WANTED, false);

    u->answer = ERR_FORMAT;
    refuses(u, ERR_FORMAT);
}

TEST(a_start_after_one_that_failed_begins_with_a_reset)
{
    static const uint8_t order[] = {0, 1, 3, 11, 15};
    struct user *u = new_user(WANTED, false);

    u->answer = ERR_FORMAT;
    CHECK(virtio_start(&u->fake->device, &driver, u) == ERR_FORMAT);
    CHECK(u->fake->status == VIRTIO_CONFIG_S_FAILED);
    u->answer = OK;
    steps_count = 0;
    u->fake->on_status = note_status;
    CHECK(virtio_start(&u->fake->device, &driver, u) == OK);
    CHECK(steps_count == sizeof order);
    CHECK(memcmp(steps, order, sizeof order) == 0);
    u->fake->on_status = NULL;
    end(u);
}

static enum status ended; /* the wait of a fiber that has started a device */

static void start_and_wait(void *ctx)
{
    struct user *u = ctx;

    CHECK(virtio_start(&u->fake->device, &driver, u) == OK);
    ended = time_sleep(1000 * SECOND);
}

TEST(a_fiber_that_has_started_a_device_can_be_cancelled)
{
    struct user *u = new_user(WANTED, false);
    struct fiber *fiber;

    ended = OK;
    CHECK(fiber_spawn(NULL, start_and_wait, u, &fiber) == OK);
    CHECK(time_sleep(SECOND) == OK);
    fiber_cancel(fiber);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(ended == ERR_CANCELLED);
    CHECK(fiber_join(fiber, FOREVER) == OK);
    end(u);
}

static void write_field(struct user *u)
{
    virtio_config_write(&u->fake->device, 4, "\x12\x34", 2);
}

TEST(a_driver_may_write_the_configuration_when_it_starts)
{
    struct user *u = new_user(WANTED, false);

    /* The fake ends the program if FEATURES_OK is not set. */
    u->in_start = write_field;
    CHECK(virtio_start(&u->fake->device, &driver, u) == OK);
    CHECK(u->fake->config[4] == 0x12 && u->fake->config[5] == 0x34);
    end(u);
}

TEST(any_layout_is_accepted_from_a_legacy_device)
{
    struct user *u = new_user(WANTED | BIT(VIRTIO_F_ANY_LAYOUT), true);

    CHECK(virtio_start(&u->fake->device, &driver, u) == OK);
    CHECK(u->fake->accepted == (WANTED | BIT(VIRTIO_F_ANY_LAYOUT)));
    end(u);
}

static void break_it(struct user *u)
{
    virtio_broken(&u->fake->device, "lies in its configuration");
}

TEST(a_device_that_breaks_while_it_starts_is_refused)
{
    struct user *u = new_user(WANTED, false);

    u->in_start = break_it;
    CHECK(virtio_start(&u->fake->device, &driver, u) == ERR_GONE);
    CHECK(virtio_start(&u->fake->device, &driver, u) == ERR_GONE);
    CHECK(u->starts == 1 && u->uses == 0);
    free_user(u);
}

TEST(a_device_that_does_not_answer_a_reset_is_given_up)
{
    struct user *u = new_user(WANTED, false);
    nanoseconds began = time_now();

    u->fake->never_resets = true;
    u->fake->status = 15;
    CHECK(virtio_start(&u->fake->device, &driver, u) == ERR_IO);
    CHECK(time_now() - began >= 10 * SECOND);
    CHECK(time_now() - began < 60 * SECOND);
    CHECK(u->starts == 0);
    free_user(u);
}

TEST(memory_that_a_device_may_still_use_is_not_freed)
{
    struct user *u = begin(WANTED);
    unsigned pages = fake_pages;

    u->fake->never_resets = true;
    virtio_broken(&u->fake->device, "is tested");
    CHECK(time_sleep(60 * SECOND) == OK);
    CHECK(u->gone == 1);
    CHECK(u->fake->device.keeps_memory);
    CHECK(pages > 0 && fake_pages == pages);
    fake_pages = 0;
    free_user(u);
}

TEST(a_device_that_needs_a_reset_is_started_again)
{
    struct user *u = begin(WANTED);

    for (unsigned i = 1; i <= 30; i++) {
        unsigned pages = fake_pages;

        fake_need_reset(u->fake);
        CHECK(time_sleep(2 * SECOND) == OK);
        CHECK(u->starts == 1 + i && u->uses == 1 + i);
        CHECK(u->stops == i && u->gone == 0);
        CHECK(u->reclaimed == i);
        CHECK(u->fake->device.is_running);
        CHECK(fake_pages == pages);
    }
    end(u);
}

static unsigned needs_at; /* the write of the status after which it does */
static unsigned writes;

static void need_reset_once(struct fake *f, uint8_t status)
{
    (void)status;
    if (writes++ == needs_at)
        fake_need_reset(f);
}

TEST(a_reset_may_be_needed_at_every_moment)
{
    for (needs_at = 0; needs_at < 12; needs_at++) {
        struct user *u = new_user(WANTED, false);

        writes = 0;
        u->fake->on_status = need_reset_once;
        CHECK(virtio_start(&u->fake->device, &driver, u) == OK);
        CHECK(time_sleep(SECOND) == OK);
        if (writes <= needs_at)
            fake_need_reset(u->fake);
        CHECK(time_sleep(30 * SECOND) == OK);
        CHECK(u->fake->device.is_running);
        CHECK(u->fake->status == 15);
        u->fake->on_status = NULL;
        end(u);
    }
}

/* Nothing interrupts for what was so before DRIVER_OK. */
static void need_reset_quietly(struct fake *f, uint8_t status)
{
    if (status & VIRTIO_CONFIG_S_DRIVER_OK && f->resets == 1)
        f->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
}

TEST(a_reset_that_is_needed_when_the_device_starts_is_noticed)
{
    struct user *u = new_user(WANTED, false);

    u->fake->on_status = need_reset_quietly;
    CHECK(virtio_start(&u->fake->device, &driver, u) == OK);
    CHECK(time_sleep(3 * SECOND) == OK);
    CHECK(u->starts == 2 && u->fake->status == 15);
    u->fake->on_status = NULL;
    end(u);
}

static void fail_and_need_reset(struct user *u)
{
    u->answer = u->starts == 1 ? ERR_IO : OK;
    if (u->starts == 1)
        fake_need_reset(u->fake);
}

TEST(a_start_that_fails_when_a_reset_is_needed_is_tried_again)
{
    struct user *u = new_user(WANTED, false);

    u->in_start = fail_and_need_reset;
    CHECK(virtio_start(&u->fake->device, &driver, u) == OK);
    CHECK(u->starts == 2 && u->uses == 1);
    end(u);
}

static void need_reset(struct fake *f, uint8_t status)
{
    if (status >= VIRTIO_CONFIG_S_FEATURES_OK && !(status & 0x80))
        fake_need_reset(f);
}

TEST(a_device_that_always_needs_a_reset_does_not_start)
{
    struct user *u = new_user(WANTED, false);

    u->fake->on_status = need_reset;
    refuses(u, ERR_IO);
}

static void need_reset_when_used(struct fake *f, uint8_t status)
{
    if (status & VIRTIO_CONFIG_S_DRIVER_OK)
        fake_need_reset(f);
}

TEST(resets_without_end_are_a_few_a_second)
{
    struct user *u = new_user(WANTED, false);

    u->fake->on_status = need_reset_when_used;
    CHECK(virtio_start(&u->fake->device, &driver, u) == OK);
    CHECK(time_sleep(100 * SECOND) == OK);
    CHECK(u->starts > 90 && u->starts < 125);
    u->fake->on_status = NULL;
    end(u);
}

TEST(features_that_are_withdrawn_at_a_reset_end_the_device)
{
    struct user *u = begin(WANTED);

    u->fake->features &= ~(uint64_t)NEEDED;
    fake_need_reset(u->fake);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(u->fake->device.is_gone);
    CHECK(u->starts == 1 && u->stops == 2 && u->gone == 1);
    end(u);
}

TEST(a_feature_that_is_not_required_may_go_at_a_reset)
{
    struct user *u = begin(WANTED | BIT(VIRTIO_F_RING_PACKED));

    u->fake->features &= BIT(VIRTIO_F_VERSION_1) | NEEDED;
    fake_need_reset(u->fake);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(u->uses == 2);
    CHECK(u->fake->device.features == (BIT(VIRTIO_F_VERSION_1) | NEEDED));
    end(u);
}

TEST(a_device_that_was_unplugged_is_gone_when_it_is_looked_at)
{
    struct user *u = begin(WANTED);

    u->fake->status = 0xff;
    u->fake->queue[0].is_started = false;
    virtio_check(&u->fake->device);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(u->gone == 1 && u->reclaimed == 1);
    end(u);
}

TEST(a_device_whose_registers_are_zero_is_gone_when_it_is_looked_at)
{
    struct user *u = begin(WANTED);

    u->fake->status = 0;
    u->fake->queue[0].is_started = false;
    virtio_check(&u->fake->device);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(u->gone == 1 && u->reclaimed == 1);
    end(u);
}

TEST(an_unplugged_device_is_gone_at_its_interrupt)
{
    struct user *u = begin(WANTED);

    u->fake->status = 0xff;
    u->fake->queue[0].is_started = false;
    virtio_interrupt(&u->fake->device);
    CHECK(time_sleep(SECOND) == OK);
    CHECK(u->gone == 1);
    end(u);
}

TEST(changes_of_the_configuration_reach_the_driver)
{
    for (int has_msix = 0; has_msix < 2; has_msix++) {
        struct user *u = begin(WANTED);

        u->fake->device.has_msix = has_msix;
        CHECK(u->changes == 0);
        u->fake->isr = 1; /* of queues */
        virtio_interrupt(&u->fake->device);
        CHECK(time_sleep(SECOND) == OK);
        CHECK(u->changes == 0);
        fake_change_config(u->fake);
        CHECK(time_sleep(SECOND) == OK);
        CHECK(u->changes == 1);
        fake_change_config(u->fake);
        fake_change_config(u->fake);
        CHECK(time_sleep(SECOND) == OK);
        CHECK(u->changes == 2);
        end(u);
    }
}

static unsigned changes_left;

static void change_while_read(struct fake *f)
{
    if (changes_left == 0)
        return;
    changes_left--;
    f->generation++;
    memset(f->config, f->config[0] + 1, 8);
}

TEST(a_configuration_that_changes_is_read_in_one_piece)
{
    for (int is_legacy = 0; is_legacy < 2; is_legacy++) {
        struct user *u = new_user(WANTED, is_legacy);
        uint64_t value;

        CHECK(virtio_start(&u->fake->device, &driver, u) == OK);
        u->fake->on_config = change_while_read;
        changes_left = 5;
        CHECK(virtio_config(&u->fake->device, 0, &value, 8));
        CHECK(value == 0x0505050505050505);
        changes_left = 100000;
        CHECK(!virtio_config(&u->fake->device, 0, &value, 8));
        CHECK(value == 0);
        u->fake->on_config = NULL;
        end(u);
    }
}

TEST(a_configuration_that_is_too_short_ends_the_device)
{
    struct user *u = begin(WANTED);
    uint64_t value = 1;

    u->fake->config_size = 12;
    CHECK(virtio_config(&u->fake->device, 4, &value, 8));
    CHECK(!u->fake->device.is_gone);
    CHECK(!virtio_config(&u->fake->device, 8, &value, 8));
    CHECK(value == 0);
    CHECK(u->fake->device.is_gone);
    end(u);
}

TEST(a_device_that_is_gone_has_no_configuration)
{
    struct user *u = begin(WANTED);
    uint32_t value = 1;

    virtio_broken(&u->fake->device, "is tested");
    CHECK(!virtio_config(&u->fake->device, 0, &value, 4));
    CHECK(value == 0);
    value = 7;
    virtio_config_write(&u->fake->device, 0, &value, 4);
    CHECK(u->fake->config[0] == 0);
    end(u);
}

TEST(an_interrupt_of_a_queue_that_cannot_be_is_ignored)
{
    struct user *u = begin(WANTED);

    virtio_queue_interrupt(&u->fake->device, 1);
    virtio_queue_interrupt(&u->fake->device, VIRTIO_QUEUES);
    end(u);
}

TEST(a_required_feature_without_the_one_that_it_needs_is_not_there)
{
    static const struct virtio_need needs[] = {{2, 0}, {0, 0}};
    static const struct virtio_driver needy = {
        .log = &virtio_test, .features = 5, .required = 4, .needs = needs};
    struct user *u = new_user(4, false);

    CHECK(virtio_start(&u->fake->device, &needy, u) == ERR_UNSUPPORTED);
    CHECK(u->fake->status & VIRTIO_CONFIG_S_FAILED);
    u->fake->features |= 1;
    CHECK(virtio_start(&u->fake->device, &needy, u) == OK);
    virtio_broken(&u->fake->device, "is not needed");
    CHECK(time_sleep(SECOND) == OK);
    free_user(u);
}

static void create_more(struct user *u)
{
    struct virtqueue *q;

    for (unsigned index = 3; index < 4; index -= 2)
        CHECK(virtqueue_create(&u->fake->device, index, 16, 2, on_used, u,
                               &q) == OK);
}

TEST(an_interrupt_is_for_all_queues_in_whatever_order_they_were_created)
{
    struct user *u = new_user(WANTED, false);

    u->in_start = create_more;
    CHECK(virtio_start(&u->fake->device, &driver, u) == OK);
    CHECK(u->fake->device.queue_end == 4);
    end(u);
}

TEST(what_breaks_a_device_is_reported_once)
{
    struct user *u = begin(WANTED);
    size_t errors = log_errors();

    virtio_broken(&u->fake->device, "is tested");
    virtio_broken(&u->fake->device, "is tested");
    CHECK(log_errors() == errors + 1);
    end(u);
}

static bool is_starting;
static unsigned tries, taken;

static void add_meanwhile(void *ctx)
{
    struct user *u = ctx;
    struct virtio_piece p = {u->byte, 1};

    while (is_starting) {
        tries++;
        taken += u->q && virtqueue_add(u->q, &p, 0, 1, u);
        CHECK(time_sleep(10 * MILLISECOND) == OK);
    }
}

TEST(queues_of_a_start_that_failed_take_nothing)
{
    struct user *u = new_user(WANTED, false);

    u->in_start = fail_and_need_reset;
    u->answer = ERR_IO;
    is_starting = true;
    tries = taken = 0;
    for (int i = 0; i < 10; i++) /* so that a restart waits */
        CHECK(restart_wait(&u->fake->device.restarts) == OK);
    CHECK(fiber_start(add_meanwhile, u) == OK);
    CHECK(virtio_start(&u->fake->device, &driver, u) == OK);
    is_starting = false;
    CHECK(tries > 2 && taken == 0);
    end(u);
}
