/* SPDX-License-Identifier: ISC */
/*
 * mirage depend: the tools, packages and libraries that a build needs.
 */
#define _GNU_SOURCE
#include "commands.h"
#include "compiler.h"
#include "facts.h"
#include "process.h"
#include "root.h"
#include "say.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Does the program say so, by its exit status? */
static bool says_yes(const char *program, const char *name)
{
    struct words w = {0};

    add_words(&w, program);
    add_word(&w, name);
    w.quiet = true;
    return run(&w, STDOUT_FILENO, 0).status == 0;
}

/* Where there is no dpkg nobody can tell, and the compiler will. */
static bool is_installed(const char *name)
{
    struct words w = {.quiet = true};

    if (!find_program("dpkg-query"))
        return true;
    add_words(&w, "dpkg-query -W -f ${db:Status-Abbrev}");
    add_word(&w, name);
    return strncmp(run(&w, STDOUT_FILENO, 0).text, "ii", 2) == 0;
}

/* The Debian package that most likely has a library for pkg-config. */
static const char *package_of_library(const char *name)
{
    static const char *const known[][2] = {
        {"zlib", "zlib1g-dev"},
        {"openssl", "libssl-dev"},
        {"libcrypto", "libssl-dev"},
        {"libssl", "libssl-dev"},
        {"sqlite3", "libsqlite3-dev"},
        {"liburing", "liburing-dev"},
        {"libsodium", "libsodium-dev"},
        {"libzstd", "libzstd-dev"},
        {"liblzma", "liblzma-dev"},
        {"libcurl", "libcurl4-openssl-dev"},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i][0], name) == 0)
            return known[i][1];
    return text_of("%s%s-dev", strncmp(name, "lib", 3) ? "lib" : "", name);
}

const char *missing(const struct list *packages, const struct list *libraries)
{
    static const char *const tools[][2] = {
        {"make", "make"}, {"ld", "binutils"}};
    char  *wanted;
    size_t len;
    FILE  *out = open_memstream(&wanted, &len);

    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++)
        if (!find_program(tools[i][0]))
            fprintf(out, " %s", tools[i][1]);
    if (!has_compiler())
        fputs(" gcc libc6-dev", out);
    if (libraries->count && !find_program("pkg-config"))
        fputs(" pkg-config", out);
    for (size_t i = 0; i < packages->count; i++)
        if (!is_installed(packages->item[i]))
            fprintf(out, " %s", packages->item[i]);
    for (size_t i = 0; i < libraries->count; i++)
        if (!find_program("pkg-config") ||
            !says_yes("pkg-config --exists", libraries->item[i]))
            fprintf(out, " %s", package_of_library(libraries->item[i]));
    fclose(out);
    if (len == 0)
        return NULL;
    return text_of("%sapt-get install%s", geteuid() == 0 ? "" : "sudo ",
                   wanted);
}

int command_depend(int count, char **words)
{
    struct list  packages = {{0}, 0}, libraries = {{0}, 0};
    const char  *value, *install;
    struct words w = {0};

    for (int i = 0; i < count; i++)
        if ((value = option_value(count, words, &i, "--package", NULL)))
            packages.item[packages.count++ % MOST] = value;
        else if ((value = option_value(count, words, &i, "--library", NULL)))
            libraries.item[libraries.count++ % MOST] = value;
        else
            refuse_option("depend", words[i],
                          (const char *const[]){"--package", "--library",
                                                NULL});
    install = missing(&packages, &libraries);
    if (!install) {
        say("all that the build needs is there");
        return 0;
    }
    say("running: %s", install);
    if (geteuid() != 0 && (!find_program("sudo") ||
                           !says_yes("sudo -n", "true")))
        die(FAILED, "this needs an administrator: run that, and again what "
                    "you ran");
    add_words(&w, install);
    add_word(&w, "-y");
    if (run(&w, -1, 0).status != 0)
        die(FAILED, "`%s` has failed; `apt-get update` may help", install);
    if (missing(&packages, &libraries))
        die(FAILED, "still missing: %s", missing(&packages, &libraries));
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
