/* SPDX-License-Identifier: ISC */
/*
 * bare: what the processor's and the platform's parts of a bare image ask of
 * each other.
 */
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
 * Lets virtual memory at address (whole pages) be physical memory, with this
 * access. Replaces what was there. False: no page was left for the tables.
 */
bool bare_map(uintptr_t address, uint64_t physical, size_t size,
              enum access access);

/*
 * Whether all of [at, at + len) lies at its own physical address, as all memory
 * does but the heap: only there may a device, or another domain, be given it by
 * its address.
 */
bool bare_is_physical(const void *at, size_t len);

/*
 * Gives each of the image's own parts its access, in tables of our own, which
 * come from bare_table_page, or in those of the hypervisor. False: there was no
 * page. Then has the tables used, if they are not yet.
 */
bool bare_paging_start(void);
void bare_paging_use(void);

/*
 * Calls seen for each page that is mapped, in the order of their addresses, as
 * the tables say it.
 */
typedef void bare_page_seen(void *ctx, uintptr_t address, size_t size,
                            bool writable, bool executable);
void bare_see_pages(bare_page_seen *seen, void *ctx);

/*
 * A zeroed page for tables, below 1 GiB until bare_paging_use; NULL: none. The
 * platform gives it.
 */
void *bare_table_page(void);

#define CRASH_EXIT 70 /* the exit status; EX_SOFTWARE of sysexits.h */

/* Ends the virtual machine; platform_exit comes here, and so do crashes. */
void bare_leave(int code) __attribute__((noreturn));

/*
 * The name of the function at this address, and where it begins. NULL: the
 * image has no names, or none there. It is there until the next call.
 */
const char *bare_function(uintptr_t at, uintptr_t *from);

/*
 * The crash report of the running fiber: a backtrace that begins at pc (0: no
 * fault) and goes on by the frame pointer (sp: for a function without a frame
 * of its own), the log, the end of the image.
 */
void bare_crash(uintptr_t pc, uintptr_t frame, uintptr_t sp)
    __attribute__((noreturn));

#endif
