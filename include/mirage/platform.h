/* SPDX-License-Identifier: ISC */
/*
 * platform: what core asks of the back end, and what it gives in return.
 * Exactly one back end is linked.
 */
#ifndef MIRAGE_PLATFORM_H
#define MIRAGE_PLATFORM_H

#include <mirage/status.h>
#include <mirage/time.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

nanoseconds platform_now(void); /* time_now */
nanoseconds platform_wall(void); /* time_wall */

/*
 * Takes what events there are, and wakes whom they concern; if there are
 * none, idles until one comes or the deadline, whichever is first. May return
 * early. With a deadline that has passed it does not idle.
 */
void platform_wait(nanoseconds deadline);

/* len bytes that nobody can guess, len at most 256. */
void platform_entropy(void *data, size_t len);

/* Prints text for people: log lines and last words. Needs nothing working. */
void platform_put(const char *text, size_t len);

/* Prints what was asked for (--help): on standard output, if there is one. */
void platform_answer(const char *text, size_t len);

/*
 * Sets the process up and begins the life of the image, as image_start says.
 * On Unix only: for main.
 */
void platform_start(const char *name, const char *const *words, size_t count)
    __attribute__((noreturn));

/* Ends the image in good order. */
void platform_exit(int code) __attribute__((noreturn));

/*
 * Ends the image after a crash: prints the running fiber's backtrace from
 * frame on (a frame pointer), then the log's ring, and goes.
 */
void platform_crash(uintptr_t frame) __attribute__((noreturn, cold));

/*
 * Ends the image with a crash report: the function that holds the address at
 * found, when it was about to return, that the canary on its stack was
 * overwritten. For __stack_chk_fail.
 */
void platform_smashed(uintptr_t at) __attribute__((noreturn, cold));

/* count pages in one piece, zeroed. NULL: no memory. */
void *platform_pages(size_t count);
void platform_pages_free(void *pages, size_t count);

/*
 * Makes the heap size bytes longer, size being whatever malloc asks for:
 * where they begin, which is where those of the call before end; with size
 * zero, where the next would begin. NULL: no memory, and nothing has changed.
 * Only where there is no host, whose C library has memory of its own.
 */
void *platform_heap(size_t size);

/*
 * Waits for input on the console and copies what is there, as console_read
 * does. Blocks. Only where there is no host, for the C library.
 */
MUST_CHECK enum status platform_input(void *data, size_t len, size_t *got);

/* A fiber's stack. */
struct stack {
    uint8_t *low; /* the lowest usable byte */
    size_t size; /* usable bytes, whole pages */
    bool guarded; /* a touch below low ends in a crash report (on Xen a
                         PV guest just ends); otherwise core keeps a canary
                         at low, and looks at it */
};

/* A stack of at least size bytes. ERR_NO_MEMORY: none; *stack is unchanged. */
MUST_CHECK enum status platform_stack(size_t size, struct stack *stack);
void platform_stack_free(const struct stack *stack);

/*
 * Was the image kept from running for a good part of the last length, by its
 * host or a debugger? What a fiber has done then says nothing of how slow it
 * is. False where that cannot be told.
 */
bool platform_was_held(nanoseconds length);

/* What core does for the back end: */

/*
 * Tells core that the image has used the processor for since_last more since
 * the last call. A fiber that has run all the while, for a second, is named in
 * the log. For back ends that can interrupt it; from a signal handler, too.
 */
void fiber_is_running(nanoseconds since_last);

/* Warns in the log that a fiber keeps the others from running, and for how long
 * it has done so. For core/fiber.c. */
void image_is_slow(const char *fiber, nanoseconds length);

/*
 * The life of the image, on the boot stack. words are the boot arguments,
 * without the program's name; keeps them. name is the program's, for
 * messages. foreign: words without -- are somebody else's, and ignored.
 * Ends by platform_exit.
 */
void image_start(const char *name, const char *const *words, size_t count,
                 bool foreign) __attribute__((noreturn));

/* Asks the image to stop its jobs. From an event, not from a signal handler. */
void image_stop(void);

/*
 * For a platform that gathers entropy itself: into becomes a key of which each
 * bit depends on all of itself and of with. Neither can be computed back. It
 * is ChaCha20's block function, into being the key and with the counter and
 * the nonce.
 */
#define RANDOM_KEY   32
#define RANDOM_MIXED 16
void random_mix(uint8_t into[RANDOM_KEY], const uint8_t with[RANDOM_MIXED]);

/*
 * Has fresh entropy mixed into what random_bytes gives from now on, and nothing
 * given of what was ready: this memory may go on in other copies of the image,
 * which would give the same.
 */
void random_reseed(void);

/*
 * The running fiber, for crash reports: its name, and its stack. Before the
 * first fiber runs the name is "boot" and the stack is {NULL, 0}.
 */
const char *image_fiber_name(void);
struct stack image_fiber_stack(void);

/* The image's name, for messages. */
const char *image_name(void);

/* Formats through platform_put: takes no lock, no memory, and never blocks. */
void image_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void image_vsay(const char *fmt, va_list args);

#endif
