/* SPDX-License-Identifier: ISC */
/*
 * Writes main.c, the Makefile and the other generated files. They are meant to
 * be read, and contain neither paths of this machine nor times, so that two
 * builds can be compared.
 */
#define _GNU_SOURCE
#include "emit.h"
#include "guest.h"
#include "parts.h"
#include "quote.h"
#include "say.h"
#include "target.h"
#include "virtio.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The memory of a virtual machine, in MiB; the size of crunched files is added.
 */
#define MEMORY 64

/* A text that is being written to out; close_output() returns it. */
struct output {
    FILE *out;
    char *text;
    size_t len;
};

static void open_output(struct output *d)
{
    d->out = open_memstream(&d->text, &d->len);
    if (!d->out)
        die(FAILED, "out of memory");
}

static char *close_output(struct output *d)
{
    fclose(d->out);
    return d->text;
}

char *device_name(const struct node *device)
{
    return text_of("%s_%d", device->type, device->number);
}

char *prototype(const struct node *job)
{
    struct output d;

    open_output(&d);
    fprintf(d.out, "void %s(", job->what);
    for (size_t i = 0; i < job->argument_count; i++)
        fprintf(d.out, "%sstruct %s *", i ? ", " : "",
                job->argument[i].device->type);
    fprintf(d.out, "%s);", job->argument_count ? "" : "void");
    return close_output(&d);
}

char *device_call(const struct node *device)
{
    struct output d;

    open_output(&d);
    fputs(device->what, d.out);
    for (size_t i = 0; !device->is_value && i < device->argument_count; i++) {
        if (i > 0 && device->makes_image)
            break;
        fputs(i ? ", " : "(", d.out);
        if (device->argument[i].text)
            put_c_text(d.out, device->argument[i].text);
        else
            fputs(device->argument[i].device->what, d.out);
    }
    if (!device->is_value)
        fputs(device->argument_count ? ")" : "()", d.out);
    return close_output(&d);
}

/* Is there an earlier job of the image with the same entry? */
static bool is_declared(const struct facts *f, size_t job)
{
    for (size_t i = 0; i < job; i++)
        if (strcmp(f->job[i]->what, f->job[job]->what) == 0)
            return true;
    return false;
}

/* Is there an earlier job of the image with the same stop? */
static bool is_stop_declared(const struct facts *f, size_t job)
{
    for (size_t i = 0; i < job; i++)
        if (f->job[i]->stop && strcmp(f->job[i]->stop, f->job[job]->stop) == 0)
            return true;
    return false;
}

char *crunched_name(size_t i)
{
    return text_of("static%zu", i + 1);
}

char *image_name(size_t i)
{
    return text_of("fat%zu", i + 1);
}

/* The name of the device's folder in the image, such as "static1". */
static const char *crunched_by(const struct facts *f,
                               const struct node *device)
{
    size_t i = 0;

    while (strcmp(f->crunched.item[i], device->argument[0].text) != 0)
        i++;
    return crunched_name(i);
}

/* Puts texts as one argument, an array that ends with 0. */
static void put_texts(FILE *out, const struct list *texts)
{
    fputs("(const char *const[]){", out);
    for (size_t i = 0; i < texts->count; i++) {
        put_c_text(out, texts->item[i]);
        fputs(", ", out);
    }
    fputs("0}, ", out);
}

/* The texts from argument i on, which a driver takes as a list. */
static struct list texts_from(const struct node *device, size_t i)
{
    struct list texts = {{0}, 0};

    while (i < device->argument_count)
        texts.item[texts.count++] = device->argument[i++].text;
    return texts;
}

/* The file system on a disk whose driver takes a maker; NULL: there is none. */
static const struct node *file_system_on(const struct facts *f,
                                         const struct node *disk)
{
    if (!disk->takes_maker)
        return NULL;
    for (size_t i = 0; i < f->node_count; i++)
        for (size_t a = 0; a < f->node[i].argument_count; a++)
            if (f->node[i].is_used && f->node[i].type &&
                f->node[i].argument[a].device == disk)
                return &f->node[i];
    return NULL;
}

