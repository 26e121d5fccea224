/* SPDX-License-Identifier: ISC */
/* Help, new folders, compilers' errors, stripped images and packages. */
#define _GNU_SOURCE
#include "commands.h"
#include "compiler.c"
#include "depend.c"
#include "host.h"
#include <elf.h>
#include <sys/stat.h>

/* In the place of root.c and main.c. */
const char *root(void)
{
    return ".";
}

const char *find_program(const char *name)
{
    const char *found = text_of("./bin/%s", name);

    return access(found, X_OK) == 0 ? found : NULL;
}

const struct command commands[] = {
    {"build", "build it", "[ARGUMENTS]\n", NULL, false},
    {"note", "hidden", "\n", NULL, true},
    {0},
};

const struct command *find_command(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

void print_usage(const struct command *c)
{
    printf("usage of %s\n", c->name);
}

static void enter_with_headers(void)
{
    enter_new_folder();
    CHECK(system("/bin/mkdir -p include/mirage bin") == 0);
    write_text_file("include/mirage.h", "#include <mirage/a.h>\n"
                                        "#include <mirage/block.h>\n"
                                        "#include <mirage/blocks.h>\n"
                                        "#include <stdio.h>\n");
    write_text_file("include/mirage/a.h", "/* a: first */\nblock_read(\n");
    write_text_file("include/mirage/block.h",
                    "/*\n * block: storage. */\nint block_read(int);\n");
    write_text_file("include/mirage/blocks.h",
                    "/* blocks: many, and more   */\n"
                    "int block_all(int), block_read(int);\n");
    write_text_file("include/mirage/config.h",
                    "/* config: the language */\nint my_block_read(int);\n");
    write_text_file("include/mirage/hidden.h", "/* hidden: no */\n");
}

static struct ended helped(const char *one, const char *two)
{
    char *words[] = {(char *)one, (char *)two, NULL};

    return ENDED(exit(command_help(two ? 2 : one ? 1
                                                 : 0,
                                   words)));
}

TEST(topics_are_commands_and_the_headers_of_applications)
{
    enter_with_headers();
    CHECK_TEXT(helped("topics", NULL).out,
               "Commands:\n  build      build it\n\n"
               "Device types and other contracts, of which the header is "
               "printed:\n"
               "  a          first\n  block      storage.\n"
               "  blocks     many, and more\n"
               "  config     the language\n");
    CHECK_TEXT(helped(NULL, NULL).out, helped("topics", NULL).out);
}

TEST(a_topic_is_a_command_a_header_or_a_word_of_one)
{
    struct ended e;

    enter_with_headers();
    CHECK_TEXT(helped("build", NULL).out, "usage of build\n");
    CHECK_TEXT(helped("config", NULL).out,
               "/* config: the language */\nint my_block_read(int);\n");
    e = helped("block_read", NULL);
    CHECK(e.status == MISUSED);
    CHECK_TEXT(e.err, "mirage: block_read is in `mirage help block`\n");
    CHECK_TEXT(helped("my_block_read", NULL).err,
               "mirage: my_block_read is in `mirage help config`\n");
    e = helped("note", NULL);
    CHECK(e.status == MISUSED);
    CHECK(strstr(e.err, "mirage: note is not a topic"));
    CHECK(strstr(e.err, "There are: a block blocks config build\n"));
    CHECK(helped("read", NULL).status == MISUSED);
    CHECK(!strstr(helped("read", NULL).err, " is in "));
    CHECK(strstr(helped("hidden", NULL).err, "not a topic"));
    CHECK_TEXT(helped("a", "b").err, "mirage: one topic at a time\n");
}

static void enter_with_examples(void)
{
    enter_new_folder();
    CHECK(system("/bin/mkdir -p share/mirage/example/console/in bin") == 0);
    CHECK(mkdir("share/mirage/example/.git", 0777) == 0);
    CHECK(mkdir("share/mirage/example/other", 0777) == 0);
    CHECK(chdir("share/mirage/example/console") == 0);
    write_text_file("config.c", "unikernel(\"console\", a);\n"
                                "unikernel(\"b\", b) unikernel(\"");
    write_text_file("run.sh", "#!/bin/sh\n");
    chmod("run.sh", 0755);
    write_text_file("a.txt", "text");
    write_text_file("in/config.c", "unikernel(\"in\"");
    write_text_file("in/Makefile", "");
    CHECK(symlink("a.txt", "link") == 0);
    write_text_file("Makefile", "");
    write_text_file("mir-console", "");
    write_text_file("static1.c", "");
    write_text_file("statics.c", "");
    write_text_file("fat1.img", "");
    write_text_file("main.c.new", "");
    CHECK(chdir("../../../..") == 0);
}

static struct ended inited(const char *one, const char *two)
{
    char *words[] = {(char *)one, (char *)two, NULL};

    return ENDED(exit(command_init(two ? 2 : one ? 1
                                                 : 0,
                                   words)));
}

TEST(a_new_folder_is_a_copy_of_an_example_with_its_name)
{
    struct ended e;
    struct stat st;
    char link[10] = "";

    enter_with_examples();
    e = inited("new", NULL);
    CHECK(e.status == 0);
    CHECK_TEXT(e.err, "mirage: new is a copy of the example console. Now: cd "
                      "new && mirage configure && make && ./mir-new\n");
    CHECK_TEXT(text_file("new/config.c"),
               "unikernel(\"new\", a);\nunikernel(\"new\", b) unikernel(\"");
    CHECK_TEXT(text_file("new/in/config.c"), "unikernel(\"in\"");
    CHECK(text_file("new/in/Makefile"));
    CHECK(stat("new/run.sh", &st) == 0 && (st.st_mode & 0777) == 0755);
    CHECK(stat("new/a.txt", &st) == 0 && !(st.st_mode & 0111));
    CHECK(readlink("new/link", link, 9) == 5);
    CHECK(text_file("new/statics.c"));
    CHECK(!text_file("new/Makefile") && !text_file("new/mir-console"));
    CHECK(!text_file("new/static1.c") && !text_file("new/fat1.img"));
    CHECK(!text_file("new/main.c.new"));
    /* A configured example has outputs, too. */
    CHECK(mkdir("share/mirage/example/console/.mirage", 0777) == 0);
    CHECK(inited("other", NULL).status == 0);
    CHECK(!text_file("other/a.txt"));
}

TEST(a_new_folder_has_a_plain_name_and_is_empty)
{
    struct ended e;

    enter_with_examples();
    e = inited(NULL, NULL);
    CHECK(e.status == MISUSED);
    CHECK_TEXT(e.err, "mirage: `mirage init NAME` wants the name of a new "
                      "folder\n");
    e = inited("a b", NULL);
    CHECK(e.status == MISUSED);
    CHECK(strstr(e.err, "mirage: a b: the name becomes the name of files"));
    CHECK(inited("a/.b", NULL).status == MISUSED);
    CHECK(inited("a/", NULL).status == MISUSED);
    CHECK_TEXT(inited("a", "b").err, "mirage: one name at a time: a or b?\n");
    CHECK(inited("-x", NULL).status == MISUSED);
    e = inited("--from=consol", "a");
    CHECK(e.status == MISUSED);
    CHECK_TEXT(e.err, "mirage: consol is not an example; did you mean "
                      "console?\nThere are: console other\n");
    CHECK(inited("--from=other", "a").status == 0);
    CHECK(!text_file("a/config.c"));
    CHECK(inited("a", NULL).status == 0); /* it was empty */
    e = inited("a", NULL);
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: cannot make a: something is there already\n");
    e = inited("none/b", NULL);
    CHECK_TEXT(e.err, "mirage: cannot make none/b: No such file or "
                      "directory\n");
}

static const char *explained(const char *messages)
{
    struct ended e = ENDED(explain_errors("c.c", messages));

    CHECK(e.status == FAILED);
    return e.err;
}

TEST(the_first_error_of_a_compiler_is_explained)
{
    CHECK_TEXT(explained("c.c:1: error: JOB(a, ...) lists too many devices"),
               "mirage: c.c lists more devices than a job can take.\n");
    CHECK_TEXT(explained("error: incompatible type for argument 2 of 'start'"),
               "mirage: c.c gives a device of one type where another is "
               "wanted.\n");
    CHECK_TEXT(explained("error: passing 'fs' to parameter of incompatible "
                         "type 'block'"),
               "mirage: c.c gives a device of one type where another is "
               "wanted.\n");
    CHECK_TEXT(explained("error: too few arguments to function 'start'\n"
                         "JOB(start, console)"),
               "mirage: c.c gives too few devices.\n");
    CHECK_TEXT(explained("error: too few arguments to function 'fat'"),
               "mirage: c.c gives too few arguments.\n");
    CHECK_TEXT(explained("error: too many arguments to function 'fat'"),
               "mirage: c.c gives too many arguments.\n");
    CHECK_TEXT(explained("error: macro \"f\" passed 2 arguments, but takes "
                         "just 1"),
               "mirage: c.c gives too many arguments.\n");
    CHECK_TEXT(explained("error: 'x' undeclared\nerror: too few arguments"),
               "mirage: c.c does not compile.\n");
}

TEST(a_header_of_the_other_kind_of_file_is_hinted_at)
{
    enter_new_folder();
    write_text_file("a.c", "#include <mirage.h>\n");
    CHECK_TEXT(ENDED(hint_header("a.c", "mirage/config.h", "mirage.h")).err,
               "mirage: a.c includes <mirage.h>: it needs <mirage/config.h> "
               "instead\n");
    CHECK_TEXT(ENDED(hint_header("a.c", "mirage.h", "mirage/config.h")).err,
               "");
    write_text_file("a.c", "#include <mirage.h>\n#include <mirage/config.h>\n");
    CHECK_TEXT(ENDED(hint_header("a.c", "mirage/config.h", "mirage.h")).err,
               "");
    CHECK_TEXT(ENDED(hint_header("none.c", "a", "b")).err, "");
}

TEST(the_compiler_is_that_of_the_environment_or_cc)
{
    struct words w;
    struct ended e;

    enter_with_headers();
    write_text_file("bin/cc", "");
    write_text_file("bin/my-clang", "");
    chmod("bin/cc", 0777);
    chmod("bin/my-clang", 0777);
    unsetenv("CC");
    add_compiler(&w);
    CHECK_TEXT(w.word[0], "cc");
    CHECK_TEXT(w.word[1], "-ftrack-macro-expansion=0");
    CHECK(w.in_english);
    setenv("CC", "my-clang -m32", 1);
    add_compiler(&w);
    CHECK_TEXT(w.word[0], "my-clang");
    CHECK_TEXT(w.word[1], "-m32");
    CHECK_TEXT(w.word[2], "-fmacro-backtrace-limit=1");
    CHECK(remove("bin/cc") == 0 && symlink("my-clang", "bin/cc") == 0);
    setenv("CC", " ", 1);
    add_compiler(&w);
    CHECK_TEXT(w.word[0], "cc");
    CHECK_TEXT(w.word[1], "-fmacro-backtrace-limit=1");
    setenv("CC", "none", 1);
    e = ENDED(add_compiler(&w));
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: there is no C compiler: `none` is not on PATH."
                      "\nOn Debian: apt-get install gcc libc6-dev\n");
    unsetenv("CC");
}

