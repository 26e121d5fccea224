/* SPDX-License-Identifier: ISC */
/*
 * modules: the program and the shared libraries of this process, from
 * /proc/self/maps. For crash reports: nothing here takes a lock or allocates,
 * unlike dl_iterate_phdr and dladdr, which take that of the dynamic linker.
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
    uintptr_t start, end; /* of all its mappings */
    uintptr_t code, code_end; /* of its executable mappings */
    uintptr_t bias; /* address in memory minus address in the file */
    bool has_header; /* there is a valid ELF header at start */
    char path[MODULE_PATH];
};

/* Reads the list of modules, which is empty before the first call. */
void modules_read(void);

/* Returns the module that contains the address, or NULL. */
const struct module *module_of(uintptr_t address);

/* Returns whether the address is in executable memory of a module. */
bool modules_hold_code(uintptr_t address);

/* Returns the first program header of that type, or NULL. */
const segment_header *module_segment(const struct module *m, uint32_t type);

/* Returns whether all of [address, address + size) is readable memory of m. */
bool module_holds(const struct module *m, uintptr_t address, size_t size);

/* Finds the bounds of the mapping that contains an address, such as the stack
 * of a thread. False: there is no readable one; both bounds are 0. */
bool mapping_of(uintptr_t address, uintptr_t *low, uintptr_t *high);

#endif
