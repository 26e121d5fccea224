/* SPDX-License-Identifier: ISC */
/* Tests of newlib with the hooks of libc/, as an application uses it. */
#define _GNU_SOURCE
#include "test.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int posix_memalign(void **memory, size_t align, size_t size);
int getentropy(void *data, size_t len);

/* Hidden from compilers, which would warn. */
static volatile size_t huge = (size_t)-1;

static uint32_t state = 1;

static uint32_t dice(uint32_t bound)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % bound;
}

__attribute__((format(printf, 2, 3))) static bool
prints(const char *wanted, const char *fmt, ...)
{
    char text[600];
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (len == (int)strlen(wanted) && strcmp(text, wanted) == 0)
        return true;
    printf("%s gives \"%s\" (%d), not \"%s\"\n", fmt, text, len, wanted);
    return false;
}

static void formats(void)
{
    char text[8];

    EXPECT(prints("-1 1 0x2a 052 %", "%d %u %#x %#o %%", -1, 1u, 42, 42));
    EXPECT(prints("   42|42   |00042|+42", "%5d|%-5d|%05d|%+d", 42, 42,
                  42, 42));
    EXPECT(prints("-9223372036854775808 18446744073709551615", "%lld %llu",
                  LLONG_MIN, ULLONG_MAX));
    EXPECT(prints("-1 255 -1 65535", "%hhd %hhu %hd %hu",
                  (signed char)-1, (unsigned char)255, (short)-1,
                  (unsigned short)65535));
    EXPECT(prints("7 8 9", "%zu %td %jd", (size_t)7, (ptrdiff_t)8,
                  (intmax_t)9));
    EXPECT(prints("123456789012 ff", "%" PRId64 " %" PRIx8,
                  (int64_t)123456789012, (uint8_t)255));
    EXPECT(prints("0x1000", "%p", (void *)0x1000));
    EXPECT(prints("[abc] [  abc] [abc  ] [ab]", "[%s] [%5s] [%-5s] [%.2s]",
                  "abc", "abc", "abc", "abc"));
    EXPECT(prints("a  b", "%c%3c", 'a', 'b'));
    EXPECT(prints("3.141593 3.14 3 3.142e+00", "%f %.2f %.0f %.3e", M_PI, M_PI,
                  M_PI, M_PI));
    EXPECT(prints("1e+10 0.0001 1e-05 100000 1e+06", "%g %g %g %g %g", 1e10,
                  1e-4, 1e-5, 1e5, 1e6));
    EXPECT(prints("0.1000000000000000055511151231257827", "%.34f", 0.1));
    EXPECT(prints("1.7976931348623157e+308", "%.17g", DBL_MAX));
    EXPECT(prints("4.94065645841246544e-324", "%.17e",
                  4.94065645841246544e-324));
    EXPECT(prints("inf -inf nan INF", "%f %f %f %F", HUGE_VAL, -HUGE_VAL,
                  (double)NAN, HUGE_VAL));
    EXPECT(prints("0x1.8p+1", "%a", 3.0));
    EXPECT(prints("2 0 2 0", "%.0f %.0f %.0f %.0f", 2.5, 0.5, 1.5, 0.0));
    EXPECT(prints("  1.50|1.50  |-001.5", "%6.2f|%-6.2f|%06.1f", 1.5, 1.5,
                  -1.5));
    EXPECT(prints("1.25", "%Lg", 1.25L));
    EXPECT(prints("  42", "%*d", 4, 42));
    EXPECT(snprintf(text, (unsigned char)huge % 248, "%s", "too long") == 8);
    EXPECT(strcmp(text, "too lo") == 0);
    EXPECT(snprintf(NULL, 0, "%d", 12345) == 5);
}

static bool reads_back(double value)
{
    char text[40];

    snprintf(text, sizeof text, "%.17g", value);
    return strtod(text, NULL) == value;
}

