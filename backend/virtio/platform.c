/* SPDX-License-Identifier: ISC */
/*
 * An image as a virtual machine on QEMU/KVM and its like, entered by PVH: its
 * start, idling, entropy, and its ways out.
 */
#include <pages.h>
#include "clock.h"
#include "serial.h"
#include <cpu.h>
#include <traps.h>
#include <mirage/bare.h>
#include <mirage/boot.h>
#include <mirage/libc.h>
#include <mirage/log.h>
#include <mirage/main.h>
#include <mirage/panic.h>
#include <mirage/platform.h>
#include <string.h>
#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>

#define MOST_REGIONS 32
#define MOST_WORDS   64
#define COMMAND_LINE 2048
#define TIMER_LINE   0

LOG_SOURCE(virtio);

typedef void              constructor(void);
extern constructor *const image_init_first[], *const image_init_last[];

void platform_put(const char *text, size_t len)
{
    serial_write(text, len);
}

void platform_answer(const char *text, size_t len)
{
    serial_write(text, len);
}

/*
 * QEMU's isa-debug-exit, if it is there, ends QEMU with the status 2 * code +
 * 1. Otherwise ACPI's soft off where QEMU's q35 and pc have it, a reset by the
 * keyboard controller, and at last one by a fault that cannot be handled.
 */
void platform_exit(int code)
{
    static const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } no_table = {0, 0};

    libc_stop();
    outb(0xf4, (uint8_t)code);
    if (code == 0)
        outw(0x604, 0x2000);
    outb(0x64, 0xfe);
    __asm__ volatile("lidt %0\n\tint3"
                     :
                     : "m"(no_table));
    __builtin_unreachable();
}

void platform_wait(nanoseconds deadline)
{
    uint32_t taken;

    if (deadline == 0) {
        take_interrupts();
    } else {
        if (deadline != FOREVER)
            clock_wake_at(deadline);
        wait_for_interrupt();
    }
    taken = interrupts_taken;
    interrupts_taken = 0;
    if (taken & 1u << SERIAL_LINE)
        serial_wake();
}

static bool hardware_random(uint64_t *word)
{
    bool good = false;

    for (int tries = 0; tries < 100 && !good; tries++)
        __asm__ volatile("rdrand %0"
                         : "=r"(*word), "=@ccc"(good));
    return good;
}

void platform_entropy(void *data, size_t len)
{
    uint8_t *to = data;

    if (!(cpuid(1).c & 1u << 30))
        panic("this processor has no RDRAND, and no other source of entropy "
              "is used yet");
    while (len > 0) {
        uint64_t word;
        size_t   n = len < sizeof word ? len : sizeof word;

        if (!hardware_random(&word))
            panic("the processor's RDRAND fails");
        memcpy(to, &word, n);
        to += n;
        len -= n;
    }
}

/* The memory of the map that is memory; the caller's array has MOST_REGIONS. */
static size_t read_memory_map(const struct hvm_start_info *info,
                              struct region               *regions)
{
    const struct hvm_memmap_table_entry *map =
        (const void *)(uintptr_t)info->memmap_paddr;
    size_t count = 0;

    if (info->version < 1 || !map) {
        image_say("the loader gives no memory map\n");
        platform_exit(1);
    }
    for (uint32_t i = 0; i < info->memmap_entries && count < MOST_REGIONS; i++)
        if (map[i].type == XEN_HVM_MEMMAP_TYPE_RAM)
            regions[count++] = (struct region){map[i].addr, map[i].size};
    return count;
}

static void copy_command_line(const struct hvm_start_info *info, char *text)
{
    const char *line = (const char *)(uintptr_t)info->cmdline_paddr;
    size_t      len = line ? strnlen(line, COMMAND_LINE) : 0;

    if (len == COMMAND_LINE) {
        image_say("the command line has more than %d bytes\n",
                  COMMAND_LINE - 1);
        platform_exit(1);
    }
    if (len > 0)
        memcpy(text, line, len);
    text[len] = '\0';
}

void bare_start(const struct hvm_start_info *info);

void bare_start(const struct hvm_start_info *info)
{
    static struct region regions[MOST_REGIONS];
    static char          command_line[COMMAND_LINE];
    static const char   *words[MOST_WORDS];
    size_t               count, word_count = 0;
    enum status          s;

    clock_start();
    serial_start();
    traps_init();
    libc_start();
    set_thread_base(libc_thread_block);
    count = read_memory_map(info, regions);
    copy_command_line(info, command_line);
    pages_start(regions, count);
    require(interrupts_init());
    interrupt_enable(TIMER_LINE);
    for (constructor *const *c = image_init_first; c < image_init_last; c++)
        (*c)();
    s = boot_split(command_line, words, MOST_WORDS, &word_count);
    if (s != OK) {
        image_say("%s: the command line: %s\n", mirage_name,
                  s == ERR_RANGE ? "too many words"
                                 : "a quote or a backslash is open");
        platform_exit(64);
    }
    log_debug(&virtio, "%zu KiB of memory are free",
              pages_free() * BARE_PAGE / 1024);
    image_start(mirage_name, words, word_count, true);
}
