/* SPDX-License-Identifier: ISC */
/*
 * The FAT file system's calls. One is served at a time, and to its end: a
 * change is complete in memory, or taken back.
 */
#include "fat_dir.h"
#include <mirage/buf.h>
#include <mirage/calendar.h>
#include <mirage/fat.h>
#include <mirage/macros.h>
#include <mirage/random.h>
#include <mirage/text.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES  0xffffffffu /* of a file */
#define WRITE_AFTER (5 * SECOND)
#define YEARS       (315532800 * SECOND) /* from 1970 to 1980 */
#define LAST_YEAR   2107
#define NO_DATE     0x0021 /* 1980-01-01: no time is known */

static struct fat *fat_of(struct fs *fs)
{
    return containing(fs, struct fat, fs);
}

/* What a path leads to. */
struct place {
    struct fat_dir *dir; /* that the name is in */
    uint32_t dir_first; /* its first cluster; 0: the root */
    struct fat_name name; /* of no length: the root itself */
    bool is_there;
    struct fat_entry entry; /* if it is */
};

/* Calls come one by one, and nothing cuts them short. */
static enum status enter(struct fat *f)
{
    enum status s = fiber_lock(&f->lock, FOREVER);

    if (s)
        return s;
    fiber_shield();
    return OK;
}

static enum status leave(struct fat *f, enum status s)
{
    fiber_unshield();
    fiber_unlock(&f->lock);
    return s;
}

static enum status commit(struct fat *f)
{
    enum status s = fat_commit(f);

    if (s)
        fat_dirs_forget(f); /* how far the disk is, the pieces know */
    else
        fat_dirs_committed(f);
    f->is_dir_moved = f->is_dir_moved && s;
    return s;
}

/* Nobody asked for it, but a power cut should not cost all. */
static void write_later(void *ctx)
{
    struct fat *f = ctx;

    while (time_sleep(WRITE_AFTER) == OK && enter(f) == OK) {
        bool is_done = leave(f, commit(f)) == OK;

        if (is_done)
            break;
    }
    f->is_writer_done = true;
}

static void start_writer(struct fat *f)
{
    static const struct fiber_options options = {.name = "fat"};

    if (f->writer && f->is_writer_done &&
        fiber_join(f->writer, FOREVER) == OK)
        f->writer = NULL;
    if (f->writer)
        return;
    f->is_writer_done = false;
    if (fiber_spawn(&options, write_later, f, &f->writer) != OK)
        f->writer = NULL; /* the next change tries again */
}

static void take_back(struct fat *f)
{
    if (f->undo_count == 0 && f->taken_count == 0)
        return;
    fat_take_back(f);
    fat_dirs_forget(f);
    memset(f->trail, 0, sizeof f->trail);
}

/* A disk that is full can be seen; a directory that is full has room beside. */
static void tell_full(struct fat *f)
{
    if (f->full == FAT_NOT_FULL || f->is_full_told)
        return;
    f->is_full_told = true;
    if (f->full == FAT_ROOT_FULL)
        log_warning(&fat, "the root directory is full: it has %u slots, and a "
                          "name takes one and another for each 13 characters; "
                          "a directory in it can take more, and so can the "
                          "root of FAT32 (`fat create --type=32`)",
                    (unsigned)fat_root_slots(&f->l));
    else
        log_warning(&fat, "a directory is full: FAT lets none have more than "
                          "65536 slots, and a name takes one and another for "
                          "each 13 characters; use several directories");
}

/*
 * Makes a change, as a whole or not at all. What is in the way may be gone
 * once what came before is on the disk.
 */
typedef enum status change_fn(struct fat *f, void *ctx);

static enum status change(struct fat *f, change_fn *fn, void *ctx)
{
    enum status s = OK;

    if (f->changed > FAT_CHANGED)
        s = commit(f);
    if (s == OK)
        s = fn(f, ctx);
    if (s)
        take_back(f);
    if (s == ERR_IN_USE || (s == ERR_NO_SPACE && fat_has_changes(f))) {
        s = commit(f);
        if (s == OK)
            s = fn(f, ctx);
        if (s)
            take_back(f);
    }
    fat_done(f);
    if (s == ERR_NO_SPACE)
        tell_full(f);
    f->full = FAT_NOT_FULL;
    if (s == OK && fat_has_changes(f))
        start_writer(f);
    return s;
}

static enum status enter_to(struct fat *f, bool to_change)
{
    enum status s = to_change && !f->block->info.writable ? ERR_READ_ONLY
                                                          : enter(f);

    if (s == OK && f->unusable)
        return leave(f, f->unusable);
    return s;
}