/* An image with one segment, of `size` bytes from `at` on. */
static struct ended stripped(size_t at, size_t size, size_t segments, char mark)
{
    char bytes[400] = {0};
    Elf64_Ehdr header = {.e_ident = {mark, 'E', 'L', 'F', ELFCLASS64},
                         .e_phoff = sizeof header,
                         .e_shoff = 300,
                         .e_phentsize = sizeof(Elf64_Phdr),
                         .e_phnum = (Elf64_Half)segments,
                         .e_shnum = 7,
                         .e_shstrndx = 6};
    Elf64_Phdr segment = {.p_offset = at, .p_filesz = size};
    char *words[] = {(char[]){"from"}, (char[]){"to"}, NULL};
    FILE *out = fopen("from", "w");

    memset(bytes + 200, 's', 200);
    memcpy(bytes, &header, sizeof header);
    memcpy(bytes + sizeof header, &segment, sizeof segment);
    fwrite(bytes, 1, sizeof bytes, out);
    fclose(out);
    return ENDED(exit(command_strip(2, words)));
}

/* An image that is nothing but its header. */
static struct ended stripped_header(size_t table, size_t size)
{
    Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64},
                         .e_phoff = table,
                         .e_phentsize = (Elf64_Half)size};
    char *words[] = {(char[]){"from"}, (char[]){"to"}, NULL};
    FILE *out = fopen("from", "w");

    fwrite(&header, 1, sizeof header, out);
    fclose(out);
    return ENDED(exit(command_strip(2, words)));
}

