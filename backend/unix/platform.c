/* SPDX-License-Identifier: ISC */
/* The platform as a Unix process: output, pages, exit. */
#include <errno.h>
#include <mirage/buf.h>
#include <mirage/platform.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_BYTES ((size_t)2 << 20) /* a huge page of the host */

static void write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* the error cannot be reported either */
        text += n;
        len -= (size_t)n;
    }
}

void platform_put(const char *text, size_t len)
{
    write_all(STDERR_FILENO, text, len);
}

void platform_answer(const char *text, size_t len)
{
    write_all(STDOUT_FILENO, text, len);
}

/* Flushes what jobs have written by the stdio of the C library. */
void platform_exit(int code)
{
    fflush(NULL);
    _exit(code);
}

void *platform_pages(size_t count)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *pages;

    if (count > SIZE_MAX / PAGE_BYTES || page % PAGE_BYTES != 0)
        return NULL;
    pages = mmap(NULL, count * PAGE_BYTES, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
#ifdef MADV_HUGEPAGE
    /* Reads from a disk are twice as fast into physically contiguous memory. */
    if (count * PAGE_BYTES >= HUGE_BYTES)
        (void)madvise(pages, count * PAGE_BYTES, MADV_HUGEPAGE);
#endif
    return pages;
}

void *platform_buffers(size_t count)
{
    return platform_pages(count);
}

void platform_pages_free(void *pages, size_t count)
{
    munmap(pages, count * PAGE_BYTES);
}
