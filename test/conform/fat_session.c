/* SPDX-License-Identifier: ISC */
#include "fat_session.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

uint32_t session_random(struct session *s, uint32_t bound)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return (uint32_t)(s->random * 0x2545f4914f6cdd1du >> 32) % bound;
}

static bool chance(struct session *s, uint32_t percent)
{
    return session_random(s, 100) < percent;
}

static void *get(size_t len)
{
    void *p = malloc(len ? len : 1);

    if (!p)
        abort();
    return p;
}

static char *copy(const char *text)
{
    return strcpy(get(strlen(text) + 1), text);
}

static struct node *find(const struct tree *t, const char *path)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcasecmp(t->node[i].path, path) == 0)
            return &t->node[i];
    return NULL;
}

static void add(struct tree *t, const char *path, bool is_directory,
                const uint8_t *data, size_t len)
{
    struct node n = {copy(path), is_directory, get(len), len};

    if (len)
        memcpy(n.data, data, len);
    t->node = realloc(t->node, (t->count + 1) * sizeof *t->node);
    t->node[t->count++] = n;
}

static void drop(struct tree *t, struct node *n)
{
    free(n->path);
    free(n->data);
    *n = t->node[--t->count];
}

struct tree tree_copy(const struct tree *t)
{
    struct tree c = {0};

    for (size_t i = 0; i < t->count; i++)
        add(&c, t->node[i].path, t->node[i].is_directory, t->node[i].data,
            t->node[i].len);
    return c;
}

void tree_free(struct tree *t)
{
    while (t->count)
        drop(t, &t->node[0]);
    free(t->node);
    t->node = NULL;
}

static void note(struct session *s, enum deed deed, const char *path,
                 const char *to, uint64_t from, uint64_t len)
{
    s->event = realloc(s->event, (s->events + 1) * sizeof *s->event);
    s->event[s->events++] =
        (struct event){deed, path ? copy(path) : NULL, to ? copy(to) : NULL,
                       from, len};
}

void session_end(struct session *s)
{
    tree_free(&s->tree);
    for (size_t i = 0; i < s->events; i++) {
        free(s->event[i].path);
        free(s->event[i].to);
    }
    free(s->event);
    s->event = NULL;
    s->events = 0;
}

static bool wrong(const char *what, const char *path, enum status is)
{
    printf("%s of \"%s\": %s\n", what, path, status_text(is));
    return false;
}

/* Makes a name of one of the kinds that FAT treats differently. Its characters
 * have at most 16 bits: mtools cannot show others. */
static void name(struct session *s, char *to)
{
    static const char *const parts[] = {
        "A", "b", "README", "readme", "Mixed", "two words", "x.y.z", "+,;=[]",
        "a rather long name that goes on", "\xe2\x98\x83", "\xc2\xb5m",
        "\xe6\x97\xa5\xe6\x9c\xac", ".hidden", "LONGER~1", "..x", " lead"};
    static const char *const ends[] = {"", "", ".TXT", ".txt", ".c", ".jpeg",
                                       ".tar.gz"};
    size_t len;

    sprintf(to, "%s%u%s", parts[session_random(s, 16)], session_random(s, 20),
            ends[session_random(s, 7)]);
    if (chance(s, 3)) {
        len = 200 + session_random(s, 56);
        memset(to, 'l', len);
        sprintf(to + len - 2, "%02u", session_random(s, 99));
    }
}

/* The path of a random directory; "": the root. */
static const char *directory(struct session *s)
{
    for (int i = 0; s->tree.count && i < 4; i++) {
        const struct node *n =
            &s->tree.node[session_random(s, (uint32_t)s->tree.count)];

        if (n->is_directory && strlen(n->path) < 600)
            return n->path;
    }
    return "";
}

static char *new_path(struct session *s)
{
    const char *d = directory(s);
    char *path = get(strlen(d) + 300);

    strcpy(path, d);
    if (*d)
        strcat(path, "/");
    name(s, path + strlen(path));
    return path;
}

/* The path of a random file or directory, sometimes in another case; NULL:
 * there is none. */
static char *old_path(struct session *s)
{
    char *path;

    if (s->tree.count == 0)
        return NULL;
    path = copy(
        s->tree.node[session_random(s, (uint32_t)s->tree.count)].path);
    if (chance(s, 20))
        for (char *c = path; *c; c++)
            if (*c >= 'a' && *c <= 'z' && chance(s, 50))
                *c = (char)(*c - 32);
    return path;
}