/* The cluster that a directory begins in. */
static enum status cluster_of(const struct fat *f, const struct fat_entry *e,
                              uint32_t *first)
{
    *first = fat_first_cluster(f, e->bytes);
    return *first ? OK : fat_corrupt("a directory has no cluster");
}

/* A directory below itself would make paths without end. */
static enum status check_ancestors(struct fat *f, uint32_t first, size_t depth)
{
    bool is_root = f->l.type == FAT32 && first == f->l.root_cluster;

    for (size_t i = 0; i < depth && !is_root; i++)
        is_root = f->ancestor[i] == first;
    if (is_root)
        return fat_corrupt("the directory that begins in cluster %u is below "
                           "itself",
                           (unsigned)first);
    f->ancestor[depth] = first;
    return OK;
}

/*
 * Finds what a path leads to, but not through the directory that begins in
 * cluster `around`, unless that is 0: ERR_NAME.
 */
static enum status find(struct fat *f, const char *path, uint32_t around,
                        struct place *p)
{
    size_t depth = 0;
    enum status s = fat_dir_of(f, p->dir_first = 0, &p->dir);

    p->name.len = 0;
    p->is_there = true;
    while (s == OK && *path) {
        const char *end = strchr(path, '/');
        size_t len = end ? (size_t)(end - path) : strlen(path);

        if (p->name.len > 0 && !p->is_there)
            return ERR_NOT_FOUND;
        if (p->name.len > 0) {
            if (!fat_is_directory(p->entry.bytes))
                return ERR_NOT_DIRECTORY;
            if ((s = cluster_of(f, &p->entry, &p->dir_first)) != OK)
                return s;
            if (p->dir_first == around && around != 0)
                return ERR_NAME;
            if ((s = check_ancestors(f, p->dir_first, depth++)) != OK)
                return s;
            if ((s = fat_dir_of(f, p->dir_first, &p->dir)) != OK)
                return s;
        }
        if ((s = fat_name_parse(path, len, &p->name)) != OK)
            return s;
        s = fat_dir_find(f, p->dir, &p->name, &p->entry);
        p->is_there = s == OK;
        if (s == ERR_NOT_FOUND)
            s = OK;
        path += len + (end != NULL);
    }
    return s;
}

static enum status find_there(struct fat *f, const char *path,
                              struct place *p)
{
    enum status s = find(f, path, 0, p);

    return s == OK && !p->is_there ? ERR_NOT_FOUND : s;
}

/* The directory that a path leads to. */
static enum status find_dir(struct fat *f, const char *path,
                            struct fat_dir **dir)
{
    struct place p;
    uint32_t first;
    size_t depth = 0;
    enum status s = find_there(f, path, &p);

    if (s == OK && p.name.len > 0 && !fat_is_directory(p.entry.bytes))
        s = ERR_NOT_DIRECTORY;
    if (s)
        return s;
    if (p.name.len == 0) {
        *dir = p.dir;
        return OK;
    }
    s = cluster_of(f, &p.entry, &first);
    for (const char *c = path; s == OK && *c; c++)
        depth += *c == '/';
    if (s == OK)
        s = check_ancestors(f, first, depth);
    return s ? s : fat_dir_of(f, first, dir);
}

/* 0: unknown. */
static nanoseconds time_of(const uint8_t *slot)
{
    uint32_t date = fat_get16(slot + 24), time = fat_get16(slot + 22);
    struct civil_time t = {
        .year = (uint16_t)(1980 + (date >> 9)),
        .month = date >> 5 & 15,
        .day = date & 31,
        .hour = (uint8_t)(time >> 11),
        .minute = time >> 5 & 63,
        .second = (uint8_t)((time & 31) * 2),
    };

    if (t.month < 1 || t.month > 12 || t.day < 1 ||
        (date == NO_DATE && time == 0))
        return 0;
    return (nanoseconds)calendar_seconds(&t) * SECOND;
}

static void put_time(const struct fat *f, uint8_t *slot, bool is_new)
{
    nanoseconds now = f->fixed_time ? f->fixed_time : time_wall();
    struct civil_time t = calendar_civil((int64_t)(max(now, YEARS) / SECOND));
    uint32_t date, time;

    if (t.year > LAST_YEAR) {
        t.year = LAST_YEAR;
        t.month = 12;
        t.day = 31;
    }
    date = (t.year - 1980u) << 9 | (uint32_t)t.month << 5 | t.day;
    time = (uint32_t)t.hour << 11 | (uint32_t)t.minute << 5 | t.second / 2;
    fat_put16(slot + 22, time);
    fat_put16(slot + 24, date);
    fat_put16(slot + 18, date);
    if (is_new) {
        slot[13] = (uint8_t)(t.second % 2 * 100);
        fat_put16(slot + 14, time);
        fat_put16(slot + 16, date);
    }
}

