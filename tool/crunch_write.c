/* SPDX-License-Identifier: ISC */
/* Writing NAME.h, NAME.c and .mirage/NAME.data. */
#define _GNU_SOURCE
#include "crunch_write.h"
#include "draft.h"
#include "quote.h"
#include "say.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL \
    ((uint64_t)64 * 1024) /* bytes of a folder that is written as strings */
#define LINE    68 /* columns of a string in NAME.c */
#define MADE    "/* Made by `mirage crunch` from "
#define ALIGNED 16 /* in NAME.data, so that a view suits any type */

/* Writes a string literal for each line of the text, below one another. */
static void put_lines(FILE *out, const char *text, size_t len)
{
    int column = 0;

    fputs("\n     \"", out);
    for (size_t i = 0; i < len; i++) {
        column += put_c_byte(out, (unsigned char)text[i]);
        if ((text[i] == '\n' || column >= LINE) && i + 1 < len) {
            fputs("\"\n     \"", out);
            column = 0;
        }
    }
    fputs("\",\n     ", out);
}

static FILE *open_file(const struct file *f)
{
    FILE *in = fopen(f->path, "r");

    if (!in)
        die(FAILED, "cannot read %s: %s", f->path, strerror(errno));
    return in;
}

static void check_read(const struct file *f, const FILE *in, uint64_t got)
{
    if (ferror((FILE *)in))
        die(FAILED, "cannot read %s: %s", f->path, strerror(errno));
    if (got != f->size)
        die(FAILED, "%s changes while it is read: try again", f->path);
}

/* Reads a whole file: yours, to free. */
static char *read_small(const struct file *f)
{
    char *text = get_memory(f->size + 1);
    FILE *in = open_file(f);

    check_read(f, in, fread(text, 1, f->size + 1, in));
    fclose(in);
    return text;
}

/* Writes a row of the table: {KEY, DATA, SIZE}, */
static void put_small(FILE *out, const struct file *f)
{
    char *text = read_small(f);
    const char *end = memchr(text, '\n', f->size);

    fputs("    {", out);
    put_c_string(out, f->key, strlen(f->key));
    fputs(",", out);
    if (strlen(f->key) + f->size < LINE - 10 &&
        (!end || end == text + f->size - 1)) {
        fputs(" ", out);
        put_c_string(out, text, f->size);
        fputs(", ", out);
    } else {
        put_lines(out, text, f->size);
    }
    fprintf(out, "%llu},\n", (unsigned long long)f->size);
    free(text);
}

static void put_large(FILE *out, const char *name, const struct file *f)
{
    fputs("    {", out);
    put_c_string(out, f->key, strlen(f->key));
    fprintf(out, ", %s_data + %llu, %llu},\n", name, (unsigned long long)f->at,
            (unsigned long long)f->size);
}

static void put_data_symbol(FILE *out, const char *name)
{
    fprintf(out,
            "/* Their bytes, one file after the other. */\n"
            "__asm__(\".pushsection .rodata.%s_data, \\\"a\\\"\\n\"\n"
            "        \".balign 64\\n\"\n"
            "        \".globl %s_data\\n\"\n"
            "        \".hidden %s_data\\n\"\n"
            "        \"%s_data:\\n\"\n"
            "        \".incbin \\\".mirage/%s.data\\\"\\n\"\n"
            "        \".popsection\\n\");\n"
            "extern const char %s_data[];\n\n",
            name, name, name, name, name, name);
}

/* Writes the files, each padded to ALIGNED bytes: an assembler may refuse an
 * empty file. */
static void put_data(FILE *out, struct folder *folder)
{
    static char buffer[1 << 20];
    uint64_t at = 0;

    for (size_t i = 0; i < folder->count; i++) {
        struct file *f = &folder->file[i];
        FILE *in = open_file(f);
        uint64_t got = 0;
        size_t n;

        setvbuf(in, NULL, _IONBF, 0);
        f->at = at;
        while (got <= f->size &&
               (n = fread(buffer, 1, sizeof buffer, in)) > 0) {
            fwrite(buffer, 1, n, out);
            got += n;
        }
        check_read(f, in, got);
        fclose(in);
        for (at += got; at % ALIGNED; at++)
            fputc(0, out);
    }
}

/* Ends the program if a file of this name exists that mirage did not make. */
static void check_ours(const char *file)
{
    char head[sizeof MADE] = "";
    FILE *in = is_regular(file) ? fopen(file, "r") : NULL;

    if (in && fread(head, 1, sizeof MADE - 1, in) == 0)
        head[0] = '\0';
    if (in)
        fclose(in);
    if ((*head && strcmp(head, MADE) != 0) || (!in && is_there(file)))
        die(FAILED, "%s is not mirage's, and would be overwritten: give it "
                    "another name",
            file);
}

void check_both_ours(const char *name)
{
    check_ours(text_of("%s.c", name));
    check_ours(text_of("%s.h", name));
}

static void write_header(const char *name, const struct folder *f)
{
    char *file = text_of("%s.h", name);
    FILE *out = begin_file(file);

    fprintf(out, MADE "%s. */\n#include <mirage/crunched.h>\n\n"
                      "extern const struct crunched %s;\n",
            f->name, name);
    finish_file_at(out, file, f->looked);
}

static void write_source(const char *name, struct folder *f)
{
    char *file = text_of("%s.c", name);
    bool is_small = f->size <= SMALL;
    FILE *out = begin_file(file);

    fprintf(out, MADE "%s. Edit the files there instead. */\n"
                      "#include \"%s.h\"\n\n",
            f->name, name);
    if (!is_small)
        put_data_symbol(out, name);
    if (f->count > 0)
        fputs("static const struct crunched_file files[] = {\n", out);
    for (size_t i = 0; i < f->count; i++)
        if (is_small)
            put_small(out, &f->file[i]);
        else
            put_large(out, name, &f->file[i]);
    if (f->count > 0)
        fputs("};\n\n", out);
    fprintf(out, "const struct crunched %s = {%s, %zu, %llu};\n", name,
            f->count ? "files" : "NULL", f->count, f->date * 1000000000);
    finish_file_at(out, file, f->looked);
}

/* NAME.c is written last, and older than the list until then: if this is
 * interrupted, make runs it again. */
void write_folder(const char *name, struct folder *f)
{
    char *data = text_of(".mirage/%s.data", name);

    check_both_ours(name);
    if (f->size > SMALL) {
        FILE *out = begin_file(data);

        put_data(out, f);
        finish_file(out, data);
    } else {
        unlink(data);
    }
    write_header(name, f);
    write_source(name, f);
}
