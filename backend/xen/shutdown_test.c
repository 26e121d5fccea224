/* SPDX-License-Identifier: ISC */
/* What `xl shutdown` and others write into control/shutdown. */
#include "shutdown.h"
#include <fake/fake_check.h>
#include <xen/sched.h>

#define PATH "control/shutdown"

static char ends[100];
static unsigned wanted_reason;
static const char *word;

static void note_end(const char *job)
{
    strcat(ends, job);
    strcat(ends, " ");
}

static void obedient(void)
{
    CHECK(time_sleep(FOREVER) == ERR_CANCELLED);
    note_end("obedient");
}

static bool patient_is_told;

static void stop_patient(void)
{
    patient_is_told = true;
}

/* Slow, so that the others would overtake it. */
static void patient(void)
{
    while (!patient_is_told)
        CHECK(time_sleep(SECOND) == OK);
    CHECK(time_sleep(10 * SECOND) == OK);
    note_end("patient");
}

static void brief(void)
{
    note_end("brief");
}

static void run_jobs(void)
{
    struct job jobs[] = {
        {.name = "patient", .run = patient, .stop = stop_patient},
        {.name = "obedient", .run = obedient},
        {.name = "brief", .run = brief}};

    jobs_run(jobs, 3);
}

/* Writes as the toolstack does, while the guest idles. */
static void say_word(void)
{
    store_set(PATH, word);
}

static void check_reason(unsigned reason)
{
    CHECK(reason == wanted_reason);
    CHECK_TEXT(ends, "brief patient obedient ");
}

/* The request is written after 3 s, and the job `patient` takes 10 s. */
static void run_until(const char *what, unsigned reason)
{
    nanoseconds begin = time_now();

    word = what;
    wanted_reason = reason;
    fake.ended = check_reason;
    fake_after(3 * SECOND, say_word);
    run_jobs();
    CHECK_TEXT(store_get(PATH), "");
    CHECK(time_now() - begin >= 13 * SECOND);
    CHECK(time_now() - begin < 20 * SECOND);
}

static void end_by(const char *what, unsigned reason)
{
    shutdown_start();
    run_until(what, reason);
}

TEST(poweroff_ends_the_jobs_in_their_order)
{
    end_by("poweroff", SHUTDOWN_poweroff);
}

TEST(halt_is_a_poweroff)
{
    end_by("halt", SHUTDOWN_poweroff);
}

TEST(reboot_is_the_reason_of_the_end)
{
    end_by("reboot", SHUTDOWN_reboot);
}

TEST(a_request_from_before_the_start_is_obeyed)
{
    fake.ended = check_reason;
    wanted_reason = SHUTDOWN_reboot;
    store_set(PATH, "reboot");
    shutdown_start();
    run_jobs();
}

TEST(a_request_in_single_bytes_is_obeyed)
{
    stored.sends = one_byte;
    stored.every = 10 * MILLISECOND;
    end_by("reboot", SHUTDOWN_reboot);
}

/* The image continues, and obeys the next request. */
static void pass_over(const char *what)
{
    shutdown_start();
    CHECK(time_sleep(SECOND) == OK);
    store_set(PATH, what);
    CHECK(time_sleep(SECOND) == OK);
    run_until("poweroff", SHUTDOWN_poweroff);
    CHECK(!strstr(console_text(), "is not heard"));
}

TEST(an_unknown_request_is_refused_with_a_warning)
{
    pass_over("Poweroff\t\x7f!\x1b[2J\xff");
    CHECK(strstr(console_text(), "asked for \"Poweroff?"
                                 "?!?[2J?\", which"));
}

TEST(a_request_that_is_too_long_is_refused_with_a_warning)
{
    pass_over("poweroffpoweroffpoweroffpoweroff");
    CHECK(strstr(console_text(), "asked for"));
}

TEST(a_removed_entry_is_no_request)
{
    pass_over(NULL);
    CHECK(!strstr(console_text(), "asked for"));
}

TEST(a_value_of_the_directory_is_no_request)
{
    shutdown_start();
    CHECK(time_sleep(SECOND) == OK);
    store_set(PATH "/below", "poweroff");
    CHECK(time_sleep(SECOND) == OK);
    CHECK_TEXT(store_get(PATH "/below"), "poweroff");
    run_until("halt", SHUTDOWN_poweroff);
}

TEST(a_refused_watch_is_a_warning)
{
    store_refuse(PATH, "EACCES");
    shutdown_start();
    CHECK(time_sleep(SECOND) == OK);
    CHECK(strstr(console_text(), "warning xen: xl shutdown is not heard any "
                                 "more: "));
}

/* The entry cannot be written to. */
static bool refuse_writes(const struct xsd_sockmsg *request, const char *body)
{
    (void)body;
    if (request->type == XS_WRITE)
        store_send(XS_ERROR, request->req_id, "EACCES", 7);
    return request->type == XS_WRITE;
}

TEST(a_request_that_cannot_be_acknowledged_is_obeyed)
{
    stored.on_request = refuse_writes;
    word = "reboot";
    wanted_reason = SHUTDOWN_reboot;
    fake.ended = check_reason;
    shutdown_start();
    fake_after(SECOND, say_word);
    run_jobs();
    CHECK(strstr(console_text(), "is not heard any more"));
}

TEST(a_request_that_cannot_be_read_is_ignored)
{
    shutdown_start();
    CHECK(time_sleep(SECOND) == OK);
    store_refuse(PATH, "EINVAL");
    store_set(PATH, "reboot");
    CHECK(time_sleep(SECOND) == OK);
    store_refuse(PATH, NULL);
    run_until("poweroff", SHUTDOWN_poweroff);
    CHECK(!strstr(console_text(), "is not heard"));
}

static void break_store(void)
{
    stored.ring->rsp_prod += 5000;
    fake_event(STORE_PORT);
}

TEST(a_store_that_breaks_is_a_warning_and_the_jobs_continue)
{
    shutdown_start();
    fake_after(SECOND, break_store);
    CHECK(time_sleep(100 * SECOND) == OK);
    CHECK(strstr(console_text(), "is not heard any more"));
}

TEST(without_a_request_the_image_ends_for_poweroff)
{
    shutdown_start();
    brief();
}

TEST(all_printable_characters_of_a_request_are_shown)
{
    pass_over("a ~b\x1f.\x7f");
    CHECK(strstr(console_text(), "asked for \"a ~b?.?\", which"));
}
