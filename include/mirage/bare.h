/* SPDX-License-Identifier: ISC */
/* bare: the interface between the processor (arch/x86_64/bare/), the common
 * parts of bare images (backend/bare/) and the target. */
#ifndef MIRAGE_BARE_H
#define MIRAGE_BARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BARE_PAGE ((size_t)4096)

/*
 * What may be done with memory, never both write and execute. DEVICE is for the
 * registers of a device: it can be read and written, and is not cached.
 */
enum access { NO_ACCESS,
              READ_ONLY,
              READ_WRITE,
              READ_EXECUTE,
              DEVICE };

/*
 * Maps size bytes (whole pages) at address to physical memory with this access;
 * NO_ACCESS unmaps them. Replaces earlier mappings. False: there was no page
 * for the page tables; a first part may be mapped.
 */
bool bare_map(uintptr_t address, uint64_t physical, size_t size,
              enum access access);

/*
 * Is all of [at, at + len) mapped at its physical addresses? All memory is, but
 * the heap. Only such memory may be passed to a device or another domain by its
 * address.
 */
bool bare_is_physical(const void *at, size_t len);

/*
 * Maps each part of the image (image.ld) with its own access, in new page
 * tables or, in a PV guest, in those of the hypervisor. False: there was no
 * page for them.
 */
bool bare_paging_start(void);

/* Switches to the new page tables, if there are any. */
void bare_paging_use(void);

/* Calls visit for each mapped page, small or large, by ascending address. */
typedef void bare_page_visitor(void *ctx, uintptr_t address, size_t size,
                               bool writable, bool executable);
void bare_visit_pages(bare_page_visitor *visit, void *ctx);

/*
 * Allocates a zeroed page for page tables, below 1 GiB until bare_paging_use.
 * NULL: there is none. Defined by the target.
 */
void *bare_table_page(void);

#define CRASH_EXIT 70 /* the exit status; EX_SOFTWARE of sysexits.h */

/* Ends the virtual machine with this exit status, at platform_exit and after a
 * crash report. Defined by the target or its machine. */
void bare_leave(int code) __attribute__((noreturn));

/*
 * Returns the name of the function that contains this address, and its start in
 * *from. The name is valid until the next call. NULL: the image has no names,
 * or none for this address.
 */
const char *bare_function_name(uintptr_t at, uintptr_t *from);

/*
 * Prints a backtrace of the running fiber and the ring of the log, and ends the
 * image. The backtrace begins at pc, where a fault was (0: there was none), and
 * follows the frame pointer; sp finds the caller of a function that has not set
 * up its frame.
 */
void bare_crash(uintptr_t pc, uintptr_t frame, uintptr_t sp)
    __attribute__((noreturn));

#endif
