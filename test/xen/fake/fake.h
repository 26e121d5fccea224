/* SPDX-License-Identifier: ISC */
/*
 * fake: a Xen in this process, and who serves a guest there: xenconsoled and
 * xenstored. They do what the real ones do as long as a test does not tell
 * them otherwise. Tests include fake_check.h.
 *
 * Time is what the fake makes of it. It passes while the image waits, and a
 * little in each hypercall. The daemons act when they have been told to, while
 * the image waits (with fake.at_once: as soon as they are told).
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
    nanoseconds now; /* Xen's time, which began before the image did */
    bool at_once;
    unsigned hypercalls, hypercalls_most; /* beyond: the test fails */

    /* Instead of failing the test when nothing can wake the image again. */
    void (*stuck)(void);

    /* After the image has gone, with its reason; may CHECK. */
    void (*ended)(unsigned reason);

    /* While it is suspended: it goes on when this has returned. */
    void (*suspended)(void);
    unsigned suspensions;

    /* Pages that are free in the image, those that it has given back to Xen,
     * and how many Xen has for it. */
    size_t free_pages, given_back, spare_pages;
};

extern struct fake fake;

/*
 * Runs mirage_main as an image in a process of its own, whose output is shown
 * if it fails; failed: how many CHECKs.
 */
bool fake_run(const char *test, const int *failed);

/* The image has done something that takes so long. */
void fake_work(nanoseconds length);

/* Calls act when so much time has passed. */
void fake_after(nanoseconds length, void (*act)(void));

/*
 * The suspended image is restored as another domain, where Xen's time is now,
 * and UTC began at wall (seconds). Its rings are empty, its channels, watches
 * and grants are gone, and its devices have other backends.
 */
void fake_restore(nanoseconds now, uint32_t wall);

/* An event on a port. */
void fake_event(unsigned port);

/*
 * What Xen does for a domain with a grant of the image's: maps its page (NULL:
 * the grant does not permit that), lets it go, or copies to it (write) or from
 * it.
 */
void *fake_map(unsigned domain, uint32_t grant, bool write);
void fake_unmap(uint32_t grant, bool write);
bool fake_copy(unsigned domain, uint32_t grant, size_t offset, void *data,
               size_t len, bool write);

/* Memory that has virtual addresses of its own, as an image's heap has: to
 * grant it fails the test. */
void fake_heap_at(const void *at, size_t len);

extern unsigned fake_mapped; /* pages that are, just now */

/* The first grant from this one on that domain may write to, or read; 0:
 * none. */
uint32_t fake_any_grant(unsigned domain, uint32_t from, bool write);

/* Ends the test: it has failed. */
void fake_fail(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/* How much a daemon does at once. */
typedef size_t amount(void);
amount one_byte, odd_bytes, all_bytes;

/* xenconsoled, its terminal, and who sits there. */
struct console_daemon {
    volatile struct xencons_interface *ring;

    amount *reads; /* NULL: nothing any more */
    nanoseconds every; /* between two reads */
    nanoseconds asleep_until;
    unsigned told; /* how often */
    char text[1 << 20];
    size_t len;

    const char *input; /* what is typed, in pieces */
    size_t input_len;
    amount *types;
    nanoseconds types_every;
};

extern struct console_daemon consoled;

/* text is typed. */
void console_type(const char *text);

/* What has been read so far, as a string, without carriage returns. */
const char *console_text(void);

/* xenstored, and the others who use it. */
struct store_daemon {
    volatile struct xenstore_domain_interface *ring;

    amount *says; /* NULL: nothing any more */
    nanoseconds every;
    unsigned told, requests;
    unsigned conflicts; /* transactions that others are in the way of */

    /* Before a request is answered; true: it is not answered any more. */
    bool (*asked)(const struct xsd_sockmsg *request, const char *body);
};

extern struct store_daemon stored;

/* Somebody writes; NULL: removes. Watches are told. */
void store_set(const char *path, const char *value);

/* NULL: there is none. */
const char *store_get(const char *path);

/* What has to do with path ends in this error, or NULL again. */
void store_refuse(const char *path, const char *error);

/* Sends a message, or any bytes. */
void store_send(unsigned type, unsigned request, const void *body, size_t len);
void store_send_raw(const void *bytes, size_t len);

#endif
