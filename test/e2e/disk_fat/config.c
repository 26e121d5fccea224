/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(start, fs, fs);

void configure(void)
{
    unikernel("disk_fat", start(fat_of_files("t"),
                                fat(block_of_file("disk.img"))));
}
