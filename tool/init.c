/* SPDX-License-Identifier: ISC */
/* mirage init: copies an example, and gives the image a name. */
#define _GNU_SOURCE
#include "commands.h"
#include "files.h"
#include "options.h"
#include "process.h"
#include "quote.h"
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
    const char **names = get_memory((MOST_EXAMPLES + 1) * sizeof *names);
    char *folder = text_of("%s/share/mirage/example", root());
    DIR *dir = opendir(folder);
    struct dirent *e;
    size_t n = 0;

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

/* The contents of a file. */
struct bytes {
    char *at;
    size_t len;
};

static struct bytes read_bytes(const char *from)
{
    struct bytes b = {NULL, 0};
    FILE *in = fopen(from, "r"), *all = open_memstream(&b.at, &b.len);
    char piece[4096];
    size_t n;

    if (!in || !all)
        die(FAILED, "cannot read %s: %s", from, strerror(errno));
    while ((n = fread(piece, 1, sizeof piece, in)) > 0)
        fwrite(piece, 1, n, all);
    if (ferror(in) || fclose(all) != 0)
        die(FAILED, "cannot read %s: %s", from, strerror(errno));
    fclose(in);
    return b;
}

/* Writes a config.c with `name` in its call of unikernel(). */
static void put_config(FILE *out, struct bytes b, const char *name)
{
    static const char call[] = "unikernel(\"";
    const char *rest = b.at, *end = b.at + b.len, *at, *quote;

    while ((at = memmem(rest, (size_t)(end - rest), call, strlen(call)))) {
        at += strlen(call);
        quote = memchr(at, '"', (size_t)(end - at));
        if (!quote)
            break;
        fwrite(rest, 1, (size_t)(at - rest), out);
        fputs(name, out);
        rest = quote;
    }
    fwrite(rest, 1, (size_t)(end - rest), out);
}

/* Copies a file. name: for config.c, the name of the image; or NULL. */
static void copy(const char *from, const char *to, mode_t mode,
                 const char *name)
{
    struct bytes b = read_bytes(from);
    FILE *out = fopen(to, "w");
    bool good;

    if (!out)
        die(FAILED, "cannot write %s: %s", to, strerror(errno));
    if (name)
        put_config(out, b, name);
    else
        fwrite(b.at, 1, b.len, out);
    free(b.at);
    fchmod(fileno(out), mode & 0777);
    good = !ferror(out);
    if (fclose(out) != 0 || !good)
        die(FAILED, "cannot write %s: %s", to, strerror(errno));
}

static void copy_link(const char *from, const char *to)
{
    char to_what[4096];
    ssize_t len = readlink(from, to_what, sizeof to_what - 1);

    if (len < 0)
        die(FAILED, "cannot read %s: %s", from, strerror(errno));
    to_what[len] = '\0';
    if (symlink(to_what, to) != 0)
        die(FAILED, "cannot make %s: %s", to, strerror(errno));
}

static bool is_like(const char *name, const char *const *patterns)
{
    for (; *patterns; patterns++)
        if (fnmatch(*patterns, name, 0) == 0)
            return true;
    return false;
}

/* Is it a file that configuring, building or running has left in an example?
 * The patterns are those of .gitignore. */
static bool is_left_over(const char *example, const char *name)
{
    static const char *const made[] = {
        ".mirage", "Makefile", "main.c", "compile_flags.txt", "mir-*",
        "static[0-9]*.[ch]", "fat[0-9]*.img", "make-fat[0-9]*-image.sh",
        "*.xl", "*.xl.in", "*_libvirt.xml*", "*.qemu.sh", "*.firecracker.json",
        "*.new", "*.mirage-draft", "disk*.img", "dns.pid", "leases", NULL};
    static const char *const said[] = {"*.txt", NULL};

    return is_like(name, made) ||
           (is_like(name, said) &&
            access(text_of("%s/.mirage", example), F_OK) == 0);
}

/* Copies a folder. name: of the image; NULL for a folder inside an example. */
static void copy_folder(const char *from, const char *to, const char *name)
{
    DIR *dir = opendir(from);
    struct dirent *e;

    if (!dir)
        die(FAILED, "cannot read %s: %s", from, strerror(errno));
    if (mkdir(to, 0777) != 0 && errno != EEXIST)
        die(FAILED, "cannot make %s: %s", to, strerror(errno));
    while ((e = readdir(dir)) != NULL) {
        char *source = text_of("%s/%s", from, e->d_name);
        char *target = text_of("%s/%s", to, e->d_name);
        bool is_config = strcmp(e->d_name, "config.c") == 0;
        struct stat st;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            (name && is_left_over(from, e->d_name)))
            continue;
        if (lstat(source, &st) != 0)
            die(FAILED, "cannot read %s: %s", source, strerror(errno));
        if (S_ISDIR(st.st_mode))
            copy_folder(source, target, NULL);
        else if (S_ISLNK(st.st_mode))
            copy_link(source, target);
        else if (S_ISREG(st.st_mode))
            copy(source, target, st.st_mode, is_config ? name : NULL);
    }
    closedir(dir);
}

int command_init(int count, char **words)
{
    static const char *const known[] = {"--from", "--help", NULL};
    const char *path = NULL, *from = "console", *value, *name;
    const char **there = examples();

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
