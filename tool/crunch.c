/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
#include "crunch.h"
#include "commands.h"
#include "draft.h"
#include "record.h"
#include "say.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mirage/kv_ro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

#define SMALL   ((uint64_t)64 * 1024) /* bytes that people may want to read */
#define LINE    68 /* columns of a string in NAME.c */
#define MADE    "/* Made by `mirage crunch` from "
#define ALIGNED 16 /* in NAME.data, so that a view suits any type */

struct file {
    char *key, *path;
    uint64_t size;
    struct timespec changed;
    uint64_t at; /* in NAME.data */
};

struct folder {
    const char *name;
    int fd;
    unsigned long long date; /* of all files, in s since 1970; 0: unknown */
    struct timespec looked; /* when that began */
    struct file *file;
    size_t count, room;
    uint64_t size; /* of all files */
};

/* The folders that we are in, so that a link to one of them is seen. */
struct above {
    dev_t device;
    ino_t number;
    const struct above *above;
};

static void (*when_wrong)(void); /* NULL: a message ends the program */

void crunch_when_wrong(void (*fn)(void))
{
    when_wrong = fn;
}

#define WRONG(...) (when_wrong ? when_wrong() : die(FAILED, __VA_ARGS__))

static void add_file(struct folder *f, const char *key, const char *path,
                     const struct stat *st)
{
    if (f->count == f->room) {
        f->room = f->room ? 2 * f->room : 64;
        f->file = realloc(f->file, f->room * sizeof *f->file);
        if (!f->file)
            die(FAILED, "out of memory");
    }
    f->file[f->count++] = (struct file){
        .key = text_of("%s", key),
        .path = text_of("%s", path),
        .size = (uint64_t)st->st_size,
        .changed = st->st_mtim,
    };
    f->size += (uint64_t)st->st_size;
}

static void enter(struct folder *f, const char *path, const char *key,
                  const struct stat *st, const struct above *above);

#ifdef SYS_openat2
/* -1: errno says why. */
static int open_beneath(int folder, const char *key)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };

    return (int)syscall(SYS_openat2, folder, key, &how, sizeof how);
}
#else
static int open_beneath(int folder, const char *key)
{
    (void)folder, (void)key;
    errno = ENOSYS;
    return -1;
}
#endif

/* By the names that the links lead to, for systems without openat2. */
static bool is_named_beneath(const char *folder, const char *path)
{
    char text[PATH_MAX];
    char *top = realpath(folder, NULL), *end = realpath(path, NULL);
    size_t len = top ? strlen(top) : 0;
    bool is = top && end && strncmp(end, top, len) == 0 && end[len] == '/' &&
              readlink(path, text, sizeof text) > 0 && text[0] != '/';

    free(top);
    free(end);
    return is;
}

/* Does the link lead to something in the folder, by the rules of
 * direct_kv_ro? Those allow no absolute link, and no way through outside. */
static bool stays_inside(const struct folder *f, const char *path,
                         const char *key)
{
    int fd = open_beneath(f->fd, key);

    if (fd >= 0) {
        close(fd);
        return true;
    }
    return (errno == ENOSYS || errno == EPERM || errno == EACCES) &&
           is_named_beneath(f->name, path);
}

/* A link out of the folder would put the host's files into the image. */
static void check_link(const struct folder *f, const char *path,
                       const char *key)
{
    struct stat st;

    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
        !stays_inside(f, path, key))
        WRONG("%s is a link that leads out of the folder %s. Copy into it what "
              "the image needs.",
              path, f->name);
}

/* Adds the entry of a folder; what cannot be a value ends the program. */
static void add_entry(struct folder *f, const char *path, const char *key,
                      const struct above *above)
{
    struct stat st;

    if (strlen(key) > KV_RO_KEY)
        WRONG("%s: too long a name for a key, which has at most %d bytes",
              path, KV_RO_KEY);
    if (stat(path, &st) != 0)
        WRONG("cannot read %s: %s", path, strerror(errno));
    if (S_ISREG(st.st_mode)) {
        check_link(f, path, key);
        add_file(f, key, path, &st);
    } else if (S_ISDIR(st.st_mode)) {
        enter(f, path, key, &st, above);
    } else {
        WRONG("%s is neither a file nor a folder", path);
    }
}

