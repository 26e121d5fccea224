/* SPDX-License-Identifier: ISC */
/* The graph: a list of nodes, whose arguments are edges to earlier nodes. */
#include "graph.h"
#include "memory.h"

static struct node *first, **end = &first;
static int count;

struct node *graph_add(struct config_place at, const char *what)
{
    struct node *n = memory(sizeof *n);

    n->what = copy_text(what);
    n->at = at;
    n->number = count++;
    *end = n;
    end = &n->next;
    return n;
}

static struct argument *next_argument(struct node *n)
{
    if (n->argument_count == MOST_ARGUMENTS)
        config_fail(n->at, "%s has more than %d arguments", n->what,
                    MOST_ARGUMENTS);
    return &n->arguments[n->argument_count++];
}

void graph_text(struct node *n, const char *text)
{
    next_argument(n)->text = copy_text(text);
}

void graph_device(struct node *n, struct node *device)
{
    if (!device)
        config_fail(n->at, "%s is given a device that was never made", n->what);
    next_argument(n)->device = device;
}

const struct node *graph_first(void)
{
    return first;
}
