/* SPDX-License-Identifier: ISC */
/*
 * modules: the program and the shared libraries of this process, as
 * /proc/self/maps lists them. For crash reports: nothing here takes a lock or
 * allocates, so it works wherever the process has stopped (the dynamic
 * linker's own dl_iterate_phdr and dladdr wait for its lock).
 */
#ifndef UNIX_MODULES_H
#define UNIX_MODULES_H

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef ElfW(Ehdr) elf_header;
typedef ElfW(Shdr) section_header;
typedef ElfW(Phdr) segment_header;
typedef ElfW(Sym) elf_symbol;

#define MODULE_PATH 256

struct module {
    uintptr_t start, end; /* of all of its mappings */
    uintptr_t code, code_end; /* of those that can be executed */
    uintptr_t bias; /* address in memory less that in the file */
    bool has_header; /* an ELF header can be read at start */
    char path[MODULE_PATH];
};

/* Reads the list; before it is called there are no modules. */
void modules_read(void);

/* The module that has a mapping around the address, or NULL. */
const struct module *module_of(uintptr_t address);

/* Can code be executed at the address, in one of the modules? */
bool modules_hold_code(uintptr_t address);

/* The program header of that type, or NULL. */
const segment_header *module_segment(const struct module *m, uint32_t type);

/* Does the module have [address, address + size) in memory, readable? */
bool module_holds(const struct module *m, uintptr_t address, size_t size);

/* Finds the ends of the mapping around an address, such as a thread's stack.
 * False: there is none that can be read. */
bool mapping_of(uintptr_t address, uintptr_t *low, uintptr_t *high);

#endif
