/* SPDX-License-Identifier: ISC */
/* FAT images of folders, what is kept of them, and how they are described. */
#define _GNU_SOURCE
#include "image.c"
#include "configure.c"
#include "describe.c"
#include "host.h"
#include <sys/stat.h>

/* In the place of root.c. */
const char *root(void)
{
    return ".";
}

const char *own_path(void)
{
    return "./bin/mirage";
}

const char *find_program(const char *name)
{
    return name;
}

bool is_on_path(void)
{
    return true;
}

/* Enters a folder with a folder t, and a script that makes an image of it. */
static void enter_with_script(void)
{
    enter_new_folder();
    mkdir("t", 0777);
    write_text_file("t/a", "a");
    write_text_file("make-f-image.sh", "echo \"$1 $FAT\" >\"$2\"\n");
}

static struct ended image(const char *one, const char *two, const char *three)
{
    char *words[] = {(char *)one, (char *)two, (char *)three, NULL};

    return ENDED(exit(command_image(three ? 3 : two ? 2
                                                    : 1,
                                    words)));
}

static ino_t number_of(const char *name)
{
    struct stat st = {0};

    CHECK(stat(name, &st) == 0);
    return st.st_ino;
}

TEST(an_image_is_made_again_when_its_inputs_have_changed)
{
    ino_t before;

    enter_with_script();
    CHECK_TEXT(image("f", "t", NULL).err, "");
    CHECK_TEXT(text_file("f.img"), "0 ./bin/fat\n");
    before = number_of("f.img");
    CHECK(image("f", "t", NULL).status == 0);
    CHECK(number_of("f.img") == before);
    CHECK(image("f", "t", "10M").status == 0);
    CHECK_TEXT(text_file("f.img"), "10M ./bin/fat\n");
    before = number_of("f.img");
    write_text_file("t/a", "longer");
    CHECK(image("f", "t", "10M").status == 0);
    CHECK(number_of("f.img") != before);
    write_text_file("make-f-image.sh", "echo other >\"$2\"\n");
    CHECK(image("f", "t", "10M").status == 0);
    CHECK_TEXT(text_file("f.img"), "other\n");
    CHECK(!is_there(".mirage/f.img"));
}

TEST(an_image_that_was_written_to_is_kept)
{
    struct ended e;

    enter_with_script();
    image("f", "t", NULL);
    write_text_file("f.img", "written");
    CHECK(image("f", "t", NULL).status == 0);
    CHECK_TEXT(text_file("f.img"), "written");
    e = image("f", "t", "1M");
    CHECK(e.status == 0);
    CHECK_TEXT(text_file("f.img"), "written");
    CHECK_TEXT(e.err, "mirage: f.img was written to since mirage made it: it "
                      "is kept. `fat add f.img t/.` puts the files of t into "
                      "it; once it is removed, make makes it anew.\n");
    e = image("--remove", "f", NULL);
    CHECK_TEXT(e.err, "mirage: f.img was written to since mirage made it: it "
                      "is kept. If you do not need it, remove it.\n");
    CHECK(is_there("f.img"));
}

TEST(an_image_that_is_in_use_is_kept)
{
    static const char kept[] =
        "mirage: f.img is in use: it is kept. When what runs on it has ended, "
        "run that again.\n";
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd;

    enter_with_script();
    image("f", "t", NULL);
    fd = open("f.img", O_RDWR);
    CHECK(flock(fd, LOCK_EX) == 0);
    CHECK_TEXT(image("f", "t", "1M").err, kept);
    CHECK_TEXT(image("--remove", "f", NULL).err, kept);
    CHECK(flock(fd, LOCK_UN) == 0);
    CHECK(fcntl(fd, F_SETLK, &whole) == 0);
    CHECK_TEXT(image("f", "t", "1M").err, kept);
    close(fd);
    CHECK_TEXT(image("f", "t", "1M").err, "");
    CHECK_TEXT(text_file("f.img"), "1M ./bin/fat\n");
}

TEST(an_image_that_mirage_did_not_make_is_not_touched)
{
    struct ended e;

    enter_with_script();
    write_text_file("f.img", "mine");
    e = image("f", "t", NULL);
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: f.img is there, and mirage did not make it: it "
                      "would be overwritten. Give it another name.\n");
    image("--remove", "f", NULL);
    CHECK_TEXT(text_file("f.img"), "mine");
    CHECK(remove("f.img") == 0 && symlink("other", "f.img") == 0);
    write_text_file("other", "mine");
    CHECK(image("f", "t", NULL).status == FAILED);
    e = image("--remove", "f", NULL);
    CHECK_TEXT(e.err, "mirage: mirage did not make f.img: it is kept\n");
    CHECK(is_there("f.img"));
}

