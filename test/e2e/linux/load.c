/* SPDX-License-Identifier: ISC */
/*
 * A loader that QEMU starts with an image as its module. It loads the image,
 * and enters it by Linux's 64-bit boot protocol, with data at the addresses
 * that Firecracker uses.
 */
#include <stdint.h>
#include <asm/bootparam.h>
#include <linux/elf.h>
#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>

#define PARAMS ((uintptr_t)0x7000)
#define LINE   ((uintptr_t)0x20000)
#define SEED   ((uintptr_t)0x30000)

#define SEED_SIZE 32

void load(const struct hvm_start_info *info);
void enter(uint32_t entry, struct boot_params *params);

static void *at(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

static void copy(void *to, const void *from, uint32_t len)
{
    __asm__ volatile("rep movsb"
                     : "+D"(to), "+S"(from), "+c"(len)
                     :
                     : "memory");
}

static void clear(void *to, uint32_t len)
{
    __asm__ volatile("rep stosb"
                     : "+D"(to), "+c"(len)
                     : "a"(0)
                     : "memory");
}

static uint32_t place(const char *file)
{
    const Elf64_Ehdr *header = (const void *)file;
    const Elf64_Phdr *part = (const void *)(file + header->e_phoff);

    for (int i = 0; i < header->e_phnum; i++, part++)
        if (part->p_type == PT_LOAD) {
            copy(at(part->p_paddr), file + part->p_offset,
                 (uint32_t)part->p_filesz);
            clear(at(part->p_paddr + part->p_filesz),
                  (uint32_t)(part->p_memsz - part->p_filesz));
        }
    return (uint32_t)header->e_entry;
}

/* A known seed: the test checks that the image uses it. */
static uint64_t seed(void)
{
    struct setup_data *d = at(SEED);

    clear(d, sizeof *d + SEED_SIZE);
    d->type = SETUP_RNG_SEED;
    d->len = SEED_SIZE;
    for (int i = 0; i < SEED_SIZE; i++)
        d->data[i] = (uint8_t)(i + 1);
    return SEED;
}

void load(const struct hvm_start_info *info)
{
    const struct hvm_modlist_entry *module = at(info->modlist_paddr);
    const struct hvm_memmap_table_entry *map = at(info->memmap_paddr);
    struct boot_params *params = at(PARAMS);
    uint32_t n, entry = place(at(module->paddr));

    clear(params, sizeof *params);
    params->hdr.boot_flag = 0xaa55;
    params->hdr.header = 0x53726448; /* "HdrS" */
    params->hdr.type_of_loader = 0xff;
    params->hdr.setup_data = seed();
    for (n = 0; n < info->memmap_entries; n++)
        params->e820_table[n] = (struct boot_e820_entry){
            map[n].addr, map[n].size, map[n].type};
    params->e820_entries = (uint8_t)n;
    copy(at(LINE), at(info->cmdline_paddr), 2048);
    params->hdr.cmd_line_ptr = LINE;
    enter(entry, params);
}