TEST(a_stripped_image_ends_with_its_last_segment)
{
    Elf64_Ehdr header;
    struct stat st;
    FILE *in;

    enter_new_folder();
    CHECK(stripped(200, 50, 1, 0x7f).status == 0);
    CHECK(stat("to", &st) == 0 && st.st_size == 250);
    in = fopen("to", "r");
    CHECK(fread(&header, sizeof header, 1, in) == 1);
    fclose(in);
    CHECK(header.e_shoff == 0 && header.e_shnum == 0 && header.e_shstrndx == 0);
    CHECK(header.e_phnum == 1);
    CHECK(stripped(400, 0, 1, 0x7f).status == 0);
    CHECK(stripped(0, 400, 1, 0x7f).status == 0);
    CHECK_TEXT(stripped(0, 401, 1, 0x7f).err,
               "mirage: from ends within a segment\n");
    CHECK(stripped(300, 100, 1, 0x7f).status == 0);
    CHECK(stripped(300, 101, 1, 0x7f).status == FAILED);
    CHECK(stripped(401, 0, 1, 0x7f).status == FAILED);
    CHECK(stripped(SIZE_MAX, 2, 1, 0x7f).status == FAILED);
    CHECK(stripped(0, 10, 6, 0x7f).status == FAILED);
    CHECK_TEXT(stripped(0, 10, 7, 0x7f).err, "mirage: from is no image\n");
    CHECK_TEXT(stripped(0, 10, 1, 'x').err, "mirage: from is no image\n");
    CHECK(stripped_header(sizeof header, 56).status == 0);
    CHECK(stat("to", &st) == 0 && st.st_size == 0);
    CHECK(stripped_header(sizeof header + 1, 56).status == FAILED);
    CHECK(stripped_header(sizeof header, 55).status == FAILED);
    CHECK_TEXT(ENDED(exit(command_strip(1, NULL))).err,
               "mirage: `mirage strip` wants two files:  mirage strip FROM "
               "TO\n");
}

