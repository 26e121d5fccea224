/* SPDX-License-Identifier: ISC */
/*
 * A target that crashes by one input: test/fuzz/run puts it into a corpus, and
 * so shows that it would notice such an input.
 */
#include "platform.h"
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(size != 5 || memcmp(data, "cr\\sh", 5) != 0);
    return 0;
}
