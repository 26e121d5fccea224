/* SPDX-License-Identifier: ISC */
/* Reads /proc/self/maps (Linux, proc.rst) line by line with a fixed buffer. */
#include "modules.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MODULES_MOST 256

struct mapping {
    uintptr_t start, end, offset;
    bool readable, executable;
    char path[MODULE_PATH]; /* "": anonymous */
};

/* Called with each mapping. Returns whether to go on. */
typedef bool mapping_fn(void *ctx, const struct mapping *m);

static struct module modules[MODULES_MOST];
static size_t count;

/* Parses a hexadecimal number; returns what follows its delimiter. */
static const char *parse_hex(const char *text, uintptr_t *value)
{
    *value = 0;
    for (;; text++) {
        char c = *text;

        if (c >= '0' && c <= '9')
            *value = *value * 16 + (uintptr_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            *value = *value * 16 + (uintptr_t)(c - 'a' + 10);
        else
            return c ? text + 1 : text;
    }
}

/* "START-END rwxp OFFSET DEVICE INODE     PATH" */
static void parse_mapping(const char *line, struct mapping *m)
{
    line = parse_hex(line, &m->start);
    line = parse_hex(line, &m->end);
    m->readable = line[0] == 'r';
    m->executable = line[0] && line[1] && line[2] == 'x';
    line += strcspn(line, " ");
    line += strspn(line, " ");
    line = parse_hex(line, &m->offset);
    for (int field = 0; field < 2; field++) {
        line += strspn(line, " ");
        line += strcspn(line, " ");
    }
    line += strspn(line, " ");
    m->path[0] = '\0';
    if (line[0] == '/' || line[0] == '[')
        strncat(m->path, line, sizeof m->path - 1);
}

static void for_each_mapping(mapping_fn *fn, void *ctx)
{
    static char line[MODULE_PATH + 128], buffer[4096];
    static struct mapping m;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    bool goes_on = fd >= 0;

    while (goes_on) {
        ssize_t n = read(fd, buffer, sizeof buffer);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        for (ssize_t i = 0; goes_on && i < n; i++) {
            if (buffer[i] != '\n') {
                if (len < sizeof line - 1)
                    line[len++] = buffer[i];
                continue;
            }
            line[len] = '\0';
            len = 0;
            parse_mapping(line, &m);
            goes_on = fn(ctx, &m);
        }
    }
    if (fd >= 0)
        close(fd);
}

static void find_bias(struct module *m)
{
    const elf_header *e = (const void *)m->start;
    const segment_header *h;

    m->has_header = m->end - m->start >= sizeof *e &&
                    memcmp(e->e_ident, ELFMAG, SELFMAG) == 0 &&
                    e->e_phentsize == sizeof *h &&
                    e->e_phoff + e->e_phnum * sizeof *h < 4096;
    if (!m->has_header)
        return;
    h = (const void *)(m->start + e->e_phoff);
    for (int i = 0; i < e->e_phnum; i++)
        if (h[i].p_type == PT_LOAD && h[i].p_offset == 0)
            m->bias = m->start - h[i].p_vaddr;
}

/* The mappings of a module are adjacent; the first contains the ELF header. */
static bool add_mapping(void *ctx, const struct mapping *m)
{
    struct module *last = count > 0 ? &modules[count - 1] : NULL;

    (void)ctx;
    if (!m->path[0] || (m->path[0] == '[' && strcmp(m->path, "[vdso]") != 0))
        return true;
    if (!last || strcmp(last->path, m->path) != 0) {
        if (m->offset != 0 || !m->readable || count == MODULES_MOST)
            return true;
        last = &modules[count++];
        *last = (struct module){.start = m->start, .end = m->end};
        strcpy(last->path, m->path);
        find_bias(last);
    }
    last->end = m->end;
    if (!m->executable)
        return true;
    if (!last->code)
        last->code = m->start;
    last->code_end = m->end;
    return true;
}

void modules_read(void)
{
    count = 0;
    for_each_mapping(add_mapping, NULL);
}

const struct module *module_of(uintptr_t address)
{
    for (size_t i = 0; i < count; i++)
        if (address >= modules[i].start && address < modules[i].end)
            return &modules[i];
    return NULL;
}

bool modules_hold_code(uintptr_t address)
{
    const struct module *m = module_of(address);

    return m && address >= m->code && address < m->code_end;
}

static const segment_header *segments(const struct module *m, size_t *n)
{
    const elf_header *e = (const void *)m->start;

    *n = m->has_header ? e->e_phnum : 0;
    return m->has_header ? (const void *)(m->start + e->e_phoff) : NULL;
}

const segment_header *module_segment(const struct module *m, uint32_t type)
{
    size_t n;
    const segment_header *h = segments(m, &n);

    for (size_t i = 0; i < n; i++)
        if (h[i].p_type == type)
            return &h[i];
    return NULL;
}

bool module_holds(const struct module *m, uintptr_t address, size_t size)
{
    size_t n;
    const segment_header *h = segments(m, &n);

    for (size_t i = 0; i < n; i++) {
        uintptr_t at = address - m->bias - h[i].p_vaddr;

        if (h[i].p_type == PT_LOAD && (h[i].p_flags & PF_R) &&
            at <= h[i].p_filesz && size <= h[i].p_filesz - at)
            return true;
    }
    return false;
}

struct search {
    uintptr_t address, low, high;
};

static bool find_around(void *ctx, const struct mapping *m)
{
    struct search *s = ctx;

    if (!m->readable || s->address < m->start || s->address >= m->end)
        return true;
    s->low = m->start;
    s->high = m->end;
    return false;
}

bool mapping_of(uintptr_t address, uintptr_t *low, uintptr_t *high)
{
    struct search s = {.address = address};

    for_each_mapping(find_around, &s);
    *low = s.low;
    *high = s.high;
    return s.high > 0;
}
