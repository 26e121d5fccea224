/* SPDX-License-Identifier: ISC */
/* Disks and networks of virtual machines, by names that users choose. */
#include "guest.c"
#include "host.h"
#include "virtio.h"

static struct node device(const char *type, const char *name)
{
    return (struct node){.type = type,
                         .is_used = true,
                         .argument[0].text = name,
                         .argument_count = 1};
}

/* An image with devices: a disk by its name, a network by "net:" and a name. */
static struct facts *image(const char *first, const char *second,
                           const char *third)
{
    const char *names[] = {first, second, third};
    struct facts *f = get_memory(sizeof *f);

    f->image = "image";
    f->target = "xen";
    for (int i = 0; i < 3 && names[i]; i++)
        f->node[f->node_count++] =
            strncmp(names[i], "net:", 4) == 0
                ? device("network", names[i] + 4)
                : device("block", names[i]);
    return f;
}

TEST(names_of_xen_are_told_from_files)
{
    CHECK(is_name_of_xen("xvda") && is_name_of_xen("xvdab12"));
    CHECK(is_name_of_xen("sda1") && is_name_of_xen("hdc"));
    CHECK(is_name_of_xen("51712"));
    CHECK(!is_name_of_xen("xvd") && !is_name_of_xen("xvd1"));
    CHECK(!is_name_of_xen("xvda1b") && !is_name_of_xen("sda.img"));
    CHECK(!is_name_of_xen("hd") && !is_name_of_xen("vda"));
    CHECK(!is_name_of_xen("5.img") && !is_name_of_xen(""));
    CHECK(!is_name_of_xen("./xvda"));
}

TEST(disks_of_files_get_names_that_are_free)
{
    struct facts *f = image("xvda1", "b.img", "a.img");

    CHECK_TEXT(guest_device(f, &f->node[0]), "xvda1");
    CHECK_TEXT(guest_device(f, &f->node[1]), "xvdc");
    CHECK_TEXT(guest_device(f, &f->node[2]), "xvdb");
    f = image("net:tap10", "net:tap9", "xvdb");
    CHECK_TEXT(guest_device(f, &f->node[0]), "1");
    CHECK_TEXT(guest_device(f, &f->node[1]), "0");
    f->node[2].type = "console";
    CHECK(!guest_device(f, &f->node[2]));
}

TEST(more_disks_than_letters_are_refused)
{
    struct facts *f = image("a", NULL, NULL);
    struct ended e;

    for (int i = 0; i < 25; i++)
        f->node[f->node_count++] = device("block", text_of("b%02d", i));
    CHECK_TEXT(guest_device(f, &f->node[25]), "xvdz");
    f->node[f->node_count++] = device("block", "c");
    e = ENDED(guest_device(f, &f->node[26]));
    CHECK(e.status == FAILED);
    CHECK_TEXT(e.err, "mirage: more disks than Xen has letters for\n");
}

TEST(an_xl_file_has_each_disk_and_network_once)
{
    struct facts *f = image("xvdb1", "xvda", "net:x");

    CHECK_TEXT(guest_lines(f, "br0"),
               "\n# Disks: a file or block device of this host's, its format, "
               "the guest's\n# name for it, and w for writing or r.\n"
               "disk = [\n    \"disk.img,raw,xvda,w\",\n"
               "    \"disk2.img,raw,xvdb1,w\",\n]\n"
               "\n# Networks. The address is always the same for this name; a "
               "copy of the guest\n# on the same bridge needs one of its "
               "own.\nvif = [ \"mac=00:16:3e:57:f8:8e,bridge=br0\" ]\n");
    f = image("xvda", "xvda", NULL);
    CHECK(strstr(guest_lines(f, "b"), "disk = [ \"disk.img,raw,xvda,w\" ]\n"));
    f->node[0].is_used = f->node[1].is_used = false;
    CHECK_TEXT(guest_lines(f, "b"), "");
}

static const char *disk_line(const char *name)
{
    return strstr(guest_lines(image(name, NULL, NULL), "b"), "disk = ");
}

TEST(odd_names_of_disks_are_quoted_for_xl)
{
    CHECK_TEXT(disk_line("a.img"), "disk = [ \"a.img,raw,xvda,w\" ]\n");
    CHECK_TEXT(disk_line("a b"),
               "disk = [ \"format=raw,vdev=xvda,access=w,target=a b\" ]\n");
    CHECK_TEXT(disk_line("phy:a"),
               "disk = [ \"format=raw,vdev=xvda,access=w,target=phy:a\" ]\n");
    CHECK_TEXT(disk_line("a="),
               "disk = [ \"format=raw,vdev=xvda,access=w,target=a=\" ]\n");
    CHECK_TEXT(disk_line("a,"),
               "disk = [ \"format=raw,vdev=xvda,access=w,target=a,,\" ]\n");
    CHECK_TEXT(disk_line("a\"\\"), "disk = [ \"a\\\"\\\\,raw,xvda,w\" ]\n");
}

static const char *refusal(const char *name)
{
    return ENDED(guest_lines(image(name, NULL, NULL), "b")).err;
}

