/* SPDX-License-Identifier: ISC */
/* The command mirage: the table of its commands, and what they share. */
#define _GNU_SOURCE
#include "commands.h"
#include "say.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST_COMMANDS 16

const struct command commands[] = {
    {"configure", "read config.c and write the Makefile and main.c",
     "[-f FILE] [-t TARGET | --unix | --xen | --virtio | --macosx | --sim]\n"
     "\n"
     "  -f, --file=FILE      the configuration (default: config.c)\n"
     "  -t, --target=TARGET  unix (default), macosx, xen, virtio or sim; also "
     "as\n"
     "                       --unix, --macosx, --xen, --virtio, --sim\n"
     "\n"
     "Compiles and runs the configuration, checks that the target has every\n"
     "device and that unikernel.c fits, and writes Makefile, main.c and\n"
     "compile_flags.txt into its folder. The target, and each environment\n"
     "variable that the configuration reads, are recorded for later builds.\n",
     command_configure, false},
    {"build", "build what was configured",
     "[MAKE'S ARGUMENTS]\n\nRuns make in this folder.\n", command_build, false},
    {"run", "run what was built",
     "[--gdb[=PORT]] [--forward=PORTS]... [-- ARGUMENTS]\n"
     "\n"
     "Runs the image with the boot arguments: as a process, in QEMU, or under\n"
     "Xen by `xl create -c`. Ends with the image's exit status: 70 if it has\n"
     "crashed in a virtual machine. SUDO=sudo runs it by way of sudo.\n"
     "\n"
     "  --gdb[=PORT]         in gdb; QEMU waits for gdb on PORT (default: "
     "1234)\n"
     "  --forward=PORTS      8080:80: port 8080 of 127.0.0.1 is passed on to "
     "the image's\n"
     "                       port 80; 5353:53/udp for UDP. In QEMU, whose own "
     "network\n"
     "                       the image then has in place of a TAP\n",
     command_run, false},
    {"clean", "remove what was generated and built",
     "\n\nKeeps generated files that were edited.\n", command_clean, false},
    {"describe", "show the devices, the target and the environment",
     "[-f FILE] [--dot | --json | --svg]\n"
     "\n"
     "  --dot                the graph of devices for Graphviz\n"
     "  --json               everything, for programs\n"
     "  --svg                the graph as a picture, drawn by Graphviz\n",
     command_describe, false},
    {"init", "make a folder with a unikernel to begin with",
     "NAME [--from EXAMPLE]\n"
     "\n"
     "  --from=EXAMPLE       what to begin with (default: console)\n",
     command_init, false},
    {"help", "explain a command, a device type or a header",
     "[TOPIC]\n\n`mirage help topics` lists the topics.\n", command_help,
     false},
    {"depend", "install what a build needs",
     "[--as-recorded] [--package=NAME]... [--library=NAME]...\n",
     command_depend, true},
    {"objects", "give an application its own names", "--names=FILE OBJECT...\n",
     command_objects, true},
    {"link", "link a virtual machine's image", "-- COMMAND...\n", command_link,
     true},
    {"crunch", "put a folder's files into C", "[--look] NAME FOLDER\n",
     command_crunch, true},
    {"image", "make a file system of a folder",
     "[--look] NAME FOLDER [MORE]\n       mirage image --remove NAME...\n",
     command_image, true},
    {"note", "note the words of a command for make", "NAME -- WORD...\n",
     command_note, true},
    {"strip", "copy what a loader needs of an image", "FROM TO\n",
     command_strip, true},
    {"root", "where mirage is installed", "[--made-by=VERSION]\n", command_root,
     true},
    {0},
};

const struct command *find_command(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

void print_usage(const struct command *c)
{
    printf("usage: mirage %s %s", c->name, c->usage);
}

static void print_commands(void)
{
    fputs("usage: mirage COMMAND [OPTIONS]\n\n", stdout);
    for (const struct command *c = commands; c->name; c++)
        if (!c->is_hidden)
            printf("  %-10s %s\n", c->name, c->summary);
    fputs("\nTo begin: mirage init hello && cd hello && mirage configure && "
          "make && ./mir-hello\n"
          "`mirage COMMAND --help` explains a command, `mirage help topics` "
          "lists all else.\n",
          stdout);
}

/* Opens standard streams that the caller has closed: otherwise the next file to
 * be opened would become one of them. */
static void open_standard_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    close(fd);
}

/* The exit status: an error if standard output could not be written. */
static int finish(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        die(FAILED, "standard output cannot be written");
    return status;
}

int main(int argc, char **argv)
{
    const struct command *c;
    const char *names[MOST_COMMANDS + 1] = {NULL};
    size_t n = 0;

    open_standard_streams();
    if (argc < 2 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0) {
        print_commands();
        return finish(argc < 2 ? MISUSED : 0);
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("mirage " MIRAGE_VERSION);
        return finish(0);
    }
    c = find_command(argv[1]);
    if (!c) {
        for (c = commands; c->name; c++)
            if (!c->is_hidden)
                names[n++] = c->name;
        die_unknown("command", argv[1], names);
    }
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0) {
            print_usage(c);
            return finish(0);
        }
    return finish(c->run(argc - 2, argv + 2));
}
