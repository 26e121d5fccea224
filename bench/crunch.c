/* SPDX-License-Identifier: ISC */
/* kv_ro_view of one of 10,000 values in the image. */
#include "crunch.h"
#include "measure.h"
#include <mirage/crunched.h>
#include <mirage/main.h>

const char mirage_name[] = "crunch";

void mirage_main(void)
{
    static struct crunched_file file[KEYS];
    static const struct crunched files = {file, KEYS, 0};
    struct kv_ro *kv;
    struct moment start;
    const void *data;
    size_t len;

    make_keys();
    for (unsigned i = 0; i < KEYS; i++)
        file[i] = (struct crunched_file){keys[i], keys[i], sizeof keys[i]};
    connected(kv_ro_crunch_connect(&files, &kv), "crunch");
    start = moment_now();
    for (int i = 0; i < LOOKUPS; i++) {
        unsigned k = next_key();

        if (kv_ro_view(kv, keys[k], &data, &len) != OK || data != keys[k])
            give_up("a key has not its value");
    }
    report_each("view", start, LOOKUPS);
}
