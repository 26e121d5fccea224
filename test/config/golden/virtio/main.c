/* Made by `mirage configure` from config.c. Edit that instead. */
#include <mirage/main.h>

void start(struct console *);

const char mirage_name[] = "console";

static struct console *console_0;

static void mirage_job_0(void)
{
    start(console_0);
}

static struct job mirage_jobs[] = {
    {.name = "start", .run = mirage_job_0},
};

void mirage_main(void)
{
    connected(console_serial_connect("0", &console_0),
              "default_console");
    jobs_run(mirage_jobs, 1);
}
/* hash as made: 00c122c3c1a30366 main.c */
