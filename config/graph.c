/* SPDX-License-Identifier: ISC */
/*
 * The graph of devices and jobs, as the constructors build it.
 */
#include "graph.h"
#include "devices.h"
#include "memory.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct node *first, **end = &first;
static int          count;

struct node *graph_add(struct config_place at, const char *what,
                       const char *type, const char *driver)
{
    struct node *n = memory(sizeof *n);

    n->what = copy_text(what);
    n->at = at;
    n->type = type;
    n->driver = driver;
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

/* Makes a device; call is how config.c wrote it, for messages. */
static struct node *device(struct config_place at, const char *constructor,
                           const char *type, const char *call)
{
    return graph_add(
        at, constructor, type,
        device_driver(devices, at, constructor, call, target()));
}

/* A device made with one text, such as crunch("t"). */
static struct node *device_of_text(struct config_place at,
                                   const char *constructor, const char *type,
                                   const char *text)
{
    char         call[512];
    struct node *n;

    if (!text)
        config_fail(at, "%s(NULL): a text is wanted", constructor);
    snprintf(call, sizeof call, "%s(\"%s\")", constructor, text);
    n = device(at, constructor, type, call);
    graph_text(n, text);
    return n;
}

console config_default_console(struct config_place at)
{
    static struct node *n;

    if (!n) {
        n = device(at, "default_console", "console", "default_console");
        graph_text(n, "0");
    }
    return (console){n};
}

console config_custom_console(struct config_place at, const char *name)
{
    return (console){device_of_text(at, "custom_console", "console", name)};
}

block config_block_of_file(struct config_place at, const char *path)
{
    return (block){device_of_text(at, "block_of_file", "block", path)};
}

fs config_fat(struct config_place at, block disk)
{
    struct node *n = device(at, "fat", "fs", "fat(...)");

    graph_device(n, disk.node);
    return (fs){n};
}

fs config_fat_of_files(struct config_place at, const char *dir)
{
    return (fs){device_of_text(at, "fat_of_files", "fs", dir)};
}

kv_ro config_kv_ro_of_fs(struct config_place at, fs files)
{
    struct node *n = device(at, "kv_ro_of_fs", "kv_ro", "kv_ro_of_fs(...)");

    graph_device(n, files.node);
    return (kv_ro){n};
}

kv_ro config_crunch(struct config_place at, const char *dir)
{
    return (kv_ro){device_of_text(at, "crunch", "kv_ro", dir)};
}

kv_ro config_direct_kv_ro(struct config_place at, const char *dir)
{
    return (kv_ro){device_of_text(at, "direct_kv_ro", "kv_ro", dir)};
}

network config_tap0(struct config_place at)
{
    static struct node *n;

    if (!n) {
        n = device(at, "tap0", "network", "tap0");
        graph_text(n, "tap0");
    }
    return (network){n};
}

network config_netif(struct config_place at, const char *name)
{
    return (network){device_of_text(at, "netif", "network", name)};
}

static stackv4 stack(struct config_place at, const char *constructor,
                     console log, struct node *net,
                     const char *const *texts)
{
    char         call[64];
    struct node *n;

    snprintf(call, sizeof call, "%s(...)", constructor);
    n = device(at, constructor, "stackv4", call);
    graph_device(n, log.node);
    if (net)
        graph_device(n, net);
    for (; texts && *texts; texts++)
        graph_text(n, *texts);
    return (stackv4){n};
}

stackv4 config_stackv4_default(struct config_place at, console log,
                               network net)
{
    return stack(at, "direct_stackv4_with_default_ipv4", log, net.node, NULL);
}

stackv4 config_stackv4_static(struct config_place at, console log, network net,
                              const char *address, const char *netmask,
                              const char *gateway)
{
    return stack(at, "direct_stackv4_with_static_ipv4", log, net.node,
                 (const char *const[]){address, netmask, gateway, NULL});
}

stackv4 config_stackv4_dhcp(struct config_place at, console log, network net)
{
    return stack(at, "direct_stackv4_with_dhcp", log, net.node, NULL);
}

stackv4 config_stackv4_socket(struct config_place at, console log,
                              const char *const *addresses)
{
    return stack(at, "socket_stackv4", log, NULL, addresses);
}