static void describe(const struct fat *f, const struct fat_entry *e,
                     struct fs_stat *st)
{
    st->directory = fat_is_directory(e->bytes);
    st->read_only = e->bytes[11] & FAT_READ_ONLY;
    st->size = st->directory ? 0 : fat_size(e->bytes);
    st->modified = time_of(e->bytes);
    st->id = fat_first_cluster(f, e->bytes);
}

static enum status stat_it(struct fs *fs, const char *path, struct fs_stat *st)
{
    struct fat *f = fat_of(fs);
    struct place p;
    enum status s = enter_to(f, false);

    if (s)
        return s;
    s = find_there(f, path, &p);
    if (s == OK && p.name.len == 0)
        *st = (struct fs_stat){.directory = true, .id = f->l.root_cluster};
    else if (s == OK)
        describe(f, &p.entry, st);
    return leave(f, s);
}

/* Logs that an entry of a directory is left out; name: NULL, or that of another
 * as well. Names are of whoever made the disk, the directory's too. */
static void tell_left_out(const char *path, const char *name)
{
    char directory[200], quoted[200];

    path = *path ? path : "/";
    text_quote(directory, sizeof directory, path, strlen(path));
    if (!name) {
        log_warning(&fat, "%s: a name that no path can hold is left out",
                    directory);
        return;
    }
    text_quote(quoted, sizeof quoted, name, strlen(name));
    log_warning(&fat, "%s: a second entry with the name \"%s\" is left out; "
                      "`fsck.fat -a` renames it",
                directory, quoted);
}

/* Entries that are read at once: finding a directory that is deep takes long.
 */
#define BATCH 16

struct batch {
    uint32_t slot;
    size_t count;
    struct {
        struct fs_stat st;
        bool is_text, is_found;
        char name[FAT_TEXT];
    } entry[BATCH];
};

/* The names of a directory from b->slot on. ERR_EOF: there are no more. */
static enum status read_batch(struct fat *f, const char *path, struct batch *b)
{
    struct fat_dir *d;
    struct fat_entry e;
    enum status s = find_dir(f, path, &d);

    b->count = 0;
    while (s == OK && b->count < BATCH) {
        s = fat_dir_next(f, d, &b->slot, &e);
        if (s == OK)
            s = fat_dir_is_found(f, d, &e, &b->entry[b->count].is_found);
        if (s)
            break;
        describe(f, &e, &b->entry[b->count].st);
        b->entry[b->count].is_text = fat_name_text(&e.name,
                                                   b->entry[b->count].name);
        b->count++;
    }
    return s;
}

/* Between two batches others may call; within one, fn. */
static enum status list(struct fs *fs, const char *path, fs_entry *fn,
                        void *ctx)
{
    struct fat *f = fat_of(fs);
    struct batch *b = malloc(sizeof *b);
    enum status s = b ? OK : ERR_NO_MEMORY;
    bool goes_on = true;

    if (b)
        b->slot = 0;
    while (s == OK && goes_on) {
        s = enter_to(f, false);
        if (s)
            break;
        s = leave(f, read_batch(f, path, b));
        for (size_t i = 0; goes_on && i < b->count; i++)
            if (!b->entry[i].is_text)
                tell_left_out(path, NULL);
            else if (!b->entry[i].is_found)
                tell_left_out(path, b->entry[i].name);
            else
                goes_on = fn(ctx, b->entry[i].name, &b->entry[i].st);
    }
    free(b);
    return s == ERR_EOF || !goes_on ? OK : s;
}

/* One sector that just a part of is wanted. */
static enum status load_edge(struct fat *f, uint64_t sector)
{
    enum status s;

    if (f->edge_sector == sector)
        return OK;
    f->edge_sector = FAT_NO_SECTOR;
    s = block_read(f->block, sector, f->edge, 1);
    if (s == OK)
        f->edge_sector = sector;
    return s;
}

/* Sectors in a row, of a file, and what goes from them or to them. */
struct move {
    uint64_t sector;
    size_t skip, len; /* bytes: in front of them, and of them */
    uint64_t at, size; /* in the file, and the file's */
    uint8_t *to; /* reading */
    const uint8_t *from; /* writing; NULL: zeros */
    bool is_write;
};

static enum status move_edge(struct fat *f, const struct move *m, size_t n)
{
    enum status s = OK;

