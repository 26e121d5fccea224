/* SPDX-License-Identifier: ISC */
/*
 * mirage depend: checks for, and installs, the tools, packages and libraries
 * that a build needs. mirage root: prints where mirage is installed.
 */
#define _GNU_SOURCE
#include "commands.h"
#include "compiler.h"
#include "facts.h"
#include "options.h"
#include "process.h"
#include "record.h"
#include "root.h"
#include "say.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether the program, called with this name, ends with status 0. */
static bool says_yes(const char *program, const char *name)
{
    struct words w = {0};

    add_words(&w, program);
    add_word(&w, name);
    w.quiet = true;
    return run(&w, STDOUT_FILENO, 0).status == 0;
}

/* Whether a Debian package is installed. Without dpkg it is assumed to be. */
static bool is_installed(const char *name)
{
    struct words w = {.quiet = true};

    if (!find_program("dpkg-query"))
        return true;
    add_words(&w, "dpkg-query -W -f ${db:Status-Abbrev}");
    add_word(&w, name);
    return strncmp(run(&w, STDOUT_FILENO, 0).text, "ii", 2) == 0;
}

/* The Debian package of a library that pkg-config should know, or NULL. A
 * guessed name counts if apt knows such a package. */
static const char *package_of_library(const char *name)
{
    static const char *const known[][2] = {
        {"zlib", "zlib1g-dev"},
        {"openssl", "libssl-dev"},
        {"libcrypto", "libssl-dev"},
        {"libssl", "libssl-dev"},
        {"libseccomp", "libseccomp-dev"},
        {"sqlite3", "libsqlite3-dev"},
        {"liburing", "liburing-dev"},
        {"libsodium", "libsodium-dev"},
        {"libzstd", "libzstd-dev"},
        {"liblzma", "liblzma-dev"},
        {"libcurl", "libcurl4-openssl-dev"},
    };
    const char *likely = text_of(
        "%s%s-dev", strncmp(name, "lib", 3) ? "lib" : "", name);

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i][0], name) == 0)
            return known[i][1];
    return find_program("apt-cache") && says_yes("apt-cache show", likely)
               ? likely
               : NULL;
}

/* A need as config.c states it at this place; without a place, as the option of
 * mirage depend. */
static const char *call_of(const char *word, const char *name,
                           const char *place)
{
    return *place ? text_of("%s: %s(\"%s\")", place, word, name)
                  : text_of("mirage: %s %s", word, name);
}

/* Reports that a library is missing, and adds its package to those to install.
 */
static void lack_library(FILE *out, const char *name, const char *place,
                         bool *has_unknown)
{
    const char *call = call_of("library", name, place);
    const char *package = package_of_library(name);

    if (package) {
        fprintf(stderr, "%s is not installed\n", call);
        fprintf(out, " %s", package);
        return;
    }
    fprintf(stderr,
            "%s: pkg-config knows no %s. `pkg-config --list-all` lists the "
            "libraries that are installed; for another one, name the package "
            "that has it with package().\n",
            call, name);
    *has_unknown = true;
}

const char *missing(const struct needs *n, bool *has_unknown)
{
    static const char *const tools[][2] = {
        {"make", "make"}, {"ld", "binutils"}};
    bool has_pkg_config = find_program("pkg-config") != NULL;
    char *wanted;
    size_t len;
    FILE *out = open_memstream(&wanted, &len);

    *has_unknown = false;
    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++)
        if (!find_program(tools[i][0]))
            fprintf(out, " %s", tools[i][1]);
    if (!has_compiler())
        fputs(" gcc libc6-dev", out);
    if (n->libraries.count && !has_pkg_config)
        fputs(" pkg-config", out);
    for (size_t i = 0; i < n->packages.count; i++)
        if (!is_installed(n->packages.item[i])) {
            fprintf(stderr, "%s is not installed\n",
                    call_of("package", n->packages.item[i],
                            n->package_places[i]));
            fprintf(out, " %s", n->packages.item[i]);
        }
    for (size_t i = 0; has_pkg_config && i < n->libraries.count; i++)
        if (!says_yes("pkg-config --exists", n->libraries.item[i]))
            lack_library(out, n->libraries.item[i], n->library_places[i],
                         has_unknown);
    fclose(out);
    if (len == 0)
        return NULL;
    return text_of("%sapt-get install%s", geteuid() == 0 ? "" : "sudo ",
                   wanted);
}

/* Runs the command; ends the program if that is not possible, or fails. */
static void run_install(const char *install)
{
    struct words w = {0};

    say("running: %s", install);
    if (geteuid() != 0 && (!find_program("sudo") ||
                           !says_yes("sudo -n", "true")))
        die(FAILED, "this needs an administrator: run that, and again what "
                    "you ran");
    add_words(&w, install);
    add_word(&w, "-y");
    if (run(&w, -1, 0).status != 0)
        die(FAILED, "`%s` has failed; `apt-get update` may help", install);
}

/* Installs what is missing. */
static void install_all(const struct needs *n)
{
    bool has_unknown;
    const char *install = missing(n, &has_unknown);

    if (install) {
        run_install(install);
        install = missing(n, &has_unknown);
        if (install)
            die(FAILED, "still missing: %s", install);
    }
    if (has_unknown)
        exit(FAILED);
}

/* The needs of config.c as it is now; the Makefile may be older. */
static const struct needs *recorded_needs(void)
{
    const struct record *r = want_record();

    apply_record(r);
    return &get_facts(r->file, r->target)->needs;
}

int command_depend(int count, char **words)
{
    static struct needs n;
    const char *value;
    bool as_recorded = false;

    for (int i = 0; i < count; i++)
        if ((value = option_value(count, words, &i, "--package", NULL)))
            add_need(&n.packages, n.package_places, value, "");
        else if ((value = option_value(count, words, &i, "--library", NULL)))
            add_need(&n.libraries, n.library_places, value, "");
        else if (strcmp(words[i], "--as-recorded") == 0)
            as_recorded = true;
        else
            refuse_option("depend", words[i],
                          (const char *const[]){"--package", "--library",
                                                "--as-recorded", NULL});
    if (as_recorded) {
        install_all(&(struct needs){0}); /* config.c needs a compiler */
        install_all(recorded_needs());
    }
    install_all(&n);
    say("all that the build needs is there");
    return 0;
}

int command_root(int count, char **words)
{
    const char *value;

    for (int i = 0; i < count; i++) {
        value = option_value(count, words, &i, "--made-by", NULL);
        if (value && strcmp(value, MIRAGE_VERSION) != 0)
            die(FAILED, "this Makefile was made by mirage %s, and this is "
                        "mirage " MIRAGE_VERSION ": run `mirage configure` "
                        "again",
                value);
    }
    puts(root());
    return 0;
}
