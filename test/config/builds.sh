# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# The second half of test/config/run: configurations without mistakes, their
# generated files, and builds after changes.

export PATH=$root/bin:$PATH

# fresh NAME: makes a copy of the console example in a folder, and enters it
fresh() {
    rm -rf "${work:?}/$1"
    mkdir -p "$work/$1"
    cp "$top"/example/console/{config,unikernel}.c "$work/$1"
    cd "$work/$1" || exit 1
}

# quietly COMMAND...: runs it, and shows its output only if it fails
quietly() {
    "$@" >"$work/quiet" 2>&1 || wrong "$* failed:" "$(cat "$work/quiet")"
}

# built [OPTION...]: runs make, and prints the files that it has made
built() {
    make "$@" 2>&1 | grep -oE -- '-o [^ ]+' | sed 's/-o //; s/\.\$PPID$//; s|^\.mirage/obj/mir-|mir-|' | sort | tr '\n' ' '
}

it "a device that the target lacks is refused with alternatives"
cc -std=gnu11 -I"$top/include" -I"$top" -o "$work/refusals" \
    "$top/test/config/refusals.c" "$root/lib/mirage/libconfig.a"
refusal() {
    CASE=$1 "$work/refusals" 9 unix config.c unix macosx xen virtio sim 9>/dev/null 2>&1
}
equal "other target" "$(refusal "other target")" \
    "config.c:5: direct_kv_ro(\"t\") reads the host's files, so it needs target unix or macosx;
