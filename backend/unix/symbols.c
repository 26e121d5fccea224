/* SPDX-License-Identifier: ISC */
/*
 * Names for addresses: the program's own from the symbol table of its ELF
 * file, a shared library's from the dynamic linker, lines from addr2line.
 */
#define _GNU_SOURCE
#include "symbols.h"
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <mirage/platform.h>
#include <mirage/text.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST       33 /* addresses: what struct trace can hold */
#define LINE       160
#define OWN_PREFIX "mirage__" /* on names that are not for applications */

typedef ElfW(Ehdr) elf_header;
typedef ElfW(Shdr) section_header;
typedef ElfW(Phdr) segment_header;
typedef ElfW(Sym) elf_symbol;

/* The program's file in memory, checked before it is believed. */
struct program {
    const uint8_t *file;
    size_t         size;
    uintptr_t      bias; /* of addresses in memory over those in the file */
    uintptr_t      end;  /* of the program in memory; it starts at bias */
};

static int holds_code(struct dl_phdr_info *info, size_t size, void *ctx)
{
    uintptr_t address = *(const uintptr_t *)ctx;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const segment_header *h = &info->dlpi_phdr[i];

        if (h->p_type == PT_LOAD && (h->p_flags & PF_X) &&
            address - info->dlpi_addr - h->p_vaddr < h->p_memsz)
            return 1;
    }
    return 0;
}

bool symbols_is_code(uintptr_t address)
{
    return dl_iterate_phdr(holds_code, &address) == 1;
}

static int first_object(struct dl_phdr_info *info, size_t size, void *ctx)
{
    struct program *p = ctx;

    (void)size;
    p->bias = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const segment_header *h = &info->dlpi_phdr[i];

        if (h->p_type == PT_LOAD && p->bias + h->p_vaddr + h->p_memsz > p->end)
            p->end = p->bias + h->p_vaddr + h->p_memsz;
    }
    return 1; /* the program comes first: stop */
}

static void open_program(struct program *p)
{
    int         fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct stat st;
    void       *file;

    memset(p, 0, sizeof *p);
    dl_iterate_phdr(first_object, p);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0) {
        file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (file != MAP_FAILED) {
            p->file = file;
            p->size = (size_t)st.st_size;
        }
    }
    close(fd);
}

/* The part of the file that the section header describes, or NULL. */
static const void *section(const struct program *p, const section_header *s)
{
    if (s->sh_offset > p->size || s->sh_size > p->size - s->sh_offset)
        return NULL;
    return p->file + s->sh_offset;
}

static const section_header *section_headers(const struct program *p,
                                             size_t               *count)
{
    const elf_header *e = (const void *)p->file;

    if (!p->file || p->size < sizeof *e ||
        memcmp(e->e_ident, ELFMAG, SELFMAG) != 0 || e->e_shoff > p->size ||
        e->e_shnum > (p->size - e->e_shoff) / sizeof(section_header))
        return NULL;
    *count = e->e_shnum;
    return (const void *)(p->file + e->e_shoff);
}

/* The function of the program that holds the file's address, or NULL. */
static const char *find_function(const struct program *p, uintptr_t address,
                                 uintptr_t *start)
{
    size_t                sections = 0;
    const section_header *s = section_headers(p, &sections);

    for (size_t i = 0; s && i < sections; i++) {
        const elf_symbol *symbol;
        const char       *names;
        size_t            names_size;

        if (s[i].sh_type != SHT_SYMTAB || s[i].sh_link >= sections)
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

static bool is_own(const struct program *p, uintptr_t address)
{
    return address >= p->bias && address < p->end;
}

/* address is where to look, to_print the one whose offset is meant. */
static void name_address(const struct program *p, uintptr_t address,
                         uintptr_t to_print, char line[LINE])
{
    uintptr_t   start;
    const char *name, *file;
    Dl_info     info;

    if (is_own(p, address)) {
        name = find_function(p, address - p->bias, &start);
        if (name) {
            if (strncmp(name, OWN_PREFIX, strlen(OWN_PREFIX)) == 0)
                name += strlen(OWN_PREFIX);
            text_format(line, LINE, "%s+0x%zx", name,
                        (size_t)(to_print - p->bias - start));
            return;
        }
    } else if (dladdr((void *)address, &info) && info.dli_fname) {
        file = strrchr(info.dli_fname, '/');
        file = file ? file + 1 : info.dli_fname;
        if (info.dli_sname)
            text_format(line, LINE, "%s+0x%zx in %s", info.dli_sname,
                        (size_t)(to_print - (uintptr_t)info.dli_saddr), file);
        else
            text_format(line, LINE, "0x%zx in %s",
                        (size_t)(to_print - (uintptr_t)info.dli_fbase), file);
        return;
    }
    text_format(line, LINE, "0x%zx", (size_t)to_print);
}

/* Runs addr2line in a child; its output is read from the result, or -1. */
static int start_addr2line(const struct program *p, const uintptr_t *addresses,
                           size_t count, pid_t *child)
{
    static char  exe[1024], texts[MOST][24];
    static char  program[] = "addr2line", short_names[] = "-s", of[] = "-e";
    static char *words[MOST + 5] = {program, short_names, of, exe};
    int          ends[2];
    ssize_t      len = readlink("/proc/self/exe", exe, sizeof exe - 1);

    if (len <= 0 || pipe(ends) != 0)
        return -1;
    exe[len] = '\0';
    for (size_t i = 0; i < count; i++) {
        text_format(texts[i], sizeof texts[i], "0x%zx",
                    (size_t)(addresses[i] - p->bias));
        words[4 + i] = texts[i];
    }
    words[4 + count] = NULL;
    *child = fork();
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

/* Fills places[i] with " (file:line)" of each address, or with nothing. */
static void find_lines(const struct program *p, const uintptr_t *addresses,
                       size_t count, char places[MOST][LINE])
{
    static char text[MOST * LINE];
    size_t      len = 0;
    ssize_t     n;
    pid_t       child;
    int         fd = start_addr2line(p, addresses, count, &child);
    char       *line = text;

    for (size_t i = 0; i < count; i++)
        places[i][0] = '\0';
    if (fd < 0)
        return;
    while (len < sizeof text - 1 &&
           (n = read(fd, text + len, sizeof text - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(fd);
    waitpid(child, NULL, 0);
    for (size_t i = 0; i < count && *line; i++) {
        char *end = line + strcspn(line, "\n");

        if (line[0] != '?' && is_own(p, addresses[i]))
            text_format(places[i], LINE, " (%.*s)",
                        (int)strcspn(line, " \n"), line);
        line = *end ? end + 1 : end;
    }
}

void symbols_print(const struct trace *trace)
{
    static char      places[MOST][LINE];
    static uintptr_t at[MOST], shown[MOST];
    struct program   program;
    size_t           count = 0;

    if (trace->has_pc)
        at[count++] = shown[0] = trace->pc;
    for (size_t i = 0; i < trace->count; i++, count++) {
        shown[count] = trace->returns[i];
        at[count] = trace->returns[i] - 1; /* the call, which stands before */
    }
    open_program(&program);
    find_lines(&program, at, count, places);
    for (size_t i = 0; i < count; i++) {
        char name[LINE], line[2 * LINE + 16];

        name_address(&program, at[i], shown[i], name);
        text_format(line, sizeof line, "  #%zu %s%s\n", i, name, places[i]);
        platform_put(line, strlen(line));
    }
}
