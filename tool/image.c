/* SPDX-License-Identifier: ISC */
/* mirage image: makes, removes, and looks for changes of, NAME.img. */
#define _GNU_SOURCE
#include "image.h"
#include "commands.h"
#include "crunch.h"
#include "crunch_folder.h"
#include "draft.h"
#include "process.h"
#include "root.h"
#include "say.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define HASHES 2 /* an old image and the one that replaces it */

/* The contents of .mirage/NAME.made; a hash of 0 means none. */
struct made {
    uint64_t image[HASHES];
    uint64_t from, more;
};

/* FNV-1a, 64 bits. */
static uint64_t hash(uint64_t h, const void *data, size_t len)
{
    const unsigned char *c = data;

    for (size_t i = 0; i < len; i++)
        h = (h ^ c[i]) * 0x100000001b3;
    return h;
}

#define NO_DATA UINT64_C(0xcbf29ce484222325)

static char *image_of(const char *name)
{
    return text_of("%s.img", name);
}

static char *made_of(const char *name)
{
    return text_of(".mirage/%s.made", name);
}

static struct made read_made(const char *name)
{
    struct made m = {{0}, 0, 0};
    FILE *in = fopen(made_of(name), "r");

    if (!in)
        return m;
    if (fscanf(in, "image %" SCNx64 " %" SCNx64 "\nfrom %" SCNx64 " %" SCNx64,
               &m.image[0], &m.image[1], &m.from, &m.more) != 4)
        m = (struct made){{0}, 0, 0};
    fclose(in);
    return m;
}

static void write_made(const char *name, struct made m)
{
    char *file = made_of(name);
    FILE *out = begin_file(file);

    fprintf(out,
            "image %016" PRIx64 " %016" PRIx64 "\nfrom %016" PRIx64
            " %016" PRIx64 "\n",
            m.image[0], m.image[1], m.from, m.more);
    finish_file(out, file);
}

static uint64_t hash_of_text(const char *text)
{
    return hash(NO_DATA, text, strlen(text));
}

static uint64_t hash_of_file(int fd, const char *name)
{
    static char piece[1 << 16];
    uint64_t h = NO_DATA;
    ssize_t n;

    while ((n = read(fd, piece, sizeof piece)) != 0)
        if (n > 0)
            h = hash(h, piece, (size_t)n);
        else if (errno != EINTR)
            die(FAILED, "cannot read %s: %s", name, strerror(errno));
    return h;
}

static int open_to_read(const char *name)
{
    int fd = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        die(FAILED, "cannot read %s: %s", name, strerror(errno));
    return fd;
}

static uint64_t hash_of(const char *name)
{
    int fd = open_to_read(name);
    uint64_t h = hash_of_file(fd, name);

    close(fd);
    return h;
}

/* The hash of an image's inputs, but for FAT_MORE. */
static uint64_t hash_of_parts(const char *name, const char *folder)
{
    size_t len;
    char *list = crunch_list(folder, &len);
    uint64_t parts[2] = {hash(NO_DATA, list, len),
                         hash_of(text_of("make-%s-image.sh", name))};

    free(list);
    return hash(NO_DATA, parts, sizeof parts);
}

/* Whether the image was made from these inputs. more: NULL means any. */
static bool is_current(const struct made *m, uint64_t from, const char *more)
{
    return m->from == from && (!more || m->more == hash_of_text(more));
}

/* Whether a running unikernel has locked the file: processes do it by flock,
 * QEMU by fcntl. */
static bool is_in_use(int fd)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return true;
    return fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

/*
 * Opens and locks NAME.img, so that nothing uses it until the descriptor is
 * closed. -1: the image must be kept, and a message was printed.
 */
static int lock_image(const char *name, const struct made *m, const char *help)
{
    char *image = image_of(name);
    int fd = open_to_read(image);
    uint64_t h;

    if (is_in_use(fd)) {
        say("%s is in use: it is kept. When what runs on it has ended, run "
            "that again.",
            image);
        close(fd);
        return -1;
    }
    h = hash_of_file(fd, image);
    if (h == m->image[0] || h == m->image[1])
        return fd;
    say("%s was written to since mirage made it: it is kept. %s", image, help);
    close(fd);
    return -1;
}