    if (m->is_write && m->at - m->skip >= m->size)
        memset(f->edge, 0, f->l.sector_size); /* nothing of the file yet */
    else
        s = load_edge(f, m->sector);
    if (s)
        return s;
    if (!m->is_write) {
        memcpy(m->to, f->edge + m->skip, n);
        return OK;
    }
    f->edge_sector = FAT_NO_SECTOR;
    if (m->from)
        memcpy(f->edge + m->skip, m->from, n);
    else
        memset(f->edge + m->skip, 0, n);
    s = fat_write_data(f, m->sector, f->edge, 1);
    if (s == OK)
        f->edge_sector = m->sector;
    return s;
}

static enum status move_sectors(struct fat *f, const struct move *m,
                                uint32_t count)
{
    if (!m->is_write)
        return block_read(f->block, m->sector, m->to, count);
    return m->from ? fat_write_data(f, m->sector, m->from, count)
                   : fat_write_zeros(f, m->sector, count);
}

static void advance(struct move *m, size_t n)
{
    m->at += n;
    if (m->to)
        m->to += n;
    if (m->from)
        m->from += n;
}

static enum status move(struct fat *f, struct move m)
{
    uint32_t size = f->l.sector_size;
    enum status s = OK;

    while (s == OK && m.len > 0) {
        size_t n = m.len - m.len % size;

        if (m.skip > 0 || n == 0) {
            n = size - m.skip < m.len ? size - m.skip : m.len;
            s = move_edge(f, &m, n);
            m.sector++;
        } else {
            s = move_sectors(f, &m, (uint32_t)(n / size));
            m.sector += n / size;
        }
        m.skip = 0;
        advance(&m, n);
        m.len -= n;
    }
    return s;
}

/* Moves what is asked for, m.len bytes at m.at, as far as clusters lie side
 * by side, again and again. */
static enum status move_file(struct fat *f, uint32_t first, struct move m)
{
    uint32_t size = f->l.cluster_size;
    size_t left = m.len;
    enum status s = OK;

    while (s == OK && left > 0) {
        uint32_t c, next, n = (uint32_t)(m.at / size), inside;

        if ((s = fat_nth(f, first, n, &c)) != OK)
            break;
        inside = (uint32_t)(m.at % size);
        m.sector = fat_sector_of(&f->l, c) + inside / f->l.sector_size;
        m.skip = inside % f->l.sector_size;
        m.len = size - inside;
        while (m.len < left &&
               (s = fat_nth(f, first, ++n, &next)) == OK && next == ++c)
            m.len += size;
        if (m.len > left)
            m.len = left;
        if (s == OK)
            s = move(f, m);
        advance(&m, m.len);
        left -= m.len;
    }
    return s;
}

static enum status read_it(struct fs *fs, const char *path, uint64_t offset,
                           void *data, size_t len, size_t *got)
{
    struct fat *f = fat_of(fs);
    struct place p;
    uint64_t size;
    enum status s = enter_to(f, false);

    if (s)
        return s;
    s = find_there(f, path, &p);
    if (s == OK && fat_is_directory(p.entry.bytes))
        s = ERR_IS_DIRECTORY;
    if (s)
        return leave(f, s);
    size = fat_size(p.entry.bytes);
    if (offset >= size)
        len = 0;
    else if (len > size - offset)
        len = (size_t)(size - offset);
    s = len == 0 ? OK
                 : move_file(f, fat_first_cluster(f, p.entry.bytes),
                             (struct move){.at = offset,
                                           .size = size,
                                           .len = len,
                                           .to = data});
    if (s == OK)
        *got = len;
    return leave(f, s);
}

/* What is written: from `at`, up to `end`; before offset, zeros. */
struct writing {
    struct place p;
    const uint8_t *data;
    uint64_t at, offset, end;
};

static uint32_t clusters_for(const struct fat *f, uint64_t bytes)
{
    return (uint32_t)((bytes + f->l.cluster_size - 1) / f->l.cluster_size);
}

/* A file's clusters, those that it has and needs not among them. */
static enum status count_clusters(struct fat *f, const uint8_t *slot,
                                  uint32_t wanted, uint32_t *count,
                                  uint32_t *last)
{
    uint32_t first = fat_first_cluster(f, slot);
    uint32_t n = clusters_for(f, fat_size(slot)), next = 0;
    enum status s;

    *count = 0;
    *last = 0;
    if (first == 0)
        return n == 0 ? OK
                      : fat_corrupt("a file of %u bytes has no cluster",
                                    (unsigned)fat_size(slot));
    if (n == 0)
        n = 1;
    s = fat_nth(f, first, n - 1, last);
    while (s == OK && n < wanted && (s = fat_next(f, *last, &next)) == OK &&
           next != 0) {
        *last = next;
        n++;
    }
    *count = n;
    return s;
}