static void look_into(struct folder *f, const char *path, const char *key,
                      const struct above *above)
{
    DIR *dir = opendir(path);
    const struct dirent *e;

    if (!dir)
        WRONG("cannot read the folder %s: %s", path, strerror(errno));
    while (errno = 0, (e = readdir(dir)) != NULL) {
        char *below, *name;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        below = text_of("%s/%s", path, e->d_name);
        name = text_of("%s%s%s", key, *key ? "/" : "", e->d_name);
        add_entry(f, below, name, above);
        free(below);
        free(name);
    }
    if (errno)
        WRONG("cannot read the folder %s: %s", path, strerror(errno));
    closedir(dir);
}

/* What is built in the present folder would be crunched, and so on. */
static void enter(struct folder *f, const char *path, const char *key,
                  const struct stat *st, const struct above *above)
{
    struct stat here;

    if (stat(".", &here) == 0 && here.st_dev == st->st_dev &&
        here.st_ino == st->st_ino)
        WRONG("%s is where the image is built: what is crunched lies in a "
              "folder of its own",
              path);
    for (const struct above *a = above; a; a = a->above)
        if (a->device == st->st_dev && a->number == st->st_ino)
            WRONG("%s is a link to a folder that it lies in", path);
    if (*key)
        check_link(f, path, key);
    look_into(f, path, key, &(struct above){st->st_dev, st->st_ino, above});
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->key, ((const struct file *)b)->key);
}

/* SOURCE_DATE_EPOCH as it was when the image was configured. */
static unsigned long long recorded_date(void)
{
    const struct record *r = read_record();

    for (size_t i = 0; r && i < r->variable_count; i++)
        if (strcmp(r->variable[i].name, SOURCE_DATE) == 0 &&
            r->variable[i].value)
            return strtoull(r->variable[i].value, NULL, 10);
    return 0;
}

static struct folder look(const char *name)
{
    struct folder f = {
        .name = name,
        .looked = file_time(),
        .date = recorded_date(),
    };
    struct stat st;

    f.fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f.fd < 0 || fstat(f.fd, &st) != 0)
        WRONG("cannot read the folder %s: %s", name, strerror(errno));
    enter(&f, name, "", &st, NULL);
    close(f.fd);
    if (f.count > 0)
        qsort(f.file, f.count, sizeof *f.file, by_key);
    return f;
}

/* A byte as it stands in a string of C; the number of columns it takes. */
static int put_byte(FILE *out, unsigned char c)
{
    if (c == '\n')
        return fputs("\\n", out), 2;
    if (c == '\t')
        return fputs("\\t", out), 2;
    if (c == '"' || c == '\\' || c == '?')
        return fprintf(out, "\\%c", c);
    if (c >= ' ' && c <= '~')
        return fputc(c, out), 1;
    return fprintf(out, "\\%03o", c);
}

static void put_string(FILE *out, const char *text, size_t len)
{
    fputc('"', out);
    for (size_t i = 0; i < len; i++)
        put_byte(out, (unsigned char)text[i]);
    fputc('"', out);
}

