/* SPDX-License-Identifier: ISC */
/* mirage build, run and clean: by what was recorded. */
#define _GNU_SOURCE
#include "commands.h"
#include "files.h"
#include "process.h"
#include "root.h"
#include "say.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct record *want_record(void)
{
    const struct record *r = read_record();

    if (!r)
        die(FAILED, "nothing is configured in this folder: run `mirage "
                    "configure`");
    return r;
}

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

int command_run(int count, char **words)
{
    const struct record *r = want_record();
    char                *program = text_of("./mir-%s", r->image);
    const char          *sudo = getenv("SUDO");
    struct words         w = {0};

    if (count > 0 && strcmp(words[0], "--") != 0)
        die(MISUSED, "%s: the image's arguments follow --:  mirage run -- %s",
            words[0], words[0]);
    if (access(program, X_OK) != 0)
        die(FAILED, "%s is not built: run `make`", program);
    if (sudo)
        add_words(&w, sudo);
    add_word(&w, program);
    for (int i = 1; i < count; i++)
        add_word(&w, words[i]);
    become(&w);
}

int command_clean(int count, char **words)
{
    const struct record *r = want_record();
    struct words         w = {0};

    want_no_words("clean", count, words);
    remove_files();
    unlink(text_of("mir-%s", r->image));
    add_words(&w, "rm -rf .mirage");
    return run(&w, -1, 0).status;
}
