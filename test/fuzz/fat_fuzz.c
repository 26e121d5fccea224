/* SPDX-License-Identifier: ISC */
/*
 * FAT volumes of which some bytes were changed: they are read completely and,
 * if the input says so, written to. Each call must end, with a status of its
 * contract; listed names must be found; and nothing may be written before the
 * first change.
 *
 * Input: a byte for the type of the volume and for what is done; then changes,
 * each of a byte for the area, two for the place in it, one for the number of
 * bytes, and these bytes.
 */
#include "platform.h"
#include <mirage.h>
#include <mirage/fat.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512u
#define MOST   400 /* names that are used */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct kind {
    uint32_t sectors;
    int type, cluster_size;
    uint32_t table, root; /* sectors */
} kinds[] = {{200, 12, 512, 1, 3},
             {4200, 16, 512, 1, 35},
             {66700, 32, 512, 32, 1060}};

/*
 * A disk for each type of volume, which is made once. The sectors that an input
 * changes are then put back: a new disk for each input would cost more than
 * all else, since a volume of FAT32 has 34 megabytes.
 */
static struct disk {
    struct block block;
    uint8_t *bytes, *begin; /* all of it; its first sectors when it was made */
    size_t begins; /* sectors; those after them were zero */
} disks[3];

static struct disk *disk; /* of this input */
static bool is_changed[66700]; /* its sectors */
static uint32_t changed[66700];
static size_t changed_count;
static bool is_reading; /* nothing may be written */

static void note_change(uint64_t sector)
{
    if (is_changed[sector])
        return;
    is_changed[sector] = true;
    changed[changed_count++] = (uint32_t)sector;
}

static void put_back_changes(void)
{
    while (changed_count > 0) {
        uint32_t sector = changed[--changed_count];
        uint8_t *bytes = disk->bytes + sector * SECTOR;

        is_changed[sector] = false;
        if (sector < disk->begins)
            memcpy(bytes, disk->begin + sector * SECTOR, SECTOR);
        else
            memset(bytes, 0, SECTOR);
    }
}

static enum status disk_read(struct block *b, uint64_t sector, void *data,
                             size_t count)
{
    (void)b;
    memcpy(data, disk->bytes + sector * SECTOR, count * SECTOR);
    return OK;
}

static enum status disk_write(struct block *b, uint64_t sector,
                              const void *data, size_t count)
{
    (void)b;
    check(!is_reading);
    for (size_t i = 0; i < count; i++)
        note_change(sector + i);
    memcpy(disk->bytes + sector * SECTOR, data, count * SECTOR);
    return OK;
}

static enum status disk_flush(struct block *b)
{
    (void)b;
    check(!is_reading);
    return OK;
}

static const struct block_ops disk_ops = {.read = disk_read,
                                          .write = disk_write,
                                          .flush = disk_flush,
                                          .takes_any_data = true};

static void put(struct fs *fs, const char *path, size_t len)
{
    static uint8_t bytes[5000];

    memset(bytes, *path, sizeof bytes);
    check(fs_create(fs, path) == OK);
    check(fs_write(fs, path, 0, bytes, len) == OK);
}

static void make(size_t i)
{
    struct fat_options o = {.type = kinds[i].type,
                            .cluster_size = (uint32_t)kinds[i].cluster_size};
    struct fs *fs;

    disk->block.ops = &disk_ops;
    disk->block.info = (struct block_info){
        .sectors = kinds[i].sectors, .sector_size = SECTOR, .writable = true};
    disk->begins = kinds[i].root + 64;
    disk->bytes = calloc(kinds[i].sectors, SECTOR);
    disk->begin = calloc(disk->begins, SECTOR);
    check(disk->bytes && disk->begin);
    is_reading = false;
    check(fat_format(&disk->block, &o) == OK);
    check(fat_connect(&disk->block, &fs) == OK);
    fat_set_time(fs, 1700000000 * SECOND);
    put(fs, "SHORT.TXT", 600);
    put(fs, "a long name.jpeg", 3000);
    check(fs_mkdir(fs, "dir") == OK);
    put(fs, "dir/one", 10);
    check(fs_mkdir(fs, "dir/deeper") == OK);
    put(fs, "dir/deeper/another long name", 1500);
    check(fs_remove(fs, "dir/one") == OK);
    fs_disconnect(fs);
    for (size_t j = 0; j < changed_count; j++)
        check(changed[j] < disk->begins);
    memcpy(disk->begin, disk->bytes, disk->begins * SECTOR);
    put_back_changes();
}

