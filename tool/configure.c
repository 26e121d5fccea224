/* SPDX-License-Identifier: ISC */
/*
 * mirage configure: runs config.c, checks what it describes, and writes the
 * files that build it. All checks come first, so that a mistake changes
 * nothing.
 */
#define _GNU_SOURCE
#include "commands.h"
#include "compiler.h"
#include "crunch.h"
#include "draft.h"
#include "emit.h"
#include "files.h"
#include "image.h"
#include "options.h"
#include "ports.h"
#include "process.h"
#include "record.h"
#include "quote.h"
#include "root.h"
#include "say.h"
#include "target.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_MADE (9 + MOST)

struct options {
    const char *file, *target;
    bool as_recorded;
};

static void refuse_configure_option(const char *word)
{
    struct list known = {{"-f", "--file", "-t", "--target"}, 4};

    for (const struct image_target *t = targets; t->name; t++)
        add_item(&known, text_of("--%s", t->name));
    add_item(&known, "--help");
    refuse_option("configure", word, known.item);
}

static struct options read_options(int count, char **words)
{
    struct options o = {NULL, NULL, false};
    const char *value;

    for (int i = 0; i < count; i++) {
        bool is_target = strncmp(words[i], "--", 2) == 0 &&
                         find_target(words[i] + 2);

        if (strcmp(words[i], "--as-recorded") == 0)
            o.as_recorded = true;
        else if ((value = option_value(count, words, &i, "--file", "-f")))
            o.file = value;
        else if (is_target ||
                 (value = option_value(count, words, &i, "--target", "-t"))) {
            value = is_target ? words[i] + 2 : value;
            if (o.target && strcmp(o.target, value) != 0)
                die(MISUSED, "one target at a time: %s or %s?", o.target,
                    value);
            o.target = value;
        } else if (words[i][0] == '-') {
            refuse_configure_option(words[i]);
        } else {
            die(MISUSED, "`mirage configure` takes no argument %s; "
                         "-f %s names a configuration",
                words[i], words[i]);
        }
    }
    return o;
}

/* Checks the names that the Makefile will contain. A newline in the name of the
 * folder would end a line in make, sed and the shell. */
static void check_names(const char *file)
{
    size_t len = strlen(file);
    char *folder = getcwd(NULL, 0);

    if (folder && strchr(folder, '\n'))
        die(FAILED, "the name of this folder, or of one above it, has a "
                    "newline in it, and make cannot work there. Rename it.");
    free(folder);
    if (!is_plain_name(file) || len < 3 || strcmp(file + len - 2, ".c") != 0)
        die(MISUSED, "%s: a configuration has a name such as config.c: "
                     "letters, digits, _ - + and . (not first)",
            file);
    if (strpbrk(root(), " \t\n$#:%\\'\"*?;&|<>()`"))
        die(FAILED, "mirage lies in %s, and make cannot have a blank or "
                    "punctuation in that. Move it.",
            root());
}

/* Compiles a source to assembly text, which shows the functions it defines. */
static char *assemble(const char *source, const char *entry,
                      const struct facts *f)
{
    struct words w = {0};
    char *out = text_of("%s/unikernel.s", scratch());
    FILE *in;
    struct outcome o;
    char *text = NULL;
    size_t size = 0;

    add_compiler(&w);
    add_words(&w, "-std=gnu11 -S -O0 -w");
    add_word(&w, text_of("-I%s/include", root()));
    for (size_t i = 0; i < f->includes.count; i++)
        add_word(&w, text_of("-I%s", f->includes.item[i]));
    if (f->needs.libraries.count) {
        struct words p = {0};

        add_words(&p, "pkg-config --cflags");
        for (size_t i = 0; i < f->needs.libraries.count; i++)
            add_word(&p, f->needs.libraries.item[i]);
        add_words(&w, run(&p, STDOUT_FILENO, 0).text);
    }
    add_word(&w, "-include");
    add_word(&w, entry);
    add_word(&w, "-o");
    add_word(&w, out);
    add_word(&w, source);
    o = run(&w, STDERR_FILENO, 0);
    fputs(o.text, stderr);
    if (o.status != 0) {
        hint_header(source, "mirage.h", "mirage/config.h");
        if (strstr(
                o.text,
                text_of("%s:", f->file))) /* a note of the compiler names it */
            die(FAILED, "%s is not what %s says of it.", source, f->file);
        die(FAILED, "%s does not compile.", source);
    }
    in = fopen(out, "r");
    if (!in || getdelim(&text, &size, '\0', in) < 0)
        die(FAILED, "cannot read %s: %s", out, strerror(errno));
    fclose(in);
    return text;
}

static bool defines(char *const *assembly, size_t count, const char *function)
{
    const char *label = text_of("\n%s:", function);

    for (size_t i = 0; i < count; i++)
        if (strstr(assembly[i], label))
            return true;
    return false;
}

static void require_function(const struct facts *f, char *const *assembly,
                             size_t count, const struct node *job,
                             const char *name, const char *wanted)
{
    if (defines(assembly, count, name))
        return;
    fprintf(stderr, "%s:%d: unikernel.c%s no function %s; wanted is\n    %s\n",
            job->file, job->line,
            f->sources.count ? " and the other sources have" : " has", name,
            wanted);
    exit(FAILED);
}

/* Refuses main in the application: it would replace the image's. */
static void refuse_main(const struct facts *f, char *const *assembly,
                        const char *source)
{
    if (defines(assembly, 1, "main"))
        die(FAILED, "%s defines main, which is the image's own: it connects "
                    "the devices, and\ncalls the jobs that %s names. Give "
                    "yours another name.",
            source, f->file);
}

