/* SPDX-License-Identifier: ISC */
/*
 * fake: a Xen in this process, with its daemons xenconsoled and xenstored. They
 * behave as the real ones unless a test says otherwise. Tests include
 * fake_check.h.
 *
 * Time is simulated: it passes while the image waits, and by 1 us in each
 * hypercall. The daemons act after a notification, while the image waits (with
 * fake.at_once: during the notification).
 */
#ifndef XEN_FAKE_H
#define XEN_FAKE_H

#include <mirage/time.h>
#include <stdbool.h>
#include <stddef.h>
#include <xen/xen.h>
#include <xen/io/console.h>
#include <xen/io/xs_wire.h>

enum { CONSOLE_PORT = 2,
       STORE_PORT = 65,
       OTHER_PORT = 700 };

struct fake {
    nanoseconds now; /* Xen's time, which starts before the image */
    bool at_once;
    unsigned hypercalls, hypercalls_most; /* beyond: the test fails */

    /* Called when no event can wake the image. NULL: the test fails. */
    void (*stuck)(void);

    /* Called after the image has ended, with its reason. May CHECK. */
    void (*ended)(unsigned reason);

    /* Called while the image is suspended. It continues afterwards. */
    void (*suspended)(void);
    unsigned suspensions;

    /* Called while the image waits, before the daemons act. */
    void (*turn)(void);

    /* Called before a hypercall is executed. True: it is not, and ends with
     * *result. */
    bool (*on_hypercall)(unsigned long number, unsigned long command,
                         void *argument, long *result);

    /* Free pages of the image, pages that it has given back to Xen, and pages
     * that Xen has for it. */
    size_t free_pages, given_back, spare_pages;

    /* Pages beyond the image's initial memory, set before balloon_start; the
     * size that the image asked for. */
    size_t extension;
    uint64_t extended_to;

    unsigned channels; /* that the image has open */
    size_t pages; /* that are allocated */
    size_t entropy; /* bytes that the image took */
    bool cannot_suspend; /* the guest has no memory for its tables */
};

extern struct fake fake;

extern bool fake_is_whole; /* the image starts with guest_run */

/*
 * Runs mirage_main as an image in a process of its own, and shows its output if
 * it fails. failed: the number of failed CHECKs.
 */
bool fake_run(const char *test, const int *failed);

/* Lets time pass, for work of the image. */
void fake_work(nanoseconds length);

/* Calls act after some time. */
void fake_after(nanoseconds length, void (*act)(void));

/*
 * Restores the suspended image as another domain, on a Xen whose time is now
 * and which started at wall (seconds of UTC). The rings are empty, channels,
 * watches and grants are gone, and devices have new backends.
 */
void fake_restore(nanoseconds now, uint32_t wall);

/* Sends an event to a port of the image. */
void fake_event(unsigned port);

/*
 * Xen's operations for another domain on a grant of the image: maps its page
 * (NULL: the grant does not permit it), unmaps it, copies to it (write) or from
 * it.
 */
void *fake_map(unsigned domain, uint32_t grant, bool write);
void fake_unmap(uint32_t grant, bool write);
bool fake_copy(unsigned domain, uint32_t grant, size_t offset, void *data,
               size_t len, bool write);

/* The page of a grant, whoever may use it. */
void *fake_page(uint32_t grant);

/* Memory that has virtual addresses of its own, as an image's heap has: to
 * grant it fails the test. */
void fake_heap_at(const void *at, size_t len);

extern unsigned fake_mapped; /* pages that are mapped now */

/* The first grant, from this reference on, that domain may read or write. 0:
 * none. */
uint32_t fake_any_grant(unsigned domain, uint32_t from, bool write);

/* Fails and ends the test. */
void fake_fail(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/* How many bytes a daemon moves at once. */
typedef size_t amount(void);
amount one_byte, odd_bytes, all_bytes;

/* xenconsoled and the terminal. */
struct console_daemon {
    volatile struct xencons_interface *ring;

    amount *reads; /* NULL: it does not read */
    nanoseconds every; /* between two reads */
    nanoseconds asleep_until;
    unsigned notified; /* number of notifications */
    char text[1 << 20];
    size_t len;

    const char *input; /* being typed, in pieces */
    size_t input_len;
    amount *types;
    nanoseconds types_every;
};

extern struct console_daemon consoled;

/* Types text. */
void console_type(const char *text);

/* All output so far, as a string, without carriage returns. */
const char *console_text(void);

/* xenstored, and its other clients. */
struct store_daemon {
    volatile struct xenstore_domain_interface *ring;

    amount *sends; /* NULL: it sends nothing */
    nanoseconds every;
    unsigned notified, requests;
    unsigned conflicts; /* transactions that will end in EAGAIN */
    bool is_deaf; /* it drops all requests */

    /* Called before a request is handled. True: it gets no reply. */
    bool (*on_request)(const struct xsd_sockmsg *request, const char *body);
};

extern struct store_daemon stored;

/* Writes an entry, as another domain. NULL: removes it. Triggers watches. */
void store_set(const char *path, const char *value);

/* Reads an entry. NULL: there is none. */
const char *store_get(const char *path);

/* Requests for path end with this error. NULL: no longer. */
void store_refuse(const char *path, const char *error);

/* Sends a message, or any bytes. */
void store_send(unsigned type, unsigned request, const void *body, size_t len);
void store_send_raw(const void *bytes, size_t len);

#endif
