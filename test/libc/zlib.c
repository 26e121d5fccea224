/* SPDX-License-Identifier: ISC */
#include "test.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { SIZE = 1 << 20 };

/* Inflates pieces of this size, as from a network. */
static bool streams(unsigned char *packed, unsigned long len,
                    const unsigned char *wanted, unsigned piece)
{
    static unsigned char out[SIZE];
    z_stream z = {.next_out = out, .avail_out = SIZE};
    int result = Z_OK;

    if (inflateInit(&z) != Z_OK)
        return false;
    for (unsigned long at = 0; at < len && result == Z_OK; at += piece) {
        z.next_in = packed + at;
        z.avail_in = len - at < piece ? (unsigned)(len - at) : piece;
        result = inflate(&z, Z_NO_FLUSH);
    }
    return inflateEnd(&z) == Z_OK && result == Z_STREAM_END &&
           z.total_out == SIZE && memcmp(out, wanted, SIZE) == 0;
}

int main(void)
{
    unsigned char *data = malloc(SIZE), *back = malloc(SIZE);
    unsigned long room = compressBound(SIZE), len = room, size = SIZE;
    unsigned char *packed = malloc(room);
    uint32_t state = 1;

    EXPECT(data != NULL && back != NULL && packed != NULL);
    for (size_t i = 0; i < SIZE; i++) {
        state = state * 1664525 + 1013904223;
        data[i] = "the rain in Spain"[state >> 28] + (i % 97 == 0);
    }
    EXPECT(crc32(0, (const unsigned char *)"123456789", 9) == 0xcbf43926);
    EXPECT(adler32(1, (const unsigned char *)"Wikipedia", 9) == 0x11e60398);
    for (int level = 0; level <= 9; level++) {
        len = room;
        size = SIZE;
        EXPECT(compress2(packed, &len, data, SIZE, level) == Z_OK);
        EXPECT(uncompress(back, &size, packed, len) == Z_OK);
        EXPECT(size == SIZE && memcmp(data, back, SIZE) == 0);
    }
    EXPECT(len < SIZE * 6 / 10);
    EXPECT(streams(packed, len, data, 1400));
    packed[len / 2] ^= 1;
    EXPECT(uncompress(back, &size, packed, len) == Z_DATA_ERROR);
    EXPECT(strcmp(zError(Z_DATA_ERROR), "data error") == 0);
    EXPECT(gzopen("nothing.gz", "rb") == NULL);
    return CONCLUDE();
}
