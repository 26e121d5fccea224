/* SPDX-License-Identifier: ISC */
/* mirage run: runs the image as a process, in QEMU, or on Xen. */
#define _GNU_SOURCE
#include "commands.h"
#include "options.h"
#include "process.h"
#include "record.h"
#include "quote.h"
#include "root.h"
#include "say.h"
#include "target.h"
#include "xl.h"
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT "1234" /* of QEMU's gdb server, by default */

struct options {
    const char *gdb; /* its port; NULL: without gdb */
    const char *forward; /* the ports to pass on, as the script takes them, or
                            NULL */
    int count;
    char **words; /* the image's arguments */
};

/* Whether the text is the number of a port; after it, *rest. */
static bool is_port(const char *text, const char **rest)
{
    char *end;
    long n = strtol(text, &end, 10);

    *rest = end;
    return isdigit((unsigned char)*text) && n >= 1 && n <= 65535;
}

static const char *port_number(const char *text)
{
    const char *rest;

    if (!is_port(text, &rest) || *rest)
        die(MISUSED, "--gdb=%s: expected the number of a port", text);
    return text;
}

/* Checks ports such as 8080:80 or 5353:53/udp. */
static const char *port_pair(const char *text)
{
    const char *rest;

    if (!is_port(text, &rest) || *rest != ':' || !is_port(rest + 1, &rest) ||
        (*rest && strcmp(rest, "/udp") != 0))
        die(MISUSED,
            "--forward=%s: expected a port of this host's and one of the "
            "image's, such as 8080:80 or 5353:53/udp",
            text);
    return text;
}

/* Ends the tool if the ports of `all` have the host's port of this pair, for
 * the same protocol. */
static void check_is_new(const char *all, const char *pair)
{
    size_t port = strcspn(pair, ":") + 1;
    bool is_udp = strchr(pair, '/') != NULL;

    for (const char *p = all; p; p = strchr(p, ' ')) {
        p += *p == ' ';
        if (strncmp(p, pair, port) == 0 &&
            (p[strcspn(p, "/ ")] == '/') == is_udp)
            die(MISUSED,
                "--forward=%s: that port of this host's is passed on already, "
                "by --forward=%.*s",
                pair, (int)strcspn(p, " "), p);
    }
}

static struct options read_options(int count, char **words)
{
    struct options o = {0};
    const char *ports;
    int i = 0;

    for (; i < count && strcmp(words[i], "--") != 0; i++)
        if (strcmp(words[i], "--gdb") == 0)
            o.gdb = PORT;
        else if (strncmp(words[i], "--gdb=", 6) == 0)
            o.gdb = port_number(words[i] + 6);
        else if ((ports = option_value(count, words, &i, "--forward", NULL)) !=
                 NULL) {
            check_is_new(o.forward, port_pair(ports));
            o.forward = text_of("%s%s%s", o.forward ? o.forward : "",
                                o.forward ? " " : "", ports);
        } else
            die(MISUSED,
                "%s: the image's arguments follow --:  mirage run -- %s",
                words[i], words[i]);
    if (i < count) {
        o.count = count - i - 1;
        o.words = words + i + 1;
    }
    return o;
}

static const char *gdb_script(void)
{
    return text_of("%s/share/mirage/make/gdb.py", root());
}

static void add_arguments(struct words *w, const struct options *o)
{
    for (int i = 0; i < o->count; i++)
        add_word(w, o->words[i]);
}

/* Lets QEMU wait for gdb before the first instruction. */
static void add_gdb_to_qemu(struct words *w, const char *port,
                            const char *program)
{
    const char *more = getenv("QEMU_ARGS");

    add_word(w, "env");
    add_word(w, text_of("QEMU_ARGS=-S -gdb tcp:127.0.0.1:%s %s", port,
                        more ? more : ""));
    say("QEMU waits for gdb. In this folder, elsewhere, run\n"
        "    gdb -x %s -ex 'target remote 127.0.0.1:%s' %s.debug\n"
        "and there, after `continue`, `mirage fibers` or `mirage backtraces`",
        shell_word(gdb_script()), port, program);
}

static void run_in_qemu(const struct record *r, const char *sudo,
                        const struct options *o)
{
    struct words w = {0};
    const char *script = text_of("./%s.qemu.sh", r->image);

    if (access(script, F_OK) != 0)
        die(FAILED, "there is no %s: `mirage configure` makes it again",
            script);

    add_words(&w, sudo);
    if (o->forward) {
        add_word(&w, "env");
        add_word(&w, text_of("FORWARD=%s", o->forward));
    }
    if (o->gdb)
        add_gdb_to_qemu(&w, o->gdb, program_name(r->image, r->target));
    add_word(&w, "sh");
    add_word(&w, script);
    add_arguments(&w, o);
    become(&w);
}

static void run_as_process(const char *program, const char *sudo,
                           const struct options *o)
{
    struct words w = {0};

    add_words(&w, sudo);
    if (o->gdb) {
        if (!find_program("gdb"))
            die(FAILED, "there is no gdb on PATH. On Debian: apt-get install "
                        "gdb");
        add_words(&w, "gdb -q -x");
        add_word(&w, gdb_script());
        add_word(&w, "--args");
        say("`run` starts it; `mirage fibers` and `mirage backtraces` look "
            "into it");
    }
    add_word(&w, text_of("./%s", program));
    add_arguments(&w, o);
    become(&w);
}

static void refuse_gdb(const struct record *r)
{
    die(FAILED,
        "a guest of Xen's is debugged by way of gdbsx, in dom0:\n"
        "    xl create -p %s.xl\n"
        "    gdbsx -a $(xl domid %s) 64 " PORT "\n"
        "    gdb -x %s -ex 'target remote :" PORT "' mir-%s.xen.debug\n"
        "and `xl unpause %s`. Target virtio knows --gdb.",
        r->image, r->image, shell_word(gdb_script()), r->image, r->image);
}

int command_run(int count, char **words)
{
    const struct options o = read_options(count, words);
    const struct record *r = want_record();
    const struct image_target *target = target_of(r->target);
    const char *program = program_name(r->image, r->target);
    const char *sudo = getenv("SUDO") ? getenv("SUDO") : "";

    if (access(program, F_OK) != 0)
        die(FAILED, "./%s is not built: run `make`", program);
    if (!target->is_bare && access(program, X_OK) != 0)
        die(FAILED, "cannot run ./%s: %s. Is the file system of this folder "
                    "mounted noexec?",
            program, strerror(errno));
    if (o.forward && target->machine != QEMU)
        die(FAILED, "--forward passes ports on to an image in QEMU; on target "
                    "%s the image has a network of this host's",
            r->target);
    switch (target->machine) {
    case XEN_DOMAIN:
        if (o.gdb)
            refuse_gdb(r);
        return run_in_xen(r->image, sudo, o.count, o.words);
    case QEMU: run_in_qemu(r, sudo, &o); break;
    case NO_MACHINE: run_as_process(program, sudo, &o); break;
    }
    return FAILED;
}
