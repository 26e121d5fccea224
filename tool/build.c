/* SPDX-License-Identifier: ISC */
/* mirage build and clean: by what was recorded. */
#define _GNU_SOURCE
#include "commands.h"
#include "emit.h"
#include "files.h"
#include "process.h"
#include "root.h"
#include "say.h"
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

int command_clean(int count, char **words)
{
    const struct record *r = want_record();
    struct words         w = {0};

    want_no_words("clean", count, words);
    remove_files();
    unlink(program_name(r->image, r->target));
    unlink(text_of("%s.debug", program_name(r->image, r->target)));
    add_words(&w, "rm -rf .mirage");
    return run(&w, -1, 0).status;
}
