/* SPDX-License-Identifier: ISC */
/*
 * machine: what a target asks of the machine below it, and gives in return,
 * where no hypervisor has interfaces of its own for that. backend/pc is one.
 *
 * At boot the machine's entry starts clock, console and exceptions, reads what
 * the loader says into a struct start, and calls target_start.
 */
#ifndef MIRAGE_MACHINE_H
#define MIRAGE_MACHINE_H

#include <mirage/time.h>
#include <stddef.h>
#include <stdint.h>

/* What a loader says (backend/bare/start.h). */
struct start;

/*
 * Notes memory at [base, base + size). Beyond what struct start has room for it
 * is left unused, and the log says so; no processor has addresses above 2^52,
 * so such memory is ignored.
 */
void start_add_region(struct start *s, uint64_t base, uint64_t size);

/* Notes the physical address of ACPI's RSDP; 0: the loader gives none. */
void start_set_rsdp(struct start *s, uint64_t address);

/*
 * Copies the command line: text, of which max bytes may be read, up to a NUL;
 * NULL: there is none. Ends the image with status 64 if it does not fit into
 * START_LINE bytes with its NUL.
 */
#define START_LINE 2048
void start_set_line(struct start *s, const char *text, size_t max);

/*
 * The target gives it: the rest of the image's life. Memory is not started yet.
 * Keeps s.
 */
void target_start(struct start *s) __attribute__((noreturn));

/*
 * Starts the interrupt controller and the timer. Memory works. Panics if there
 * is no controller that is known.
 */
void machine_start_interrupts(void);

/*
 * Blocks until an interrupt or until the deadline, perhaps somewhat less, and
 * calls the handlers of lines that had interrupts. Does not block with a
 * deadline of 0.
 */
void machine_wait(nanoseconds deadline);

/*
 * A handler of an interrupt line. It is called by machine_wait, on a fiber's
 * stack and with interrupts disabled: it may wake fibers, and may not block.
 */
struct interrupt {
    unsigned line; /* as the controller numbers it: on a PC 1 to 14 */
    void (*on_interrupt)(void *ctx);
    void *ctx;
    struct interrupt *next; /* the machine's own */
};

/*
 * Enables the line for edge-triggered interrupts, and has i called for them
 * from now on. A line may have several handlers. Keeps i. Panics if the line
 * does not exist, or is the machine's own.
 */
void interrupt_listen(struct interrupt *i);

#endif
