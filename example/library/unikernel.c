/* SPDX-License-Identifier: ISC */
/* Debian's own builds of two libraries: what they do in a process they do in a
 * virtual machine. */
#include <mirage.h>
#include <bearssl.h>
#include <string.h>
#include <zlib.h>

static const char verse[] = "How much wood would a woodchuck chuck "
                            "if a woodchuck could chuck wood?";

static void say_sum(struct console *c, const void *data, size_t len)
{
    br_sha256_context sum;
    unsigned char bytes[br_sha256_SIZE];
    char text[2 * sizeof bytes + 1];

    br_sha256_init(&sum);
    br_sha256_update(&sum, data, len);
    br_sha256_out(&sum, bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        text_format(text + 2 * i, 3, "%02x", bytes[i]);
    console_log(c, "SHA-256 %s", text);
}

void start(struct console *c)
{
    unsigned char packed[200], again[200];
    uLongf len = sizeof packed, again_len = sizeof again;

    require(compress(packed, &len, (const Bytef *)verse, sizeof verse) == Z_OK);
    require(uncompress(again, &again_len, packed, len) == Z_OK);
    console_log(c, "%s", (char *)again);
    console_log(c, "%d bytes, of which zlib makes %d", (int)again_len,
                (int)len);
    say_sum(c, again, strlen(verse));
}