TEST(images_are_removed_with_what_is_known_of_them)
{
    enter_with_script();
    image("f", "t", NULL);
    CHECK_TEXT(image("--remove", "f", "g").err, "");
    CHECK(!is_there("f.img") && !is_there(".mirage/f.made"));
}

TEST(a_script_that_fails_leaves_the_old_image)
{
    struct ended e;

    enter_with_script();
    image("f", "t", NULL);
    write_text_file("make-f-image.sh", "echo no >&2; echo >\"$2\"; exit 1\n");
    e = image("f", "t", NULL);
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "no\nmirage: make-f-image.sh could not make f.img.\n");
    CHECK_TEXT(text_file("f.img"), "0 ./bin/fat\n");
    CHECK(!is_there(".mirage/f.img"));
    write_text_file("make-f-image.sh", "ln -s / \"$2\"\n");
    CHECK(image("f", "t", NULL).status == FAILED);
}

TEST(a_look_names_an_image_that_must_be_made)
{
    enter_with_script();
    CHECK_TEXT(image("--look", "f", "t").out, "f\n");
    image("f", "t", NULL);
    CHECK_TEXT(image("--look", "f", "t").out, "");
    write_text_file("t/b", "");
    CHECK_TEXT(image("--look", "f", "t").out, "f\n");
    image("f", "t", NULL);
    CHECK(symlink("/etc", "t/out") == 0);
    CHECK_TEXT(image("--look", "f", "t").out, "f\n");
    CHECK_TEXT(image("f", NULL, NULL).err,
               "mirage: `mirage image` wants a name and a folder:  mirage "
               "image fat1 t 10M\n");
}

TEST(what_was_recorded_of_an_image_is_read_whole_or_not_at_all)
{
    struct made m = {{1, 2}, 3, UINT64_MAX}, n;

    enter_new_folder();
    lock_folder();
    write_made("f", m);
    CHECK_TEXT(text_file(".mirage/f.made"),
               "image 0000000000000001 0000000000000002\n"
               "from 0000000000000003 ffffffffffffffff\n");
    n = read_made("f");
    CHECK(n.image[0] == 1 && n.image[1] == 2 && n.from == 3);
    CHECK(n.more == UINT64_MAX);
    write_text_file(".mirage/f.made", "image 1 2\nfrom 3\n");
    n = read_made("f");
    CHECK(n.image[0] == 0 && n.image[1] == 0 && n.from == 0);
    unlock_folder();
}

static struct options options_of(const char *one, const char *two)
{
    char *words[] = {(char *)one, (char *)two, NULL};

    return read_options(two ? 2 : 1, words);
}

TEST(configure_takes_one_target_and_one_file)
{
    struct ended e;

    CHECK_TEXT(options_of("--xen", NULL).target, "xen");
    CHECK_TEXT(options_of("-t", "sim").target, "sim");
    CHECK_TEXT(options_of("--target=nothing", "--file=a").target, "nothing");
    CHECK_TEXT(options_of("--xen", "--target=xen").target, "xen");
    CHECK_TEXT(options_of("-f", "a.c").file, "a.c");
    CHECK(options_of("--as-recorded", NULL).as_recorded);
    CHECK(!options_of("--xen", NULL).as_recorded);
    e = ENDED(options_of("--xen", "--sim"));
    CHECK(e.status == MISUSED);
    CHECK_TEXT(e.err, "mirage: one target at a time: xen or sim?\n");
    e = ENDED(options_of("a.c", NULL));
    CHECK(e.status == MISUSED);
    CHECK_TEXT(e.err, "mirage: `mirage configure` takes no argument a.c; -f "
                      "a.c names a configuration\n");
    e = ENDED(options_of("--xem", NULL));
    CHECK(e.status == MISUSED);
    CHECK(strstr(e.err, "did you mean --xen?\nThere are: -f --file -t --target "
                        "--unix --macosx --xen --virtio --sim --help\n"));
}

static bool is_name(const char *file)
{
    return ENDED(check_names(file)).status == 0;
}

