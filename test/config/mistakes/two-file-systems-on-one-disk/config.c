#include <mirage/config.h>

JOB(start, fs, fs);

void configure(void)
{
    block disk = block_of_file("disk.img");
    fs    one = fat(disk);
    fs    two = fat(disk);

    unikernel("disks", start(one, two));
}
