/* SPDX-License-Identifier: ISC */
/* mirage build, run and clean: by what was recorded. */
#define _GNU_SOURCE
#include "commands.h"
#include "emit.h"
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
    bool                 is_virtio = strcmp(r->target, "virtio") == 0;
    char                *program = program_name(r->image, r->target);
    const char          *sudo = getenv("SUDO");
    struct words         w = {0};

    if (count > 0 && strcmp(words[0], "--") != 0)
        die(MISUSED, "%s: the image's arguments follow --:  mirage run -- %s",
            words[0], words[0]);
    if (access(program, X_OK) != 0)
        die(FAILED, "./%s is not built: run `make`", program);
    if (sudo)
        add_words(&w, sudo);
    if (is_virtio) {
        add_word(&w, "sh");
        add_word(&w, text_of("./%s.qemu.sh", r->image));
    } else {
        add_word(&w, text_of("./%s", program));
    }
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
    unlink(program_name(r->image, r->target));
    unlink(text_of("%s.debug", program_name(r->image, r->target)));
    add_words(&w, "rm -rf .mirage");
    return run(&w, -1, 0).status;
}
