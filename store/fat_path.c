/* SPDX-License-Identifier: ISC */
#include "fat_path.h"
#include <string.h>

enum status fat_dir_cluster(const struct fat *f, const struct fat_entry *e,
                            uint32_t *first)
{
    *first = fat_first_cluster(f, e->bytes);
    return *first ? OK : fat_corrupt("a directory has no cluster");
}

/* Refuses a directory that contains itself: its paths would have no end. */
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

enum status fat_lookup(struct fat *f, const char *path, uint32_t around,
                       struct fat_place *p)
{
    size_t depth = 0;
    enum status s = fat_dir_get(f, p->dir_first = 0, &p->dir);

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
            if ((s = fat_dir_cluster(f, &p->entry, &p->dir_first)) != OK)
                return s;
            if (p->dir_first == around && around != 0)
                return ERR_NAME;
            if ((s = check_ancestors(f, p->dir_first, depth++)) != OK)
                return s;
            if ((s = fat_dir_get(f, p->dir_first, &p->dir)) != OK)
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

enum status fat_lookup_existing(struct fat *f, const char *path,
                                struct fat_place *p)
{
    enum status s = fat_lookup(f, path, 0, p);

    return s == OK && !p->is_there ? ERR_NOT_FOUND : s;
}

enum status fat_lookup_dir(struct fat *f, const char *path,
                           struct fat_dir **dir)
{
    struct fat_place p;
    uint32_t first;
    size_t depth = 0;
    enum status s = fat_lookup_existing(f, path, &p);

    if (s == OK && p.name.len > 0 && !fat_is_directory(p.entry.bytes))
        s = ERR_NOT_DIRECTORY;
    if (s)
        return s;
    if (p.name.len == 0) {
        *dir = p.dir;
        return OK;
    }
    s = fat_dir_cluster(f, &p.entry, &first);
    for (const char *c = path; s == OK && *c; c++)
        depth += *c == '/';
    if (s == OK)
        s = check_ancestors(f, first, depth);
    return s ? s : fat_dir_get(f, first, dir);
}