/* How to make the file of a missing disk, as the driver logs it. */
static char *maker_of(const struct node *fs, const struct node *disk)
{
    if (fs->makes_image)
        return text_of("`make` makes it, beside the image");
    return text_of("`fat create %s 64M` makes one with an empty file system",
                   shell_word(disk->argument[0].text));
}

static void put_connect(FILE *out, const struct facts *f,
                        const struct node *device)
{
    const struct node *fs = file_system_on(f, device);
    const struct image_target *t = target_of(f->target);
    const char *name = t->name_of ? t->name_of(f, device) : NULL;
    struct list texts = t->names_of ? t->names_of(f, device)
                                    : (struct list){{0}, 0};
    size_t i = 0;

    fprintf(out, "    connected(%s_connect%s(", device->driver,
            fs ? "_with" : "");
    for (; i < device->argument_count; i++) {
        if (i == 0 && device->makes_image)
            continue;
        if (device->argument[i].text && device->takes_list)
            break;
        if (device->is_crunched)
            fprintf(out, "&%s", crunched_by(f, device));
        else if (name)
            put_c_text(out, name);
        else if (device->argument[i].text)
            put_c_text(out, device->argument[i].text);
        else
            fputs(device_name(device->argument[i].device), out);
        fputs(", ", out);
    }
    if (device->takes_list)
        texts = texts_from(device, i);
    if (device->takes_list || texts.count)
        put_texts(out, &texts);
    if (fs) {
        put_c_text(out, maker_of(fs, device));
        fputs(", ", out);
    }
    fprintf(out, "&%s),\n              ", device_name(device));
    put_c_text(out, device_call(device));
    fputs(");\n", out);
}

static void put_job_function(FILE *out, const struct facts *f, size_t job)
{
    const struct node *j = f->job[job];

    fprintf(out, "static void mirage_job_%zu(void)\n{\n    %s(", job, j->what);
    for (size_t i = 0; i < j->argument_count; i++)
        fprintf(out, "%s%s", i ? ", " : "",
                device_name(j->argument[i].device));
    fputs(");\n}\n\n", out);
}

/* Puts the calls for devices at the end of the image. All are flushed first:
 * flushed() may end the image with its exit status. */
static void put_ends(FILE *out, const struct facts *f)
{
    for (size_t i = 0; i < f->node_count; i++) {
        const struct node *t = &f->node[i];

        if (!t->is_used || !t->flush)
            continue;
        fprintf(out, "    flushed(%s(%s), ", t->flush, device_name(t));
        put_c_text(out, device_call(t));
        fputs(");\n", out);
    }
    for (size_t i = 0; i < f->node_count; i++)
        if (f->node[i].is_used && f->node[i].finish)
            fprintf(out, "    %s(%s);\n", f->node[i].finish,
                    device_name(&f->node[i]));
}

/* Puts the names of all disks for a driver that may take them in their order
 * (mirage/drivers.h). */
static void put_disk_names(FILE *out, const struct facts *f)
{
    struct list names = guest_disks(f);

    if (names.count == 0 || strcmp(f->target, "virtio") != 0)
        return;
    fputs("const char *const block_virtio_names[] = {", out);
    for (size_t i = 0; i < names.count; i++) {
        put_c_text(out, names.item[i]);
        fputs(", ", out);
    }
    fputs("0};\n\n", out);
}

