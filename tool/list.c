/* SPDX-License-Identifier: ISC */
/* Lists of texts without duplicates. */
#include "list.h"
#include "say.h"
#include <string.h>

void add_item(struct list *l, const char *item)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->item[i], item) == 0)
            return;
    if (l->count == MOST)
        die(FAILED, "more than %d things in one list", MOST);
    l->item[l->count++] = item;
}

void add_need(struct list *names, const char **places, const char *name,
              const char *place)
{
    size_t before = names->count;

    add_item(names, name);
    if (names->count > before)
        places[before] = place;
}
