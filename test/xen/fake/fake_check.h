/* SPDX-License-Identifier: ISC */
/* fake_check: check.h for tests that run on the fake Xen. */
#ifndef XEN_FAKE_CHECK_H
#define XEN_FAKE_CHECK_H

#include "check.h"
#include "fake.h"

int main(void)
{
    int passed = 0, failed = 0;

    for (struct test *t = tests, *next; t; t = next) {
        next = t->next;
        t->next = NULL;
        tests = t;
        fake_run(t->name, &checks_failed) ? passed++ : failed++;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}

#endif
