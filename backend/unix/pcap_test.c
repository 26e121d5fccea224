/* SPDX-License-Identifier: ISC */
/* Captures of frames, byte by byte. */
#include "said.h"
#define platform_exit tested_exit
void tested_exit(int code) __attribute__((noreturn));
#include "pcap.c"
#undef platform_exit
#include "check.h"
#include <setjmp.h>
#include <stdlib.h>

static jmp_buf out;
static int exit_code;

void tested_exit(int code)
{
    exit_code = code;
    longjmp(out, 1);
}

static struct buf *frame_of(const char *text, struct buf *next)
{
    struct buf *b = buf_new(0);

    CHECK(b != NULL);
    memcpy(buf_append(b, strlen(text)), text, strlen(text));
    b->next = next;
    return b;
}

TEST(without_the_argument_nothing_is_captured)
{
    CHECK(!pcap_is_wanted() && capture < 0);
}

/* draft-ietf-opsawg-pcap, 4 and 5. */
TEST(a_capture_has_each_frame_with_its_time_and_length)
{
    static const uint32_t header[] = {0xa1b23c4d, 0x00040002, 0, 0, 65549, 1};
    static const uint32_t first[] = {1700000000, 999999999, 9, 9};
    static const uint32_t second[] = {1700000001, 5, 4, 4};
    char path[] = "/tmp/mirage-XXXXXX", bytes[200];
    struct buf *b;
    int in;

    CHECK(buf_reserve(256) == OK);
    in = mkstemp(path);
    CHECK(in >= 0 && write(in, "what was there before", 21) == 21);
    pcap = path;
    CHECK(pcap_is_wanted() && capture >= 0);
    b = frame_of("one", frame_of(" frame", NULL));
    pcap_add(b, 1700000000999999999);
    buf_free(b);
    CHECK(pcap_is_wanted()); /* a second device: the same file */
    b = frame_of("more", NULL);
    pcap_add(b, 1700000001000000005);
    buf_free(b);
    CHECK(pread(in, bytes, sizeof bytes, 0) == 24 + 16 + 9 + 16 + 4);
    CHECK(memcmp(bytes, header, 24) == 0);
    CHECK(memcmp(bytes + 24, first, 16) == 0);
    CHECK(memcmp(bytes + 40, "one frame", 9) == 0);
    CHECK(memcmp(bytes + 49, second, 16) == 0);
    CHECK(memcmp(bytes + 65, "more", 4) == 0);
    CHECK(fcntl(capture, F_GETFD) == FD_CLOEXEC);
    close(in);
    unlink(path);
}

/* No more iovecs than the kernel takes; the first length says what is there. */
TEST(of_a_frame_of_many_parts_the_first_are_kept)
{
    char path[] = "/tmp/mirage-XXXXXX";
    struct buf *b = NULL;
    uint32_t lengths[2];

    close(capture);
    capture = mkstemp(path);
    for (int i = 0; i < 70; i++)
        b = frame_of("ab", b);
    pcap_add(b, 0);
    CHECK(pread(capture, lengths, sizeof lengths, 8) == sizeof lengths);
    CHECK(lengths[0] == 2 * (PIECES - 1) && lengths[1] == 140);
    CHECK(lseek(capture, 0, SEEK_END) == 16 + 2 * (PIECES - 1));
    buf_free(b);
    unlink(path);
}

TEST(a_file_that_cannot_be_written_ends_the_image)
{
    struct buf *b = frame_of("x", NULL);

    close(capture);
    capture = open("/dev/full", O_WRONLY);
    if (setjmp(out) == 0)
        pcap_add(b, 0);
    CHECK(exit_code == 1);
    CHECK(strstr(said_since(), ": No space left on device\n"));
    exit_code = 0;
    close(capture);
    capture = -1;
    pcap = "/nowhere/at/all";
    if (setjmp(out) == 0)
        (void)pcap_is_wanted();
    CHECK(exit_code == 1);
    CHECK(strstr(said_since(), "--pcap=/nowhere/at/all: No such file"));
    buf_free(b);
}
