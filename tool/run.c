/* SPDX-License-Identifier: ISC */
/* mirage run: the image as a process, in QEMU, or under Xen. */
#define _GNU_SOURCE
#include "commands.h"
#include "emit.h"
#include "files.h"
#include "process.h"
#include "say.h"
#include "xl.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int command_run(int count, char **words)
{
    const struct record *r = want_record();
    char                *program = program_name(r->image, r->target);
    const char          *sudo = getenv("SUDO") ? getenv("SUDO") : "";
    struct words         w = {0};

    if (count > 0 && strcmp(words[0], "--") != 0)
        die(MISUSED, "%s: the image's arguments follow --:  mirage run -- %s",
            words[0], words[0]);
    if (access(program, X_OK) != 0)
        die(FAILED, "./%s is not built: run `make`", program);
    if (count > 0) {
        count--;
        words++;
    }
    if (strcmp(r->target, "xen") == 0)
        return run_in_xen(r->image, sudo, count, words);
    add_words(&w, sudo);
    if (strcmp(r->target, "virtio") == 0) {
        add_word(&w, "sh");
        add_word(&w, text_of("./%s.qemu.sh", r->image));
    } else {
        add_word(&w, text_of("./%s", program));
    }
    for (int i = 0; i < count; i++)
        add_word(&w, words[i]);
    become(&w);
}
