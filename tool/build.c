/* SPDX-License-Identifier: ISC */
/* mirage build and clean, by .mirage/record. */
#define _GNU_SOURCE
#include "commands.h"
#include "draft.h"
#include "files.h"
#include "image.h"
#include "options.h"
#include "process.h"
#include "record.h"
#include "root.h"
#include "say.h"
#include "target.h"
#include <string.h>
#include <unistd.h>

int command_build(int count, char **words)
{
    struct words w = {0};

    want_record();
    if (!find_program("make"))
        die(FAILED, "there is no make on PATH. On Debian: apt-get install "
                    "make");
    add_word(&w, "make");
    add_word(&w, text_of("MIRAGE=%s", own_path()));
    for (int i = 0; i < count; i++)
        add_word(&w, words[i]);
    become(&w);
}

/* Removes files, but for FAT images that an application has written to. */
static void remove_all(const struct list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        const char *end = strrchr(l->item[i], '.');

        if (end && strcmp(end, ".img") == 0 && is_plain_name(l->item[i]))
            image_remove(text_of("%.*s", (int)(end - l->item[i]), l->item[i]));
        else
            remove_named(l->item[i]);
    }
}

int command_clean(int count, char **words)
{
    const struct record *r = want_record();
    struct list built = built_files(r->image, r->target);
    struct words w = {0};

    refuse_arguments("clean", count, words);
    if (has_own_folder())
        lock_folder();
    remove_files();
    remove_all(&built);
    remove_all(&r->built);
    add_words(&w, "rm -rf .mirage");
    return run(&w, -1, 0).status;
}
