/* SPDX-License-Identifier: ISC */
/* The texts of generated files, for reports of a config.c. */
#define _GNU_SOURCE
#include "emit.h"
#include "facts.c"
#include "host.h"
#include "ports.h"
#include "target.h"
#include <stdlib.h>

/* What a config.c reports for a target. */
static struct facts *facts_of(const char *target, const char *report)
{
    struct facts *f = get_memory(sizeof *f);

    f->file = "config.c";
    f->target = target;
    read_report(f, text_of("%s", report));
    read_jobs(f, text_of("%s", report));
    find_crunched(f);
    find_images(f);
    return f;
}

static const char disk[] =
    "image\tdisk\nruns\t3\n"
    "device\t0\tblock\tblock_of_file\tblock_unix\t3\nmaker\t0\n"
    "text\t0\tit's\n"
    "device\t1\tfs\tfat\tfat\t3\nflush\t1\tfs_flush\nuses\t1\t0\n"
    "device\t2\tconsole\tdefault_console\tconsole_unix\t3\nvalue\t2\n"
    "text\t2\t0\n"
    "job\t3\tstart\t7\tconfig.c\t\nuses\t3\t2\nuses\t3\t1\n"
    "device\t4\tblock\tblock_of_file\tblock_unix\t9\ntext\t4\tunused\n"
    "done\n";

TEST(main_connects_what_the_jobs_use_and_flushes_it)
{
    CHECK_TEXT(
        emit_main(facts_of("unix", disk)),
        "/* Made by `mirage configure` from config.c. Edit that instead. */\n"
        "#include <mirage/main.h>\n\n"
        "void start(struct console *, struct fs *);\n\n"
        "const char mirage_name[] = \"disk\";\n\n"
        "static struct block *block_0;\nstatic struct fs *fs_1;\n"
        "static struct console *console_2;\n\n"
        "static void mirage_job_0(void)\n{\n    start(console_2, fs_1);\n}\n\n"
        "static struct job mirage_jobs[] = {\n"
        "    {.name = \"start\", .run = mirage_job_0},\n};\n\n"
        "void mirage_main(void)\n{\n"
        "    connected(block_unix_connect_with(\"it's\", \"`fat create "
        "'it'\\\\''s' 64M` makes one with an empty file system\", &block_0),\n"
        "              \"block_of_file(\\\"it's\\\")\");\n"
        "    connected(fat_connect(block_0, &fs_1),\n"
        "              \"fat(block_of_file)\");\n"
        "    connected(console_unix_connect(\"0\", &console_2),\n"
        "              \"default_console\");\n"
        "    jobs_run(mirage_jobs, 1);\n"
        "    flushed(fs_flush(fs_1), \"fat(block_of_file)\");\n}\n");
}

static const char jobs[] =
    "image\ttwo\nruns\t4\nruns\t3\nruns\t2\n"
    "device\t0\tnetwork\ttap0\tnetwork_unix\t3\nvalue\t0\ntext\t0\ttap0\n"
    "device\t1\tstackv4\tsocket_stackv4\tsockets\t3\nlist\t1\n"
    "finish\t1\tstackv4_finish\nuses\t1\t0\ntext\t1\t1.2.3.4\n"
    "text\t1\t\\\\\"\n"
    "job\t2\tb\t7\tconfig.c\tstop\nuses\t2\t1\n"
    "job\t3\ta\t8\tjobs.h\tstop\njob\t4\ta\t9\tconfig.c\t\n"
    "sandbox\ndone\n";