TEST(names_of_disks_that_no_quotes_help_are_refused)
{
    CHECK_TEXT(refusal(""), "mirage: block_of_file(\"\"): a disk is named by "
                            "its file, or as Xen does\n");
    CHECK_TEXT(refusal("a\n"),
               "mirage: the name of a disk's file has a control "
               "character in it, which neither xl nor libvirt "
               "takes\n");
    CHECK(strstr(refusal("a\x1f"), "control"));
    CHECK(strstr(refusal("a\x7f"), "control"));
    CHECK_TEXT(refusal("\xff"), "mirage: the name of a disk's file is not "
                                "UTF-8, which libvirt's XML is\n");
    CHECK_TEXT(refusal("a@NAME@"),
               "mirage: the name of a disk's file has @NAME@ in it, which is "
               "to "
               "be filled in in NAME.xl.in\n");
    CHECK(strstr(refusal("@BRIDGE@"), "has @BRIDGE@"));
    CHECK(strstr(refusal("@EXTRA@"), "has @EXTRA@"));
    CHECK_TEXT(refusal("@HERE@ ~\xc3\xa4"), "");
}

TEST(libvirt_gets_disks_beside_its_file_or_with_their_path)
{
    struct facts *f = image("a&\"b", "/c", "net:x");

    CHECK_TEXT(guest_elements(f),
               "    <disk type=\"file\" device=\"disk\">\n"
               "      <driver name=\"qemu\" type=\"raw\"/>\n"
               "      <source file=\"/c\"/>\n"
               "      <target dev=\"xvda\" bus=\"xen\"/>\n"
               "    </disk>\n"
               "    <disk type=\"file\" device=\"disk\">\n"
               "      <driver name=\"qemu\" type=\"raw\"/>\n"
               "      <source file=\"@HERE@/a&amp;&#34;b\"/>\n"
               "      <target dev=\"xvdb\" bus=\"xen\"/>\n"
               "    </disk>\n"
               "    <interface type=\"bridge\">\n"
               "      <mac address=\"00:16:3e:57:f8:8e\"/>\n"
               "      <source bridge=\"xenbr0\"/>\n"
               "    </interface>\n");
}

TEST(addresses_of_networks_differ_by_image_and_number)
{
    CHECK(strncmp(mac_of("a", 0), "00:16:3e:", 9) == 0);
    CHECK(strcmp(mac_of("a", 0), mac_of("a", 1)) != 0);
    CHECK(strcmp(mac_of("a", 0), mac_of("b", 0)) != 0);
    /* The first of the last three bytes has 7 bits. */
    for (int i = 0; i < 64; i++)
        CHECK(mac_of("a", (size_t)i)[9] < '8');
}

static const char *virtio_refusal(const char *one, const char *two)
{
    struct ended e = ENDED(virtio_check(image(one, two, NULL)));

    CHECK(e.status == (*e.err ? FAILED : 0));
    return e.err;
}

TEST(disks_of_virtio_are_known_by_twenty_bytes)
{
    CHECK_TEXT(virtio_refusal("0123456789012345678a", "0123456789012345678b"),
               "");
    CHECK_TEXT(virtio_refusal("01234567890123456789a", "01234567890123456789b"),
               "mirage: the names of the disks 01234567890123456789a and "
               "01234567890123456789b begin with the same 20 bytes. On virtio "
               "a disk is known by these: rename one of them.\n");
    CHECK(*virtio_refusal("01234567890123456789", "01234567890123456789b"));
    CHECK_TEXT(virtio_refusal("", NULL), "mirage: block_of_file(\"\"): a disk "
                                         "is named by its file\n");
    CHECK_TEXT(virtio_refusal("a\r", NULL),
               "mirage: the name of a disk's file has a control character in "
               "it, which libvirt does not take\n");
}

TEST(qemu_gets_disks_and_networks_in_the_order_of_their_names)
{
    struct facts *f = image("b,'", "net:52:54:00:AB:cd:eF", "net:x y");

    CHECK_TEXT(virtio_lines(f),
               "find_disk 'b,'\\''' '`dd if=/dev/zero of='\\''"
               "b,'\\''\\'\\'''\\'''\\'' count=100000` makes one of 51.2 MB'\n"
               "set -- \"$@\" -drive \"if=none,id=disk0,format=raw,$file\" "
               "\\\n    -device virtio-blk-$bus,drive=disk0,'serial=b,,'\\''"
               "'\n"
               "find_network tap0\n"
               "set -- \"$@\" -netdev \"$netdev,id=net0\" \\\n    -device "
               "virtio-net-$bus,netdev=net0,mac=52:54:00:ab:cd:ef$rom\n"
               "find_network tap1\n"
               "set -- \"$@\" -netdev \"$netdev,id=net1\" \\\n    -device "
               "virtio-net-$bus,netdev=net1,mac=52:54:00:ed:f0:22$rom\n");
    CHECK(strstr(virtio_lines(image("/dev/sda", NULL, NULL)),
                 "find_disk /dev/sda '`lsblk` lists this host'\\''s disks'"));
    CHECK(strstr(virtio_lines(image("a", NULL, NULL)),
                 "FORWARD=$FORWARD: config.c has no network"));
}

