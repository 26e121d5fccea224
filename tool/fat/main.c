/* SPDX-License-Identifier: ISC */
/*
 * fat: makes, fills and looks into images of FAT file systems, with the very
 * code that images use. It is a Unix image itself, with a main of its own.
 */
#define _GNU_SOURCE
#include "fat.h"
#include <errno.h>
#include <mirage/calendar.h>
#include <mirage/log.h>
#include <mirage/main.h>
#include <mirage/platform.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MISUSED 64 /* as sysexits.h has it */

const char mirage_name[] = "fat";

static const struct command {
    const char *name, *usage, *summary;
    int least, most; /* words */
    int (*run)(const struct options *o);
} commands[] = {
    {"create", "IMAGE SIZE | IMAGE --for=FOLDER [--more=SIZE]",
     "makes an empty file system, in a file that is not there yet", 1, 2,
     command_create},
    {"add", "IMAGE PATH... [--to=DIRECTORY] [--date=DATE] [--in-place]",
     "copies files and folders into it; FOLDER/. means what is in FOLDER", 2,
     MOST_WORDS, command_add},
    {"list", "IMAGE [DIRECTORY]", "lists what is in it", 1, 2, command_list},
    {"extract", "IMAGE FOLDER", "copies all that is in it to a folder", 2, 2,
     command_extract},
    {"check", "IMAGE", "looks for faults, and changes nothing", 1, 1,
     command_check},
    {0},
};

static struct options options;
static const struct command *command;

static void (*last_call)(void);

void at_death(void (*fn)(void))
{
    last_call = fn;
}

void tell(const char *fmt, va_list args)
{
    char *line;

    fflush(stdout);
    if (vasprintf(&line, fmt, args) < 0) {
        fputs("fat: out of memory\n", stderr);
        return;
    }
    hide_controls(line, STDERR_FILENO);
    fprintf(stderr, "fat: %s\n", line);
    free(line);
}

void die(const char *fmt, ...)
{
    void (*fn)(void) = last_call;
    va_list args;

    last_call = NULL;
    if (fn)
        fn();
    va_start(args, fmt);
    tell(fmt, args);
    va_end(args);
    exit(1);
}

void misused(const char *fmt, const char *what)
{
    if (last_call)
        last_call();
    fputs("fat: ", stderr);
    fprintf(stderr, fmt, what);
    fputs("\n`fat --help` tells what there is.\n", stderr);
    exit(MISUSED);
}

static void help(void)
{
    puts("usage: fat COMMAND IMAGE ...\n");
    for (const struct command *c = commands; c->name; c++)
        printf("  fat %s %s\n      %s\n", c->name, c->usage, c->summary);
    puts("\n  SIZE is in bytes, or has a K, M or G at its end. create takes\n"
         "      --type=12, 16 or 32   otherwise by the size\n"
         "      --cluster=BYTES       a power of two, otherwise by the size\n"
         "      --label=TEXT          at most 11 capitals and digits\n"
         "      --id=NUMBER           of the volume; 0 otherwise\n"
         "\n  DATE is a day, YYYY-MM-DD, or @ and seconds since 1970.\n"
         "  --in-place removes an old file before its new one is copied.\n"
         "  Words that follow -- are no options.\n\n"
         "The same words and files make the same image, to the bit; dates of\n"
         "files are the host's, unless --date is given.");
}

/* What stands behind --name= in a word; NULL: it is another word. */
static const char *value_of(const char *word, const char *name)
{
    size_t len = strlen(name);

    return strncmp(word, name, len) == 0 && word[len] == '=' ? word + len + 1
                                                             : NULL;
}

uint64_t size_of_text(const char *text)
{
    char *end;
    uint64_t n, unit = 1;

    errno = 0;
    n = strtoull(text, &end, 10);
    if (*end && strchr("KMG", *end) && end[1] == '\0') {
        unit = *end == 'K' ? 1024 : *end == 'M' ? 1024 * 1024
                                                : 1024 * 1024 * 1024;
        end++;
    }
    if (errno || end == text || *end || *text == '-' ||
        n > INT64_MAX / unit)
        misused("%s is no size; a size is such as 1440K or 64M", text);
    return n * unit;
}

