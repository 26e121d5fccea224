/* SPDX-License-Identifier: ISC */
/*
 * Names of functions from the symbol tables of ELF files (System V gABI), and
 * lines from addr2line. For crash reports: takes no lock, allocates nothing.
 */
#define _GNU_SOURCE
#include "symbols.h"
#include "modules.h"
#include <fcntl.h>
#include <mirage/platform.h>
#include <mirage/text.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#define MOST               33 /* addresses of a struct trace */
#define LINE               160
/* Prefixes of internal names of the library, and of names of an application
 * that the C library has, too (decision 0005). */
#define LIBRARY_PREFIX     "mirage__"
#define APPLICATION_PREFIX "own__" /* after LIBRARY_PREFIX */
#define PATIENCE           5000 /* milliseconds for addr2line */

/* A file that is mapped; its contents are not trusted. */
struct program {
    const struct module *module; /* NULL: none */
    const uint8_t *file;
    size_t size;
};

/* Returns the module of the program, which contains this function. */
static const struct module *own_module(void)
{
    return module_of((uintptr_t)symbols_print);
}

static void open_program(struct program *p, const struct module *module)
{
    /* The file at the path of the program may have been replaced. */
    const char *path = module == own_module() ? "/proc/self/exe" : module->path;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    void *file;

    *p = (struct program){.module = module};
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (file != MAP_FAILED) {
            p->file = file;
            p->size = (size_t)st.st_size;
        }
    }
    close(fd);
}

static void close_program(struct program *p)
{
    if (p->file)
        munmap((void *)(uintptr_t)p->file, p->size);
}

/* Returns the contents of a section; NULL if they are not in the file. */
static const void *section(const struct program *p, const section_header *s)
{
    if (s->sh_offset > p->size || s->sh_size > p->size - s->sh_offset)
        return NULL;
    return p->file + s->sh_offset;
}

static const section_header *section_headers(const struct program *p,
                                             size_t *count)
{
    const elf_header *e = (const void *)p->file;

    if (!p->file || p->size < sizeof *e ||
        memcmp(e->e_ident, ELFMAG, SELFMAG) != 0 || e->e_shoff > p->size ||
        e->e_shnum > (p->size - e->e_shoff) / sizeof(section_header))
        return NULL;
    *count = e->e_shnum;
    return (const void *)(p->file + e->e_shoff);
}

/* Returns the name of the function that contains the address (of the file), by
 * the symbol table of that type, or NULL. */
static const char *find_in(const struct program *p, uint32_t type,
                           uintptr_t address, uintptr_t *start)
{
    size_t sections = 0;
    const section_header *s = section_headers(p, &sections);

    for (size_t i = 0; s && i < sections; i++) {
        const elf_symbol *symbol;
        const char *names;
        size_t names_size;

        if (s[i].sh_type != type || s[i].sh_link >= sections)
            continue;
        symbol = section(p, &s[i]);
        names = section(p, &s[s[i].sh_link]);
        names_size = s[s[i].sh_link].sh_size;
        if (!symbol || !names || !names_size || names[names_size - 1])
            return NULL;
        for (size_t n = s[i].sh_size / sizeof *symbol; n > 0; n--, symbol++)
            if (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
                address - symbol->st_value < symbol->st_size &&
                symbol->st_name < names_size) {
                *start = symbol->st_value;
                return names + symbol->st_name;
            }
    }
    return NULL;
}

static const char *find_function(const struct program *p, uintptr_t address,
                                 uintptr_t *start)
{
    const char *name = find_in(p, SHT_SYMTAB, address, start);

    return name ? name : find_in(p, SHT_DYNSYM, address, start);
}