TEST(jobs_run_in_their_order_and_their_stops_are_declared_once)
{
    CHECK_TEXT(
        emit_main(facts_of("unix", jobs)),
        "/* Made by `mirage configure` from config.c. Edit that instead. */\n"
        "#include <mirage/main.h>\n\n"
        "void a(void);\nvoid stop(void);\nvoid b(struct stackv4 *);\n\n"
        "const char mirage_name[] = \"two\";\n\n"
        "static struct network *network_0;\n"
        "static struct stackv4 *stackv4_1;\n\n"
        "static void mirage_job_0(void)\n{\n    a();\n}\n\n"
        "static void mirage_job_1(void)\n{\n    a();\n}\n\n"
        "static void mirage_job_2(void)\n{\n    b(stackv4_1);\n}\n\n"
        "static struct job mirage_jobs[] = {\n"
        "    {.name = \"a\", .run = mirage_job_0},\n"
        "    {.name = \"a\", .run = mirage_job_1, .stop = stop},\n"
        "    {.name = \"b\", .run = mirage_job_2, .stop = stop},\n};\n\n"
        "void mirage_main(void)\n{\n"
        "    connected(network_unix_connect(\"tap0\", &network_0),\n"
        "              \"tap0\");\n"
        "    connected(sockets_connect(network_0, (const char *const[])"
        "{\"1.2.3.4\", \"\\\\\\\"\", 0}, &stackv4_1),\n"
        "              \"socket_stackv4(tap0, \\\"1.2.3.4\\\", "
        "\\\"\\\\\\\\\\\\\\\"\\\")\");\n"
        "    connected(sandbox_enter(), \"sandbox()\");\n"
        "    jobs_run(mirage_jobs, 3);\n"
        "    stackv4_finish(stackv4_1);\n}\n");
    CHECK_TEXT(emit_entry(facts_of("unix", jobs)),
               "#line 9 \"config.c\"\nvoid a(void);\n"
               "#line 8 \"jobs.h\"\nvoid a(void);\n"
               "#line 8 \"jobs.h\"\nvoid stop(void);\n"
               "struct stackv4;\n#line 7 \"config.c\"\n"
               "void b(struct stackv4 *);\n"
               "#line 7 \"config.c\"\nvoid stop(void);\n");
}

static const char folders[] =
    "image\tfolders\nruns\t5\n"
    "device\t0\tkv_ro\tcrunch\tkv_ro_crunch\t1\ncrunched\t0\ntext\t0\tt\n"
    "device\t1\tkv_ro\tcrunch\tkv_ro_crunch\t1\ncrunched\t1\ntext\t1\tu\n"
    "device\t2\tkv_ro\tcrunch\tkv_ro_crunch\t1\ncrunched\t2\ntext\t2\tu\n"
    "device\t3\tblock\tblock_of_file\tblock_unix\t1\nmaker\t3\n"
    "text\t3\tfat1.img\n"
    "device\t4\tfs\tfat_of_files\tfat\t1\nimage-of-folder\t4\ntext\t4\tv\n"
    "uses\t4\t3\n"
    "job\t5\ts\t1\tconfig.c\t\nuses\t5\t0\nuses\t5\t1\nuses\t5\t2\n"
    "uses\t5\t4\nsource\t5\ta.c\ninclude\t5\tin\ninclude\t5\tout\n"
    "package\tp\tconfig.c:1\nlibrary\tl\tconfig.c:1\ndone\n";

/* Whether it has these lines. */
static bool has(const char *text, const char *lines)
{
    return strstr(text, lines) != NULL;
}

TEST(folders_are_symbols_of_the_image)
{
    const char *text = emit_main(facts_of("unix", folders));

    CHECK(has(text, "main.h>\n#include \"static1.h\"\n#include \"static2.h\"\n"
                    "\nvoid"));
    CHECK(has(text, "(kv_ro_crunch_connect(&static1, &kv_ro_0),\n"));
    CHECK(has(text, "(kv_ro_crunch_connect(&static2, &kv_ro_1),\n"));
    CHECK(has(text, "(kv_ro_crunch_connect(&static2, &kv_ro_2),\n"
                    "              \"crunch(\\\"u\\\")\");\n"));
    CHECK(has(text, "(block_unix_connect_with(\"fat1.img\", \"`make` makes it, "
                    "beside the image\", &block_3),\n"));
    CHECK(has(text, "(fat_connect(block_3, &fs_4),\n"
                    "              \"fat_of_files(\\\"v\\\")\");\n"));
    CHECK_TEXT(emit_compile_flags(facts_of("unix", folders)),
               "-std=gnu11\n-Wall\n-Wextra\n-I.mirage/include\n-Iin\n-Iout\n");
}