static int type(const char *text)
{
    if (strcmp(text, "12") != 0 && strcmp(text, "16") != 0 &&
        strcmp(text, "32") != 0)
        misused("--type=%s: there are the types 12, 16 and 32", text);
    return atoi(text);
}

/* Of the image's sectors, which have 512 bytes, at most 128. */
static uint32_t cluster_size(const char *text)
{
    uint64_t n = size_of_text(text);

    if (n < 512 || n > 65536 || (n & (n - 1)) != 0)
        misused("--cluster=%s: a cluster has 512 bytes, or twice that and so "
                "on, up to 64K",
                text);
    return (uint32_t)n;
}

static uint32_t number(const char *text)
{
    uint64_t n = size_of_text(text);

    if (n > UINT32_MAX)
        misused("%s is too large", text);
    return (uint32_t)n;
}

static nanoseconds date(const char *text)
{
    int y, m, d;
    char more, *end;

    if (*text == '@') { /* seconds since 1970; 0 would be "each file's own" */
        uint64_t s = strtoull(text + 1, &end, 10);

        if (end == text + 1 || *end || text[1] == '-' || s > INT64_MAX / SECOND)
            misused("%s is no date: @ and seconds since 1970", text);
        return s > 0 ? s * SECOND : 1;
    }
    if (sscanf(text, "%4d-%2d-%2d%c", &y, &m, &d, &more) != 3 || y < 1980 ||
        y > 2107 || m < 1 || m > 12 || d < 1 || d > 31)
        misused("%s is no date such as 2024-12-31, from 1980 to 2107", text);
    return (nanoseconds)calendar_seconds(&(struct civil_time){
               .year = (uint16_t)y, .month = (uint8_t)m, .day = (uint8_t)d}) *
           SECOND;
}

static bool take_option(const char *word)
{
    const char *v;

    if ((v = value_of(word, "--for")))
        options.folder = v;
    else if ((v = value_of(word, "--more")))
        options.more = size_of_text(v);
    else if ((v = value_of(word, "--to")))
        options.to = v;
    else if (strcmp(word, "--in-place") == 0)
        options.in_place = true;
    else if ((v = value_of(word, "--date")))
        options.date = date(v);
    else if ((v = value_of(word, "--label")))
        options.fat.label = v;
    else if ((v = value_of(word, "--type")))
        options.fat.type = type(v);
    else if ((v = value_of(word, "--cluster")))
        options.fat.cluster_size = cluster_size(v);
    else if ((v = value_of(word, "--id")))
        options.fat.volume_id = number(v);
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    bool only_words = false;

    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        help();
        return argc < 2 ? MISUSED : 0;
    }
    for (command = commands; command->name; command++)
        if (strcmp(command->name, argv[1]) == 0)
            break;
    if (!command->name)
        misused("there is no command %s", argv[1]);
    for (int i = 2; i < argc; i++)
        if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
        } else if (!only_words && strncmp(argv[i], "--", 2) == 0) {
            if (!take_option(argv[i]))
                misused("there is no option %s", argv[i]);
        } else if (options.words == MOST_WORDS) {
            misused("%s is one word too many", argv[i]);
        } else {
            options.word[options.words++] = argv[i];
        }
    if ((int)options.words < command->least ||
        (int)options.words > command->most)
        misused("it is: fat %s", text_of("%s %s", command->name,
                                         command->usage));
    log_plainly("fat");
    platform_start("fat", NULL, 0);
}

void mirage_main(void)
{
    int status = command->run(&options);

    if (fflush(stdout) != 0 || ferror(stdout))
        die("standard output cannot be written");
    platform_exit(status);
}