the target is xen. crunch(\"t\") works there."
equal "its like" "$(refusal "its like")" \
    "config.c:5: block_of_file(...) needs target unix; the target is xen.
A block there can be had from: block_of_name."
equal "no substitute" "$(refusal "no substitute")" \
    "config.c:5: netif(\"eth0\") needs target xen; the target is unix.
There is no network there yet; \`mirage configure --xen\` chooses another target."
equal "nowhere" "$(refusal nowhere)" \
    "config.c:5: fat(...) has no driver yet, on any target; nor has any other fs.
What target xen has: default_console, crunch, netif, block_of_name."
equal "found" "$(refusal found)" "config.c:5: found"

# To configure for a virtual machine it is enough that its library is there.
mkdir -p "$work/unbuilt"/{bin,lib/mirage/{xen,virtio}}
cp "$root/bin/mirage" "$work/unbuilt/bin"
ln -s "$root/bin/fat" "$work/unbuilt/bin"
ln -s "$root/lib/mirage/libconfig.a" "$work/unbuilt/lib/mirage"
ln -s "$root/include" "$root/share" "$work/unbuilt"
touch "$work/unbuilt/lib/mirage"/{xen,virtio}/libmirage.a
PATH=$work/unbuilt/bin:$PATH

for target in xen virtio; do
    it "the generated files for $target are as they should be"
    fresh $target
    golden=$top/test/config/golden/$target
    quietly mirage configure --$target
    for file in "$golden"/*; do
        equal "${file##*/}" "$(cat "${file##*/}")" "$(cat "$file")"
    done
    equal "files" "$(ls)" "$(
        printf '%s\n' compile_flags.txt config.c unikernel.c $(ls "$golden") | sort)"
    quietly mirage clean
    equal "after clean" "$(ls -A)" $'config.c\nunikernel.c'
done

it "the .xl file and libvirt's XML have the disks and networks of config.c"
mkdir "$work/devices"
cd "$work/devices" || exit 1
cat >unikernel.c <<END
#include <mirage.h>

void start(struct block *a, struct block *b, struct network *n,
           struct network *m)
{
    (void)a, (void)b, (void)n, (void)m;
}
END
cat >config.c <<END
#include <mirage/config.h>

JOB(start, block, block, network, network);

void configure(void)
{
    unikernel("devices", start(block_of_file("xvda1"), block_of_file("xvdc"),
                               tap0, netif("1")));
}
END
quietly mirage configure --xen
equal "xl" "$(grep -E '^(disk|vif|    |\])' devices.xl)" \
    'disk = [
    "disk.img,raw,xvda1,w",
    "disk2.img,raw,xvdc,w",
]
vif = [
    "mac=00:16:3e:19:9a:80,bridge=xenbr0",
    "mac=00:16:3e:19:9c:13,bridge=xenbr0",
]'
equal "deployment" "$(grep -c '^    "mac=.*,bridge=@BRIDGE@",$' devices.xl.in)" 2
equal "libvirt" "$(grep -oE '<(source |target dev|mac ).*' devices_libvirt.xml.in)" \
    '<source file="@HERE@/disk.img"/>
<target dev="xvda1" bus="xen"/>
<source file="@HERE@/disk2.img"/>
<target dev="xvdc" bus="xen"/>
<mac address="00:16:3e:19:9a:80"/>
<source bridge="xenbr0"/>
<mac address="00:16:3e:19:9c:13"/>
<source bridge="xenbr0"/>'
equal "numbers" "$(grep -oE '_xen_connect\("[^"]*"' main.c | sort)" \
    '_xen_connect("0"
_xen_connect("1"
_xen_connect("xvda1"
_xen_connect("xvdc"'

# A QEMU that notes its words, one a line. A TAP that it is to open by itself is
# there, denied or busy, as $TAP says.
mkdir "$work/played"
cat >"$work/played/qemu-system-x86_64" <<'END'
#!/bin/sh
case $*,$TAP in
*'-M none '*,denied) echo 'could not configure /dev/net/tun (tap0): Operation not permitted' >&2; exit 1 ;;
*'-M none '*,busy) echo 'could not configure /dev/net/tun (tap0): Device or resource busy' >&2; exit 1 ;;
*'-M none '*) exit 0 ;;
esac
printf '%s\n' "$@" >"$NOTES"
exit 3 # status 0 of the image
END
chmod +x "$work/played/qemu-system-x86_64"
export NOTES=$work/notes ACCEL=tcg

# in_qemu TAP [WORD...]: mirage run in such a QEMU; sets out, status, and notes to
# the devices that QEMU was given
in_qemu() {
    export TAP=$1
    shift
    rm -f "$NOTES"
    out=$(PATH=$work/played:$PATH mirage run "$@" 2>&1)
    status=$?
    notes=$(grep -A 1 -E '^-(drive|device|netdev|chardev|global)$' "$NOTES" 2>/dev/null |
        grep -E '^(if=|id=|virt|user|tap|socket)')
}

it "an image for QEMU without devices has a source of random numbers"
cd "$work/virtio" || exit 1
quietly mirage configure --virtio
head -c 128 /dev/zero >mir-console.virtio # no program headers
in_qemu there
equal "exit status" $status 0
equal "microvm" "$notes" $'virtio-mmio.force-legacy=false\nvirtio-rng-device\nvirtio-balloon-device,deflate-on-oom=on'
MACHINE=q35 in_qemu there
equal "q35" "$notes" $'virtio-mmio.force-legacy=false\nvirtio-rng-pci\nvirtio-balloon-pci,deflate-on-oom=on'
in_qemu there --forward 8080:80
equal "exit status with --forward" $status 1
has "message" "$out" '^FORWARD=8080:80: config.c has no network$'
for ports in 80 80: :80 0:80 80:65536 80:80/tcp x:1 '8080:80 9:9' +1:1 -1:1 1:-1 \
    ' 1:1' '1:1 ' 1:2:3 99999999999999999999:1 8080:80/udp/udp 127.0.0.1:80:80; do
    in_qemu there --forward "$ports"
    equal "exit status for $ports" $status 2
    has "message" "$out" "^mirage: --forward=${ports//+/\\+}: expected a port of this host's and one"
done
quietly make libvirt
equal "libvirt" "$(sed -n 's/^<domain type="\(.*\)">/\1/p' console_libvirt.xml)" qemu
if command -v virt-xml-validate >/dev/null; then
    quietly virt-xml-validate console_libvirt.xml
    ACCEL=kvm quietly make libvirt
    equal "with KVM" "$(sed -n 's/^<domain type="\(.*\)">/\1/p' console_libvirt.xml)" kvm
    quietly virt-xml-validate console_libvirt.xml
fi
quietly mirage clean

it "--forward is refused where the image does not run in QEMU"
fresh forwarded
quietly mirage configure
touch mir-console && chmod +x mir-console
out=$(mirage run --forward=8080:80 2>&1)
equal "exit status" $? 1
equal "message" "$out" "mirage: --forward passes ports on to an image in QEMU; on target unix the image has a network of this host's"

if grep -q VIRTIO "$top/config/block.c" && grep -q VIRTIO "$top/config/network.c"; then
    . "$top/test/config/virtio.sh"
else
    it "QEMU, libvirt and Firecracker get the disks and networks of config.c"
    skip "config/ has no disks and networks for virtio"
fi
unset ACCEL NOTES TAP

it "a resolver gets the servers that config.c names, or an empty list"
mkdir "$work/resolvers"
cd "$work/resolvers" || exit 1
cat >unikernel.c <<END
#include <mirage.h>

void start(struct dns *a, struct dns *b)
{
    (void)a, (void)b;
}
END
cat >config.c <<END
#include <mirage/config.h>

JOB(start, dns, dns);

void configure(void)
{
    stackv4 stack = direct_stackv4_with_dhcp(default_console, tap0);

    unikernel("resolvers", start(resolver(stack),
                                 resolver(stack, "10.0.0.1", "10.0.0.2")));
}
END
for target in unix xen virtio sim; do
    quietly mirage configure --$target
    equal "$target" "$(grep -o 'dns_stub_connect(.*0}' main.c | sort |
        sed 's/v4_[0-9]/v4/')" \
        'dns_stub_connect(stackv4, (const char *const[]){"10.0.0.1", "10.0.0.2", 0}
dns_stub_connect(stackv4, (const char *const[]){0}'
done

it "main.c flushes file systems, and then finishes stacks, after the jobs"
mkdir "$work/ends"
cd "$work/ends" || exit 1
cat >unikernel.c <<END
#include <mirage.h>

void start(struct stackv4 *s, struct fs *a, struct fs *b)
{
    (void)s, (void)a, (void)b;
}
END
cat >config.c <<END
#include <mirage/config.h>

JOB(start, stackv4, fs, fs);

void configure(void)
{
    fs unused = fat(block_of_file("c.img"));
    fs a = fat(block_of_file("a.img"));
    stackv4 stack = direct_stackv4_with_dhcp(default_console, tap0);

    (void)unused;
    unikernel("ends", start(stack, a, fat(block_of_file("b.img"))));
}
END
quietly mirage configure
equal "calls" "$(sed -n '/jobs_run(/,/^}/s/(.*_[0-9].*//p' main.c)" \
    '    flushed
    flushed
    stackv4_finish'
has "what makes a disk" "$(cat main.c)" \
    'block_unix_connect_with\("a.img", "`fat create a.img 64M` makes one with an empty file system", &block_'

it "jobs of nested calls of together() all run, in their order"
mkdir "$work/together"
cd "$work/together" || exit 1
printf 'void %s(void)\n{\n}\n' one two three four >unikernel.c
for jobs in "together(together(one(), two()), together(three(), four()))" \
    "together(together(together(one(), two()), three()), four())" \
    "together(one(), together(two(), together(three(), four())))"; do
    cat >config.c <<END
#include <mirage/config.h>

JOB(one);
JOB(two);
JOB(three);
JOB(four);

void configure(void)
{
    unikernel("together", $jobs);
}
END
    quietly mirage configure
    equal "$jobs" "$(sed -n 's/.*{.name = "\([a-z]*\)".*/\1/p' main.c | tr '\n' ' ')" \
        "one two three four "
done

it "the command in the head of NAME.xl.in fills it in"
cd "$work/xen" || exit 1
quietly mirage configure --xen
eval "$(sed -n 's/^#     \( *\(sed\|-e\) .*\)/\1/p' console.xl.in)"
equal "values" "$(grep -v '^#' first.xl | grep . | head -n 5)" "name = \"first\"
kernel = \"$PWD/mir-console.xen\"
type = \"pv\"
memory = 128
vcpus = 1"
rm first.xl

it "make libvirt makes a valid domain in a folder with any name"
mkdir "$work/R&D's <\\|>"
cd "$work/R&D's <\\|>" || exit 1
cp "$top"/example/console/{config,unikernel}.c .
quietly mirage configure --xen
quietly make libvirt
equal "kernel" "$(python3 -c '
import xml.etree.ElementTree
print(xml.etree.ElementTree.parse("console_libvirt.xml").findtext("os/kernel"))')" \
    "$PWD/mir-console.xen"
if command -v virt-xml-validate >/dev/null; then
    quietly virt-xml-validate console_libvirt.xml
    sed -i 's/xenpvh</linux</' console_libvirt.xml
    quietly virt-xml-validate console_libvirt.xml
    quietly make clean
    [ ! -e console_libvirt.xml ] || wrong "make clean left console_libvirt.xml"
else
    skip "there is no virt-xml-validate (make depend FOR=test)"
fi

it "file names with special characters reach xl and libvirt unchanged"
mkdir "$work/R&D's \"<\\|>" "$work/odd disks"
cd "$work/R&D's \"<\\|>" || exit 1
cat >unikernel.c <<END
#include <mirage.h>

void start(struct block *a, struct block *b, struct block *c, struct block *d,
           struct block *e)
{
    (void)a, (void)b, (void)c, (void)d, (void)e;
}
END
cat >config.c <<'END'
#include <mirage/config.h>

JOB(start, block, block, block, block, block);

void configure(void)
{
    unikernel("odd", start(block_of_file("a,b c=d,"),
                           block_of_file("phy:/dev/x"),
                           block_of_file("q\"u\\o't|e"),
                           block_of_file("<R&D> @HERE@"),
                           block_of_file("/dev/plain")));
}
END
names='/dev/plain
<R&D> @HERE@
a,b c=d,
phy:/dev/x
q"u\o'\''t|e'
quietly mirage configure --xen
quietly make libvirt
equal "libvirt" "$(python3 -c '
import os, xml.etree.ElementTree
tree = xml.etree.ElementTree.parse("odd_libvirt.xml")
print(tree.findtext("os/kernel"))
for s in tree.findall("devices/disk/source"):
    print(s.get("file"))')" \
    "$(printf '%s\n' "$PWD/mir-odd.xen" "/dev/plain" "$PWD/<R&D> @HERE@" \
        "$PWD/a,b c=d," "$PWD/phy:/dev/x" "$PWD/q\"u\\o't|e")"
# The same file as xl parses it, by its library.
cat >"$work/disks.c" <<'END'
#include <libxl.h>
#include <libxlutil.h>
#include <stdio.h>

int main(int count, char **words)
{
    XLU_Config       *config = xlu_cfg_init(stderr, words[count - 1]);
    XLU_ConfigList   *list;
    libxl_device_disk disk;
    const char       *spec;
    int               n;

    if (xlu_cfg_readfile(config, words[1]) ||
        xlu_cfg_get_string(config, "kernel", &spec, 0))
        return 1;
    puts(spec);
    if (xlu_cfg_get_list(config, "disk", &list, &n, 0))
        return 1;
    for (int i = 0; i < n; i++) {
        spec = xlu_cfg_get_listitem(list, i);
        libxl_device_disk_init(&disk);
        if (xlu_disk_parse(config, 1, &spec, &disk) || !disk.readwrite)
            return 1;
        puts(disk.pdev_path);
    }
    return 0;
}
END
if cc -o "$work/disks" "$work/disks.c" -lxlutil -lxenlight 2>"$work/log"; then
    equal "xl" "$("$work/disks" odd.xl 2>&1)" "mir-odd.xen
$names"
    eval "$(sed -n 's/^#     \( *\(sed\|-e\) .*\)/\1/p' odd.xl.in)"
    equal "deployment" "$("$work/disks" first.xl 2>&1)" "$PWD/mir-odd.xen
$names"
else
    skip "there is no libxlutil (make depend FOR=images)"
fi

it "a disk's file with an empty name or a control character is refused on Xen"
for text in '' 'a\nb' '\033[m' '\377' 'a@TYPE@'; do
    sed "s|/dev/plain|$(printf %s "$text" | sed 's/\\/\\\\/g')|" config.c >other.c
    equal "exit status for $text" \
        "$(mirage configure --xen -f other.c >"$work/log" 2>&1; echo $?)" 1
    has "message" "$(cat "$work/log")" \
        'control character|a disk is named by its file|is not UTF-8|@TYPE@ in it'
done

it "make libvirt refuses a path that XML cannot have"
for name in $'tab\there' $'latin\xff'; do
    mkdir "$work/$name"
    cp ./*.c "$work/$name"
    cd "$work/$name" || exit 1
    quietly mirage configure --xen
    out=$(make libvirt 2>&1) && wrong "it goes on"
    has "message" "$out" 'libvirt cannot have the path of this folder'
    [ ! -e odd_libvirt.xml ] || wrong "odd_libvirt.xml is there"
done

it "a newline in the name of the folder is refused"
mkdir "$work/"$'two\nlines'
cp "$top"/example/console/{config,unikernel}.c "$work/"$'two\nlines'
cd "$work/"$'two\nlines' || exit 1
for target in unix xen virtio; do
    equal "$target" "$(mirage configure --$target 2>&1; echo $?)" \
        "mirage: the name of this folder, or of one above it, has a newline in it, and make cannot work there. Rename it.
1"
done
equal "left" "$(ls -A)" $'config.c\nunikernel.c'

it "a config program that cannot be started is reported with a remedy"
fresh unstarted
cat >"$work/cc-noexec" <<'END'
#!/bin/sh
# As if the file system of TMPDIR were mounted noexec.
cc "$@" && for word; do
    case $last,$word in -o,*/config) chmod 644 "$word" ;; esac
    last=$word
done
END
chmod +x "$work/cc-noexec"
out=$(CC=$work/cc-noexec mirage configure 2>&1)
equal "exit status" $? 1
has "message" "$out" '^mirage: cannot run /.*/config, which was compiled from config.c: Permission denied.$'
has "remedy" "$out" '^TMPDIR=DIR mirage configure uses another.$'
equal "words about config.c" "$(grep -c 'configure() ' <<<"$out")" 0
printf '#!/bin/sh\ncc "$@" && for word; do case $word in */config) echo exit 0 >"$word" ;; esac; done\n' \
    >"$work/cc-script"
chmod +x "$work/cc-script"
has "no program" "$(CC=$work/cc-script mirage configure 2>&1)" \
    '^mirage: cannot run .*: Exec format error.$'

it "clean removes nothing outside of the folder, whatever .mirage says"
mkdir "$work/beyond"
fresh cleaned
quietly mirage configure
for victim in built made below; do echo precious >"$work/beyond/$victim"; done
ln -s "$work/beyond" link
printf 'built\t%s\n' ../beyond/built "$work/beyond/built" link/below ../beyond/./built \
    >>.mirage/record
for name in ../beyond/made "$work/beyond/made" link/below; do
    python3 -c '
import sys
h = 0xcbf29ce484222325
for b in b"precious\n":
    h = (h ^ b) * 0x100000001b3 & 0xffffffffffffffff
print("%016x %s" % (h, sys.argv[1]))' "$name" >>.mirage/made
done
mirage clean >"$work/log" 2>&1
equal "exit status" $? 0
equal "beyond" "$(cd "$work/beyond" && cat built made below)" $'precious\nprecious\nprecious'
has "message" "$(cat "$work/log")" '^mirage: ../beyond/built, which .mirage names, is not a file of this folder: it is left alone$'
equal "left" "$(ls -A)" $'config.c\nlink\nunikernel.c'
quietly mirage configure
mv .mirage "$work/beyond/state"
ln -s "$work/beyond/state" .mirage
quietly mirage clean
[ -e "$work/beyond/state/record" ] || wrong "clean followed .mirage out of the folder"
quietly mirage configure
mkdir -p "$work/beyond/state/obj"
rm -rf .mirage/obj
mv .mirage/* "$work/beyond/state" && rmdir .mirage && ln -s "$work/beyond/state" .mirage
quietly make clean
[ -d "$work/beyond/state/obj" ] || wrong "make clean followed .mirage out of the folder"
rm .mirage
fresh damaged
quietly mirage configure
sed -i 's|^image\t.*|image\t../beyond/x|' .mirage/record
equal "an image elsewhere" "$(mirage run 2>&1; mirage clean 2>&1)" \
    "mirage: .mirage/record is damaged: run \`mirage configure\` again
mirage: .mirage/record is damaged: run \`mirage configure\` again"

it "commands in messages can be pasted into a shell"
cd "$work" || exit 1
out=$(mirage init "$work/it's \$HOME/mine" 2>&1)
has "no such folder" "$out" 'cannot make'
mkdir "$work/it's \$HOME"
out=$(mirage init "$work/it's \$HOME/mine" 2>&1)
(cd / && eval "$(sed 's/.*Now: //; s/ && .*//' <<<"$out")" && [ -e config.c ]) ||
    wrong "this does not lead there:" "$out"

it "mirage init copies bytes, modes and links, and no generated file"
mkdir -p "$work/given/share" "$work/given/bin"
cp "$root/bin/mirage" "$work/given/bin"
copy_folder "$top/example/console" "$work/given/share/mirage/example/console"
cd "$work/given/share/mirage/example/console" || exit 1
mkdir -p t/deeper
printf 'one\0two\n\0' >zero.bin
head -c 100000 /dev/urandom >t/deeper/noise
printf '#!/bin/sh\n' >tool.sh
chmod 755 tool.sh
touch t/Makefile t/main.c notes.txt
ln -s t/deeper/noise link
ln -s . loop
printf '/* unikernel("x */\n\0' >>config.c
cp -r . "$work/given/want"
sed -i 's/unikernel("console"/unikernel("mine"/' "$work/given/want/config.c"
"$work/given/bin/mirage" init "$work/given/mine" >/dev/null 2>&1
diff -r --no-dereference "$work/given/want" "$work/given/mine" ||
    wrong "the copy differs"
[ -x "$work/given/mine/tool.sh" ] || wrong "the run bit is lost"
mkdir .mirage
touch .mirage/record Makefile main.c mir-console mir-console.xen disk.img leases \
    dns.pid socket.txt console.xl.new console.qemu.sh fat1.img static2.h
"$work/given/bin/mirage" init "$work/given/clean" >/dev/null 2>&1
sed -i 's/unikernel("mine"/unikernel("clean"/' "$work/given/want/config.c"
rm "$work/given/want/notes.txt" # as a run may have left it
diff -r --no-dereference "$work/given/want" "$work/given/clean" ||
    wrong "what was left over is copied"

it "Firecracker's configuration has all required fields"
cd "$work/virtio" || exit 1
quietly mirage configure --virtio
equal "values" "$(python3 -c '
import json
c = json.load(open("console.firecracker.json"))
print(sorted(c), c["drives"])
print(sorted(c["boot-source"].items()))
print(sorted(c["machine-config"].items()))' 2>&1)" \
    "['boot-source', 'drives', 'entropy', 'machine-config', 'network-interfaces'] []
[('boot_args', ''), ('kernel_image_path', 'mir-console.virtio')]
[('mem_size_mib', 64), ('vcpu_count', 1)]"
PATH=${PATH#*:}

it "the generated files of the console example are as they should be"
fresh console
quietly mirage configure
for file in main.c Makefile compile_flags.txt; do
    equal "$file" "$(cat $file)" "$(cat "$top/test/config/golden/$file")"
done
equal "files" "$(ls | tr '\n' ' ')" \
    "Makefile compile_flags.txt config.c main.c unikernel.c "
! grep -rqF "$work" -- * .mirage || wrong "a path of this machine is in a file:" \
    "$(grep -rF "$work" -- * .mirage)"

it "configure says what it did, and that mirage is not on PATH"
equal "on PATH" "$(mirage configure 2>&1)" \
    "mirage: console is configured for unix: \`make\` builds mir-console"
equal "not on PATH" "$(PATH=/usr/bin:/bin "$mirage" configure 2>&1)" \
    "mirage: console is configured for unix: \`make\` builds mir-console
mirage: make will look for mirage on PATH, where this one is not. Run
    export PATH=$root/bin:\$PATH"

it "an unchanged file is neither written nor built again"
quietly make
touch -d '2001-01-01' main.c Makefile compile_flags.txt .mirage/entry.h
quietly mirage configure
for file in main.c Makefile compile_flags.txt .mirage/entry.h; do
    equal "$file" "$(date -r $file +%Y)" 2001
done
make -q || wrong "make has something to do"

it "two folders give the same files and the same program"
fresh elsewhere/deep
quietly mirage configure
quietly make
for file in main.c Makefile compile_flags.txt mir-console .mirage/record; do
    cmp $file "$work/console/$file" || wrong "$file differs"
done

it "a change rebuilds what depends on it, and no more"
fresh rebuild
echo '#define GREETING "hello"' >greeting.h
sed -i 's|"hello"|GREETING|; s|#include <mirage.h>|&\n#include "greeting.h"|' \
    unikernel.c
quietly mirage configure
equal "all" "$(built)" ".mirage/obj/main.o .mirage/obj/unikernel.o mir-console "
equal "nothing" "$(built)" ""
sleep 0.01
touch unikernel.c
equal "a source" "$(built)" ".mirage/obj/unikernel.o mir-console "
touch greeting.h
equal "a header" "$(built)" ".mirage/obj/unikernel.o mir-console "
touch config.c
equal "config.c touched" "$(built)" ""
sed -i 's/unikernel("console"/unikernel("renamed"/' config.c
equal "config.c changed" "$(built)" \
    ".mirage/obj/main.o .mirage/obj/unikernel.o mir-renamed "
equal "nothing again" "$(built)" ""
touch main.c
equal "main.c" "$(built)" ".mirage/obj/main.o mir-renamed "

it "a mistake in config.c stops make until it is corrected"
sed -i 's/start(default_console)/start()/' config.c
out=$(make 2>&1) && wrong "make went on"
has "message" "$out" '^config.c:8:[0-9]+: error: too few arguments'
sed -i 's/start()/start(default_console)/' config.c
quietly make
make -q || wrong "make has something to do"

it "a generated file that was removed is made again"
fresh removed
quietly mirage configure
quietly make
for file in main.c .mirage/entry.h compile_flags.txt; do
    rm $file
    quietly make
    [ -e $file ] || [ $file = compile_flags.txt ] || wrong "there is no $file"
done
make -q || wrong "make has something to do"
rm -r main.c .mirage/entry.h .mirage/obj
quietly make -j4
fresh removed
PATH=$work/unbuilt/bin:$PATH quietly mirage configure --xen
rm console_libvirt.xml.in
PATH=$work/unbuilt/bin:$PATH quietly make libvirt
PATH=$work/unbuilt/bin:$PATH quietly mirage configure --virtio
head -c 128 /dev/zero >mir-console.virtio # no program headers
rm console.qemu.sh
equal "run" "$(mirage run 2>&1)" \
    "mirage: there is no ./console.qemu.sh: \`mirage configure\` makes it again"
fresh removed
cp "$top"/example/kv_ro/*.c .
mkdir t && echo YES >t/a
FS=fat quietly mirage configure
rm make-fat1-image.sh
quietly make
[ -e make-fat1-image.sh ] || wrong "there is no make-fat1-image.sh"
make -q || wrong "make has something to do"
touch make-fat1-image.sh t/a
quietly make
make -q || wrong "make has something to do after a touch"

it "a function that no longer has its job's type does not build"
fresh misfit
quietly mirage configure
sed -i 's/void start(struct console \*c)/void start(struct console *c, int n)/' \
    unikernel.c
out=$(make 2>&1) && wrong "make went on"
has "message" "$out" "conflicting types for 'start'|conflicting types for .start."
has "place" "$out" '^config.c:4:[0-9]+: note: previous declaration'

it "a changed library or header rebuilds the image"
mkdir -p "$work/installed/bin" "$work/installed/share"
cp "$root/bin/mirage" "$work/installed/bin"
cp -rL "$root/include" "$root/lib" "$work/installed"
cp -rL "$root/share/mirage" "$work/installed/share"
fresh library
export PATH=$work/installed/bin:$PATH
quietly mirage configure
quietly make
touch "$work/installed/lib/mirage/unix/libmirage.a"
equal "library" "$(built)" "mir-console "
touch "$work/installed/include/mirage/console.h"
equal "header" "$(built)" \
    ".mirage/obj/main.o .mirage/obj/unikernel.o mir-console "
touch "$work/installed/include/mirage/config.h"
has "config.h" "$(make 2>&1)" 'mirage configure --as-recorded'
make -q || wrong "make has something to do"

for target in xen virtio; do
    it "target $target without its libraries says how they are made"
    rm -rf "$work/installed/lib/mirage/$target"
    equal "message" "$(mirage configure --$target 2>&1)" \
        "mirage: target $target needs the libraries of bare images, which are not built here.
\`make images\`, in the clone of mirage, builds them."
done

it "a device that the target lacks is named before libraries that it lacks"
cp config.c before.c
sed -i 's/default_console/direct_kv_ro("t")/; s/console/kv_ro/' config.c
has "message" "$(mirage configure --virtio 2>&1)" \
    '^config.c:8: direct_kv_ro\("t"\) .* needs target'
mv before.c config.c

it "a Makefile of another version says to configure again"
sed -i 's/^MADE_BY .*/MADE_BY := 0.0.9/' Makefile
has "message" "$(make 2>&1)" \
    'made by mirage 0.0.9, and this is mirage .*: run `mirage configure` again'
PATH=${PATH#*:}

it "make reports that the mirage of its Makefile is missing"
fresh lost
quietly mirage configure
has "message" "$(PATH=/usr/bin:/bin make 2>&1)" \
    'mirage [0-9.]+, which made this Makefile, was not found'

it "make -j, MAKEFLAGS in the environment, and mirage build do the same"
fresh jobs
quietly mirage configure
quietly make -j4
rm -rf .mirage/obj mir-console
MAKEFLAGS=-j4 quietly make
rm -rf .mirage/obj mir-console
MAKEFLAGS=j4 quietly "$mirage" build
rm -rf .mirage/obj mir-console
PATH=/usr/bin:/bin quietly "$mirage" build -j2
[ -x mir-console ] || wrong "nothing was built"

it "the console example builds with clang"
rm -rf .mirage/obj mir-console
CC=clang quietly mirage configure
quietly make CC=clang
equal "output" "$(timeout 0.5 ./mir-console)" "hello"
sed -i 's/start(default_console)/start(start(default_console))/' config.c
has "wrong type" "$(CC=clang mirage configure 2>&1)" \
    '^mirage: config.c gives a device of one type where another is wanted'
sed -i 's/start(start(default_console))/start()/' config.c
has "too few" "$(CC=clang mirage configure 2>&1)" \
    '^mirage: config.c gives too few devices'

it "an edited file is kept, and the new one is written beside it"
fresh edited
quietly mirage configure
echo '# mine' >>Makefile
cp Makefile mine
equal "unchanged configuration" "$(mirage configure 2>&1 | head -n 1)" \
    "mirage: Makefile is not as mirage made it: it is kept, and the new one is Makefile.new"
cmp Makefile mine || wrong "the edited Makefile was changed"
cmp Makefile.new "$top/test/config/golden/Makefile" ||
    wrong "Makefile.new is not what it should be"
rm Makefile.new
sed -i 's/"console"/"other"/' config.c
quietly mirage configure
cmp Makefile mine || wrong "the edited Makefile was changed"
grep -q 'other' Makefile.new || wrong "Makefile.new is not the new one"
grep -q 'struct job mirage_jobs' main.c || wrong "main.c was not written"

it "configure does not claim that make builds what a kept file does not"
for file in Makefile main.c; do
    fresh kept
    quietly mirage configure
    echo >>$file
    sed -i 's/"console"/"other"/' config.c
    equal "$file" "$(mirage configure 2>&1)" \
        "mirage: $file is not as mirage made it: it is kept, and the new one is $file.new
mirage: other is configured for unix, but \`make\` goes by the $file that was kept: merge $file.new into it, or remove $file and run \`mirage configure\` again"
    rm $file
    equal "without $file" "$(mirage configure 2>&1)" \
        "mirage: other is configured for unix: \`make\` builds mir-other"
    [ ! -e $file.new ] || wrong "$file.new was left"
done

it "files as mirage made them are replaced in a copy without .mirage"
for target in unix xen virtio; do
    fresh copied
    PATH=$work/unbuilt/bin:$PATH quietly mirage configure --$target
    made=$(ls)
    rm -rf .mirage
    sed -i 's/"console"/"other"/; s/default_console/custom_console("0")/' config.c
    mkdir inc
    sed -i 's/    unikernel("other", \(.*\));/    job j = \1;\n    job_include(j, "inc");\n    unikernel("other", j);/' config.c
    equal "$target" "$(PATH=$work/unbuilt/bin:$PATH mirage configure --$target 2>&1)" \
        "mirage: other is configured for $target: \`make\` builds mir-other$(
            [ $target = unix ] || echo .$target)"
    equal "kept" "$(ls ./*.new 2>/dev/null)" ""
    # An edit anywhere in the file is kept.
    for edit in '1s/$/ /' '$s/$/ /' '$s/.$//' '$a# mine' '$d'; do
        fresh copied
        PATH=$work/unbuilt/bin:$PATH quietly mirage configure --$target
        rm -rf .mirage "$work/edited-files"
        sed -i "$edit" -- $(ls -I config.c -I unikernel.c)
        cp -r . "$work/edited-files"
        sed -i 's/default_console/custom_console("1")/' config.c
        PATH=$work/unbuilt/bin:$PATH quietly mirage configure --$target
        for file in $made; do
            [ $file = config.c ] || cmp $file "$work/edited-files/$file" ||
                wrong "$file, edited by $edit, was overwritten"
        done
    done
done

it "a file that mirage has not made is kept"
fresh theirs
echo 'all: ; echo theirs' >Makefile
has "message" "$(mirage configure 2>&1)" 'Makefile is not as mirage made it'
equal "Makefile" "$(cat Makefile)" 'all: ; echo theirs'

it "no file of mirage's is written through a symbolic link"
export victims=$work/victims
for file in main.c.mirage-draft .mirage/main.c.draft .mirage/record \
    .mirage/record.draft .mirage/made .mirage/configured .mirage/lock \
    .mirage/entry.h .mirage/config.d Makefile compile_flags.txt main.c \
    console.xl console.xl.in console_libvirt.xml.in; do
    fresh links
    mkdir -p .mirage "$victims"
    echo precious >"$victims/file"
    ln -s "$victims/file" "$file"
    PATH=$work/unbuilt/bin:$PATH mirage configure --xen >out 2>&1
    equal "$file leads to" "$(cat "$victims/file")" precious
    [ "$file" = .mirage/lock ] || [ -f main.c.new ] || { [ -f main.c ] &&
        [ ! -L main.c ]; } || wrong "$file: main.c is no file:" "$(cat out)"
    case $file in
    main.c.mirage-draft | .mirage/*) ;;
    *) [ -L "$file" ] && [ -f "$file.new" ] || wrong "$file was replaced" ;;
    esac
done
fresh links
mkdir elsewhere
ln -s elsewhere .mirage
has ".mirage" "$(mirage configure 2>&1)" '^mirage: .mirage is no folder of this one'
equal ".mirage leads to" "$(ls -A elsewhere)" ""
fresh links
cp -r "$top/example/kv_ro_crunch/t" .
cp "$top"/example/kv_ro_crunch/*.c .
quietly mirage configure
cp static1.c "$victims/ours"
for file in static1.h static1.c .mirage/static1.list .mirage/static1.list.draft \
    .mirage/static1.c.draft; do
    cp "$victims/ours" "$victims/file"
    before=$(cat "$victims/file")
    ln -sf "$victims/file" "$file"
    date >t/c
    mirage crunch --look static1 t >out 2>&1
    mirage crunch static1 t >out 2>&1
    equal "$file leads to" "$(cat "$victims/file")" "$before"
    rm -f "$file"
done

fresh links
printf 'int pipe = 3;\n' >>unikernel.c
quietly mirage configure
mkdir -p .mirage/obj
for file in own.names main.names main.own.o unikernel.own.o; do
    echo precious >"$victims/$file"
    ln -s "$victims/$file" ".mirage/obj/$file"
done
quietly make
for file in own.names main.names main.own.o unikernel.own.o; do
    equal "$file leads to" "$(cat "$victims/$file")" precious
done

it "of two versions beside a file, the user's is not overwritten"
fresh beside
quietly mirage configure
echo '/* mine */' >>main.c
quietly mirage configure
sed -i 's/"console"/"other"/' config.c
quietly mirage configure
has "the new one" "$(cat main.c.new)" '"other"'
echo '/* mine, too */' >>main.c.new
sed -i 's/"other"/"third"/' config.c
has "message" "$(mirage configure 2>&1)" \
    'main.c and main.c.new are not as mirage made them.*Nothing was changed'
has "kept" "$(cat main.c.new)" 'mine, too'

it "two makes at once do not spoil each other's files"
for _ in 1 2 3; do
    fresh twice
    quietly mirage configure
    make >first 2>&1 &
    make >second 2>&1 || wrong "the second make failed:" "$(cat second)"
    wait $! || wrong "the first make failed:" "$(cat first)"
    cmp mir-console "$work/console/mir-console" || wrong "the program differs"
done
if [ -e "$root/lib/mirage/bare/built" ]; then
    for _ in 1 2 3; do
        fresh twice
        printf 'int pipe = 3;\n' >>unikernel.c
        quietly mirage configure --xen
        make >first 2>&1 &
        make >second 2>&1 || wrong "the second make failed:" "$(cat second)"
        wait $! || wrong "the first make failed:" "$(cat first)"
        mv mir-console.xen one
        quietly make
        cmp mir-console.xen one || wrong "the image differs"
    done
fi

it "a changed variable of make takes effect"
fresh variables
quietly mirage configure
quietly make
for change in CFLAGS=-O1 CPPFLAGS=-DNDEBUG; do
    equal "$change" "$(built $change)" \
        ".mirage/obj/main.o .mirage/obj/unikernel.o mir-console "
    equal "$change again" "$(built $change)" ""
    equal "without $change" "$(built)" \
        ".mirage/obj/main.o .mirage/obj/unikernel.o mir-console "
done
for change in LDFLAGS=-Wl,-O1 LDLIBS=-lm; do
    equal "$change" "$(built $change)" "mir-console "
    equal "$change again" "$(built $change)" ""
    equal "without $change" "$(built)" "mir-console "
done
if command -v clang >/dev/null; then
    equal "CC" "$(built CC=clang)" \
        ".mirage/obj/main.o .mirage/obj/unikernel.o mir-console "
    equal "CC in the environment" "$(CC=clang built)" ""
fi
quietly make
equal "moved" "$(cd .. && rm -rf moved && mv variables moved && cd moved && built)" ""

it "clean keeps the user's files, and removes all others"
fresh clean
quietly mirage configure
quietly make
echo '/* mine */' >>main.c
quietly mirage configure
[ -e main.c.new ] || wrong "there is no new main.c beside the edited one"
equal "message" "$(mirage clean 2>&1)" "mirage: main.c was edited: it is kept"
equal "left" "$(ls -A | tr '\n' ' ')" "config.c main.c unikernel.c "
quietly mirage configure
quietly make clean
[ ! -e mir-console ] || wrong "make clean left the program"

it "control characters of names in .mirage are not printed"
fresh controls
quietly mirage configure
for name in $'\e[31mred' $'\xc2\x9b31mred'; do
    echo >"$name"
    printf '0000000000000000 %s\n' "$name" >>.mirage/made
done
equal "message" "$(mirage clean 2>&1)" 'mirage: ?[31mred was edited: it is kept
mirage: ??31mred was edited: it is kept'

it "clean removes what was made for other images and targets, too"
fresh renamed
for name in console second third second; do
    sed -i "s/unikernel(\"[a-z]*\"/unikernel(\"$name\"/" config.c
    quietly mirage configure
    quietly make
done
touch main.c.mine mir-mine
PATH=$work/unbuilt/bin:$PATH quietly mirage configure --xen
PATH=$work/unbuilt/bin:$PATH quietly make libvirt
[ -e mir-third ] && [ -e second_libvirt.xml ] || wrong "not all is there:" "$(ls)"
quietly mirage configure
quietly mirage clean
equal "left" "$(ls -A)" $'config.c\nmain.c.mine\nmir-mine\nunikernel.c'

it "what env() gave is recorded, and later builds go by it"
fresh recorded
cat >config.c <<'END'
#include <mirage/config.h>

JOB(start, console);

void configure(void)
{
    if (is(env("MODE", "unset"), "a b\tc\\d\n\"e'f"))
        unikernel("special", start(default_console));
    else if (env_flag("LOUD"))
        unikernel("loud", start(default_console));
    else
        unikernel("quiet", start(default_console));
}
END
LOUD=yes quietly mirage configure
quietly make
touch config.c
quietly make
LOUD=no quietly make
has "describe" "$(LOUD=no mirage describe)" '^environment: LOUD=yes$'
has "describe" "$(LOUD=no mirage describe)" '^environment: MODE is unset$'
[ -x mir-loud ] && [ ! -e mir-quiet ] || wrong "the environment was guessed"
sed -i 's/"MODE"/"LC_ALL"/' config.c
has "its own" "$(LC_ALL=xx_YY mirage describe)" '^environment: LC_ALL=xx_YY$'
sed -i 's/"LC_ALL"/"MODE"/' config.c
MODE=$'a b\tc\\d\n"e\'f' quietly mirage configure
touch config.c
MODE=x quietly make
[ -x mir-special ] || wrong "an odd value was not recorded"

it "describe shows the graph as text, for Graphviz, as JSON and as a picture"
copy_folder "$top/test/e2e/jobs" "$work/graph"
cd "$work/graph" || exit 1
equal "text" "$(mirage describe)" "image: jobs
target: unix (not configured yet)
jobs, and the devices they are given:
    patient
        default_console  [console_0 by console_unix]
    obedient
        default_console  [console_0 by console_unix]
    brief
        default_console  [console_0 by console_unix]"
quietly mirage configure
has "text" "$(mirage describe)" '^target: unix$'
equal "json" "$(mirage describe --json | python3 -c '
import json, sys
d = json.load(sys.stdin)
print(d["image"], d["target"], d["configured"], len(d["devices"]),
      [j["entry"] for j in d["jobs"]], d["jobs"][1]["uses"])' 2>&1 ||
    true)" "jobs unix True 1 ['patient', 'obedient', 'brief'] ['console_0']"
has "dot" "$(mirage describe --dot)" 'job_0 -> console_0;'
has "svg" "$(mirage describe --svg)" '<svg '
equal "JSON's escapes in a picture" "$(mirage describe --svg | grep -c 'u00')" 0
has "without Graphviz" "$(mkdir -p "$work/nodot" &&
    for p in cc as ld; do ln -sf "$(command -v $p)" "$work/nodot/$p"; done &&
    PATH=$work/nodot "$mirage" describe --svg 2>&1)" 'apt-get install graphviz'

it "an image can have several jobs, a stop, more sources and headers, and a library"
fresh wide
mkdir more inc
cat >config.c <<'END'
#include <mirage/config.h>

JOB(start, console);
JOB(bare);

void configure(void)
{
    job first = start(default_console);
    job second = start(custom_console("0"));

    library("zlib");
    job_source(first, "more/sum.c");
    job_include(first, "inc");
    job_stop(second, "halt");
    unikernel("wide", together(first, together(second, bare())));
}
END
echo 'unsigned long sum(const char *text);' >inc/sum.h
cat >more/sum.c <<'END'
#include <sum.h>
#include <string.h>
#include <zlib.h>

unsigned long sum(const char *text)
{
    return crc32(0, (const Bytef *)text, (uInt)strlen(text));
}
END
cat >unikernel.c <<'END'
#include <mirage.h>
#include <sum.h>

void start(struct console *c)
{
    console_log(c, "%08lx", sum("123456789"));
}

void bare(void)
{
}

void halt(void)
{
}
END
quietly mirage configure
quietly make
equal "output" "$(./mir-wide)" $'cbf43926\ncbf43926'
equal "main.c" "$(sed -n '/mirage_jobs\[\]/,/;/p' main.c)" \
    'static struct job mirage_jobs[] = {
    {.name = "start", .run = mirage_job_0},
    {.name = "start", .run = mirage_job_1, .stop = halt},
    {.name = "bare", .run = mirage_job_2},
};'
equal "flags" "$(tail -n 1 compile_flags.txt)" "-Iinc"
touch inc/sum.h
equal "its header" "$(built)" \
    ".mirage/obj/more/sum.o .mirage/obj/unikernel.o mir-wide "

it "depend finds every package, or names the command that installs it"
quietly make depend
quietly make prepare
has "missing" "$(setpriv --reuid=65534 --regid=65534 --clear-groups \
    "$mirage" depend --package=libno-such-thing-dev 2>&1)" \
    'running: sudo apt-get install libno-such-thing-dev'

it "make depend installs what config.c names since it was configured"
fresh needs
quietly mirage configure
mkdir -p "$work/apt"
cat >"$work/apt/apt-get" <<'END'
#!/bin/sh
# An apt-get that notes the names of packages.
shift
for word; do [ "$word" = -y ] || echo "$word" >>"$(dirname "$0")/installed"; done
END
cat >"$work/apt/dpkg-query" <<'END'
#!/bin/sh
for word; do last=$word; done
grep -qx -e "$last" "$(dirname "$0")/installed" && printf 'ii '
END
cat >"$work/apt/sudo" <<'END'
#!/bin/sh
[ "$1" != -n ] || shift
exec "$@"
END
chmod +x "$work"/apt/*
: >"$work/apt/installed"
sed -i 's/^    unikernel/    package("libfirst-dev");\n    package("libsecond-dev");\n&/' config.c
has "make" "$(PATH=$work/apt:$PATH make 2>&1)" \
    '^config.c:8: package\("libfirst-dev"\) is not installed$'
out=$(PATH=$work/apt:$PATH make depend 2>&1) || wrong "make depend failed:" "$out"
has "place" "$out" '^config.c:9: package\("libsecond-dev"\) is not installed$'
equal "installed" "$(cat "$work/apt/installed")" $'libfirst-dev\nlibsecond-dev'
has "Makefile" "$(cat Makefile)" '^PACKAGES  := libfirst-dev libsecond-dev$'
PATH=$work/apt:$PATH quietly make
sed -i 's/^    unikernel/    package("libthird-dev");\n&/' config.c
PATH=$work/apt:$PATH quietly make prepare all
equal "then" "$(tail -n 1 "$work/apt/installed")" libthird-dev

it "make depend reports a library whose package is not known"
fresh unknown
quietly mirage configure
sed -i 's/^    unikernel/    library("zlibb");\n&/' config.c
: >"$work/apt/installed"
out=$(PATH=$work/apt:$PATH make depend 2>&1) && wrong "it goes on"
has "message" "$out" '^config.c:8: library\("zlibb"\): pkg-config knows no zlibb\.'
equal "installed" "$(cat "$work/apt/installed")" ""

it "Makefile.user is read"
fresh user
quietly mirage configure
echo 'hello: ; @echo from Makefile.user' >Makefile.user
equal "its target" "$(make hello)" "from Makefile.user"

it "a configuration with hundreds of folders for headers works"
fresh words
mkdir $(seq 200)
cat >config.c <<'END'
#include <mirage/config.h>
#include <stdio.h>

JOB(start, console);

void configure(void)
{
    static char folder[200][4];
    job         main_job = start(default_console);

    for (int i = 0; i < 200; i++) {
        snprintf(folder[i], sizeof folder[i], "%d", i + 1);
        job_include(main_job, folder[i]);
    }
    unikernel("words", main_job);
}
END
echo '#define HERE 1' >200/here.h
sed -i 's/#include <mirage.h>/&\n#include <here.h>/' unikernel.c
quietly mirage configure

it "a symbol that no image has is reported with the objects that use it"
fresh link
cat >part.c <<'END'
int socket(int), bind(int), listen(int), helper(int);
int (*const table[])(int) = {bind};
static int again(void) { return socket(1) + socket(2); }
int foo(void) { return helper(1) + socket(3) + table[0](4) + again() + listen(5); }
END
printf 'int socket(int);\nint helper(int n) { return socket(n); }\n' >helper.c
printf 'int foo(void), nowhere(int), sometime(int);\nint start(void)\n{\n    return foo() +\n        nowhere(1) + sometime(2);\n}\n' >main.c
cc -O1 -c part.c helper.c
ar rcs libfoo.a part.o helper.o
cc -g -ffile-prefix-map="$PWD"=. -c main.c
link() {
    mirage link -- cc -nostdlib -static -Wl,-estart -o linked main.o -L. "$@" 2>&1
}
equal "symbols" "$(link -lfoo; echo $?)" "main.c:5: error: nowhere and sometime are defined nowhere
libfoo.a (part.o) wants socket, bind and listen, which no image has
libfoo.a (helper.o) wants socket, which no image has
mirage: an image has newlib, what mirage.h declares, and its own static libraries;
there is no host below it.
1"
it "the linkers of Debian 12 and of 13 get the same report"
cat >ld <<'END'
#!/bin/sh
cat >&2 <<'WORDS'
/usr/bin/ld: main.o: in function `start':
main.c:5:(.text+0x16): undefined reference to `nowhere'
/usr/bin/ld: main.c:5:(.text+0x22): undefined reference to `sometime'
/usr/bin/ld: main.c:(.text+0x2): undefined reference to `unplaced'
collect2: error: ld returned 1 exit status
WORDS
exit 1
END
chmod +x ld
equal "symbols" "$(mirage link -- ./ld 2>&1 | head -n 2)" \
    "main.c:5: error: nowhere and sometime are defined nowhere
main.c:(.text+0x2): error: unplaced is defined nowhere"

it "a library that is missing, or shared alone, is reported as such"
cc -shared -o libshared.so helper.o -nostdlib
equal "archives" "$(link -lfoo -lshared -lno-such | sort)" "mirage: -lno-such: there is no libno-such.a where the linker looks.
mirage: -lshared: ./libshared.so is a shared library, and an image takes
static ones only: there is no libshared.a."
echo 'int start(void) { return 0; }' >main.c
cc -c main.c
equal "nothing" "$(link; echo $?)" 0
has "others' words" "$(link -Wl,--no-such-option)" 'no-such-option'

it "run passes on arguments and the exit status"
copy_folder "$top/test/e2e/odd" "$work/run"
cd "$work/run" || exit 1
quietly mirage configure
quietly mirage build
equal "output" "$(mirage run -- --act=say --text='two words' --count=1)" \
    "two words 1"
mirage run -- --act=abort >/dev/null 2>&1
equal "a crash" $? 134
mirage run -- --txet=x 2>/dev/null
equal "a mistake" $? 64
equal "make run" "$(make run ARGS='--act=say' | tail -n 1)" "hello 10"
equal "SUDO" "$(SUDO='env X=1' mirage run -- --act=say)" "hello 10"
equal "SUDO in make" "$(make run SUDO='echo sudo' ARGS=--x | tail -n 1)" \
    "sudo ./mir-odd --x"

it "init makes a folder that builds and runs at once"
cd "$work" || exit 1
has "message" "$(mirage init first.one 2>&1)" 'first.one is a copy of the example console'
cd first.one || exit 1
quietly mirage configure
quietly make
timeout 0.5 ./mir-first.one >out
equal "output" "$(cat out)" "hello"
cd ..
mkdir empty
quietly mirage init empty --from=console
quietly mirage init "$work/sub" --from console
[ -e sub/unikernel.c ] || wrong "no folder at the path"

it "configure -f works from another folder"
cd "$work" || exit 1
rm -rf far
quietly mirage init far
has "the folder" "$(mirage configure -f far/config.c 2>&1)" \
    "^mirage: Entering directory 'far/'$"
[ -e far/Makefile ] && [ ! -e Makefile ] || wrong "written to the wrong folder"
mv far/config.c far/other.c
quietly mirage configure --file=far/other.c
quietly make -C far
touch far/other.c
quietly make -C far
has "describe" "$(mirage describe -f far/other.c 2>/dev/null)" '^image: far$'

it "a folder with a blank or a quote in its name configures and builds"
for name in 'a folder' "a folder's"; do
    mkdir -p "$work/$name"
    cp "$top"/example/console/{config,unikernel}.c "$work/$name"
    cd "$work/$name" || exit 1
    quietly mirage configure
    quietly make
    make -q || wrong "make has something to do"
    cmp mir-console "$work/console/mir-console" || wrong "the program differs"
done

it "a mirage in a folder that make cannot name refuses to configure"
mkdir -p "$work/my tools"
cp -rL "$work/installed" "$work/my tools/mirage"
has "message" "$("$work/my tools/mirage/bin/mirage" configure 2>&1)" \
    "^mirage: mirage lies in $work/my tools/mirage, and make cannot have a blank"

it "an editor finds the headers by compile_flags.txt"
for file in config.c unikernel.c; do
    # shellcheck disable=SC2046
    quietly cc -fsyntax-only $(cat compile_flags.txt) $file
done

it "every topic of help, and every --help, says something"
cd "$work" || exit 1
topics=$(mirage help topics | sed -n 's/^  \([a-z0-9_]*\) .*/\1/p')
for topic in $topics; do
    [ "$(mirage help "$topic" | wc -l)" -ge 2 ] || wrong "help $topic is empty"
done
for topic in configure console block fs fat kv_ro network ethernet arp ipv4 icmpv4 \
    udpv4 tcpv4 stackv4 fiber config \
    $(sed -n 's/^typedef struct \(.*\) {$/\1/p' "$top/include/mirage/config.h" | grep -vx job); do
    grep -qx $topic <<<"$topics" || wrong "$topic is no topic"
done
cmp <(mirage help block) "$top/include/mirage/block.h" ||
    wrong "help block is not the contract"
for word in crunch:config JOB:config flow_read:flow time_after:time; do
    has "where ${word%:*} is" "$(mirage help ${word%:*} 2>&1)" \
        "^mirage: ${word%:*} is in \`mirage help ${word#*:}\`$"
done
commands=$(mirage --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
equal "commands" "$(tr '\n' ' ' <<<"$commands")" "configure build run clean describe init help "
targets=$(mirage configure --target=? 2>&1 | sed -n 's/^There are: //p')
equal "targets" "$targets" "unix macosx xen virtio sim"
# section COMMAND: of the man page, without its markup
section() {
    sed 's/\\f.//g; s/\\//g' "$top/doc/mirage.1" |
        sed -n "/^\.SS mirage $1/,/^\.S[SH] /p"
}
# long_options COMMAND: that its usage names
long_options() {
    mirage "$1" --help | grep -oE '(^|[ []|, )--[a-z]+' | grep -oE -- '--.*' | sort -u
}
for command in $commands; do
    has "$command --help" "$(mirage $command --help)" "^usage: mirage $command"
    has "man page" "$(section $command)" "^\.SS mirage $command"
    for option in $(long_options $command); do
        has "$option in the man page" "$(section $command)" "$option\\b"
    done
done
for target in $targets; do
    has "--$target" "$(mirage configure --help)" "--$target\\b"
done
equal "version" "$(mirage --version)" "mirage $(cat "$top/VERSION")"
has "--help" "$(mirage --help)" '^usage: mirage COMMAND'

it "the man page is well-formed"
equal "warnings" "$(man --warnings -l "$top/doc/mirage.1" 2>&1 >/dev/null)" ""

it "bash completes commands, options, targets and topics"
complete_in_bash() {
    bash -c '
        source "$0"
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _mirage
        printf "%s\n" "${COMPREPLY[@]}"' "$top/tool/mirage.bash" "$@" |
        sort | tr '\n' ' '
}
equal "commands" "$(complete_in_bash mirage c)" "clean configure "
equal "options" "$(complete_in_bash mirage configure --x)" "--xen "
equal "targets" "$(complete_in_bash mirage configure -t x)" "xen "
equal "topics" "$(complete_in_bash mirage help blo)" "block "
equal "examples" "$(complete_in_bash mirage init x --from con)" "console "
equal "all commands" "$(complete_in_bash mirage '')" \
    "$(printf '%s\n' $commands --help --version | sort | tr '\n' ' ')"
equal "all targets" "$(complete_in_bash mirage configure --target '')" \
    "$(tr ' ' '\n' <<<"$targets" | sort | tr '\n' ' ')"
for command in $commands; do
    [ $command != help ] || continue
    for option in $(long_options $command) --help; do
        has "$option of $command" " $(complete_in_bash mirage $command -)" " $option "
    done
done

it "zsh completes commands, options, targets and files"
zsh -f -c '
    fpath=('"$top/tool"' $fpath)
    autoload -Uz compinit && compinit -u -D && (( $+functions[_mirage] )) &&
        [[ ${_comps[mirage]} = _mirage ]]' || wrong "it does not load"
zsh -n "$top/tool/_mirage" || wrong "it has mistakes"
# specs COMMAND: of its options, as zsh has them
specs() {
    zsh -f -c 'setopt extended_glob
        compadd() { : }
        words=(mirage help "") CURRENT=3
        source "$0" && _mirage_options "$1"' "$top/tool/_mirage" "$1"
}
for command in $commands; do
    for option in $(long_options $command) --help; do
        has "$option of $command" "$(specs $command)" "(^|\))$option(\$|[=[])"
    done
done
has "targets" "$(specs configure)" ":target:\($targets\)\$"
has "files" "$(specs describe)" '^\(-f --file\)-f\[.*\]:file:_files'