TEST(packages_of_libraries_are_known_or_asked_for)
{
    enter_with_headers();
    CHECK_TEXT(package_of_library("zlib"), "zlib1g-dev");
    CHECK_TEXT(package_of_library("libcurl"), "libcurl4-openssl-dev");
    CHECK(!package_of_library("x"));
    write_text_file("bin/apt-cache", "#!/bin/sh\n"
                                     "[ \"$1 $2\" = 'show libx-dev' ]\n");
    chmod("bin/apt-cache", 0777);
    setenv("PATH", "bin:/usr/bin:/bin", 1);
    CHECK_TEXT(package_of_library("x"), "libx-dev");
    CHECK_TEXT(package_of_library("libx"), "libx-dev");
    CHECK(!package_of_library("y"));
    CHECK_TEXT(call_of("library", "x", "config.c:1"),
               "config.c:1: library(\"x\")");
    CHECK_TEXT(call_of("library", "x", ""), "mirage: library x");
}

TEST(a_package_is_installed_or_dpkg_does_not_tell)
{
    enter_with_headers();
    setenv("PATH", "bin:/usr/bin:/bin", 1);
    CHECK(is_installed("a"));
    write_text_file("bin/dpkg-query",
                    "#!/bin/sh\ncase $4 in a) printf 'ii ';; b) printf 'rc ';; "
                    "*) exit 1;; esac\n");
    chmod("bin/dpkg-query", 0777);
    CHECK(is_installed("a"));
    CHECK(!is_installed("b"));
    CHECK(!is_installed("c"));
}

