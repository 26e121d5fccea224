/* SPDX-License-Identifier: ISC */
/*
 * Copies the files of its first file system to the second one, or replaces
 * files there, round after round, until the power goes. The test
 * test/e2e/virtio_fat looks at what is left.
 */
#include <mirage.h>
#include <stdio.h>
#include <string.h>

BOOT_STRING(act, "copy", "what to do: copy or replace");

#define FILES 4

static struct fs *from, *to;
static char data[65536];

static void check(const char *what, enum status s)
{
    if (s != OK)
        printf("%s: %s\n", what, status_text(s));
}

static bool copy_entry(void *ctx, const char *name, const struct fs_stat *st)
{
    const char *folder = ctx;
    char path[600];
    size_t got = 0;
    enum status s;

    snprintf(path, sizeof path, "%s%s%s", folder, *folder ? "/" : "", name);
    if (st->directory) {
        check(path, fs_mkdir(to, path));
        check(path, fs_list(from, path, copy_entry, path));
        return true;
    }
    s = fs_create(to, path);
    for (uint64_t at = 0; s == OK && at < st->size; at += got) {
        s = fs_read(from, path, at, data, sizeof data, &got);
        if (s == OK)
            s = fs_write(to, path, at, data, got);
    }
    check(path, s);
    return true;
}

static void copy(void)
{
    check("listing", fs_list(from, "", copy_entry, ""));
    check("marking the source", fs_create(from, "was here"));
    check("flushing the source", fs_flush(from));
    check("flushing", fs_flush(to));
    printf("copied\n");
}

/* The contents of file i in round n: a line, again and again. */
static size_t fill(unsigned i, unsigned n)
{
    char line[32];
    size_t len = (size_t)snprintf(line, sizeof line, "file %u round %u\n", i,
                                  n);
    size_t size = (n * 7919 + i * 10007) % 40000 + 20;

    for (size_t at = 0; at < size; at++)
        data[at] = line[at % len];
    return size;
}

/* Each name must always lead to a whole file. */
static void replace(void)
{
    for (unsigned n = 1;; n++)
        for (unsigned i = 0; i < FILES; i++) {
            char name[16];
            size_t size = fill(i, n);
            enum status s = fs_create(to, "new");

            snprintf(name, sizeof name, "f%u", i);
            if (s == ERR_EXISTS)
                s = fs_truncate(to, "new", 0);
            if (s == OK)
                s = fs_write(to, "new", 0, data, size);
            if (s == OK)
                s = fs_rename(to, "new", name);
            if (s == OK)
                s = fs_flush(to);
            if (s != OK) {
                check(name, s);
                return;
            }
            printf("file %u round %u\n", i, n);
        }
}

void start(struct fs *first, struct fs *second)
{
    from = first;
    to = second;
    if (strcmp(act, "replace") == 0)
        replace();
    else
        copy();
}