/* Runs the script; the new image is .mirage/NAME.img. */
static char *run_script(const char *name, const char *more)
{
    char *script = text_of("make-%s-image.sh", name);
    char *result = text_of(".mirage/%s.img", name);
    struct words w = {0};
    struct outcome o;

    unlink(result); /* it could be a link */
    setenv("FAT", text_of("%s/bin/fat", root()), 1);
    add_word(&w, "sh");
    add_word(&w, script);
    add_word(&w, *more ? more : "0");
    add_word(&w, result);
    o = run(&w, STDERR_FILENO, 0);
    fputs(o.text, stderr);
    if (o.status != 0 || !is_regular(result)) {
        unlink(result);
        die(FAILED, "%s could not make %s.", script, image_of(name));
    }
    return result;
}

void image_check(const char *name)
{
    if (is_there(image_of(name)) &&
        (!is_regular(image_of(name)) || read_made(name).image[0] == 0))
        die(FAILED, "%s.img is there, and mirage did not make it: it would be "
                    "overwritten. Give it another name.",
            name);
}

/*
 * The hash of the new image is written beside that of the old one before the
 * rename, so that after a kill at any moment NAME.img counts as made by mirage.
 */
void image_update(const char *name, const char *folder, const char *more)
{
    struct made m = read_made(name);
    char *image = image_of(name), *result;
    bool is_old = is_there(image);
    uint64_t from, new;
    int fd = -1;

    image_check(name);
    from = hash_of_parts(name, folder);
    if (is_old && is_current(&m, from, more))
        return;
    more = more ? more : "";
    if (is_old &&
        (fd = lock_image(name, &m,
                         text_of("`fat add %s %s/.` puts the files of %s into "
                                 "it; once it is removed, make makes it anew.",
                                 image, folder, folder))) < 0)
        return;
    result = run_script(name, more);
    new = hash_of(result);
    write_made(name, (struct made){{new, fd < 0 ? 0 : hash_of(image)}, 0, 0});
    if (rename(result, image) != 0)
        die(FAILED, "cannot write %s: %s", image, strerror(errno));
    write_made(name, (struct made){{new, 0}, from, hash_of_text(more)});
    if (fd >= 0)
        close(fd);
}

void image_remove(const char *name)
{
    struct made m = read_made(name);
    char *image = image_of(name);
    int fd;

    if (!is_there(image))
        return;
    if (!is_regular(image)) {
        say("mirage did not make %s: it is kept", image);
        return;
    }
    fd = lock_image(name, &m, "If you do not need it, remove it.");
    if (fd < 0)
        return;
    unlink(image);
    unlink(made_of(name));
    close(fd);
}

static const char *looked_at;

/* Prints the name, so that make runs the rule, which reports the error. */
static void print_and_end(void)
{
    puts(looked_at);
    exit(0);
}

/* Prints the name if the image must be made. */
static void look(const char *name, const char *folder, const char *more)
{
    struct made m = read_made(name);

    looked_at = name;
    crunch_when_wrong(print_and_end);
    if (!is_regular(image_of(name)) ||
        !is_regular(text_of("make-%s-image.sh", name)) ||
        !is_current(&m, hash_of_parts(name, folder), more))
        print_and_end();
}

int command_image(int count, char **words)
{
    const char *what = count > 0 ? words[0] : "";
    bool is_look = strcmp(what, "--look") == 0;

    if (strcmp(what, "--remove") == 0) {
        lock_folder();
        for (int i = 1; i < count; i++)
            image_remove(words[i]);
        return 0;
    }
    words += is_look;
    count -= is_look;
    if (count != 2 && count != 3)
        die(MISUSED, "`mirage image` wants a name and a folder:  mirage image "
                     "fat1 t 10M");
    if (is_look) {
        look(words[0], words[1], count > 2 ? words[2] : "");
        return 0;
    }
    lock_folder();
    image_update(words[0], words[1], count > 2 ? words[2] : "");
    return 0;
}
