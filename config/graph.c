/* SPDX-License-Identifier: ISC */
/*
 * The graph of devices and jobs, as the constructors build it.
 */
#include "graph.h"
#include "devices.h"
#include "functions.h"
#include "place.h"
#include "memory.h"
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST_SERVERS 3 /* as mirage/dns.h has it */

static struct node *first, **end = &first;
static int count;

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
static struct node *device(const char *constructor, const char *type,
                           const char *call)
{
    struct config_place at = place_of_call();

    return graph_add(at, constructor, type,
                     device_driver(devices, at, constructor, call, target()));
}

/* A device made with one text, such as crunch("t"). */
static struct node *device_of_text(const char *constructor, const char *type,
                                   const char *text)
{
    char call[512];
    struct node *n;

    if (!text)
        config_fail(place_of_call(), "%s(NULL): a text is wanted",
                    constructor);
    snprintf(call, sizeof call, "%s(\"%s\")", constructor, text);
    n = device(constructor, type, call);
    graph_text(n, text);
    return n;
}

/* A device made of another one, such as fat(disk). */
static struct node *device_of_device(const char *constructor, const char *type,
                                     struct node *other)
{
    char call[64];
    struct node *n;

    snprintf(call, sizeof call, "%s(...)", constructor);
    n = device(constructor, type, call);
    graph_device(n, other);
    return n;
}

/* A device of which an image has one, however often it is named. */
static struct node *device_once(struct node **n, const char *constructor,
                                const char *type, const char *name)
{
    if (*n) {
        place_of_call();
        return *n;
    }
    *n = device(constructor, type, constructor);
    graph_text(*n, name);
    return *n;
}

console config_default_console(void)
{
    static struct node *n;

    return (console){device_once(&n, "default_console", "console", "0")};
}

network config_tap0(void)
{
    static struct node *n;

    return (network){device_once(&n, "tap0", "network", "tap0")};
}

console custom_console(const char *name)
{
    return (console){device_of_text("custom_console", "console", name)};
}

block block_of_file(const char *path)
{
    struct node *n = device_of_text("block_of_file", "block", path);

    if (target() == UNIX || target() == MACOSX)
        place_check_later(n->at, "block_of_file", path, A_FILE);
    return (block){n};
}

fs fat(block disk)
{
    return (fs){device_of_device("fat", "fs", disk.node)};
}

fs fat_of_files(const char *dir)
{
    static int images;
    struct config_place at = place_of_call();
    char call[512], name[32];
    const char *driver;
    struct node *n, *disk;

    dir = place_path(at, "fat_of_files", dir, A_FOLDER);
    snprintf(call, sizeof call, "fat_of_files(\"%s\")", dir);
    driver = device_driver(devices, at, "fat_of_files", call, target());
    snprintf(name, sizeof name, "fat%d.img", ++images);
    disk = graph_add(at, "block_of_file", "block",
                     device_driver(devices, at, "block_of_file", call,
                                   target()));
    graph_text(disk, name);
    n = graph_add(at, "fat_of_files", "fs", driver);
    graph_text(n, dir);
    graph_device(n, disk);
    return (fs){n};
}

kv_ro kv_ro_of_fs(fs files)
{
    return (kv_ro){device_of_device("kv_ro_of_fs", "kv_ro", files.node)};
}

kv_ro crunch(const char *dir)
{
    struct node *n = device_of_text("crunch", "kv_ro", dir);

    n->arguments[0].text = place_path(n->at, "crunch", dir, A_FOLDER);
    return (kv_ro){n};
}

kv_ro direct_kv_ro(const char *dir)
{
    struct node *n = device_of_text("direct_kv_ro", "kv_ro", dir);

    place_check_later(n->at, "direct_kv_ro", dir, A_FOLDER);
    return (kv_ro){n};
}

network netif(const char *name)
{
    return (network){device_of_text("netif", "network", name)};
}

/* net is NULL, and texts too, where the constructor takes none. */
static stackv4 stack(const char *constructor, console log, const network *net,
                     const char *const *texts)
{
    struct node *n = device_of_device(constructor, "stackv4", log.node);

    if (net)
        graph_device(n, net->node);
    for (; texts && *texts; texts++)
        graph_text(n, *texts);
    return (stackv4){n};
}

stackv4 direct_stackv4_with_default_ipv4(console log, network net)
{
    return stack("direct_stackv4_with_default_ipv4", log, &net, NULL);
}

stackv4 direct_stackv4_with_static_ipv4(console log, network net,
                                        const char *address,
                                        const char *netmask,
                                        const char *gateway)
{
    return stack("direct_stackv4_with_static_ipv4", log, &net,
                 (const char *const[]){address, netmask, gateway, NULL});
}

stackv4 direct_stackv4_with_dhcp(console log, network net)
{
    return stack("direct_stackv4_with_dhcp", log, &net, NULL);
}

stackv4 socket_stackv4(console log, const char *const *addresses)
{
    if (!*addresses)
        config_fail(place_of_call(), "socket_stackv4 wants an address to "
                                     "listen on, such as \"0.0.0.0\"");
    return stack("socket_stackv4", log, NULL, addresses);
}

dns resolver(stackv4 stack, const char *const *servers)
{
    struct node *n = device_of_device("resolver", "dns", stack.node);
    struct in_addr address;
    size_t named = 0;

    for (; servers[named]; named++) {
        if (inet_pton(AF_INET, servers[named], &address) != 1)
            config_fail(n->at, "resolver: \"%s\" is no IPv4 address of a DNS "
                               "server, such as \"10.0.0.1\"",
                        servers[named]);
        if (named == MOST_SERVERS)
            config_fail(n->at, "resolver: at most %d DNS servers can be named",
                        MOST_SERVERS);
        graph_text(n, servers[named]);
    }
    return (dns){n};
}
