/* SPDX-License-Identifier: ISC */
/*
 * Captures in the format of libpcap with nanoseconds (draft-ietf-opsawg-pcap).
 * Each frame is written by one system call, so that the file ends with a whole
 * frame, however the image ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <mirage/boot.h>
#include <mirage/platform.h>
#include <mirage/process.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define LONGEST 65549 /* bytes of a frame */
#define PIECES  64

BOOT_STRING(pcap, "", "a file for the frames that come and go");

static int capture = -1;

static void give_up(void)
{
    image_say("%s: --pcap=%s: %s\n", image_name(), pcap, strerror(errno));
    platform_exit(1);
}

bool pcap_is_wanted(void)
{
    /* Magic number, version, time zone, accuracy, snapshot length, link type,
     * in the byte order of the host. */
    static const uint32_t header[] = {0xa1b23c4d, 0x00040002, 0, 0, LONGEST,
                                      1};

    if (!*pcap || capture >= 0)
        return *pcap != '\0';
    capture = open(pcap, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (capture < 0 || write(capture, header, sizeof header) != sizeof header)
        give_up();
    return true;
}

void pcap_add(const struct buf *frame, nanoseconds wall)
{
    uint32_t len = (uint32_t)buf_length(frame);
    uint32_t header[4] = {(uint32_t)(wall / SECOND),
                          (uint32_t)(wall % SECOND), len, len};
    struct iovec part[PIECES] = {{header, sizeof header}};
    int count = 1;
    uint32_t kept = 0;

    for (; frame && count < PIECES; frame = frame->next, count++) {
        part[count] = (struct iovec){frame->data, frame->len};
        kept += (uint32_t)frame->len;
    }
    header[2] = kept;
    if (writev(capture, part, count) < 0)
        give_up();
}