static const char disks[] =
    "image\td\nruns\t4\n"
    "device\t0\tblock\tblock_of_file\tblock_virtio\t1\ntext\t0\tb\"\n"
    "device\t1\tblock\tblock_of_file\tblock_virtio\t1\ntext\t1\ta\n"
    "device\t2\tnetwork\tnetif\tnetwork_virtio\t1\ntext\t2\tx\n"
    "device\t3\tconsole\tcustom_console\tconsole_port\t1\ntext\t3\tlog\n"
    "job\t4\ts\t1\tconfig.c\t\nuses\t4\t0\nuses\t4\t1\nuses\t4\t2\n"
    "uses\t4\t3\ndone\n";

TEST(drivers_get_the_names_of_the_machine_s_devices)
{
    const char *text = emit_main(facts_of("virtio", disks));

    CHECK(has(text, "const char *const block_virtio_names[] = {\"a\", "
                    "\"b\\\"\", 0};\n"));
    CHECK(has(text, "block_virtio_connect(\"b\\\"\", &block_0)"));
    CHECK(has(text, "network_virtio_connect(\"x\", (const char *const[]){\"x\""
                    ", \"52:54:00:"));
    text = emit_main(facts_of("xen", disks));
    CHECK(!has(text, "block_virtio_names"));
    CHECK(has(text, "block_virtio_connect(\"xvdb\", &block_0)"));
    CHECK(has(text, "block_virtio_connect(\"xvda\", &block_1)"));
    CHECK(has(text, "network_virtio_connect(\"0\", &network_2)"));
}

/* Parts of files are those of a folder in the place of root's. */
static void enter_folder_of_parts(void)
{
    static const char *const names[] = {
        "head.mk", "bare.mk", "xen.mk", "unix.mk", "libvirt.mk", "crunch.mk",
        "fat.mk", "tail.mk", "make-fat-image.sh", "xl", "xl.in", "qemu.sh",
        "qemu-disk", "qemu-network", "qemu-console",
        NULL};

    enter_new_folder();
    CHECK(system("mkdir -p share/mirage/make") == 0);
    for (const char *const *n = names; *n; n++)
        write_text_file(text_of("share/mirage/make/%s", *n),
                        text_of("# SPDX-License-Identifier: ISC\n"
                                "[%s @NAME@ @FOLDER@ @DATE@ @MEMORY@ "
                                "@CONFIG@ @PROGRAM@]\n",
                                *n));
}

/* In the place of root.c. */
const char *root(void)
{
    return ".";
}

const char *find_program(const char *name)
{
    return name;
}