/* Is there room for the whole of it? */
static enum status check_room(struct fat *f, void *ctx)
{
    struct writing *w = ctx;
    uint32_t wanted = clusters_for(f, w->end), count, last;
    enum status s;

    if (w->end > MOST_BYTES)
        return ERR_NO_SPACE;
    s = count_clusters(f, w->p.entry.bytes, wanted, &count, &last);
    if (s == OK && count < wanted)
        s = fat_count_free(f);
    return s == OK && count < wanted && wanted - count > f->free
               ? ERR_NO_SPACE
               : s;
}

/* As much of it as a call's worth of clusters holds. */
static enum status write_some(struct fat *f, void *ctx)
{
    struct writing *w = ctx;
    uint32_t size = f->l.cluster_size, wanted, count, last;
    uint64_t end = (w->at / size + FAT_CHUNK) * size;
    uint8_t slot[FAT_SLOT];
    struct move m = {.at = w->at, .is_write = true};
    struct fat_dir *d;
    enum status s;

    if (w->at < w->offset && end > w->offset)
        end = w->offset;
    if (end > w->end)
        end = w->end;
    memcpy(slot, w->p.entry.bytes, FAT_SLOT);
    wanted = clusters_for(f, end);
    s = count_clusters(f, slot, wanted, &count, &last);
    if (s == OK && wanted > count)
        s = fat_take(f, last, wanted - count);
    if (s)
        return s;
    if (last == 0)
        fat_put_first_cluster(slot, f->taken[0]);
    m.len = (size_t)(end - w->at);
    m.size = fat_size(slot);
    m.from = w->at < w->offset ? NULL : w->data + (w->at - w->offset);
    s = move_file(f, fat_first_cluster(f, slot), m);
    if (s)
        return s;
    if (end > fat_size(slot))
        fat_put32(slot + 28, (uint32_t)end);
    slot[11] |= FAT_ARCHIVE;
    put_time(f, slot, false);
    s = fat_dir_of(f, w->p.dir_first, &d);
    if (s == OK)
        s = fat_dir_change(f, d, w->p.entry.slot, slot);
    if (s)
        return s;
    memcpy(w->p.entry.bytes, slot, FAT_SLOT);
    w->at = end;
    return OK;
}

/* A file that may be changed. */
static enum status find_file(struct fat *f, const char *path, struct place *p)
{
    enum status s = find_there(f, path, p);

    if (s)
        return s;
    return fat_is_directory(p->entry.bytes)     ? ERR_IS_DIRECTORY
           : p->entry.bytes[11] & FAT_READ_ONLY ? ERR_READ_ONLY
                                                : OK;
}

/* A gap may be up to 4 GiB of zeros: the fiber may be asked to end meanwhile.
 */
static enum status write_all(struct fat *f, struct writing *w)
{
    enum status s = change(f, check_room, w);

    while (s == OK && w->at < w->end) {
        if (w->at < w->offset && (fiber_yield() || fiber_is_cancelled()))
            return ERR_CANCELLED;
        s = change(f, write_some, w);
    }
    return s;
}

static enum status write_it(struct fs *fs, const char *path, uint64_t offset,
                            const void *data, size_t len)
{
    struct fat *f = fat_of(fs);
    struct writing w = {.data = data, .offset = offset};
    enum status s = enter_to(f, true);

    if (s)
        return s;
    s = find_file(f, path, &w.p);
    if (s || len == 0)
        return leave(f, s);
    w.end = offset > MOST_BYTES ? UINT64_MAX : offset + len;
    w.at = fat_size(w.p.entry.bytes) < offset ? fat_size(w.p.entry.bytes)
                                              : offset;
    return leave(f, write_all(f, &w));
}

struct truncation {
    const char *path;
    uint64_t size;
};

/* The last cluster that is kept ends the chain, and the rest is doomed. */
static enum status cut_chain(struct fat *f, uint32_t first, uint32_t kept,
                             uint32_t *rest)
{
    uint32_t last;
    enum status s = fat_nth(f, first, kept - 1, &last);

    *rest = 0;
    if (s == OK)
        s = fat_next(f, last, rest);
    if (s == OK && *rest != 0)
        s = fat_end_chain(f, last);
    return s;
}

static enum status shorten(struct fat *f, void *ctx)
{
    const struct truncation *t = ctx;
    struct place p;
    uint8_t slot[FAT_SLOT];
    uint32_t first, rest;
    enum status s = find_there(f, t->path, &p);

