# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# A part of test/config/run: disks and networks on target virtio, in what is
# made for QEMU, libvirt and Firecracker. builds.sh has in_qemu and the rest.

it "QEMU, libvirt and Firecracker get the disks and networks of config.c"
mkdir -p "$work/virtual/t"
cd "$work/virtual" || exit 1
echo hello >t/file
cat >unikernel.c <<END
#include <mirage.h>

void start(struct block *a, struct block *b, struct network *n,
           struct network *m, struct fs *f)
{
    (void)a, (void)b, (void)n, (void)m, (void)f;
}
END
cat >config.c <<END
#include <mirage/config.h>

JOB(start, block, block, network, network, fs);

void configure(void)
{
    block twelve = block_of_file("data-12.img");

    unikernel("virtual", start(twelve, block_of_file("data-9-of-a-long-name.img"),
                               tap0, netif("52:54:00:AA:bb:01"),
                               fat_of_files("t")));
}
END
quietly mirage configure --virtio
head -c 128 /dev/zero >mir-virtual.virtio
if command -v shellcheck >/dev/null; then
    quietly shellcheck -S warning virtual.qemu.sh
fi
touch data-9-of-a-long-name.img data-12.img
in_qemu there
equal "exit status" $status 0
mac=$(grep -o '"tap0", "[^"]*"' main.c | head -n 1 | cut -d '"' -f 4)
has "MAC address" "$mac" '^52:54:00:[0-9a-f:]{8}$'
equal "QEMU" "$notes" "virtio-mmio.force-legacy=false
if=none,id=disk0,format=raw,file=./data-9-of-a-long-name.img
virtio-blk-device,drive=disk0,serial=data-9-of-a-long-nam
if=none,id=disk1,format=raw,file=./data-12.img
virtio-blk-device,drive=disk1,serial=data-12.img
if=none,id=disk2,format=raw,file=./fat1.img
virtio-blk-device,drive=disk2,serial=fat1.img
tap,ifname=tap1,script=no,downscript=no,id=net0
virtio-net-device,netdev=net0,mac=52:54:00:aa:bb:01
tap,ifname=tap0,script=no,downscript=no,id=net1
virtio-net-device,netdev=net1,mac=$mac
virtio-rng-device
virtio-balloon-device,deflate-on-oom=on"
for machine in q35 pc; do
    MACHINE=$machine in_qemu there
    equal "devices of $machine" "$(grep -o '^virtio-[a-z]*-[a-z]*' <<<"$notes" | sort | uniq -c | sed 's/^ *//')" \
        "1 virtio-balloon-pci
3 virtio-blk-pci
2 virtio-net-pci
1 virtio-rng-pci"
    equal "networks without a boot ROM on $machine" \
        "$(grep -cE '^virtio-net-.*,romfile=$' <<<"$notes")" 2
done
networks='(const char *const[]){"52:54:00:AA:bb:01", "52:54:00:aa:bb:01", "tap0", "'$mac'", 0}'
equal "main.c" "$(sed -n 's/.*connected(\([a-z]*_virtio_connect.*\), &.*/\1/p' main.c | sort)" \
    "block_virtio_connect(\"data-12.img\"