/* Makes the changes of the input. */
static void change(size_t kind, const uint8_t *data, size_t size)
{
    while (size > 4) {
        size_t area = data[0] % 4, len = data[3] % 32u + 1;
        size_t at = (size_t)(data[1] | data[2] << 8);
        size_t start = area == 0   ? 0
                       : area == 1 ? kinds[kind].table * SECTOR
                       : area == 2 ? kinds[kind].root * SECTOR
                                   : (kinds[kind].root + 4) * SECTOR;

        at %= area == 0 ? SECTOR : area == 1 ? 2 * SECTOR
                                             : 20 * SECTOR;
        data += 4;
        size -= 4;
        for (size_t i = 0; i < len && i < size; i++)
            if (start + at + i < disk->begins * SECTOR) {
                note_change((start + at + i) / SECTOR);
                disk->bytes[start + at + i] = data[i];
            }
        len = len < size ? len : size;
        data += len;
        size -= len;
    }
}

static bool is_of_contract(enum status s)
{
    return s != ERR_RANGE && s != ERR_EOF && s != ERR_IN_USE && s != ERR_IO;
}

struct walk {
    struct fs *fs;
    char path[FS_PATH + 1];
    unsigned *names;
};

static bool look(void *ctx, const char *name, const struct fs_stat *st)
{
    struct walk *w = ctx;
    size_t len = strlen(w->path), got;
    char bytes[700], spelling[FAT_FOLDED];
    struct fs_stat found;
    enum status s;

    check(*name && !strchr(name, '/') && strcmp(name, ".") != 0 &&
          strcmp(name, "..") != 0);
    if (++*w->names > MOST || len + strlen(name) + 2 > sizeof w->path)
        return false;
    strcat(strcat(w->path, len ? "/" : ""), name);
    s = fs_stat(w->fs, w->path, &found);
    check(s == ERR_CORRUPT || (s == OK && found.size == st->size &&
                               found.id == st->id));
    if (s == OK) {
        check(fat_spelling(w->fs, w->path, spelling) == OK);
        check(strcmp(spelling, name) == 0);
    }
    if (st->directory) {
        s = fs_list(w->fs, w->path, look, w);
    } else {
        s = fs_read(w->fs, w->path, st->size > 1000 ? st->size - 300 : 0,
                    bytes, sizeof bytes, &got);
        check(s || got <= st->size);
    }
    check(is_of_contract(s));
    w->path[len] = '\0';
    return true;
}

static void walk(struct fs *fs)
{
    unsigned names = 0;
    struct walk w = {.fs = fs, .names = &names};

    check(is_of_contract(fs_list(fs, "", look, &w)));
}

static void write_to(struct fs *fs, bool begins_with_directories)
{
    static const char *const files[] = {"SHORT.TXT", "a long name.jpeg", "new",
                                        "dir/new one", "dir/deeper/x"};
    static uint8_t bytes[3000];
    enum status s = OK;

    if (begins_with_directories) {
        check(is_of_contract(s = fs_mkdir(fs, "a first one")));
        check(is_of_contract(s = fs_mkdir(fs, "dir/a first one")));
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        check(is_of_contract(s = fs_create(fs, files[i])));
        check(is_of_contract(
            s = fs_write(fs, files[i], i * 400, bytes, sizeof bytes)));
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        check(is_of_contract(s = fs_truncate(fs, files[i], 2200 - i * 500)));
    s = fs_rename(fs, "dir/new one", "dir/deeper/another long name");
    check(is_of_contract(s));
    check(is_of_contract(s = fs_rename(fs, "dir/deeper/x", "new")));
    check(is_of_contract(s = fs_mkdir(fs, "another directory")));
    s = fs_rename(fs, "dir/deeper", "another directory/d");
    check(is_of_contract(s));
    check(is_of_contract(s = fs_remove(fs, "a long name.jpeg")));
    check(is_of_contract(s = fs_flush(fs)));
    check(is_of_contract(s = fs_truncate(fs, "SHORT.TXT", 4000)));
    check(is_of_contract(s = fs_remove(fs, "SHORT.TXT")));
    check(is_of_contract(s = fs_rename(fs, "new", "SHORT.TXT")));
    check(is_of_contract(s = fs_remove(fs, "dir")));
    check(is_of_contract(s = fs_flush(fs)));
}

static void ignore(void *ctx, const char *text)
{
    (void)ctx;
    check(strlen(text) < 512);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t kind = size ? data[0] % 32u : 0;
    bool writes, checks;
    struct fs *fs;
    struct fat_count count;

    if (size == 0)
        return 0;
    kind = kind == 31 ? 2 : kind >= 26;
    writes = data[0] & 0x80;
    /* FAT32 has 66,000 clusters to check. */
    checks = kind < 2 || !(data[0] & 0x20);
    disk = &disks[kind];
    if (!disk->bytes)
        make(kind);
    change(kind, data + 1, size - 1);
    is_reading = true;
    /* After it was written to, it is read once more. */
    for (int round = 0; round <= writes; round++) {
        check(fat_connect(&disk->block, &fs) == OK);
        walk(fs);
        is_reading = !writes || round > 0;
        if (!is_reading)
            write_to(fs, data[0] & 0x40);
        if (checks && (kind == 0 || round == writes))
            check(is_of_contract(fat_check(fs, ignore, NULL, &count)));
        fs_disconnect(fs);
        is_reading = true;
    }
    put_back_changes();
    return 0;
}