    if (s)
        return s;
    memcpy(slot, p.entry.bytes, FAT_SLOT);
    first = rest = fat_first_cluster(f, slot);
    if (t->size > 0)
        s = cut_chain(f, first, clusters_for(f, t->size), &rest);
    else
        fat_put_first_cluster(slot, 0);
    fat_put32(slot + 28, (uint32_t)t->size);
    slot[11] |= FAT_ARCHIVE;
    put_time(f, slot, false);
    if (s == OK)
        s = fat_doom_room(f);
    if (s == OK)
        s = fat_dir_of(f, p.dir_first, &p.dir);
    if (s == OK)
        s = fat_dir_change(f, p.dir, p.entry.slot, slot);
    if (s)
        return s;
    fat_forget_trail(f, first);
    fat_doom(f, rest);
    return OK;
}

static enum status truncate_it(struct fs *fs, const char *path, uint64_t size)
{
    struct fat *f = fat_of(fs);
    struct truncation t = {path, size};
    struct writing w = {.offset = size, .end = size};
    enum status s = enter_to(f, true);

    if (s)
        return s;
    s = find_file(f, path, &w.p);
    if (s)
        return leave(f, s);
    w.at = fat_size(w.p.entry.bytes);
    if (size < w.at)
        return leave(f, change(f, shorten, &t));
    return leave(f, size == w.at ? OK : write_all(f, &w));
}

struct creation {
    const char *path;
    uint8_t attribute;
};

static enum status make(struct fat *f, void *ctx)
{
    const struct creation *c = ctx;
    struct place p;
    uint8_t slot[FAT_SLOT] = {[11] = c->attribute};
    uint32_t first;
    enum status s = find(f, c->path, 0, &p);

    if (s == OK && p.is_there)
        s = ERR_EXISTS;
    if (s == OK)
        s = fat_name_check_new(&p.name);
    if (s == OK)
        s = fat_dir_clean(f, p.dir);
    if (s)
        return s;
    put_time(f, slot, true);
    if (c->attribute == FAT_IS_DIR) {
        if ((s = fat_dir_make(f, p.dir_first, slot, &first)) != OK)
            return s;
        fat_put_first_cluster(slot, first);
        fat_dir_forget(f, first);
    }
    return fat_dir_add(f, p.dir, &p.name, slot);
}

static enum status create_as(struct fs *fs, const char *path,
                             uint8_t attribute)
{
    struct fat *f = fat_of(fs);
    struct creation c = {path, attribute};
    enum status s = enter_to(f, true);

    return s ? s : leave(f, change(f, make, &c));
}

static enum status create(struct fs *fs, const char *path)
{
    return create_as(fs, path, FAT_ARCHIVE);
}

static enum status make_dir(struct fs *fs, const char *path)
{
    return create_as(fs, path, FAT_IS_DIR);
}

/* May the directory that begins in this cluster go? */
static enum status check_empty(struct fat *f, uint32_t first)
{
    struct fat_dir *d;
    bool is_empty = false;
    enum status s = fat_dir_of(f, first, &d);

    if (s == OK)
        s = fat_dir_is_empty(f, d, &is_empty);
    return s == OK && !is_empty ? ERR_NOT_EMPTY : s;
}

static enum status drop(struct fat *f, void *ctx)
{
    struct place p;
    uint32_t first;
    enum status s = find_there(f, ctx, &p);

    if (s)
        return s;
    if (p.entry.bytes[11] & FAT_READ_ONLY)
        return ERR_READ_ONLY;
    first = fat_first_cluster(f, p.entry.bytes);
    if (fat_is_directory(p.entry.bytes)) {
        if ((s = cluster_of(f, &p.entry, &first)) != OK ||
            (s = check_empty(f, first)) != OK ||
            (s = fat_dir_of(f, p.dir_first, &p.dir)) != OK)
            return s;
    }
    s = fat_doom_room(f);
    if (s == OK)
        s = fat_dir_remove(f, p.dir, &p.entry);
    if (s)
        return s;
    f->is_full_told = false; /* there is room again */
    fat_dir_forget(f, first ? first : UINT32_MAX);
    fat_doom(f, first);
    return OK;
}

static enum status drop_it(struct fs *fs, const char *path)
{
    struct fat *f = fat_of(fs);
    enum status s = enter_to(f, true);

    return s ? s : leave(f, change(f, drop, (void *)(uintptr_t)path));
}

struct renaming {
    const char *from, *to;
};

static bool is_same_name(const struct fat_name *a, const struct fat_name *b)
{
    return a->len == b->len &&
           memcmp(a->unit, b->unit, a->len * sizeof *a->unit) == 0;
}

/*
 * The file's name takes over what another's leads to. Its slot changes at once,
 * from the old file to the new one; before that, in a step of its own, the new
 * file's first name goes (see fat_store.h). A file that the disk does not know
 * under `to` yet is committed first, so that there is an old one to keep.
 */