TEST(a_makefile_has_the_parts_of_its_target)
{
    enter_folder_of_parts();
    CHECK_TEXT(
        emit_makefile(facts_of("unix", folders)),
        "# Made by `mirage configure` from config.c. Edit that instead, or "
        "add\n# what you need in Makefile.user.\n#\n"
        "#     make           builds mir-folders\n"
        "#     make run       builds and runs it; SUDO=sudo, "
        "ARGS='--key=value'\n"
        "#     make depend    installs what the build needs and lacks\n"
        "#     make clean     removes what was built\n\n"
        "NAME      := folders\nTARGET    := unix\nCONFIG    := config.c\n"
        "MADE_BY   := " MIRAGE_VERSION "\n"
        "SOURCES   := main.c unikernel.c a.c static1.c static2.c\n"
        "INCLUDES  := in out\nPACKAGES  := p\nLIBRARIES := l\n"
        "CRUNCHED  := static1 static2\nstatic1   := t\nstatic2   := u\n"
        "IMAGES    := fat1\nfat1      := v\n\n"
        "[head.mk @NAME@ @FOLDER@ @DATE@ @MEMORY@ @CONFIG@ @PROGRAM@]\n"
        "[unix.mk @NAME@ @FOLDER@ @DATE@ @MEMORY@ @CONFIG@ @PROGRAM@]\n"
        "[crunch.mk @NAME@ @FOLDER@ @DATE@ @MEMORY@ @CONFIG@ @PROGRAM@]\n"
        "[fat.mk @NAME@ @FOLDER@ @DATE@ @MEMORY@ @CONFIG@ @PROGRAM@]\n"
        "[tail.mk @NAME@ @FOLDER@ @DATE@ @MEMORY@ @CONFIG@ @PROGRAM@]\n");
    CHECK_TEXT(
        strstr(emit_makefile(facts_of("xen", disks)), "#     make clean"),
        "#     make clean     removes what was built\n"
        "#     make libvirt   writes d_libvirt.xml\n\n"
        "NAME      := d\nTARGET    := xen\nCONFIG    := config.c\n"
        "MADE_BY   := " MIRAGE_VERSION "\n"
        "SOURCES   := main.c unikernel.c\n"
        "INCLUDES  :=\nPACKAGES  :=\nLIBRARIES :=\n\n"
        "[head.mk @NAME@ @FOLDER@ @DATE@ @MEMORY@ @CONFIG@ @PROGRAM@]\n"
        "[bare.mk @NAME@ @FOLDER@ @DATE@ @MEMORY@ @CONFIG@ @PROGRAM@]\n"
        "[xen.mk @NAME@ @FOLDER@ @DATE@ @MEMORY@ @CONFIG@ @PROGRAM@]\n"
        "[libvirt.mk @NAME@ @FOLDER@ @DATE@ @MEMORY@ @CONFIG@ @PROGRAM@]\n"
        "[tail.mk @NAME@ @FOLDER@ @DATE@ @MEMORY@ @CONFIG@ @PROGRAM@]\n");
}

TEST(the_script_of_an_image_has_its_folder_and_a_date)
{
    enter_folder_of_parts();
    unsetenv(SOURCE_DATE);
    CHECK_TEXT(emit_image_script(facts_of("unix", folders), 0),
               "[make-fat-image.sh fat1 v 1980-01-01 @MEMORY@ config.c "
               "@PROGRAM@]\n");
    setenv(SOURCE_DATE, "5", 1);
    CHECK(has(emit_image_script(facts_of("unix", folders), 0), "fat1 v @5 "));
    unsetenv(SOURCE_DATE);
}

TEST(a_virtual_machine_has_more_memory_for_crunched_files)
{
    struct facts *f = facts_of("xen", disks);

    enter_folder_of_parts();
    CHECK_TEXT(emit_guest_file(f, "xl"),
               "[xl d @FOLDER@ @DATE@ 64 config.c mir-d.xen]\n");
    f->crunched_size = (10 << 20) - 1;
    CHECK(has(emit_guest_file(f, "xl"), " 73 "));
    f->crunched_size = 10 << 20;
    CHECK(has(emit_guest_file(f, "xl"), " 74 "));
    CHECK_TEXT(emit_guest_template(f, "xl"),
               "[xl.in @NAME@ @FOLDER@ @DATE@ @MEMORY@ config.c mir-d.xen]\n"
               "[xl @NAME@ @FOLDER@ @DATE@ @MEMORY@ config.c mir-d.xen]\n");
    CHECK_TEXT(emit_guest_file(facts_of("virtio", disks), "qemu.sh"),
               "[qemu.sh d @FOLDER@ @DATE@ 64 config.c mir-d.virtio]\n");
}

static struct facts *ports(const char *first, int count)
{
    char *report = text_of("image\tp\nruns\t0\njob\t0\ts\t1\tc.c\t\n");

    for (int i = 1; i <= count; i++)
        report = text_of("%sdevice\t%d\tconsole\tcustom_console\tconsole_port"
                         "\t1\ntext\t%d\t%s%.0d\nuses\t0\t%d\n",
                         report, i, i, i == 1 ? first : "p", i == 1 ? 0 : i,
                         i);
    return facts_of("virtio", report);
}

