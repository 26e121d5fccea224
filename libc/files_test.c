/* SPDX-License-Identifier: ISC */
/* File descriptors and getentropy of bare images, on a console of the test. */
#include <mirage/platform.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define platform_input          tested_input
#define platform_entropy        tested_entropy
#define platform_seed           tested_seed
#define platform_answer         tested_answer
#define platform_put            tested_put
#define open                    tested_open
#define close                   tested_close
#define read                    tested_read
#define write                   tested_write
#define lseek                   tested_lseek
#define isatty                  tested_isatty
#define fcntl                   tested_fcntl
#define unlink                  tested_unlink
#define link                    tested_link
#define mkdir                   tested_mkdir
#define getentropy              tested_getentropy
#define fstat(fd, about)        tested_fstat(fd, about)
#define stat(path, st)          tested_stat(path, st)
/* Of newlib's headers. */
#define _READ_WRITE_RETURN_TYPE ssize_t
static enum status tested_input(void *data, size_t len, size_t *got);
static void tested_entropy(void *data, size_t len);
static void tested_seed(void *data, size_t len);
static void tested_answer(const char *text, size_t len);
static void tested_put(const char *text, size_t len);
int open(const char *path, int flags, ...);
int close(int fd);
ssize_t read(int fd, void *data, size_t len);
ssize_t write(int fd, const void *data, size_t len);
off_t lseek(int fd, off_t to, int from);
int isatty(int fd);
int fstat(int fd, struct stat *about);
int fcntl(int fd, int command, ...);
int stat(const char *path, struct stat *about);
int unlink(const char *path);
int link(const char *path, const char *other);
int mkdir(const char *path, mode_t mode);
int getentropy(void *data, size_t len);
#include "files.c"
#include "entropy.c"
#undef platform_input
#undef platform_entropy
#undef platform_seed
#undef platform_answer
#undef platform_put
#undef write
#undef read
#undef close
#include "check.h"

static enum status input_status;
static size_t drawn, seeded; /* bytes */
static char answered[64], printed[64];

static enum status tested_input(void *data, size_t len, size_t *got)
{
    memset(data, 'i', len);
    *got = len < 3 ? len : 3;
    return input_status;
}

static void tested_entropy(void *data, size_t len)
{
    CHECK(len > 0 && len <= 256);
    memset(data, (int)++drawn, len);
    drawn += len - 1;
}

static void tested_seed(void *data, size_t len)
{
    memset(data, 0x5e, len);
    seeded += len;
}

static void tested_answer(const char *text, size_t len)
{
    memcpy(answered + strlen(answered), text, len);
}

static void tested_put(const char *text, size_t len)
{
    memcpy(printed + strlen(printed), text, len);
}

/* The error of a call that fails. */
#define ERROR(call) (errno = 0, (call) == -1 ? errno : 0)

TEST(the_console_is_read_by_descriptor_0)
{
    char data[8];

    input_status = OK;
    CHECK(tested_read(0, data, sizeof data) == 3);
    CHECK(tested_read(0, data, 2) == 2);
    CHECK(tested_read(0, data, 0) == 0);
    input_status = ERR_EOF;
    CHECK(tested_read(0, data, sizeof data) == 0);
    input_status = ERR_CANCELLED;
    CHECK(ERROR(tested_read(0, data, sizeof data)) == EINTR);
    input_status = ERR_IO;
    CHECK(ERROR(tested_read(0, data, sizeof data)) == EIO);
    CHECK(tested_read(0, data, 0) == 0);
    CHECK(ERROR(tested_read(1, data, 1)) == EBADF);
    CHECK(ERROR(tested_read(4, data, 1)) == EBADF);
}

TEST(answers_and_errors_are_written_by_descriptors_1_and_2)
{
    CHECK(tested_write(1, "answer", 6) == 6);
    CHECK(tested_write(2, "error", 5) == 5);
    CHECK_TEXT(answered, "answer");
    CHECK_TEXT(printed, "error");
    CHECK(ERROR(tested_write(0, "x", 1)) == EBADF);
    CHECK(ERROR(tested_write(3, "x", 1)) == EBADF);
}

TEST(random_bytes_are_read_from_a_file_in_pieces_the_platform_gives)
{
    unsigned char data[600] = {0};

    CHECK(open("/dev/urandom", O_RDONLY) == 3);
    CHECK(open("/dev/random", O_RDONLY | O_CLOEXEC) == 3);
    CHECK(ERROR(open("/dev/urandom", O_RDWR)) == EACCES);
    CHECK(ERROR(open("/dev/random", O_WRONLY)) == EACCES);
    CHECK(ERROR(open("/etc/passwd", O_RDONLY)) == ENOENT);
    drawn = 0;
    CHECK(tested_read(3, data, sizeof data) == 600 && drawn == 600);
    CHECK(data[0] == 1 && data[255] == 1 && data[256] == (257 & 0xff));
    CHECK(data[511] == data[256] && data[512] != data[0] + 5 && data[599]);
    CHECK(tested_read(3, data, 0) == 0 && drawn == 600);
}

TEST(the_first_bytes_of_getentropy_are_waited_for)
{
    char data[256];

    CHECK(getentropy(data, 256) == 0 && seeded == 256 && data[255] == 0x5e);
    CHECK(ERROR(getentropy(data, 257)) == EIO && seeded == 256);
}

TEST(four_descriptors_are_open_and_cannot_be_sought)
{
    struct stat about;

    for (int fd = 0; fd <= 3; fd++) {
        CHECK(tested_close(fd) == 0);
        CHECK(ERROR(lseek(fd, 0, SEEK_SET)) == ESPIPE);
        CHECK(tested_fstat(fd, &about) == 0);
        CHECK(S_ISCHR(about.st_mode) && about.st_blksize == 1024);
        CHECK(ERROR(fcntl(fd, F_SETFL, 0)) == EINVAL);
        CHECK(ERROR(fcntl(fd, F_GETFD)) == EBADF);
        CHECK(isatty(fd) == (fd < 3));
    }
    for (int fd = -1; fd <= 4; fd += 5) {
        CHECK(ERROR(tested_close(fd)) == EBADF);
        CHECK(ERROR(lseek(fd, 0, SEEK_SET)) == EBADF);
        CHECK(ERROR(tested_fstat(fd, &about)) == EBADF);
        CHECK(ERROR(fcntl(fd, F_SETFL, 0)) == EBADF);
        errno = 0;
        CHECK(!isatty(fd) && errno == ENOTTY);
    }
}

TEST(there_are_no_other_files)
{
    struct stat about;

    CHECK(ERROR(tested_stat("/dev/urandom", &about)) == ENOENT);
    CHECK(ERROR(unlink("a")) == ENOENT);
    CHECK(ERROR(link("a", "b")) == ENOENT);
    CHECK(ERROR(mkdir("a", 0777)) == EROFS);
}
