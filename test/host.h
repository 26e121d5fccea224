/* SPDX-License-Identifier: ISC */
/*
 * host: unit tests of programs of the host, tool/ and config/. They are no
 * images: host.c has main(), which runs the TESTs.
 */
#ifndef TEST_HOST_H
#define TEST_HOST_H

#include "checks.h"
#include <stdbool.h>
#include <stddef.h>

/* How a piece of code ended, and what it printed. */
struct ended {
    int status; /* 128 and the number of a signal that ended it */
    char *out, *err; /* standard output and error, until the program ends */
    bool is_child;
    int pid;
    void *files[2]; /* FILEs */
};

/* Runs the statements in a process of their own, which ends with 0 after them:
 *     struct ended e = ENDED(die(FAILED, "no"));
 */
#define ENDED(...)                           \
    __extension__({                          \
        struct ended ended_ = ended_begin(); \
        if (ended_.is_child) {               \
            __VA_ARGS__;                     \
            ended_child();                   \
        }                                    \
        ended_wait(&ended_);                 \
        ended_;                              \
    })

struct ended ended_begin(void);
_Noreturn void ended_child(void);
void ended_wait(struct ended *e);

/* Enters a new folder that is empty; it is removed at the program's end. */
void enter_new_folder(void);

/* Writes a file of the present folder; reads one, NULL: there is none. */
void write_text_file(const char *name, const char *text);
const char *text_file(const char *name);

#endif