static struct ended checked(const char *first, int count)
{
    return ENDED(ports_check(ports(first, count)));
}

TEST(ports_have_plain_names_and_are_six_at_most)
{
    struct ended e;
    char longest[] = "123456789-123456789-123456789-123456789-123456789-"
                     "123456789-123";

    CHECK(checked("a_Z-9.", 6).status == 0);
    e = checked("a", 7);
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: 7 consoles with names: on virtio there are 6 at "
                      "most\n");
    e = checked("-a", 1);
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: custom_console(\"-a\"): on virtio that is the "
                      "name of a port: letters, digits, _ - and ., at most 63, "
                      "not - first\n");
    CHECK(checked("", 1).status == FAILED);
    CHECK(checked("a b", 1).status == FAILED);
    CHECK(checked("a,b", 1).status == FAILED);
    CHECK(checked("a/b", 1).status == FAILED);
    CHECK(checked(longest, 1).status == 0);
    CHECK(checked(text_of("%s4", longest), 1).status == FAILED);
}

TEST(ports_are_on_one_bus_in_the_order_of_their_names)
{
    struct facts *f = ports("p10", 2);
    struct ended e;

    CHECK_TEXT(ports_lines(f),
               "set -- \"$@\" -device virtio-serial-$bus\n"
               "find_socket p2\n"
               "set -- \"$@\" -chardev \"socket,id=port0,$socket\" \\\n"
               "    -device virtserialport,chardev=port0,name=p2\n"
               "find_socket p10\n"
               "set -- \"$@\" -chardev \"socket,id=port1,$socket\" \\\n"
               "    -device virtserialport,chardev=port1,name=p10\n");
    CHECK_TEXT(ports_elements(ports("a", 1)),
               "    <channel type=\"unix\">\n"
               "      <source mode=\"bind\" path=\"@HERE@/a.sock\"/>\n"
               "      <target type=\"virtio\" name=\"a\"/>\n"
               "    </channel>\n");
    e = ENDED(ports_note(f));
    CHECK_TEXT(e.err, "mirage: console \"p2\" and others are not in "
                      "p.firecracker.json: Firecracker has no virtio "
                      "console\n");
    e = ENDED(ports_note(ports("a", 1)));
    CHECK(has(e.err, "console \"a\" is not in"));
    CHECK_TEXT(ENDED(ports_note(ports("a", 0))).err, "");
}

TEST(programs_are_named_after_image_and_target)
{
    struct list l = built_files("a", "xen");

    CHECK_TEXT(program_name("a", "unix"), "mir-a");
    CHECK_TEXT(program_name("a", "virtio"), "mir-a.virtio");
    CHECK_TEXT(program_name("a", "nonsense"), "mir-a");
    CHECK(l.count == 3);
    CHECK_TEXT(l.item[0], "mir-a.xen");
    CHECK_TEXT(l.item[1], "mir-a.xen.debug");
    CHECK_TEXT(l.item[2], "a_libvirt.xml");
    CHECK(built_files("a", "sim").count == 1);
}

TEST(a_target_is_one_of_the_table_and_has_its_libraries)
{
    struct ended e = ENDED(check_target("xem"));

    CHECK(e.status == MISUSED);
    CHECK_TEXT(e.err, "mirage: xem is not a target; did you mean xen?\n"
                      "There are: unix macosx xen virtio sim\n");
    CHECK(ENDED(check_target("virtio")).status == 0);
    e = ENDED(check_target("macosx"));
    CHECK(e.status == FAILED);
    enter_new_folder();
    e = ENDED(check_libraries("xen"));
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: target xen needs the libraries of bare images, "
                      "which are not built here.\n`make images`, in the clone "
                      "of mirage, builds them.\n");
    CHECK(ENDED(check_libraries("sim")).status == 0);
    CHECK(system("mkdir -p lib/mirage/xen; >lib/mirage/xen/libmirage.a") == 0);
    CHECK(ENDED(check_libraries("xen")).status == 0);
}