static bool has_prefix(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Writes the name of the function that contains address, and the offset of
 * to_print. */
static void name_address(struct program *p, uintptr_t address,
                         uintptr_t to_print, char line[LINE])
{
    const struct module *module = module_of(address);
    const char *name, *file = "", *in = "";
    uintptr_t start = 0;

    if (!module) {
        text_format(line, LINE, "0x%zx", (size_t)to_print);
        return;
    }
    if (p->module != module) {
        close_program(p);
        open_program(p, module);
    }
    if (module != own_module()) {
        in = " in ";
        file = strrchr(module->path, '/');
        file = file ? file + 1 : module->path;
    }
    name = find_function(p, address - module->bias, &start);
    if (name && has_prefix(name, LIBRARY_PREFIX)) {
        name += strlen(LIBRARY_PREFIX);
        if (has_prefix(name, APPLICATION_PREFIX))
            name += strlen(APPLICATION_PREFIX);
    }
    text_format(line, LINE, "%s%s0x%zx%s%s", name ? name : "",
                name ? "+" : "", (size_t)(to_print - module->bias - start), in,
                file);
}

/*
 * The system call. fork of the C library takes locks, such as that of malloc,
 * and vfork with the address sanitizer works on the stack of the thread only.
 */
static pid_t fork_without_locks(void)
{
#ifdef __linux__
    return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
#else
    return vfork();
#endif
}

static bool may_run_programs = true;

void symbols_disable_addr2line(void)
{
    may_run_programs = false;
}

/* Prints the command that shows the lines of the frames of the program. */
static void print_command(const uintptr_t *addresses, size_t count)
{
    const struct module *own = own_module();
    bool is_first = true;
    char text[64];

    for (size_t i = 0; i < count; i++) {
        if (!own || module_of(addresses[i]) != own)
            continue;
        if (is_first) {
            platform_put("lines: addr2line -e ",
                         strlen("lines: addr2line -e "));
            platform_put(image_name(), strlen(image_name()));
        }
        is_first = false;
        text_format(text, sizeof text, " 0x%zx",
                    (size_t)(addresses[i] - own->bias));
        platform_put(text, strlen(text));
    }
    if (!is_first)
        platform_put("\n", 1);
}

/* Starts addr2line in a child. Returns a pipe with its output, or -1. */
static int start_addr2line(const uintptr_t *addresses, size_t count,
                           pid_t *child)
{
    static char exe[1024], texts[MOST][24];
    static char program[] = "addr2line", short_names[] = "-s", of[] = "-e";
    static char *words[MOST + 5] = {program, short_names, of, exe};
    int ends[2];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);

    if (len <= 0 || !own_module() || pipe(ends) != 0)
        return -1;
    exe[len] = '\0';
    for (size_t i = 0; i < count; i++) {
        text_format(texts[i], sizeof texts[i], "0x%zx",
                    (size_t)(addresses[i] - own_module()->bias));
        words[4 + i] = texts[i];
    }
    words[4 + count] = NULL;
    *child = fork_without_locks();
    if (*child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(STDERR_FILENO);
        execvp(words[0], words);
        _exit(127);
    }
    close(ends[1]);
    if (*child > 0)
        return ends[0];
    close(ends[0]);
    return -1;
}

/* Reads to the end, or until no data has arrived for PATIENCE. */
static size_t read_answer(int fd, char *text, size_t size)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t len = 0;
    ssize_t n;

    while (len < size && poll(&p, 1, PATIENCE) > 0 &&
           (n = read(fd, text + len, size - len)) > 0)
        len += (size_t)n;
    return len;
}

/* Sets places[i] to " (file:line)" of addresses[i], or to "". */
static void find_lines(const uintptr_t *addresses, size_t count,
                       char places[MOST][LINE])
{
    static char text[MOST * LINE];
    pid_t child;
    int fd = may_run_programs
                 ? start_addr2line(addresses, count, &child)
                 : -1;
    char *line = text;

    for (size_t i = 0; i < count; i++)
        places[i][0] = '\0';
    if (fd < 0)
        return;
    text[read_answer(fd, text, sizeof text - 1)] = '\0';
    close(fd);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    for (size_t i = 0; i < count && *line; i++) {
        char *end = line + strcspn(line, "\n");

        /* addr2line prints "?" for an unknown file or line. */
        if (!memchr(line, '?', (size_t)(end - line)) &&
            module_of(addresses[i]) == own_module())
            text_format(places[i], LINE, " (%.*s)",
                        (int)strcspn(line, " \n"), line);
        line = *end ? end + 1 : end;
    }
}

void symbols_print(const struct trace *trace)
{
    static char places[MOST][LINE];
    static uintptr_t at[MOST], shown[MOST];
    struct program program = {0};
    size_t count = 0;

    if (trace->has_pc)
        at[count++] = shown[0] = trace->pc;
    for (size_t i = 0; i < trace->count; i++, count++) {
        shown[count] = trace->returns[i];
        at[count] = trace->returns[i] - 1; /* in the call, which is before it */
    }
    find_lines(at, count, places);
    for (size_t i = 0; i < count; i++) {
        char name[LINE], line[2 * LINE + 16];

        name_address(&program, at[i], shown[i], name);
        text_format(line, sizeof line, "  #%zu %s%s\n", i, name, places[i]);
        platform_put(line, strlen(line));
    }
    close_program(&program);
    if (!may_run_programs)
        print_command(at, count);
}

void symbols_name(uintptr_t address, char *text, size_t size)
{
    struct program program = {0};
    char name[LINE];

    name_address(&program, address, address, name);
    close_program(&program);
    text_format(text, size, "%s", name);
}