static void check_needs(const struct facts *f)
{
    bool has_unknown;
    const char *install = missing(&f->needs, &has_unknown);

    if (install)
        die(FAILED, "%s needs packages that are not installed. This installs "
                    "them:\n    %s",
            f->file, install);
    if (has_unknown)
        exit(FAILED);
}

static void check_sandbox(const struct facts *f)
{
    if (f->has_sandbox &&
        access(text_of("%s/lib/mirage/unix/libsandbox.a", root()), R_OK) != 0)
        die(FAILED, "%s says sandbox(), and mirage was built without "
                    "libseccomp.\n`apt-get install libseccomp-dev`, and make "
                    "mirage again, give it one.",
            f->file);
}

/* Checks that the sources define the functions of each job, with the prototype
 * of JOB. */
static void check_sources(const struct facts *f)
{
    char *entry = text_of("%s/entry.h", scratch());
    FILE *out = fopen(entry, "w");
    char **assembly = get_memory((f->sources.count + 1) * sizeof *assembly);
    size_t n = 0;

    if (!out || fputs(emit_entry(f), out) < 0 || fclose(out) != 0)
        die(FAILED, "cannot write %s: %s", entry, strerror(errno));
    if (access("unikernel.c", R_OK) != 0)
        die(FAILED, "there is no unikernel.c beside %s. `mirage init NAME` "
                    "makes a folder with both.",
            f->file);
    assembly[n++] = assemble("unikernel.c", entry, f);
    for (size_t i = 0; i < f->sources.count; i++)
        assembly[n++] = assemble(f->sources.item[i], entry, f);
    for (size_t i = 0; i < n; i++)
        refuse_main(f, assembly + i,
                    i == 0 ? "unikernel.c" : f->sources.item[i - 1]);
    for (size_t i = 0; i < f->job_count; i++) {
        const struct node *j = f->job[i];

        require_function(f, assembly, n, j, j->what, prototype(j));
        if (j->stop)
            require_function(f, assembly, n, j, j->stop,
                             text_of("void %s(void);", j->stop));
    }
}

/* Makes .mirage/include, a link by which editors find the headers. */
static void link_headers(void)
{
    char *to = text_of("%s/include", root());
    char present[4096];
    ssize_t len = readlink(".mirage/include", present, sizeof present - 1);

    if (len >= 0) {
        present[len] = '\0';
        if (strcmp(present, to) == 0)
            return;
        unlink(".mirage/include");
    }
    if (symlink(to, ".mirage/include") != 0)
        say("cannot make .mirage/include: %s; an editor will not find the "
            "headers",
            strerror(errno));
}

static void add_file(struct made_file *files, size_t *count, const char *name,
                     const char *text)
{
    files[(*count)++] = (struct made_file){name, text, false};
}

/* Writes all files. The result is that of write_files. */
static const char *write_all(const struct facts *f)
{
    const struct target_file *t = target_of(f->target)->files;
    const char *kept;
    struct made_file files[MOST_MADE] = {
        {"main.c", emit_main(f), false},
        {"compile_flags.txt", emit_compile_flags(f), false},
        {".mirage/entry.h", emit_entry(f), true},
        {".mirage/config.d", f->dependencies, true},
        {".mirage/record", record_text(f), true},
        {"Makefile", emit_makefile(f), false},
    };
    size_t count = 6;

    for (; t->suffix; t++)
        add_file(files, &count, text_of("%s%s", f->image, t->suffix),
                 t->is_template ? emit_guest_template(f, t->part)
                                : emit_guest_file(f, t->part));
    for (size_t i = 0; i < f->images.count; i++)
        add_file(files, &count, text_of("make-%s-image.sh", image_name(i)),
                 emit_image_script(f, i));
    seal_files(files, count);
    kept = write_files(files, count);
    link_headers();
    return kept;
}

int command_configure(int count, char **words)
{
    struct options o = read_options(count, words);
    struct record *r = NULL;
    const char *kept;
    struct facts *f;
    struct timespec started = file_time();

    if (o.as_recorded) {
        if (!read_record())
            die(FAILED, "nothing is recorded here: run `mirage configure`");
        lock_folder(); /* so that no other mirage writes another record */
        r = read_record();
        apply_record(r);
    }
    o.file = o.file ? o.file : r ? r->file
                                 : "config.c";
    o.target = o.target ? o.target : r ? r->target
                                       : "unix";
    check_target(o.target);
    o.file = enter_folder_of(o.file);
    check_names(o.file);
    f = get_facts(o.file, o.target);
    check_libraries(o.target);
    check_needs(f);
    check_sandbox(f);
    check_sources(f);
    for (size_t i = 0; i < f->crunched.count; i++)
        f->crunched_size +=
            crunch_check(crunched_name(i), f->crunched.item[i]);
    lock_folder();
    for (size_t i = 0; i < f->images.count; i++)
        image_check(image_name(i));
    kept = write_all(f);
    for (size_t i = 0; i < f->images.count; i++)
        image_update(image_name(i), f->images.item[i], getenv("FAT_MORE"));
    for (size_t i = 0; i < f->crunched.count; i++)
        crunch_update(crunched_name(i), f->crunched.item[i]);
    write_configured(started);
    unlock_folder();
    if (kept)
        say("%s is configured for %s, but `make` goes by the %s that was kept: "
            "merge %s.new into it, or remove %s and run `mirage configure` "
            "again",
            f->image, f->target, kept, kept, kept);
    else
        say("%s is configured for %s: `make` builds %s", f->image, f->target,
            program_name(f->image, f->target));
    if (!o.as_recorded && target_of(f->target)->machine == QEMU)
        ports_note(f);
    if (!o.as_recorded && !is_on_path())
        say("make will look for mirage on PATH, where this one is not. Run\n"
            "    export PATH=%s/bin:$PATH",
            shell_word(root()));
    return 0;
}