char *emit_main(const struct facts *f)
{
    struct output d;

    open_output(&d);
    fprintf(d.out, "/* Made by `mirage configure` from %s. Edit that instead. "
                   "*/\n#include <mirage/main.h>\n",
            f->file);
    for (size_t i = 0; i < f->crunched.count; i++)
        fprintf(d.out, "#include \"%s.h\"\n", crunched_name(i));
    fputc('\n', d.out);
    for (size_t i = 0; i < f->job_count; i++) {
        if (!is_declared(f, i))
            fprintf(d.out, "%s\n", prototype(f->job[i]));
        if (f->job[i]->stop && !is_stop_declared(f, i))
            fprintf(d.out, "void %s(void);\n", f->job[i]->stop);
    }
    fprintf(d.out, "\nconst char mirage_name[] = \"%s\";\n\n", f->image);
    put_disk_names(d.out, f);
    for (size_t i = 0; i < f->node_count; i++)
        if (f->node[i].type && f->node[i].is_used)
            fprintf(d.out, "static struct %s *%s;\n", f->node[i].type,
                    device_name(&f->node[i]));
    fputc('\n', d.out);
    for (size_t i = 0; i < f->job_count; i++)
        put_job_function(d.out, f, i);
    fputs("static struct job mirage_jobs[] = {\n", d.out);
    for (size_t i = 0; i < f->job_count; i++)
        fprintf(d.out, "    {.name = \"%s\", .run = mirage_job_%zu%s%s},\n",
                f->job[i]->what, i, f->job[i]->stop ? ", .stop = " : "",
                f->job[i]->stop ? f->job[i]->stop : "");
    fputs("};\n\nvoid mirage_main(void)\n{\n", d.out);
    for (size_t i = 0; i < f->node_count; i++)
        if (f->node[i].type && f->node[i].is_used)
            put_connect(d.out, f, &f->node[i]);
    if (f->has_sandbox)
        fputs("    connected(sandbox_enter(), \"sandbox()\");\n", d.out);
    fprintf(d.out, "    jobs_run(mirage_jobs, %zu);\n", f->job_count);
    put_ends(d.out, f);
    fputs("}\n", d.out);
    return close_output(&d);
}

char *emit_entry(const struct facts *f)
{
    struct output d;

    open_output(&d);
    for (size_t i = 0; i < f->job_count; i++) {
        const struct node *j = f->job[i];

        for (size_t a = 0; a < j->argument_count; a++)
            fprintf(d.out, "struct %s;\n", j->argument[a].device->type);
        fprintf(d.out, "#line %d \"%s\"\n%s\n", j->line, j->file,
                prototype(j));
        if (j->stop)
            fprintf(d.out, "#line %d \"%s\"\nvoid %s(void);\n", j->line,
                    j->file, j->stop);
    }
    return close_output(&d);
}

char *emit_compile_flags(const struct facts *f)
{
    struct output d;

    open_output(&d);
    fputs("-std=gnu11\n-Wall\n-Wextra\n-I.mirage/include\n", d.out);
    for (size_t i = 0; i < f->includes.count; i++)
        fprintf(d.out, "-I%s\n", f->includes.item[i]);
    return close_output(&d);
}

static void put_list(FILE *out, const char *name, const struct list *l,
                     const char *first)
{
    fprintf(out, "%-9s :=%s%s", name, *first ? " " : "", first);
    for (size_t i = 0; i < l->count; i++)
        fprintf(out, " %s", l->item[i]);
    fputc('\n', out);
}

char *emit_guest_file(const struct facts *f, const char *part)
{
    const char *program = program_name(f->image, f->target);
    const char *memory = text_of(
        "%llu", (unsigned long long)(MEMORY + (f->crunched_size >> 20)));
    const struct filling all[] = {{"CONFIG", f->file},
                                  {"IMAGE", f->image},
                                  {"PROGRAM", program},
                                  {"NAME", f->image},
                                  {"KERNEL", program},
                                  {"TYPE", "pvh"},
                                  {"MEMORY", memory},
                                  {"EXTRA", ""}};
    struct filling fillings[16];
    size_t count = sizeof all / sizeof all[0];
    struct output d;

    memcpy(fillings, all, sizeof all);
    if (target_of(f->target)->machine == QEMU) {
        virtio_check(f);
        fillings[count++] = (struct filling){"FUNCTIONS", virtio_functions(f)};
        fillings[count++] = (struct filling){"LINES", virtio_lines(f)};
        fillings[count++] = (struct filling){"ELEMENTS", virtio_elements(f)};
        fillings[count++] = (struct filling){"DRIVES", virtio_drives(f)};
        fillings[count++] =
            (struct filling){"INTERFACES", virtio_interfaces(f)};
    } else {
        fillings[count++] =
            (struct filling){"DEVICES", guest_lines(f, "xenbr0")};
        fillings[count++] = (struct filling){"ELEMENTS", guest_elements(f)};
    }
    fillings[count] = (struct filling){NULL, NULL};
    open_output(&d);
    put_part(d.out, part, fillings);
    return close_output(&d);
}

