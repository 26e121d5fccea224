/* SPDX-License-Identifier: ISC */
/*
 * A network device has one listener, and a file that two drivers write to
 * loses data. Only nodes that the image uses are checked, since main.c connects
 * no others. Two devices are the same if they have the same name; files, too,
 * if they have the same inode.
 */
#include "sharing.h"
#include "device.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void sharing_mark(struct node *user)
{
    user->is_used = true;
    for (size_t i = 0; i < user->argument_count; i++)
        if (user->arguments[i].device)
            sharing_mark(user->arguments[i].device);
}

static bool is_of_type(const struct node *n, const char *type)
{
    return n && n->is_used && n->made_by &&
           strcmp(n->made_by->type->name, type) == 0;
}

/* The call that made a device, as in config.c. */
static const char *call_of(const struct node *n, char *text, size_t size)
{
    if (n->made_by->is_value)
        return n->what;
    snprintf(text, size, "%s(\"%s\")", n->what, n->arguments[0].text);
    return text;
}

/* On target sim each netif is a station of its own in the network it names. */
static bool is_same_network(const struct node *a, const struct node *b)
{
    return a == b ||
           (target() != SIM &&
            strcmp(a->arguments[0].text, b->arguments[0].text) == 0);
}

/* u uses a network device that `other` uses: an earlier node, or u itself. */
static void refuse_network(const struct node *u, const struct node *other,
                           const struct node *device)
{
    char call[512];

    if (u == other)
        config_fail(u->at, "%s is given the network device %s by two names",
                    u->what, call_of(device, call, sizeof call));
    config_fail(u->at,
                "%s and %s (line %d) both use %s. A network device has one "
                "listener, so one of them would receive nothing. %s",
                u->what, other->what, other->at.line,
                call_of(device, call, sizeof call),
                u->made_by && other->made_by
                    ? "Make one stack, and give it to every job that wants one."
                    : "Give each a device of its own.");
}

/* Is argument i of u, a network device, also an argument of an earlier node, or
 * an earlier argument of u? */
static void check_network(const struct node *u, size_t i)
{
    const struct node *device = u->arguments[i].device;

    for (const struct node *n = graph_first(); n; n = n->next) {
        size_t count = n == u ? i : n->argument_count;

        for (size_t a = 0; n->is_used && a < count; a++) {
            const struct node *other = n->arguments[a].device;

            if (is_of_type(other, "network") &&
                is_same_network(device, other) &&
                (n != u || other != device))
                refuse_network(u, n, device);
        }
        if (n == u)
            return;
    }
}

static const char *without_dots(const char *path)
{
    while (strncmp(path, "./", 2) == 0 && path[2])
        for (path += 2; *path == '/' && path[1];)
            path++;
    return path;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat of_a, of_b;

    if (strcmp(without_dots(a), without_dots(b)) == 0)
        return true;
    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 &&
           of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

/* Is an earlier block device on the same file? */
static void check_disk(const struct node *disk)
{
    char one[512], two[512];

    for (const struct node *n = graph_first(); n != disk; n = n->next)
        if (is_of_type(n, "block") &&
            is_same_file(n->arguments[0].text, disk->arguments[0].text))
            config_fail(disk->at,
                        "%s is the same disk as %s (line %d), and a disk is "
                        "opened once. Make it once, and give that to each "
                        "user.",
                        call_of(disk, one, sizeof one),
                        call_of(n, two, sizeof two), n->at.line);
}

/* Is an earlier file system on the same disk, its last argument? */
static void check_fs(const struct node *files)
{
    size_t last = files->argument_count - 1;
    const struct node *disk = files->arguments[last].device;
    char call[512];

    for (const struct node *n = graph_first(); n != files; n = n->next)
        if (is_of_type(n, "fs") &&
            n->arguments[n->argument_count - 1].device == disk)
            config_fail(files->at,
                        "%s and %s (line %d) are both on %s, and would destroy "
                        "each other's files. Make one file system, and give it "
                        "to each user.",
                        files->what, n->what, n->at.line,
                        call_of(disk, call, sizeof call));
}

/* Is an earlier device of its type over the same layer, the first argument? */
static void check_layer(const struct node *user)
{
    const struct node *layer = user->arguments[0].device;

    for (const struct node *n = graph_first(); n != user; n = n->next)
        if (n->is_used && n->made_by == user->made_by &&
            n->arguments[0].device == layer)
            config_fail(user->at,
                        "%s and %s (line %d) are over the same %s, and only "
                        "the later one would receive packets. Make it once, "
                        "and give it to each user.",
                        user->what, n->what, n->at.line, layer->what);
}

void sharing_check(void)
{
    for (const struct node *n = graph_first(); n; n = n->next) {
        if (is_of_type(n, "block"))
            check_disk(n);
        if (is_of_type(n, "fs"))
            check_fs(n);
        if (is_of_type(n, "ipv4") || is_of_type(n, "udpv4") ||
            is_of_type(n, "tcpv4"))
            check_layer(n);
        for (size_t i = 0; n->is_used && i < n->argument_count; i++)
            if (is_of_type(n->arguments[i].device, "network"))
                check_network(n, i);
    }
}
