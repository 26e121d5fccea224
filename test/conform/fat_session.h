/* SPDX-License-Identifier: ISC */
/*
 * fat_session: random calls of a file system, and a model in memory of its
 * contents. A seed determines all.
 */
#ifndef CONFORM_FAT_SESSION_H
#define CONFORM_FAT_SESSION_H

#include <mirage/fs.h>

/* A file or directory of the model. */
struct node {
    char *path;
    bool is_directory;
    uint8_t *data;
    size_t len;
};

struct tree {
    struct node *node;
    size_t count;
};

/* What a call has done, so that later checks know what had to stay. */
enum deed { WROTE,
            REMOVED,
            RENAMED,
            REPLACED,
            TRUNCATED,
            FLUSHED };

struct event {
    enum deed deed;
    char *path, *to; /* to: RENAMED, REPLACED */
    uint64_t from, len; /* WROTE: bytes; RENAMED: len 1: a directory;
                            TRUNCATED: len: the new size */
};

struct session {
    struct fs *fs;
    uint64_t random;
    size_t most; /* bytes of a file */
    bool is_roomy; /* ERR_NO_SPACE is a fault */
    struct tree tree;
    struct event *event;
    size_t events;
    unsigned full; /* calls that failed for lack of space */
};

uint32_t session_random(struct session *s, uint32_t bound);

/* Makes one or a few random calls. false: the file system and the model differ,
 * which is printed. */
bool session_step(struct session *s);

/* Whether the file system has the contents of the model, and nothing else. */
bool session_agrees(struct session *s);

/* Frees the memory of a session, but not the struct and its file system. */
void session_end(struct session *s);

struct tree tree_copy(const struct tree *t);
void tree_free(struct tree *t);

#endif