static bool is_full(struct session *s, enum status is)
{
    if (is != ERR_NO_SPACE || s->is_roomy)
        return false;
    s->full++;
    return true;
}

static bool make(struct session *s, bool is_directory)
{
    char *path = new_path(s);
    bool is_there = find(&s->tree, path) != NULL, ok = true;
    enum status is = is_directory ? fs_mkdir(s->fs, path)
                                  : fs_create(s->fs, path);

    if (is == OK && !is_there) {
        note(s, WROTE, path, NULL, 0, 0);
        add(&s->tree, path, is_directory, NULL, 0);
    } else if (is != (is_there ? ERR_EXISTS : OK) && !is_full(s, is)) {
        ok = wrong("creation", path, is);
    }
    free(path);
    return ok;
}

static bool write_to(struct session *s)
{
    char *path = old_path(s);
    struct node *n = path ? find(&s->tree, path) : NULL;
    size_t at, len, end;
    uint8_t *data;
    enum status is;

    if (!n)
        return true;
    at = chance(s, 60) ? n->len : session_random(s, (uint32_t)n->len + 1);
    if (chance(s, 10))
        at += session_random(s, 5000);
    len = session_random(s, chance(s, 70) ? 700 : (uint32_t)s->most);
    if (at + len > s->most)
        len = at < s->most ? s->most - at : 0;
    data = get(len);
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)session_random(s, 256);
    is = fs_write(s->fs, path, at, data, len);
    if (is == OK && !n->is_directory && len > 0) {
        end = at + len > n->len ? at + len : n->len;
        n->data = realloc(n->data, end);
        if (at > n->len)
            memset(n->data + n->len, 0, at - n->len);
        memcpy(n->data + at, data, len);
        note(s, WROTE, path, NULL, at, len);
        n->len = end;
        is = OK;
    } else if (is == (n->is_directory ? ERR_IS_DIRECTORY : OK) ||
               is_full(s, is)) {
        is = OK;
    }
    free(data);
    if (is)
        wrong("writing", path, is);
    free(path);
    return is == OK;
}

static bool truncate_it(struct session *s)
{
    char *path = old_path(s);
    struct node *n = path ? find(&s->tree, path) : NULL;
    size_t size;
    enum status is;

    if (!n)
        return true;
    size = session_random(s, (uint32_t)n->len + (chance(s, 30) ? 3000 : 1));
    if (chance(s, 10) || size > s->most)
        size = 0;
    is = fs_truncate(s->fs, path, size);
    if (is == OK && !n->is_directory) {
        n->data = realloc(n->data, size ? size : 1);
        if (size > n->len)
            memset(n->data + n->len, 0, size - n->len);
        note(s, TRUNCATED, path, NULL, 0, size);
        n->len = size;
    } else if (is == (n->is_directory ? ERR_IS_DIRECTORY : OK) ||
               is_full(s, is)) {
        is = OK;
    }
    if (is)
        wrong("truncation", path, is);
    free(path);
    return is == OK;
}

/* Whether the path is inside the directory. */
static bool is_in(const char *path, const char *dir)
{
    size_t len = strlen(dir);

    return strncasecmp(path, dir, len) == 0 && path[len] == '/';
}

static bool is_empty(const struct tree *t, const char *dir)
{
    for (size_t i = 0; i < t->count; i++)
        if (is_in(t->node[i].path, dir))
            return false;
    return true;
}

static bool remove_it(struct session *s)
{
    char *path = old_path(s);
    struct node *n = path ? find(&s->tree, path) : NULL;
    enum status is, wanted = OK;

    if (!n)
        return true;
    is = fs_remove(s->fs, path);
    if (n->is_directory && !is_empty(&s->tree, n->path))
        wanted = ERR_NOT_EMPTY;
    if (is == OK && wanted == OK) {
        note(s, REMOVED, path, NULL, 0, 0);
        drop(&s->tree, n);
    } else if (is != wanted) {
        wrong("removal", path, is);
        free(path);
        return false;
    }
    free(path);
    return true;
}

static void move_all(struct tree *t, const char *from, const char *to)
{
    size_t len = strlen(from);

    for (size_t i = 0; i < t->count; i++) {
        struct node *n = &t->node[i];
        char *path;

        if (strcasecmp(n->path, from) != 0 && !is_in(n->path, from))
            continue;
        path = get(strlen(n->path) + strlen(to) + 1);
        strcpy(path, to);
        strcat(path, n->path + len);
        free(n->path);
        n->path = path;
    }
}

/* Gives the file `from` the name of the other, in its spelling. */
static void replace(struct session *s, struct node *from, struct node *to)
{
    char *path = copy(to->path);

    free(from->path);
    from->path = path;
    drop(&s->tree, to);
}