static void numbers(void)
{
    char *end;
    int a;
    unsigned b;
    double d;
    char word[10];
    bool all = true;

    EXPECT(strtod("0.1", NULL) == 0.1);
    EXPECT(strtod("  -12.5e-3xyz", &end) == -12.5e-3 && *end == 'x');
    EXPECT(strtod("0x1.8p1", NULL) == 3);
    EXPECT(isinf(strtod("inf", NULL)) && isnan(strtod("nan", NULL)));
    EXPECT(strtod("2.2250738585072011e-308", NULL) == 2.2250738585072011e-308);
    EXPECT(strtof("0.1", NULL) == 0.1f);
    errno = 0;
    EXPECT(strtod("1e999", NULL) == HUGE_VAL && errno == ERANGE);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = (uint64_t)dice(UINT32_MAX) << 32 | dice(UINT32_MAX);
        double value;

        memcpy(&value, &bits, sizeof value);
        if (isfinite(value) && !reads_back(value))
            all = false;
    }
    EXPECT(all);
    EXPECT(strtol("-7fz", &end, 16) == -0x7f && *end == 'z');
    EXPECT(strtoul("4294967295", NULL, 0) == 4294967295);
    errno = 0;
    EXPECT(strtoll("9223372036854775808", NULL, 10) == LLONG_MAX &&
           errno == ERANGE);
    EXPECT(atoi(" 42") == 42);
    EXPECT(sscanf("-5 ff 2.5 hello!", "%d %x %lf %5[a-z]", &a, &b, &d, word) ==
           4);
    EXPECT(a == -5 && b == 255 && d == 2.5 && strcmp(word, "hello") == 0);
}

static bool near(double found, double wanted)
{
    if (fabs(found - wanted) <= 4e-16 * fabs(wanted) + 1e-300)
        return true;
    printf("%.17g is not %.17g\n", found, wanted);
    return false;
}

static void mathematics(void)
{
    volatile double half = 0.5, two = 2, ten = 10, minus = -1;
    int exponent;

    EXPECT(near(sin(half), 0.47942553860420300));
    EXPECT(near(cos(half), 0.87758256189037276));
    EXPECT(near(tan(half), 0.54630248984379048));
    EXPECT(near(asin(half), 0.52359877559829887));
    EXPECT(near(acos(half), 1.0471975511965979));
    EXPECT(near(atan2(half, minus), 2.6779450445889870));
    EXPECT(near(sin(two * 1e15), sin(2e15)));
    EXPECT(near(exp(two), 7.3890560989306502));
    EXPECT(near(log(ten), 2.3025850929940457));
    EXPECT(near(log10(two), 0.30102999566398120));
    EXPECT(near(log2(ten), 3.3219280948873622));
    EXPECT(near(pow(two, half), 1.4142135623730951));
    EXPECT(near(pow(ten, minus), 0.1));
    EXPECT(near(sqrt(two), 1.4142135623730951));
    EXPECT(near(cbrt(ten), 2.1544346900318838));
    EXPECT(near(hypot(two, ten), 10.198039027185569));
    EXPECT(near(sinh(half), 0.52109530549374736));
    EXPECT(near(tgamma(half), 1.7724538509055161));
    EXPECT(near(erf(half), 0.52049987781304654));
    EXPECT(floor(-half) == -1 && ceil(half) == 1 && trunc(-half) == 0);
    EXPECT(round(half) == 1 && rint(half) == 0 && lround(-two - half) == -3);
    EXPECT(fmod(ten, 3) == 1 && remainder(ten, 4) == 2);
    EXPECT(frexp(ten, &exponent) == 0.625 && exponent == 4);
    EXPECT(ldexp(half, 4) == 8 && isnan(sqrt(minus)));
    EXPECT(fma(two, ten, half) == 20.5 && fmax(two, NAN) == 2);
    EXPECT(sqrtf((float)two) == 1.4142135f);
}

static jmp_buf place;
static int caught, constructed;

__attribute__((noinline)) static void deep(int level)
{
    if (level == 0)
        longjmp(place, 7);
    if (huge)
        deep(level - 1);
    caught = level;
}

static void jumps(void)
{
    volatile int kept = 1;
    int value = setjmp(place);

    if (value == 0) {
        kept = 2;
        deep(20);
    }
    EXPECT(value == 7 && kept == 2);
    kept = 0;
    value = setjmp(place);
    if (kept++ == 0)
        longjmp(place, 0);
    EXPECT(value == 1 && kept == 2);
}

static int compare(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;

    return (x > y) - (x < y);
}

static void sorting(void)
{
    static int list[5000];
    bool sorted = true;
    int key;

    for (size_t i = 0; i < 5000; i++)
        list[i] = (int)dice(1000);
    key = list[17];
    qsort(list, 5000, sizeof *list, compare);
    for (size_t i = 1; i < 5000; i++)
        sorted = sorted && list[i - 1] <= list[i];
    EXPECT(sorted);
    EXPECT(*(int *)bsearch(&key, list, 5000, sizeof *list, compare) == key);
}