TEST(a_configuration_has_a_plain_name_that_ends_with_c)
{
    enter_new_folder();
    CHECK(is_name("config.c") && is_name("a.c"));
    CHECK(!is_name(".c") && !is_name("a.h") && !is_name("c"));
    CHECK(!is_name("a b.c") && !is_name("-a.c") && !is_name("a'.c"));
    CHECK(!is_name("ac") && !is_name("a.c.x"));
    CHECK_TEXT(ENDED(check_names("a")).err,
               "mirage: a: a configuration has a name such as config.c: "
               "letters, digits, _ - + and . (not first)\n");
    mkdir("a\nb", 0777);
    CHECK(chdir("a\nb") == 0);
    CHECK(ENDED(check_names("config.c")).status == FAILED);
}

TEST(functions_are_found_in_assembly_by_their_labels)
{
    char *assembly[] = {(char[]){"\nstart:\n\t.word\n"}, (char[]){"\nstop:\n"}};
    struct facts f = {.file = "config.c"};
    struct node job = {.file = "jobs.h", .line = 3};
    struct ended e;

    CHECK(defines(assembly, 2, "start") && defines(assembly, 2, "stop"));
    CHECK(!defines(assembly, 1, "stop") && !defines(assembly, 2, "art"));
    CHECK(!defines(assembly, 2, "sta"));
    CHECK(ENDED(require_function(&f, assembly, 2, &job, "stop", "")).status ==
          0);
    e = ENDED(require_function(&f, assembly, 2, &job, "go", "void go(void);"));
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "jobs.h:3: unikernel.c has no function go; wanted is\n"
                      "    void go(void);\n");
    add_item(&f.sources, "a.c");
    e = ENDED(require_function(&f, assembly, 2, &job, "go", "x"));
    CHECK(strstr(e.err, "unikernel.c and the other sources have no function"));
    assembly[0] = (char[]){"\nmain:\n"};
    e = ENDED(refuse_main(&f, assembly, "a.c"));
    CHECK(e.status == FAILED);
    CHECK(ENDED(refuse_main(&f, assembly + 1, "a.c")).status == 0);
}

/* An image with a disk, an unused network, a job and what config.c reads. */
static struct facts *described(void)
{
    static struct facts f;

    f = (struct facts){.file = "config.c", .target = "xen", .image = "a\"b"};
    f.node[0] = (struct node){.number = 0,
                              .type = "block",
                              .what = "block_of_file",
                              .driver = "block_xen",
                              .line = 3,
                              .argument = {{"d\\", NULL}},
                              .argument_count = 1,
                              .is_used = true};
    f.node[1] = (struct node){.number = 1,
                              .what = "start",
                              .line = 4,
                              .argument = {{NULL, &f.node[0]},
                                           {NULL, &f.node[0]}},
                              .argument_count = 2,
                              .is_used = true};
    f.node_count = 2;
    f.job[f.job_count++] = &f.node[1];
    f.variable[f.variable_count++] = (struct variable){"A", "x\n"};
    f.variable[f.variable_count++] = (struct variable){"B", NULL};
    add_item(&f.needs.packages, "p");
    add_item(&f.needs.packages, "q");
    return &f;
}

TEST(a_configuration_is_described_for_people)
{
    CHECK_TEXT(ENDED(print_text(described(), false)).out,
               "image: a\"b\ntarget: xen (not configured yet)\n"
               "environment: A=x\n\nenvironment: B is unset\n"
               "packages: p q\n"
               "jobs, and the devices they are given:\n    start\n"
               "        block_of_file(\"d\\\\\")  [block_0 by block_xen]\n"
               "        block_of_file(\"d\\\\\")  [block_0 by block_xen]\n");
    CHECK(strstr(ENDED(print_text(described(), true)).out, "target: xen\n"));
}

TEST(a_configuration_is_described_as_json)
{
    CHECK_TEXT(ENDED(print_json(described(), true)).out,
               "{\n  \"image\": \"a\\\"b\",\n  \"target\": \"xen\",\n"
               "  \"configured\": true,\n"
               "  \"environment\": {\"A\": \"x\\u000a\", \"B\": null},\n"
               "  \"packages\": [\"p\", \"q\"],\n  \"libraries\": [],\n"
               "  \"sources\": [],\n  \"devices\": [\n"
               "    {\"name\": \"block_0\", \"type\": \"block\", \"call\": "
               "\"block_of_file(\\\"d\\\\\\\\\\\")\", \"driver\": "
               "\"block_xen\", \"line\": 3, \"uses\": []}],\n"
               "  \"jobs\": [\n    {\"entry\": \"start\", \"line\": 4, "
               "\"uses\": [\"block_0\", \"block_0\"]}]\n}\n");
    CHECK(strstr(ENDED(print_json(described(), false)).out,
                 "\"configured\": false"));
}
