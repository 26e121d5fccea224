/* SPDX-License-Identifier: ISC */
/*
 * Compiled like libraries of Debian: with the headers of glibc, the stack
 * protector and FORTIFY_SOURCE. An argument says how the program ends.
 */
#define _GNU_SOURCE
#include "test.h"
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

/* Hides a value from the compiler, which would warn. */
static volatile size_t one = 1;

__attribute__((noinline)) static void fill(char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((volatile char *)data)[i] = 'x';
}

__attribute__((noinline)) static int smash(size_t len)
{
    char array[16];

    fill(array, len);
    return array[0];
}

static char small[8];

static int is(int answer)
{
    return answer != 0;
}

static void end(const char *how)
{
    char *more = malloc(8 * one);
    size_t len = 9 * one;
    fd_set set;

    if (strcmp(how, "smash") == 0)
        smash(64 * one);
    else if (strcmp(how, "memcpy") == 0)
        memcpy(small, "123456789012", len);
    else if (strcmp(how, "memmove") == 0)
        memmove(small, small + 1, len);
    else if (strcmp(how, "memset") == 0)
        memset(small, 1, len);
    else if (strcmp(how, "strcpy") == 0)
        strcpy(small, &"123456789"[one - 1]);
    else if (strcmp(how, "strcat") == 0)
        strcat(strcat(small, &"1234"[one]), &"567890"[one]);
    else if (strcmp(how, "sprintf") == 0)
        sprintf(small, "%s", &"123456789"[one - 1]);
    else if (strcmp(how, "snprintf") == 0)
        snprintf(small, len, "%s", "1");
    else if (strcmp(how, "read") == 0)
        len = (size_t)read(0, small, len);
    else if (strcmp(how, "fd_set") == 0)
        FD_SET((int)(1024 * one), &set);
    else if (strcmp(how, "assert") == 0)
        assert(one == 2);
    else if (strcmp(how, "abort") == 0)
        abort();
    else if (strcmp(how, "raise") == 0)
        raise(SIGTERM);
    else if (strcmp(how, "exit") == 0)
        exit(7);
    else if (strcmp(how, "_exit") == 0)
        _exit(8);
    else if (strcmp(how, "part") == 0)
        printf("part of a line");
    printf("%p %zu\n", (void *)more, len);
}

static void say(char **text, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    EXPECT(vasprintf(text, fmt, args) > 0);
    va_end(args);
}

static void left(void)
{
    printf("left with atexit\n");
}

int main(int count, char **words)
{
    char text[32], *long_text;
    int a, b;
    jmp_buf place;
    fd_set set;
    time_t then = 951782400;
    struct tm tm;

    atexit(left);
    if (count > 1) {
        end(words[1]);
        return 3;
    }
    EXPECT(smash(16 * one) == 'x');
    EXPECT(sprintf(text, "%d %s %.2f", 42, "yes", 1.5) == 11);
    EXPECT(strcmp(text, "42 yes 1.50") == 0);
    EXPECT(snprintf(text, sizeof text, "%zu", sizeof text) == 2);
    say(&long_text, "%s %d", "text", 5);
    EXPECT(strcmp(long_text, "text 5") == 0);
    free(long_text);
    EXPECT(asprintf(&long_text, "%x", 255) == 2 && !strcmp(long_text, "ff"));
    EXPECT(fprintf(stdout, "to %s\n", "stdout") == 10);
    EXPECT(fprintf(stderr, "to %s\n", "stderr") == 10);
    EXPECT(sscanf("12 0x1f", "%d %x", &a, &b) == 2 && a == 12 && b == 31);
    EXPECT(fgets(text, sizeof text, stdin) == NULL && feof(stdin));
    EXPECT(strcmp(strcat(strcpy(text, "a"), "b"), "ab") == 0);
    EXPECT(strcmp(strncpy(text, "abc", 4), "abc") == 0);
    EXPECT(strtol("77", NULL, 8) == 63 && strtod("2.5", NULL) == 2.5);
    for (int c = 0; c < 128; c++) {
        int upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
        int digit = c >= '0' && c <= '9', graph = c > 32 && c < 127;

        EXPECT(is(isupper(c)) == upper && is(islower(c)) == lower);
        EXPECT(is(isalpha(c)) == (upper || lower) && is(isdigit(c)) == digit);
        EXPECT(is(isspace(c)) == (c == 32 || (c >= 9 && c <= 13)));
        EXPECT(is(isgraph(c)) == graph && is(isprint(c)) == (graph || c == 32));
        EXPECT(is(iscntrl(c)) == (c < 32 || c == 127));
        EXPECT(is(isalnum(c)) == (digit || upper || lower));
        EXPECT(is(ispunct(c)) == (graph && !digit && !upper && !lower));
        EXPECT(is(isblank(c)) == (c == 9 || c == 32));
        EXPECT(tolower(c) == (upper ? c + 32 : c));
        EXPECT(toupper(c) == (lower ? c - 32 : c));
    }
    EXPECT(!isalpha(200) && toupper(200) == 200 && !isalpha(EOF));
    errno = 0;
    EXPECT(close(55) == -1 && errno == EBADF);
    FD_ZERO(&set);
    FD_SET((int)one, &set);
    EXPECT(FD_ISSET((int)one, &set) && !FD_ISSET(2, &set));
    if ((a = setjmp(place)) == 0)
        longjmp(place, 5);
    EXPECT(a == 5);
    EXPECT(localtime_r(&then, &tm)->tm_year == 100 && tm.tm_mon == 1);
    EXPECT(secure_getenv("HOME") == NULL);
    return CONCLUDE();
}