static struct ended missing_of(const char *package, const char *library)
{
    static struct needs n;

    n.packages.count = n.libraries.count = 0;
    add_need(&n.packages, n.package_places, package, "config.c:1");
    add_need(&n.libraries, n.library_places, library, "config.c:2");
    return ENDED({
        bool has_unknown;
        const char *install = missing(&n, &has_unknown);

        printf("%s %d", install ? strstr(install, "apt-get") : "nothing",
               has_unknown);
    });
}

TEST(what_a_build_lacks_is_reported_and_can_be_installed)
{
    static const char *const names[] = {"make", "ld", "cc", "pkg-config",
                                        "dpkg-query", NULL};
    struct ended e;

    enter_with_headers();
    setenv("PATH", "bin:/usr/bin:/bin", 1);
    CHECK_TEXT(missing_of("a", "zlib").out,
               "apt-get install make binutils gcc libc6-dev pkg-config 0");
    for (const char *const *n = names; *n; n++) {
        write_text_file(text_of("bin/%s", *n), "#!/bin/sh\nexit 1\n");
        chmod(text_of("bin/%s", *n), 0777);
    }
    e = missing_of("a", "zlib");
    CHECK_TEXT(e.out, "apt-get install a zlib1g-dev 0");
    CHECK_TEXT(e.err, "config.c:1: package(\"a\") is not installed\n"
                      "config.c:2: library(\"zlib\") is not installed\n");
    e = missing_of("a", "x");
    CHECK_TEXT(e.out, "apt-get install a 1");
    CHECK(strstr(e.err, "config.c:2: library(\"x\"): pkg-config knows no x. "));
    write_text_file("bin/pkg-config", "#!/bin/sh\n[ \"$1\" = --exists ]\n");
    write_text_file("bin/dpkg-query", "#!/bin/sh\nprintf ii\n");
    e = missing_of("a", "x");
    CHECK_TEXT(e.out, "nothing 0");
    CHECK_TEXT(e.err, "");
}

TEST(packages_are_installed_or_it_is_said_why_not)
{
    struct ended e;

    enter_with_headers();
    setenv("PATH", "bin:/usr/bin:/bin", 1);
    write_text_file("bin/sudo", "#!/bin/sh\n[ $1 != -n ] || shift\n"
                                "exec \"$@\"\n");
    write_text_file("bin/apt-get", "#!/bin/sh\necho \"$@\"\n");
    chmod("bin/sudo", 0777);
    chmod("bin/apt-get", 0777);
    e = ENDED(run_install("apt-get install a"));
    CHECK(e.status == 0);
    CHECK_TEXT(e.out, "install a -y\n");
    CHECK_TEXT(e.err, "mirage: running: apt-get install a\n");
    write_text_file("bin/apt-get", "#!/bin/sh\nexit 1\n");
    e = ENDED(run_install("apt-get install a"));
    CHECK(e.status == FAILED);
    CHECK(strstr(e.err, "mirage: `apt-get install a` has failed; `apt-get "
                        "update` may help\n"));
}

TEST(a_makefile_of_another_version_is_refused)
{
    char *words[] = {(char[]){"--made-by=0"}, NULL};
    char *same[] = {(char[]){"--made-by=" MIRAGE_VERSION}, NULL};
    struct ended e = ENDED(exit(command_root(1, words)));

    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: this Makefile was made by mirage 0, and this is "
                      "mirage " MIRAGE_VERSION ": run `mirage configure` "
                      "again\n");
    e = ENDED(exit(command_root(1, same)));
    CHECK(e.status == 0);
    CHECK_TEXT(e.out, ".\n");
}
