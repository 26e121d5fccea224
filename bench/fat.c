/* SPDX-License-Identifier: ISC */
/*
 * FAT on a disk that is a file of the host: reading one large file, and
 * creating, stat and removal of many in one directory. --raw: reads as many
 * bytes of the disk itself.
 */
#include "measure.h"
#include <mirage/boot.h>
#include <mirage/drivers.h>
#include <mirage/main.h>

#define PIECE ((size_t)1 << 20)

const char mirage_name[] = "fat";

BOOT_STRING(file, "disk.img", "the disk");
BOOT_FLAG(raw, "read the disk, and not the file system");
BOOT_FLAG(prepare, "make the file system, and the large file");
BOOT_NUMBER(megabytes, 256, 1, 4000, "of the large file");
BOOT_NUMBER(names, 10000, 1, 20000, "of the many");

static _Alignas(4096) char data[PIECE];

static struct block *disk;
static struct fs *fs;

static void check(enum status s, const char *what)
{
    if (s)
        give_up(what);
}

static void make(void)
{
    check(fs_format(fs), "the disk cannot be formatted");
    check(fs_create(fs, "large"), "no file can be made");
    for (int64_t i = 0; i < megabytes; i++) {
        memset(data, (int)i, PIECE);
        check(fs_write(fs, "large", (uint64_t)i * PIECE, data, PIECE),
              "a write has failed");
    }
    check(fs_flush(fs), "a flush has failed");
}

static void read_all(void)
{
    struct moment start = moment_now();
    size_t got = PIECE, count = PIECE / disk->info.sector_size;

    for (int64_t i = 0; i < megabytes && got == PIECE; i++)
        check(raw ? block_read(disk, (uint64_t)i * count, data, count)
                  : fs_read(fs, "large", (uint64_t)i * PIECE, data, PIECE,
                            &got),
              "a read has failed");
    report_each("read", start, (double)megabytes);
}

static const char *path(int64_t i)
{
    static char text[64];

    snprintf(text, sizeof text, "many/a file of its own %lld", (long long)i);
    return text;
}

static void use_names(void)
{
    struct moment start;
    struct fs_stat st;

    check(fs_mkdir(fs, "many"), "no directory can be made");
    start = moment_now();
    for (int64_t i = 0; i < names; i++)
        check(fs_create(fs, path(i)), "no file can be made");
    check(fs_flush(fs), "a flush has failed");
    report_each("create", start, (double)names);
    start = moment_now();
    for (int64_t i = 0; i < names; i++)
        check(fs_stat(fs, path(i), &st), "a file is not there");
    report_each("stat", start, (double)names);
    start = moment_now();
    for (int64_t i = 0; i < names; i++)
        check(fs_remove(fs, path(i)), "a file cannot be removed");
    check(fs_flush(fs), "a flush has failed");
    report_each("remove", start, (double)names);
    check(fs_remove(fs, "many"), "the directory cannot be removed");
    check(fs_flush(fs), "a flush has failed");
}

void mirage_main(void)
{
    connected(block_unix_connect(file, &disk), "disk");
    connected(fat_connect(disk, &fs), "fat");
    if (prepare) {
        make();
        return;
    }
    read_all();
    if (!raw)
        use_names();
}