/* Strings one below the other, each of a line of the text. */
static void put_lines(FILE *out, const char *text, size_t len)
{
    int column = 0;

    fputs("\n     \"", out);
    for (size_t i = 0; i < len; i++) {
        column += put_byte(out, (unsigned char)text[i]);
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

/* The bytes of a small file. */
static char *read_small(const struct file *f)
{
    char *text = get_memory(f->size + 1);
    FILE *in = open_file(f);

    check_read(f, in, fread(text, 1, f->size + 1, in));
    fclose(in);
    return text;
}

/* A row of the table: {KEY, DATA, SIZE}, */
static void put_small(FILE *out, const struct file *f)
{
    char *text = read_small(f);
    const char *end = memchr(text, '\n', f->size);

    fputs("    {", out);
    put_string(out, f->key, strlen(f->key));
    fputs(",", out);
    if (strlen(f->key) + f->size < LINE - 10 &&
        (!end || end == text + f->size - 1)) {
        fputs(" ", out);
        put_string(out, text, f->size);
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
    put_string(out, f->key, strlen(f->key));
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

/* The end is filled up, too: an assembler may refuse an empty file. */
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

/* Ends the program if there is a file of this name that we have not made. */
static void want_ours(const char *file)
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

static void want_both_ours(const char *name)
{
    want_ours(text_of("%s.c", name));
    want_ours(text_of("%s.h", name));
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

/* static1.c is last, and older than the list until then: make does again
 * what did not come to its end. */
static void write_folder(const char *name, struct folder *f)
{
    char *data = text_of(".mirage/%s.data", name);

    want_both_ours(name);
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

static char *list_text(const struct folder *f, size_t *len)
{
    char *text;
    FILE *out = open_memstream(&text, len);

    if (!out)
        die(FAILED, "out of memory");
    fprintf(out, "dated %llu\n", f->date);
    for (size_t i = 0; i < f->count; i++) {
        fprintf(out, "%llu %lld.%09ld ", (unsigned long long)f->file[i].size,
                (long long)f->file[i].changed.tv_sec,
                f->file[i].changed.tv_nsec);
        put_string(out, f->file[i].key, strlen(f->file[i].key));
        fputc('\n', out);
    }
    fclose(out);
    return text;
}

char *crunch_list(const char *folder, size_t *len)
{
    struct folder f = look(folder);

    return list_text(&f, len);
}

/* Writes the list if it is not as it was; false: it is. */
static bool write_list(const char *name, const char *text, size_t len)
{
    char *file = text_of(".mirage/%s.list", name);
    char *old = get_memory(len + 1);
    FILE *in = fopen(file, "r"), *out;
    bool same = in && fread(old, 1, len + 1, in) == len &&
                memcmp(old, text, len) == 0;

    if (in)
        fclose(in);
    free(old);
    if (same && is_regular(file))
        return false;
    out = begin_file(file);
    fwrite(text, 1, len, out);
    finish_file(out, file);
    return true;
}

uint64_t crunch_check(const char *name, const char *folder)
{
    want_both_ours(name);
    return look(folder).size;
}

static bool is_older(const char *file, const char *than)
{
    struct stat a, b;

    return stat(file, &a) != 0 || stat(than, &b) != 0 ||
           a.st_mtim.tv_sec < b.st_mtim.tv_sec ||
           (a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
            a.st_mtim.tv_nsec < b.st_mtim.tv_nsec);
}

/* The list may be of a crunch that was killed: what it is newer than is
 * written, too. */
void crunch_update(const char *name, const char *folder)
{
    struct folder f = look(folder);
    size_t len;
    char *text = list_text(&f, &len);
    char *list = text_of(".mirage/%s.list", name);

    if (write_list(name, text, len) || is_older(text_of("%s.c", name), list) ||
        is_older(text_of("%s.h", name), list)) {
        f = look(folder);
        write_folder(name, &f);
    }
}

static const char *looked_at;

/* The list tells make that something is wrong, and a rule will say what. */
static void leave_it_to_make(void)
{
    write_list(looked_at, "wrong\n", 6);
    exit(0);
}

/* Notes the folder's files in .mirage/NAME.list, if they have changed. */
static void look_for_make(const char *name, const char *folder)
{
    struct folder f;
    size_t len;
    char *text;

    looked_at = name;
    crunch_when_wrong(leave_it_to_make);
    f = look(folder);
    text = list_text(&f, &len);
    write_list(name, text, len);
}

int command_crunch(int count, char **words)
{
    bool is_look = count > 0 && strcmp(words[0], "--look") == 0;

    if (count != 2 + is_look)
        die(MISUSED, "`mirage crunch` wants a name and a folder:  mirage "
                     "crunch static1 t");
    lock_folder();
    if (is_look) {
        look_for_make(words[1], words[2]);
    } else {
        struct folder f = look(words[1]);

        write_folder(words[0], &f);
    }
    return 0;
}