static void calendar(void)
{
    time_t then = 951782400; /* the leap day of 2000 */
    struct tm tm;
    char text[64];

    EXPECT(gmtime_r(&then, &tm) == &tm);
    EXPECT(tm.tm_year == 100 && tm.tm_mon == 1 && tm.tm_mday == 29);
    EXPECT(tm.tm_wday == 2 && tm.tm_yday == 59 && tm.tm_hour == 0);
    EXPECT(strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ %a %b", &tm) > 0);
    EXPECT(strcmp(text, "2000-02-29T00:00:00Z Tue Feb") == 0);
    EXPECT(mktime(&tm) == then);
    then = 253402300799; /* the last second of 9999 */
    EXPECT(gmtime_r(&then, &tm)->tm_year == 8099 && tm.tm_sec == 59);
    EXPECT(strcmp(asctime(gmtime(&then)), "Fri Dec 31 23:59:59 9999\n") == 0);
}

static void clocks(void)
{
    struct timeval day;
    struct timespec wall, before, after;
    time_t now = time(NULL);
    struct timespec length = {0, 2000000};

    EXPECT(gettimeofday(&day, NULL) == 0);
    EXPECT(clock_gettime(CLOCK_REALTIME, &wall) == 0);
    EXPECT(now > 1600000000 && day.tv_sec - now <= 1 && wall.tv_sec - now <= 1);
    EXPECT(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
    EXPECT(nanosleep(&length, NULL) == 0);
    EXPECT(clock_gettime(CLOCK_MONOTONIC, &after) == 0);
    EXPECT((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec -
               before.tv_nsec >=
           2000000);
    EXPECT(clock() != (clock_t)-1);
}

/* Allocates, resizes and frees blocks of random sizes. */
static void memory(void)
{
    enum { BLOCKS = 500 };
    static struct {
        unsigned char *data;
        size_t len;
        unsigned char value;
    } model[BLOCKS];
    bool whole = true, aligned = true;
    void *page;

    for (int turn = 0; turn < 200000; turn++) {
        size_t i = dice(BLOCKS);
        size_t len = dice(dice(50) ? 600 : 60000) + 1;
        unsigned char *data = model[i].data;

        for (size_t j = 0; j < model[i].len; j += dice(97) + 1)
            whole = whole && data[j] == model[i].value;
        if (data != NULL && dice(3) == 0) {
            free(data);
            model[i].data = NULL;
            model[i].len = 0;
            continue;
        }
        data = data == NULL && dice(2) ? malloc(len) : realloc(data, len);
        if (data == NULL) {
            whole = false;
            break;
        }
        aligned = aligned && (uintptr_t)data % 16 == 0;
        for (size_t j = 0; j < len && j < model[i].len; j += dice(97) + 1)
            whole = whole && data[j] == model[i].value;
        model[i].data = data;
        model[i].len = len;
        model[i].value = (unsigned char)dice(256);
        memset(data, model[i].value, len);
    }
    EXPECT(whole);
    EXPECT(aligned);
    for (size_t i = 0; i < BLOCKS; i++)
        free(model[i].data);
    page = memalign(4096, 100);
    EXPECT(page != NULL && (uintptr_t)page % 4096 == 0);
    free(page);
    EXPECT(posix_memalign(&page, 64, 10) == 0 && (uintptr_t)page % 64 == 0);
    free(page);
    EXPECT(posix_memalign(&page, 3, 10) == EINVAL);
    page = calloc(1000, 1000);
    EXPECT(page != NULL);
    for (size_t i = 0; page != NULL && i < 1000000; i += 999)
        whole = whole && ((char *)page)[i] == 0;
    EXPECT(whole);
    free(page);
    errno = 0;
    EXPECT(calloc(huge, 16) == NULL);
}

/* Allocates until malloc fails, and frees all. */
static void exhaustion(void)
{
    enum { MANY = 100000 };
    static void *blocks[MANY];
    size_t count[2] = {0};

    for (int turn = 0; turn < 2; turn++) {
        size_t n = 0;

        errno = 0;
        while (n < MANY && (blocks[n] = malloc(10000)) != NULL)
            n++;
        EXPECT(errno == ENOMEM && n > 5000 && n < 7000);
        count[turn] = n;
        while (n > 0)
            free(blocks[--n]);
    }
    EXPECT(count[0] <= count[1] + 2);
    errno = 0;
    EXPECT(malloc((size_t)1 << 40) == NULL && errno == ENOMEM);
    errno = 0;
    EXPECT(malloc(huge) == NULL && errno == ENOMEM);
    blocks[0] = malloc(60 << 20);
    EXPECT(blocks[0] != NULL);
    free(blocks[0]);
}

/* Compares all lengths, distances and directions with simple loops. */
static void moves(void)
{
    static unsigned char block[700], model[700];
    bool same = true;

    for (size_t len = 0; len < 300; len++) {
        for (int turn = 0; turn < 60; turn++) {
            size_t from = dice(330), to = dice(330);
            int value = (int)dice(256);

            if (turn % 2)
                to = from + dice(40) - (from > 40 ? dice(40) : 0);
            for (size_t i = 0; i < sizeof block; i++)
                block[i] = model[i] = (unsigned char)dice(256);
            if (to < from)
                for (size_t i = 0; i < len; i++)
                    model[to + i] = model[from + i];
            else
                for (size_t i = len; i > 0; i--)
                    model[to + i - 1] = model[from + i - 1];
            same = same && memmove(block + to, block + from, len) == block + to;
            same = same && memcmp(block, model, sizeof block) == 0;
            if (to + len <= from || from + len <= to) {
                memset(block + from, value, len);
                for (size_t i = 0; i < len; i++)
                    model[from + i] = (unsigned char)value;
                memcpy(block + to, block + from, len);
                for (size_t i = 0; i < len; i++)
                    model[to + i] = (unsigned char)value;
            }
            for (size_t i = 0; i < sizeof block; i++)
                same = same && block[i] == model[i];
        }
    }
    EXPECT(same);
}

static void strings(void)
{
    char text[40] = "one";

    EXPECT(strcmp(strcat(text, " two"), "one two") == 0);
    EXPECT(strlen(text) == 7 && strnlen(text, 3) == 3);
    EXPECT(strchr(text, 't') == text + 4 && strrchr(text, 'o') == text + 6);
    EXPECT(strstr(text, "tw") == text + 4 && strpbrk(text, "xw") == text + 5);
    EXPECT(strcmp(strtok(text, " "), "one") == 0);
    EXPECT(strcmp(strtok(NULL, " "), "two") == 0 && strtok(NULL, " ") == NULL);
    EXPECT(strcasecmp("AbC", "aBc") == 0 && strncmp("abc", "abd", 2) == 0);
    EXPECT(memcmp("a\0b", "a\0c", 3) < 0 && memchr("abc", 'c', 2) == NULL);
    EXPECT(strcmp(strerror(ENOENT), "No such file or directory") == 0);
    EXPECT(isalpha('x') && !isalpha('1') && toupper('q') == 'Q');
    EXPECT(getenv("HOME") == NULL);
    EXPECT(setenv("A", "b", 1) == 0 && strcmp(getenv("A"), "b") == 0);
}

static void files(void)
{
    struct stat about;
    unsigned char seed[32] = {0}, other[32] = {0}, none[32] = {0};
    int fd;
    char text[8];

    errno = 0;
    EXPECT(fopen("/etc/passwd", "r") == NULL && errno == ENOENT);
    EXPECT(fgets(text, sizeof text, stdin) == NULL && feof(stdin));
    EXPECT(isatty(1) && fstat(1, &about) == 0 && S_ISCHR(about.st_mode));
    EXPECT(write(7, "x", 1) == -1 && errno == EBADF);
    EXPECT(lseek(1, 0, SEEK_SET) == -1 && errno == ESPIPE);
    fd = open("/dev/urandom", O_RDONLY);
    EXPECT(fd > 2 && read(fd, seed, sizeof seed) == sizeof seed);
    EXPECT(close(fd) == 0);
    EXPECT(getentropy(other, sizeof other) == 0);
    EXPECT(memcmp(seed, other, sizeof seed) && memcmp(seed, none, sizeof seed));
}

__attribute__((constructor)) static void construct(void)
{
    constructed++;
}

static void handler(int signal)
{
    caught = signal;
}

int main(int count, char **words)
{
    EXPECT(count == 1 && words[1] == NULL);
    EXPECT(constructed == 1);
    formats();
    numbers();
    mathematics();
    jumps();
    sorting();
    calendar();
    clocks();
    memory();
    exhaustion();
    moves();
    strings();
    files();
    EXPECT(signal(SIGUSR1, handler) == SIG_DFL && raise(SIGUSR1) == 0);
    EXPECT(caught == SIGUSR1);
    return CONCLUDE();
}