char *emit_guest_template(const struct facts *f, const char *part)
{
    const struct filling fillings[] = {
        {"CONFIG", f->file},
        {"IMAGE", f->image},
        {"PROGRAM", program_name(f->image, f->target)},
        {"DEVICES", guest_lines(f, "@BRIDGE@")},
        {NULL, NULL}};
    struct output d;

    open_output(&d);
    put_part(d.out, text_of("%s.in", part), fillings);
    put_part(d.out, part, fillings);
    return close_output(&d);
}

/* 1980-01-01 stands for an unknown time in a FAT file system. */
char *emit_image_script(const struct facts *f, size_t i)
{
    const char *date = source_date();
    const struct filling fillings[] = {{"CONFIG", f->file},
                                       {"NAME", image_name(i)},
                                       {"FOLDER", f->images.item[i]},
                                       {"DATE", date ? text_of("@%s", date)
                                                     : "1980-01-01"},
                                       {NULL, NULL}};
    struct output d;

    open_output(&d);
    put_part(d.out, "make-fat-image.sh", fillings);
    return close_output(&d);
}

/* Puts a list of names, and for each name a variable with its folder. */
static void put_folders(FILE *out, const char *list, char *(*name)(size_t i),
                        const struct list *folders)
{
    struct list names = {{0}, 0};

    for (size_t i = 0; i < folders->count; i++)
        names.item[names.count++] = name(i);
    if (names.count)
        put_list(out, list, &names, "");
    for (size_t i = 0; i < names.count; i++)
        fprintf(out, "%-9s := %s\n", names.item[i], folders->item[i]);
}

char *emit_makefile(const struct facts *f)
{
    static const struct filling none[] = {{NULL, NULL}};
    const struct image_target *t = target_of(f->target);
    struct list sources = f->sources;
    struct output d;

    for (size_t i = 0; i < f->crunched.count; i++)
        add_item(&sources, text_of("%s.c", crunched_name(i)));
    open_output(&d);
    fprintf(d.out,
            "# Made by `mirage configure` from %s. Edit that instead, or add\n"
            "# what you need in Makefile.user.\n"
            "#\n"
            "#     make           builds %s\n"
            "#     make run       builds and runs it; SUDO=sudo, "
            "ARGS='--key=value'\n"
            "#     make depend    installs what the build needs and lacks\n"
            "#     make clean     removes what was built\n"
            "%s\n",
            f->file, program_name(f->image, f->target),
            t->goal ? text_of(t->goal, f->image) : "");
    fprintf(d.out, "NAME      := %s\n", f->image);
    fprintf(d.out, "TARGET    := %s\n", f->target);
    fprintf(d.out, "CONFIG    := %s\n", f->file);
    fprintf(d.out, "MADE_BY   := %s\n", MIRAGE_VERSION);
    put_list(d.out, "SOURCES", &sources, "main.c unikernel.c");
    put_list(d.out, "INCLUDES", &f->includes, "");
    put_list(d.out, "PACKAGES", &f->needs.packages, "");
    put_list(d.out, "LIBRARIES", &f->needs.libraries, "");
    put_folders(d.out, "CRUNCHED", crunched_name, &f->crunched);
    put_folders(d.out, "IMAGES", image_name, &f->images);
    fputc('\n', d.out);
    put_part(d.out, "head.mk", none);
    if (t->is_bare)
        put_part(d.out, "bare.mk", none);
    put_part(d.out, t->part, none);
    if (t->goal)
        put_part(d.out, "libvirt.mk", none);
    if (f->crunched.count)
        put_part(d.out, "crunch.mk", none);
    if (f->images.count)
        put_part(d.out, "fat.mk", none);
    put_part(d.out, "tail.mk", none);
    return close_output(&d);
}