static enum status replace(struct fat *f, struct place *from, struct place *to)
{
    uint32_t old = fat_first_cluster(f, to->entry.bytes);
    uint32_t first = fat_first_cluster(f, from->entry.bytes);
    uint8_t slot[FAT_SLOT];
    bool is_on_disk = false;
    enum status s;

    if (to->entry.bytes[11] & FAT_READ_ONLY)
        return ERR_READ_ONLY;
    if ((s = fat_dir_of(f, to->dir_first, &to->dir)) != OK ||
        (s = fat_dir_is_on_disk(f, to->dir, to->entry.slot, &is_on_disk)) != OK)
        return s;
    if (!is_on_disk)
        return ERR_IN_USE;
    memcpy(slot, from->entry.bytes, FAT_SLOT);
    memcpy(slot, to->entry.bytes, FAT_SHORT);
    slot[12] = to->entry.bytes[12]; /* lower case of the short name */
    if ((s = fat_doom_room(f)) != OK ||
        (s = fat_dir_change(f, to->dir, to->entry.slot, slot)) != OK ||
        (s = fat_dir_of(f, from->dir_first, &from->dir)) != OK ||
        (s = fat_dir_remove(f, from->dir, &from->entry)) != OK)
        return s;
    fat_dirs_leave_early(f, first);
    if (old != first) /* a power cut may have left one file with both names */
        fat_doom(f, old);
    return OK;
}

static enum status move_name(struct fat *f, void *ctx)
{
    const struct renaming *r = ctx;
    struct place from, to;
    uint32_t first = 0;
    struct fat_dir *d;
    bool is_dir;
    enum status s = find_there(f, r->from, &from);

    if (s)
        return s;
    is_dir = fat_is_directory(from.entry.bytes);
    if (is_dir && (s = cluster_of(f, &from.entry, &first)) != OK)
        return s;
    if ((s = find(f, r->to, first, &to)) != OK)
        return s;
    if (to.is_there && (to.dir_first != from.dir_first ||
                        to.entry.slot != from.entry.slot))
        return is_dir || fat_is_directory(to.entry.bytes)
                   ? ERR_EXISTS
                   : replace(f, &from, &to);
    if (to.is_there && is_same_name(&to.name, &from.entry.name))
        return OK;
    if ((s = fat_name_check_new(&to.name)) != OK)
        return s;
    if (is_dir && to.dir_first != from.dir_first) {
        if (f->is_dir_moved)
            return ERR_IN_USE;
        f->is_dir_moved = true;
    }
    s = fat_dir_add(f, to.dir, &to.name, from.entry.bytes);
    if (s == OK)
        s = fat_dir_of(f, from.dir_first, &from.dir);
    if (s == OK)
        s = fat_dir_remove(f, from.dir, &from.entry);
    if (s || !is_dir || to.dir_first == from.dir_first)
        return s;
    s = fat_dir_of(f, first, &d);
    return s ? s : fat_dir_set_parent(f, d, to.dir_first);
}

static enum status rename_it(struct fs *fs, const char *from, const char *to)
{
    struct fat *f = fat_of(fs);
    struct renaming r = {from, to};
    enum status s = enter_to(f, true);

    return s ? s : leave(f, change(f, move_name, &r));
}

static enum status flush(struct fs *fs)
{
    struct fat *f = fat_of(fs);
    enum status s = enter(f);

    /* Where there is no file system nothing waits to be written. */
    return s ? s : leave(f, f->unusable ? OK : commit(f));
}

/* Chooses what is read, and writes nothing: the disk may only be read. */
static enum status look_at_state(struct fat *f)
{
    enum status s = fat_choose_table(f);

    if (s == OK)
        s = fat_is_in_use(f, &f->was_in_use);
    if (s == OK && f->was_in_use)
        log_warning(&fat, "the disk was in use when its image ended; the mark "
                          "of that stays until `fsck.fat -a` has freed what "
                          "was lost and cleared it");
    return s;
}

static enum status mount(struct fat *f)
{
    uint8_t *boot = malloc(f->block->info.sector_size);
    const char *why = "the disk is too small";
    enum status s = boot ? OK : ERR_NO_MEMORY;

