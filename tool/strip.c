/* SPDX-License-Identifier: ISC */
/*
 * mirage strip: copies what a loader needs of an image: its segments and the
 * headers before them, and no table of sections, which `strip` leaves. Layouts
 * are those of ELF (64 bits, System V ABI, chapter 4).
 */
#include "commands.h"
#include "files.h"
#include "say.h"
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The end of the last segment in the file. */
static size_t end_of_segments(const char *bytes, size_t len, const char *name)
{
    Elf64_Ehdr header;
    size_t end = 0;

    if (len < sizeof header)
        die(FAILED, "%s is no image", name);
    memcpy(&header, bytes, sizeof header);
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff > len ||
        header.e_phnum > (len - header.e_phoff) / sizeof(Elf64_Phdr))
        die(FAILED, "%s is no image", name);
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;

        memcpy(&segment, bytes + header.e_phoff + i * sizeof segment,
               sizeof segment);
        if (segment.p_offset > len ||
            segment.p_filesz > len - segment.p_offset)
            die(FAILED, "%s ends within a segment", name);
        if (segment.p_offset + segment.p_filesz > end)
            end = segment.p_offset + segment.p_filesz;
    }
    return end;
}

int command_strip(int count, char **words)
{
    Elf64_Ehdr header;
    size_t len, end;
    char *bytes;
    FILE *out;

    if (count != 2)
        die(MISUSED, "`mirage strip` wants two files:  mirage strip FROM TO");
    bytes = read_text(words[0], &len);
    if (!bytes)
        die(FAILED, "cannot read %s: %s", words[0], strerror(errno));
    end = end_of_segments(bytes, len, words[0]);
    memcpy(&header, bytes, sizeof header);
    header.e_shoff = 0;
    header.e_shnum = header.e_shstrndx = 0;
    memcpy(bytes, &header, sizeof header);
    out = fopen(words[1], "wb");
    if (!out || fwrite(bytes, 1, end, out) != end || fclose(out) != 0 ||
        chmod(words[1], 0755) != 0)
        die(FAILED, "cannot write %s: %s", words[1], strerror(errno));
    return 0;
}
