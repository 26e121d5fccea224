# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# Functions of the tests of networks in QEMU, without acceleration; sourced after
# test/net/lib.sh and lib.sh, in a network namespace.

export PATH=$root/bin:$PATH:/usr/sbin:/sbin
unset CC MAKEFLAGS MAKELEVEL MAKEOVERRIDES NET DHCP
image='' server=''

end() {
    [ -z "$image" ] || { kill -9 "$image"; wait "$image"; } 2>/dev/null
    image=''
}

stop_server() {
    [ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null
    server=''
}
trap 'end; stop_server; net_end; rm -rf "$work"' EXIT

# made FOLDER NAME [VARIABLE=VALUE]...: $work/NAME, a copy of it, configured for
# virtio and built
made() {
    copy_folder "$1" "$work/$2"
    (cd "$work/$2" && env "${@:3}" mirage configure --virtio && make) \
        >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}

# address_of NAME: the MAC address that belongs to the name of its network
address_of() {
    grep -o '52:54:00:[0-9a-f:]*' "$work/$1/main.c" | head -n 1
}

# has_printed REGEX
has_printed() {
    grep -qaE "$1" "$work/out"
}

# begin NAME REGEX MACHINE DEVICE OPTION...: starts QEMU with the image, and waits
# until it has printed the line. Options of tap0 are in $tap, the MAC address in
# $mac; "" is none
begin() {
    local address=${mac-$(address_of "$1")}
    end
    : >"$work/out"
    qemu-system-x86_64 -M "$3" -accel tcg -cpu max -m 64 \
        -nodefaults -no-user-config -display none \
        -chardev "file,id=out,path=$work/out,append=on" -serial chardev:out \
        -qmp "unix:$work/qmp,server=on,wait=off" \
        -global virtio-mmio.force-legacy=false \
        -kernel "$work/$1"/mir-*.virtio \
        -netdev "tap,id=net0,ifname=tap0,script=no,downscript=no${tap:-}" \
        -device "$4,netdev=net0${address:+,mac=$address}" "${@:5}" \
        >"$work/err" 2>&1 &
    image=$!
    await has_printed "$2" || wrong "it does not start" \
        "$(cat "$work/err" "$work/out")"
}

# monitor COMMAND...: of QEMU's machine protocol: as JSON, or a name alone. Prints
# what they return
monitor() {
    timeout -s KILL 60 python3 - "$work/qmp" "$@" <<'END'
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(50)
s.connect(sys.argv[1])
f = s.makefile('rw')
f.readline()
for command in ['qmp_capabilities'] + sys.argv[2:]:
    f.write(command if '{' in command else json.dumps({'execute': command}))
    f.flush()
    while True:
        answer = json.loads(f.readline())
        if 'return' in answer:
            if answer['return']:
                print(json.dumps(answer['return']))
            break
        if 'error' in answer:
            sys.exit(str(answer))
END
}

# link STATE: true or false
link() {
    monitor "{\"execute\": \"set_link\",
        \"arguments\": {\"name\": \"net0\", \"up\": $1}}"
}

# answers TEXT: what stackv4 says to it over TCP
answers() {
    echo "$1" | timeout -s KILL 60 nc -n -w 30 10.0.0.2 8080
}

# device_path: of QEMU's device, for its monitor
device_path() {
    monitor x-query-virtio | grep -o '/machine/[^"]*' | head -n 1
}

# negotiated: the features that image and device agreed on, one a line
negotiated() {
    monitor "{\"execute\": \"x-query-virtio-status\",
        \"arguments\": {\"path\": \"$(device_path)\"}}" |
        sed 's/.*"guest-features": {\([^}]*\)}.*/\1/' |
        grep -o 'VIRTIO_[A-Z0-9_]*'
}

# without_ports: what the image has printed, but for colours, ports of peers and
# the place of the device
without_ports() {
    tr -d '\r' <"$work/out" | sed -E 's/\x1b\[[0-9]*m//g
        s/10\.0\.0\.1\.[0-9]+ >/10.0.0.1.PORT >/
        s/^(Netif: connect ).*/\1DEVICE/
        /^.*Booting from ROM/d; /^$/d'
}

# spoil KIND: has QEMU find the receive queue broken with the next frame. The image
# is test/e2e/transfer's, and QEMU has its stub for gdb at $work/gdb
spoil() {
    local path queue ring=avail

    [ "$1" = split ] || ring=desc
    path=$(device_path)
    queue=$(monitor "{\"execute\": \"x-query-virtio-queue-status\",
        \"arguments\": {\"path\": \"$path\", \"queue\": 0}}")
    timeout -s KILL 60 python3 "$work/transfer/spoil.py" "$work/gdb" \
        "$(grep -o "\"vring-$ring\": [0-9]*" <<<"$queue" | grep -o '[0-9]*$')" \
        "$(grep -o '"vring-num": [0-9]*' <<<"$queue" | grep -o '[0-9]*$')" \
        "$1" 2>&1
}
