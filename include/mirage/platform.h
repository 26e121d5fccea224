/* SPDX-License-Identifier: ISC */
/*
 * platform: the interface between core and the back end. The functions
 * platform_... are defined by the back end, of which exactly one is linked; the
 * others are called by it.
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
 * Handles pending events, and wakes the fibers that wait for them. If there are
 * none, idles until the first event or the deadline. May return early. Does not
 * idle if the deadline has passed. The only place where an image idles.
 */
void platform_wait(nanoseconds deadline);

/* Writes len unpredictable bytes to data; len is at most 256. Panics if there
 * is no source of them. */
void platform_entropy(void *data, size_t len);

/* platform_entropy for the first random numbers of an application: waits, for
 * 100 ms at most, for a source that is slow, if there is no other. */
void platform_seed(void *data, size_t len);

/*
 * Does the image run on, since the last call, as a copy of itself, as after the
 * restore of a snapshot of its machine? If so, what tells copies apart is mixed
 * into platform_entropy. False where that is unknown, or where the back end
 * calls random_reseed. Called before random numbers are given out; cheap.
 */
bool platform_is_copied(void);

/* Called in the first fiber, after the boot arguments are set. May block. Does
 * nothing unless the back end defines it. */
void platform_started(void);

/* Prints log lines and crash reports. Works in any state: takes no lock and
 * does not allocate. */
void platform_put(const char *text, size_t len);

/* Prints the answer to a request such as --help: to standard output, if there
 * is one. */
void platform_answer(const char *text, size_t len);

/* Initialises the process, and calls image_start. On Unix only, for main. */
void platform_start(const char *name, const char *const *words, size_t count)
    __attribute__((noreturn));

/* Ends the image with this exit status (decision 0007), after its output is
 * written. */
void platform_exit(int code) __attribute__((noreturn));

/*
 * Ends the image after a crash: prints the backtrace of the running fiber from
 * the frame pointer `frame` on, and the ring of the log.
 */
void platform_crash(uintptr_t frame) __attribute__((noreturn, cold));

/*
 * Ends the image with a crash report: the function that contains the address
 * `at` was about to return, and the canary on its stack was overwritten. For
 * __stack_chk_fail.
 */
void platform_smashed(uintptr_t at) __attribute__((noreturn, cold));

/* Allocates `count` contiguous pages, zeroed. NULL: no memory. */
void *platform_pages(size_t count);

/*
 * As platform_pages, for buffers that devices read and write. The contents are
 * undefined, but where a device can read no more than it is given, as on Xen,
 * nothing of the image's is in them.
 */
void *platform_buffers(size_t count);
void platform_pages_free(void *pages, size_t count);

/*
 * Extends the heap by `size` bytes, and returns their start, which is the end
 * of the heap before the call. NULL: no memory, and the heap is unchanged. Only
 * on bare targets, for malloc.
 */
void *platform_heap(size_t size);

/*
 * Waits for input on the console and copies it, as console_read does. Blocks.
 * Only on bare targets, for the C library.
 */
MUST_CHECK enum status platform_input(void *data, size_t len, size_t *got);

/* The stack of a fiber. */
struct stack {
    uint8_t *low; /* the lowest usable byte */
    size_t size; /* usable bytes, whole pages */
    bool guarded; /* an access below low is a fault, with a crash report
                   * (Xen ends a PV guest without one); otherwise core
                   * checks a canary at low */
};

/* Allocates a stack of at least size bytes. ERR_NO_MEMORY: *stack is
 * unchanged. */
MUST_CHECK enum status platform_stack(size_t size, struct stack *stack);
void platform_stack_free(const struct stack *stack);

/*
 * Returns whether the host or a debugger has kept the image from running for a
 * substantial part of the last `length`. If so, no fiber is to blame for the
 * time. False where that is unknown.
 */
bool platform_was_held(nanoseconds length);

/* Called by the back end: */

/*
 * Counts processor time that the image has used since the last call. If one
 * fiber has run without a switch for a second of it, a warning is logged. For
 * back ends that can interrupt a fiber; may be called from a signal handler.
 */
void fiber_tick(nanoseconds since_last);

/*
 * Runs the image: sets the boot arguments, runs mirage_main in a fiber, and
 * ends by platform_exit. Called on the boot stack. name: of the program, for
 * messages. words: the boot arguments, without the name of the program.
 * foreign: words without -- are not for the image, and ignored. Keeps name and
 * words.
 */
void image_start(const char *name, const char *const *words, size_t count,
                 bool foreign) __attribute__((noreturn));

/* Asks the image to stop its jobs. Not from a signal handler. */
void image_stop(void);

/*
 * Mixes entropy into a key, for platforms that gather it themselves. Replaces
 * `into` by the first 32 bytes of the ChaCha20 block (RFC 8439, 2.3) with that
 * key, and `with` as counter and nonce: neither input can be computed from the
 * result.
 */
#define RANDOM_KEY   32
#define RANDOM_MIXED 16
void random_mix(uint8_t into[RANDOM_KEY], const uint8_t with[RANDOM_MIXED]);

/*
 * Mixes fresh entropy into the state of random_bytes, and discards the bytes
 * that it has in stock. For an image of which a copy may run with the same
 * memory, such as after it was saved and restored.
 */
void random_reseed(void);

/*
 * Return the name and the stack of the running fiber, for crash reports. Before
 * the first fiber runs they are "boot" and {NULL, 0}.
 */
const char *image_fiber_name(void);
struct stack image_fiber_stack(void);

/* Returns the name of the image, for messages. */
const char *image_name(void);

/* Format text to platform_put. Take no lock, do not allocate, do not block. */
void image_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void image_vsay(const char *fmt, va_list args);

#endif
