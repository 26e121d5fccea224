#include <mirage.h>

BOOT_NUMBER(port, 0, 1, 65535, "where it listens");

void start(struct console *c)
{
    console_log(c, "%d", (int)port);
}