TEST(taps_have_the_names_of_networks_or_ones_that_are_free)
{
    struct facts *f = image("net:tap1", "net:br-0.a", "net:9");

    f->node[f->node_count++] = device("network", "a_name_too_long_");
    f->node[f->node_count++] = device("network", "a_name_of_15_ok");
    CHECK_TEXT(virtio_interfaces(f),
               "\n    {\n      \"iface_id\": \"net0\",\n"
               "      \"guest_mac\": \"52:54:00:a0:d3:c2\",\n"
               "      \"host_dev_name\": \"tap0\"\n    },"
               "\n    {\n      \"iface_id\": \"net1\",\n"
               "      \"guest_mac\": \"52:54:00:52:43:9a\",\n"
               "      \"host_dev_name\": \"a_name_of_15_ok\"\n    },"
               "\n    {\n      \"iface_id\": \"net2\",\n"
               "      \"guest_mac\": \"52:54:00:be:72:45\",\n"
               "      \"host_dev_name\": \"tap2\"\n    },"
               "\n    {\n      \"iface_id\": \"net3\",\n"
               "      \"guest_mac\": \"52:54:00:a5:ff:0f\",\n"
               "      \"host_dev_name\": \"br-0.a\"\n    },"
               "\n    {\n      \"iface_id\": \"net4\",\n"
               "      \"guest_mac\": \"52:54:00:f3:e0:33\",\n"
               "      \"host_dev_name\": \"tap1\"\n    }\n  ");
    CHECK_TEXT(virtio_interfaces(image("a", NULL, NULL)), "");
}

TEST(a_network_s_driver_gets_all_names_and_addresses)
{
    struct facts *f = image("net:b", "net:a", "disk");
    struct list names = virtio_names(f, &f->node[0]);

    CHECK(names.count == 4);
    CHECK_TEXT(names.item[0], "a");
    CHECK(strncmp(names.item[1], "52:54:00:", 9) == 0);
    CHECK_TEXT(names.item[2], "b");
    CHECK(virtio_names(f, &f->node[2]).count == 0);
}

TEST(firecracker_gets_names_as_json)
{
    CHECK_TEXT(virtio_drives(image("a\"\\", "b", NULL)),
               "\n    {\n      \"drive_id\": \"disk0\",\n"
               "      \"path_on_host\": \"a\\\"\\\\\",\n"
               "      \"is_root_device\": false,\n"
               "      \"is_read_only\": false\n    },"
               "\n    {\n      \"drive_id\": \"disk1\",\n"
               "      \"path_on_host\": \"b\",\n"
               "      \"is_root_device\": false,\n"
               "      \"is_read_only\": false\n    }\n  ");
    CHECK_TEXT(virtio_drives(image("net:x", NULL, NULL)), "");
}

TEST(libvirt_gets_serial_numbers_if_it_takes_all_of_them)
{
    CHECK_TEXT(virtio_elements(image("a b_+.-9", "net:x", NULL)),
               "    <disk type=\"file\" device=\"disk\">\n"
               "      <driver name=\"qemu\" type=\"raw\"/>\n"
               "      <source file=\"@HERE@/a b_+.-9\"/>\n"
               "      <target dev=\"vda\" bus=\"virtio\"/>\n"
               "      <serial>a b_+.-9</serial>\n"
               "    </disk>\n"
               "    <interface type=\"ethernet\">\n"
               "      <mac address=\"52:54:00:a0:70:95\"/>\n"
               "      <target dev=\"x\" managed=\"no\"/>\n"
               "      <model type=\"virtio\"/>\n"
               "      <rom enabled=\"no\"/>\n"
               "    </interface>\n");
    CHECK_TEXT(virtio_elements(image("/dev/a", "b", NULL)),
               "    <!-- No serial numbers: libvirt does not take the names of "
               "all disks as\n         such, so the image takes the disks in "
               "this order. -->\n"
               "    <disk type=\"block\" device=\"disk\">\n"
               "      <driver name=\"qemu\" type=\"raw\"/>\n"
               "      <source dev=\"/dev/a\"/>\n"
               "      <target dev=\"vda\" bus=\"virtio\"/>\n"
               "    </disk>\n"
               "    <disk type=\"file\" device=\"disk\">\n"
               "      <driver name=\"qemu\" type=\"raw\"/>\n"
               "      <source file=\"@HERE@/b\"/>\n"
               "      <target dev=\"vdb\" bus=\"virtio\"/>\n"
               "    </disk>\n");
}

TEST(the_27th_disk_has_two_letters)
{
    struct facts *f = image("a", NULL, NULL);
    const char *text;

    for (int i = 0; i < 27; i++)
        f->node[f->node_count++] = device("block", text_of("b%02d", i));
    text = virtio_elements(f);
    CHECK(strstr(text, "/b24\"/>\n      <target dev=\"vdz\""));
    CHECK(strstr(text, "/b25\"/>\n      <target dev=\"vdaa\""));
    CHECK(strstr(text, "/b26\"/>\n      <target dev=\"vdab\""));
}
