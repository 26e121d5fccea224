/* SPDX-License-Identifier: ISC */
/* list: lists of texts without duplicates. */
#ifndef TOOL_LIST_H
#define TOOL_LIST_H

#include <stddef.h>

#define MOST 256 /* of a list, and of each kind in facts.h */

struct list {
    const char *item[MOST];
    size_t count;
};

/* Adds an item unless it is in the list. If the list is full, ends the
 * program. */
void add_item(struct list *l, const char *item);

/* The same for a package or library, with the place where config.c names it. */
void add_need(struct list *names, const char **places, const char *name,
              const char *place);

#endif