block_virtio_connect(\"data-9-of-a-long-name.img\"
block_virtio_connect(\"fat1.img\"
network_virtio_connect(\"52:54:00:AA:bb:01\", $networks
network_virtio_connect(\"tap0\", $networks"
has "names of disks in main.c" "$(tr -s ' \n' ' ' <main.c)" \
    'block_virtio_names\[\] = \{ ?"data-9-of-a-long-name.img", "data-12.img", "fat1.img", (0|NULL)'
quietly make libvirt
equal "libvirt" "$(sed -nE 's/^ *(<(source|target dev|serial>|mac|rom|model).*)/\1/p' virtual_libvirt.xml)" \
    "<source file=\"$PWD/data-9-of-a-long-name.img\"/>
<target dev=\"vda\" bus=\"virtio\"/>
<serial>data-9-of-a-long-nam</serial>
<source file=\"$PWD/data-12.img\"/>
<target dev=\"vdb\" bus=\"virtio\"/>
<serial>data-12.img</serial>
<source file=\"$PWD/fat1.img\"/>
<target dev=\"vdc\" bus=\"virtio\"/>
<serial>fat1.img</serial>
<mac address=\"52:54:00:aa:bb:01\"/>
<target dev=\"tap1\" managed=\"no\"/>
<model type=\"virtio\"/>
<rom enabled=\"no\"/>
<mac address=\"$mac\"/>
<target dev=\"tap0\" managed=\"no\"/>
<model type=\"virtio\"/>
<rom enabled=\"no\"/>"
if command -v virt-xml-validate >/dev/null; then
    quietly virt-xml-validate virtual_libvirt.xml
fi
equal "Firecracker" "$(python3 -c '
import json
c = json.load(open("virtual.firecracker.json"))
for d in c["drives"]:
    print(d["drive_id"], d["path_on_host"], d["is_root_device"], d["is_read_only"])
for n in c["network-interfaces"]:
    print(n["iface_id"], n["guest_mac"], n["host_dev_name"])
print(c["machine-config"]["mem_size_mib"], c["entropy"])')" \
    "disk0 data-9-of-a-long-name.img False False
disk1 data-12.img False False
disk2 fat1.img False False
net0 52:54:00:aa:bb:01 tap1
net1 $mac tap0
64 {}"

it "without the right to open its TAP the image gets QEMU's own network"
in_qemu denied
equal "exit status" $status 0
user=user,net=10.0.0.0/24,host=10.0.0.1,dhcpstart=10.0.0.2
equal "networks" "$(grep ',net=' <<<"$notes")" "$user,id=net0
$user,id=net1"
has "why" "$out" '^QEMU cannot open the TAP tap0 here; it goes on with a network of its own, from$'
has "ping" "$out" 'but a ping does not come in'
has "how ports come in" "$out" 'mirage run --forward 8080:80 '
has "how there is a TAP" "$out" 'sudo ip tuntap add dev tap0 mode tap user \$USER'

it "ports are passed on to the first network, TAP or not"
in_qemu there --forward 8080:80 --forward=5353:53/udp
equal "exit status" $status 0
equal "networks" "$(grep ',net=' <<<"$notes")" \
    "$user,hostfwd=tcp:127.0.0.1:8080-10.0.0.2:80,hostfwd=udp:127.0.0.1:5353-10.0.0.2:53,id=net0
$user,id=net1"
equal "messages about a TAP" "$(grep -c TAP <<<"$out")" 0

it "a TAP that another process uses is not replaced"
in_qemu busy
equal "exit status" $status 1
equal "message" "$out" "another process uses the TAP tap1"
[ ! -e "$NOTES" ] || wrong "QEMU was started"

it "a disk that is not there is named before QEMU starts, with what makes it"
rm data-12.img
in_qemu there
equal "exit status" $status 1
equal "message" "$out" \
    "there is no ./data-12.img; \`dd if=/dev/zero of=data-12.img count=100000\` makes one of 51.2 MB"
[ ! -e "$NOTES" ] || wrong "QEMU was started"
touch data-12.img
rm fat1.img
in_qemu there
equal "message" "$out" "there is no ./fat1.img; \`make\` makes it, beside the image"

it "disks of any name reach QEMU and libvirt, from any folder"
mkdir -p "$work/R&D:, 's"
cd "$work/R&D:, 's" || exit 1
cat >unikernel.c <<END
#include <mirage.h>

void start(struct block *a, struct block *b, struct block *c)
{
    (void)a, (void)b, (void)c;
}
END
cat >config.c <<END
#include <mirage/config.h>

JOB(start, block, block, block);

void configure(void)
{
    unikernel("odd", start(block_of_file("a,b 'c\"=d"),
                           block_of_file("nbd:<R&D> @HERE@"),
                           block_of_file("/dev/null")));
}
END
quietly mirage configure --virtio
head -c 128 /dev/zero >mir-odd.virtio
touch "a,b 'c\"=d" 'nbd:<R&D> @HERE@'
in_qemu there
equal "QEMU" "$(grep -v -e -rng- -e -balloon- -e -mmio <<<"$notes")" \
    "if=none,id=disk0,format=raw,file=/dev/null
virtio-blk-device,drive=disk0,serial=/dev/null
if=none,id=disk1,format=raw,file=./a,,b 'c\"=d
virtio-blk-device,drive=disk1,serial=a,,b 'c\"=d
if=none,id=disk2,format=raw,file=./nbd:<R&D> @HERE@
virtio-blk-device,drive=disk2,serial=nbd:<R&D> @HERE@"
(cd .. && TAP=there PATH=$work/played:$PATH sh "R&D:, 's/odd.qemu.sh" 2>/dev/null)
equal "from another folder" "$(grep -o 'file=.*c"=d$' "$NOTES")" \
    "file=./R&D:,, 's/a,,b 'c\"=d"
quietly make libvirt
equal "libvirt" "$(python3 -c '
import xml.etree.ElementTree
tree = xml.etree.ElementTree.parse("odd_libvirt.xml")
for s in tree.findall("devices/disk/source"):
    print(s.get("file") or s.get("dev"))
print(len(tree.findall("devices/disk/serial")))')" \
    "$(printf '%s\n' /dev/null "$PWD/a,b 'c\"=d" "$PWD/nbd:<R&D> @HERE@" 0)"
if command -v virt-xml-validate >/dev/null; then
    quietly virt-xml-validate odd_libvirt.xml
fi

it "disks that virtio could not tell apart, or libvirt not name, are refused"
# refused DISK PATTERN
refused() {
    sed "s|/dev/null|$1|" config.c >other.c
    out=$(mirage configure --virtio -f other.c 2>&1)
    equal "exit status for $1" $? 1
    has "message" "$out" "$2"
}
refused '' 'a disk is named by its file'
refused 'a\\nb' 'control character'
refused '\\377' 'is not UTF-8'
sed -i "s|nbd:<R&D> @HERE@|a-name-of-twenty-byte.img|" config.c
refused 'a-name-of-twenty-bytes.img' 'begin with the same 20 bytes'

it "consoles of a name other than 0 are ports, in what QEMU and libvirt get"
mkdir -p "$work/ported"
cd "$work/ported" || exit 1
# ported NAME...: an image with a console of each name
ported() {
    local types='' parameters='' devices='' i=0 name
    rm -rf ./* .mirage
    for name; do
        types="$types, console"
        parameters="$parameters, struct console *c$i __attribute__((unused))"
        devices="$devices, custom_console(\"$name\")"
        i=$((i + 1))
    done
    printf '#include <mirage.h>\n\nvoid start(%s)\n{\n}\n' \
        "${parameters#, }" >unikernel.c
    printf '#include <mirage/config.h>\n\nJOB(start%s);\n\nvoid configure(void)\n{\n    unikernel("ported", start(%s));\n}\n' \
        "$types" "${devices#, }" >config.c
}
ported b a 0
out=$(mirage configure --virtio 2>&1)
has "Firecracker" "$out" '^mirage: console "a" and others are not in ported.firecracker.json: Firecracker has no virtio console$'
has "port" "$(cat main.c)" '^ *connected\(console_port_connect\("a", '
has "console 0" "$(cat main.c)" '^ *connected\(console_virtio_connect\("0", '
head -c 128 /dev/zero >mir-ported.virtio
if command -v shellcheck >/dev/null; then
    quietly shellcheck -S warning -e SC2034 ported.qemu.sh
fi
in_qemu there
equal "QEMU" "$(grep -v -e -rng- -e -balloon- -e -mmio <<<"$notes")" \
    "virtio-serial-device
socket,id=port0,path=./a.sock,server=on,wait=off
virtserialport,chardev=port0,name=a
socket,id=port1,path=./b.sock,server=on,wait=off
virtserialport,chardev=port1,name=b"
quietly make libvirt
if command -v virt-xml-validate >/dev/null; then
    quietly virt-xml-validate ported_libvirt.xml domain
fi
equal "libvirt" "$(grep -A 3 '<channel' ported_libvirt.xml)" \
    "    <channel type=\"unix\">
      <source mode=\"bind\" path=\"$PWD/a.sock\"/>
      <target type=\"virtio\" name=\"a\"/>
    </channel>
    <channel type=\"unix\">
      <source mode=\"bind\" path=\"$PWD/b.sock\"/>
      <target type=\"virtio\" name=\"b\"/>
    </channel>"

it "default_console has virtio's driver only beside other virtio devices"
sed -i 's/custom_console("0")/default_console/' config.c
quietly mirage configure --virtio
has "beside ports" "$(cat main.c)" 'console_virtio_connect\("0"'
ported 0
sed -i 's/custom_console("0")/default_console/' config.c
quietly mirage configure --virtio
has "alone" "$(cat main.c)" 'console_serial_connect\("0"'

it "names that no port can have, and too many ports, are refused"
for name in 'a b' '' '-a' "$(printf 'x%.0s' {1..64})" 'a,b' 'ä'; do
    ported "$name"
    out=$(mirage configure --virtio 2>&1)
    has "message" "$out" "custom_console\(\"$name\"\): on virtio that is the name of a port: "
done
ported a b c d e f g
has "message" "$(mirage configure --virtio 2>&1)" '7 consoles with names: on virtio there are 6 at most$'