static bool rename_it(struct session *s)
{
    char *from = old_path(s);
    char *to = chance(s, 40) && from ? old_path(s) : new_path(s);
    struct node *n = from ? find(&s->tree, from) : NULL;
    struct node *there = find(&s->tree, to);
    enum status is, wanted = OK;
    bool ok = true;

    if (n) {
        is = fs_rename(s->fs, from, to);
        if (n->is_directory && is_in(to, from))
            wanted = ERR_NAME;
        else if (there && there != n &&
                 (there->is_directory || n->is_directory))
            wanted = ERR_EXISTS;
        if (is == OK && wanted == OK && there && there != n) {
            note(s, REPLACED, from, to, 0, 0);
            replace(s, n, there);
        } else if (is == OK && wanted == OK) {
            note(s, RENAMED, from, to, 0, n->is_directory);
            move_all(&s->tree, from, to);
        } else if (is != wanted && !is_full(s, is)) {
            ok = wrong("renaming", from, is);
        }
    }
    free(from);
    free(to);
    return ok;
}

static bool reads_as(struct session *s, const struct node *n)
{
    uint8_t *data = get(n->len + 10);
    size_t got = 0;
    struct fs_stat st;
    enum status is = fs_stat(s->fs, n->path, &st);
    bool ok = is == OK && st.directory == n->is_directory &&
              st.size == n->len;

    if (ok && !n->is_directory) {
        size_t from = session_random(s, (uint32_t)n->len + 1);

        is = fs_read(s->fs, n->path, from, data, n->len + 10 - from, &got);
        ok = is == OK && got == n->len - from &&
             memcmp(data, n->data + from, got) == 0;
        if (ok && from > 0) {
            is = fs_read(s->fs, n->path, 0, data, from, &got);
            ok = is == OK && got == from && memcmp(data, n->data, from) == 0;
        }
    }
    free(data);
    if (!ok)
        wrong("reading", n->path, is);
    return ok;
}

struct listing {
    struct session *s;
    const char *dir;
    size_t count;
    bool ok;
};

static bool look_up(void *ctx, const char *entry, const struct fs_stat *st)
{
    struct listing *l = ctx;
    char *path = get(strlen(l->dir) + strlen(entry) + 2);
    const struct node *n;

    sprintf(path, "%s%s%s", l->dir, *l->dir ? "/" : "", entry);
    n = find(&l->s->tree, path);
    if (!n || n->is_directory != st->directory ||
        strcmp(strrchr(n->path, '/') ? strrchr(n->path, '/') + 1 : n->path,
               entry) != 0)
        l->ok = wrong("listing", path, OK);
    free(path);
    l->count++;
    return l->ok;
}

static bool lists_as(struct session *s, const char *dir)
{
    struct listing l = {s, dir, 0, true};
    size_t count = 0;
    enum status is = fs_list(s->fs, dir, look_up, &l);

    for (size_t i = 0; i < s->tree.count; i++) {
        const char *path = s->tree.node[i].path;

        if (*dir == '\0' ? !strchr(path, '/')
                         : is_in(path, dir) &&
                               !strchr(path + strlen(dir) + 1, '/'))
            count++;
    }
    if (is != OK || (l.ok && l.count != count)) {
        printf("%zu names, and not %zu: ", l.count, count);
        return wrong("listing", dir, is);
    }
    return l.ok;
}

bool session_agrees(struct session *s)
{
    if (!lists_as(s, ""))
        return false;
    for (size_t i = 0; i < s->tree.count; i++) {
        const struct node *n = &s->tree.node[i];

        if (!reads_as(s, n) || (n->is_directory && !lists_as(s, n->path)))
            return false;
    }
    return true;
}

static bool flush(struct session *s)
{
    enum status is = fs_flush(s->fs);

    note(s, FLUSHED, NULL, NULL, 0, 0);
    return is == OK || wrong("flushing", "", is);
}

bool session_step(struct session *s)
{
    uint32_t what = session_random(s, 100);

    if (what < 25)
        return make(s, false);
    if (what < 33)
        return make(s, true);
    if (what < 58)
        return write_to(s);
    if (what < 65)
        return truncate_it(s);
    if (what < 76)
        return remove_it(s);
    if (what < 86)
        return rename_it(s);
    if (what < 90)
        return flush(s);
    return s->tree.count == 0 ||
           reads_as(s, &s->tree.node[session_random(
                           s, (uint32_t)s->tree.count)]);
}
