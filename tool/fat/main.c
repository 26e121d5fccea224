/* SPDX-License-Identifier: ISC */
/*
 * fat: makes, fills, lists and checks images of FAT file systems, by the same
 * code that unikernels use. It is a Unix image with a main of its own.
 */
#include "fat.h"
#include <mirage/log.h>
#include <mirage/main.h>
#include <mirage/platform.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char mirage_name[] = "fat";

static const struct command {
    const char *name, *usage, *summary;
    int least, most; /* number of words */
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

/* The value in a word --name=VALUE; NULL: it is another word. */
static const char *value_of(const char *word, const char *name)
{
    size_t len = strlen(name);

    return strncmp(word, name, len) == 0 && word[len] == '=' ? word + len + 1
                                                             : NULL;
}

static bool parse_option(const char *word)
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
        options.date = date_of_text(v);
    else if ((v = value_of(word, "--label")))
        options.fat.label = v;
    else if ((v = value_of(word, "--type")))
        options.fat.type = type_of_text(v);
    else if ((v = value_of(word, "--cluster")))
        options.fat.cluster_size = cluster_of_text(v);
    else if ((v = value_of(word, "--id")))
        options.fat.volume_id = number_of_text(v);
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
            if (!parse_option(argv[i]))
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