    f->unusable = ERR_FORMAT;
    if (s == OK && f->block->info.sectors > 0) {
        s = block_read(f->block, 0, boot, 1);
        if (s == OK)
            f->unusable = fat_layout_parse(boot, f->block->info.sectors,
                                           f->block->info.sector_size, &f->l,
                                           &why);
    }
    if (s == OK && f->unusable)
        log_error(&fat,
                  "there is no FAT file system that can be used: %s; "
                  "fs_format makes a new one, as does `fat create`",
                  why);
    if (s == OK && f->unusable == OK) {
        log_info(&fat, "FAT%d, %u clusters of %u bytes", (int)f->l.type,
                 (unsigned)f->l.clusters, (unsigned)f->l.cluster_size);
        s = look_at_state(f);
    }
    free(boot);
    return s;
}

static enum status format(struct fs *fs)
{
    struct fat *f = fat_of(fs);
    enum status s = enter(f);

    if (s)
        return s;
    if (f->block->info.writable) {
        fat_forget(f);
        fat_dirs_forget(f);
    }
    s = fat_format(f->block, NULL);
    if (s == OK)
        s = mount(f);
    else if (s != ERR_READ_ONLY)
        f->unusable = ERR_FORMAT;
    return leave(f, s);
}

static void free_fat(struct fat *f)
{
    fat_forget(f);
    fat_dirs_forget(f);
    if (f->zeros)
        page_free(f->zeros, FAT_ZEROS / PAGE_BYTES);
    free(f->doomed);
    free(f->edge);
    free(f->step);
    free(f);
}

static void disconnect(struct fs *fs)
{
    struct fat *f = fat_of(fs);

    fiber_shield();
    if (f->writer) {
        fiber_cancel(f->writer);
        if (fiber_join(f->writer, FOREVER) != OK)
            log_error(&fat, "its fiber does not end");
    }
    if (fs->ops->flush(fs) != OK)
        log_error(&fat, "what was not on the disk yet is lost");
    fiber_unshield();
    free_fat(f);
}

static const struct fs_ops fat_ops = {
    .stat = stat_it,
    .list = list,
    .read = read_it,
    .write = write_it,
    .truncate = truncate_it,
    .create = create,
    .mkdir = make_dir,
    .remove = drop_it,
    .rename = rename_it,
    .format = format,
    .flush = flush,
    .disconnect = disconnect,
};

enum status fat_connect(struct block *block, struct fs **fs)
{
    size_t size = block->info.sector_size;
    struct fat *f = calloc(1, sizeof *f);
    enum status s;

    if (!f)
        return ERR_NO_MEMORY;
    f->fs.ops = &fat_ops;
    f->block = block;
    f->edge_sector = FAT_NO_SECTOR;
    f->edge = malloc(size);
    f->step = malloc(size > 1365 ? 3 * size : 4096);
    f->zeros = page_alloc(FAT_ZEROS / PAGE_BYTES);
    random_bytes(&f->seed, sizeof f->seed);
    s = f->edge && f->step && f->zeros ? mount(f) : ERR_NO_MEMORY;
    if (s) {
        free_fat(f);
        return s;
    }
    *fs = &f->fs;
    return OK;
}

/* Whether fs is a FAT file system: a call that is FAT's alone may get any. */
static bool is_fat(const struct fs *fs, const char *call)
{
    if (fs->ops == &fat_ops)
        return true;
    log_error(&fat, "%s was called for a file system that is not FAT", call);
    return false;
}

enum status fat_spelling(struct fs *fs, const char *path,
                         char name[FAT_FOLDED])
{
    struct fat *f = fat_of(fs);
    struct place p;
    enum status s = is_fat(fs, __func__) ? enter_to(f, false) : ERR_UNSUPPORTED;

    if (s)
        return s;
    s = find_there(f, path, &p);
    if (s == OK && (p.name.len == 0 || !fat_name_text(&p.entry.name, name)))
        s = ERR_NAME;
    return leave(f, s);
}

void fat_set_time(struct fs *fs, nanoseconds now)
{
    if (is_fat(fs, __func__))
        fat_of(fs)->fixed_time = now;
}

enum status fat_room(struct fs *fs, uint64_t *bytes, uint32_t *cluster_size)
{
    struct fat *f = fat_of(fs);
    enum status s = is_fat(fs, __func__) ? enter_to(f, false) : ERR_UNSUPPORTED;

    if (s)
        return s;
    s = fat_count_free(f);
    if (s == OK)
        *bytes = (uint64_t)f->free * f->l.cluster_size;
    if (s == OK && cluster_size)
        *cluster_size = f->l.cluster_size;
    return leave(f, s);
}

enum status fat_check(struct fs *fs, void (*fault)(void *ctx, const char *text),
                      void *ctx, struct fat_count *count)
{
    struct fat *f = fat_of(fs);
    enum status s = is_fat(fs, __func__) ? enter_to(f, false) : ERR_UNSUPPORTED;

    return s ? s : leave(f, fat_check_all(f, fault, ctx, count));
}
