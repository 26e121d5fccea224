/* SPDX-License-Identifier: ISC */
/*
 * Making devices for the target, and the messages where it has no driver.
 */
#include "device.h"
#include "place.h"
#include <stdio.h>
#include <string.h>

/* Lists the targets that have a driver: "unix, xen or sim". */
static void list_targets(const struct constructor *c, char *text, size_t size)
{
    int count = 0, left;

    *text = '\0';
    for (int t = 0; t < TARGETS; t++)
        count += c->on[t] != NULL;
    left = count;
    for (int t = 0; t < TARGETS; t++)
        if (c->on[t]) {
            size_t len = strlen(text);

            snprintf(text + len, size - len, "%s%s",
                     left == count ? "" : left == 1 ? " or "
                                                    : ", ",
                     target_names[t]);
            left--;
        }
}

/* Lists the constructors with a driver on t: of that type, or (NULL) all. */
static void list_constructors(struct constructors all,
                              const struct device_type *type, enum target t,
                              char *text, size_t size)
{
    *text = '\0';
    for (; all.first < all.end; all.first++) {
        const struct constructor *c = *all.first;
        size_t len = strlen(text);

        if (c->on[t] && (!type || c->type == type))
            snprintf(text + len, size - len, "%s%s", len ? ", " : "", c->name);
    }
}

/* Refuses a device for which only `targets` have a driver. */
static _Noreturn void refuse_on_target(const struct constructor *c,
                                       struct constructors all,
                                       struct config_place at,
                                       const char *call, enum target t,
                                       const char *targets)
{
    const char *arguments = c->same_arguments ? strchr(call, '(') : NULL;
    char others[512];

    if (c->instead && c->instead->on[t])
        config_fail(at,
                    "%s %s, so it needs target %s;\nthe target is %s. "
                    "%s%s works there.",
                    call, c->nature, targets, target_names[t],
                    c->instead->name, arguments ? arguments : "");
    list_constructors(all, c->type, t, others, sizeof others);
    if (*others)
        config_fail(at,
                    "%s needs target %s; the target is %s.\n"
                    "A %s there can be had from: %s.",
                    call, targets, target_names[t], c->type->name, others);
    config_fail(at,
                "%s needs target %s; the target is %s.\n"
                "There is no %s there yet; `mirage configure --%.*s` "
                "chooses another target.",
                call, targets, target_names[t], c->type->name,
                (int)strcspn(targets, " ,"), targets);
}

static _Noreturn void refuse(const struct constructor *c,
                             struct constructors all, struct config_place at,
                             const char *call, enum target t)
{
    char text[512];

    list_targets(c, text, sizeof text);
    if (*text)
        refuse_on_target(c, all, at, call, t, text);
    list_constructors(all, c->type, t, text, sizeof text);
    if (*text)
        config_fail(at,
                    "%s has no driver yet, on any target.\n"
                    "A %s on target %s can be had from: %s.",
                    call, c->type->name, target_names[t], text);
    list_constructors(all, NULL, t, text, sizeof text);
    config_fail(at,
                "%s has no driver yet, on any target; nor has any other %s.\n"
                "What target %s has: %s.",
                call, c->type->name, target_names[t], text);
}

const char *device_driver(const struct constructor *c,
                          struct constructors all, struct config_place at,
                          const char *call, enum target t)
{
    if (!c->on[t])
        refuse(c, all, at, call, t);
    return c->on[t];
}

/* Defined by the linker: the ends of the section `constructors`. */
extern const struct constructor *const __start_constructors[],
    *const __stop_constructors[];

struct constructors device_constructors(void)
{
    return (struct constructors){__start_constructors, __stop_constructors};
}

struct node *device_at(struct config_place at, const struct constructor *c,
                       const char *call)
{
    const char *driver =
        device_driver(c, device_constructors(), at, call, target());
    struct node *n = graph_add(at, c->name);

    n->made_by = c;
    n->driver = driver;
    return n;
}

struct node *device_of_text(const struct constructor *c, const char *text)
{
    struct config_place at = place_of_call();
    char call[512];
    struct node *n;

    if (!text)
        config_fail(at, "%s(NULL): a text is wanted", c->name);
    snprintf(call, sizeof call, "%s(\"%s\")", c->name, text);
    n = device_at(at, c, call);
    graph_text(n, text);
    return n;
}

struct node *device_of_device(const struct constructor *c, struct node *other)
{
    struct config_place at = place_of_call();
    char call[64];
    struct node *n;

    snprintf(call, sizeof call, "%s(...)", c->name);
    n = device_at(at, c, call);
    graph_device(n, other);
    return n;
}

struct node *device_once(struct node **n, const struct constructor *c,
                         const char *name)
{
    struct config_place at = place_of_call();

    if (!*n) {
        *n = device_at(at, c, c->name);
        graph_text(*n, name);
    }
    return *n;
}
