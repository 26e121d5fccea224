/* SPDX-License-Identifier: ISC */
/* mirage init: a copy of an example, under a name of one's own. */
#define _GNU_SOURCE
#include "commands.h"
#include "files.h"
#include "process.h"
#include "root.h"
#include "say.h"
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_EXAMPLES 64

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The examples' names, ending with NULL. */
static const char **examples(void)
{
    const char   **names = get_memory((MOST_EXAMPLES + 1) * sizeof *names);
    char          *folder = text_of("%s/share/mirage/example", root());
    DIR           *dir = opendir(folder);
    struct dirent *e;
    size_t         n = 0;

    if (!dir)
        die(FAILED, "%s: %s: this mirage is not installed whole", folder,
            strerror(errno));
    while ((e = readdir(dir)) != NULL && n < MOST_EXAMPLES)
        if (e->d_name[0] != '.')
            names[n++] = text_of("%s", e->d_name);
    closedir(dir);
    qsort(names, n, sizeof *names, by_name);
    return names;
}

/* Copies a file; in config.c the unikernel gets the name. */
static void copy(const char *from, const char *to, const char *name)
{
    FILE       *in = fopen(from, "r"), *out = fopen(to, "w");
    char       *line = NULL, *quote;
    size_t      size = 0;
    const char *call = "unikernel(\"";
    struct stat st;

    if (!in || !out)
        die(FAILED, "cannot copy %s to %s: %s", from, to, strerror(errno));
    while (getline(&line, &size, in) > 0) {
        char *at = name ? strstr(line, call) : NULL;

        if (at && (quote = strchr(at + strlen(call), '"')) != NULL)
            fprintf(out, "%.*s%s%s%s", (int)(at - line), line, call, name,
                    quote);
        else
            fputs(line, out);
    }
    free(line);
    if (fstat(fileno(in), &st) == 0)
        fchmod(fileno(out), st.st_mode & 0777);
    fclose(in);
    if (fclose(out) != 0)
        die(FAILED, "cannot write %s: %s", to, strerror(errno));
}

/* Copies what belongs to the example: not what was built in it. */
static void copy_folder(const char *from, const char *to, const char *name)
{
    static const char *const made[] = {"Makefile", "main.c",
                                       "compile_flags.txt", NULL};
    DIR                     *dir = opendir(from);
    struct dirent           *e;

    if (!dir)
        die(FAILED, "cannot read %s: %s", from, strerror(errno));
    if (mkdir(to, 0777) != 0 && errno != EEXIST)
        die(FAILED, "cannot make %s: %s", to, strerror(errno));
    while ((e = readdir(dir)) != NULL) {
        char *source = text_of("%s/%s", from, e->d_name);
        char *target = text_of("%s/%s", to, e->d_name);
        bool  skip = e->d_name[0] == '.' ||
                    strncmp(e->d_name, "mir-", 4) == 0 ||
                    fnmatch("static[0-9]*.[ch]", e->d_name, 0) == 0;
        struct stat st;

        for (const char *const *m = made; *m; m++)
            skip |= strcmp(e->d_name, *m) == 0;
        if (skip || stat(source, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            copy_folder(source, target, NULL);
        else
            copy(source, target,
                 strcmp(e->d_name, "config.c") == 0 ? name : NULL);
    }
    closedir(dir);
}

int command_init(int count, char **words)
{
    static const char *const known[] = {"--from", "--help", NULL};
    const char              *path = NULL, *from = "console", *value, *name;
    const char             **there = examples();

    for (int i = 0; i < count; i++)
        if ((value = option_value(count, words, &i, "--from", NULL)))
            from = value;
        else if (words[i][0] == '-')
            refuse_option("init", words[i], known);
        else if (path)
            die(MISUSED, "one name at a time: %s or %s?", path, words[i]);
        else
            path = words[i];
    if (!path)
        die(MISUSED, "`mirage init NAME` wants the name of a new folder");
    name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    if (!is_plain_name(name))
        die(MISUSED, "%s: the name becomes the name of files: letters, digits, "
                     "_ - + and . (not first), at most 64",
            path);
    for (size_t i = 0; !there[i] || strcmp(there[i], from) != 0; i++)
        if (!there[i])
            die_unknown("example", from, there);
    if (mkdir(path, 0777) != 0 && (errno != EEXIST || rmdir(path) != 0 ||
                                   mkdir(path, 0777) != 0))
        die(FAILED, "cannot make %s: %s", path,
            errno == ENOTEMPTY || errno == ENOTDIR || errno == EEXIST
                ? "something is there already"
                : strerror(errno));
    copy_folder(text_of("%s/share/mirage/example/%s", root(), from), path,
                name);
    say("%s is a copy of the example %s. Now: cd %s && mirage configure && "
        "make && ./mir-%s",
        path, from, shell_word(path), name);
    return 0;
}
