
# SPDX-License-Identifier: ISC
# user_network: sets netdev to QEMU's own network, from which the image reaches
# others. The ports of FORWARD are those of the first such network.
user_network() {
    netdev=user,net=10.0.0.0/24,host=10.0.0.1,dhcpstart=10.0.0.2
    for ports in ${FORWARD:-}; do
        kind=tcp
        [ "${ports%/udp}" = "$ports" ] || kind=udp
        ports=${ports%/udp}
        netdev=$netdev,hostfwd=$kind:127.0.0.1:${ports%%:*}-10.0.0.2:${ports#*:}
    done
    FORWARD=
}

# find_network TAP: sets netdev to the options of -netdev for the host's TAP of
# that name, or for QEMU's own network with FORWARD, or if this user may not open
# the TAP, which QEMU tries without an image.
find_network() {
    if [ -n "$forward" ]; then
        user_network
        return
    fi
    netdev=tap,ifname=$1,script=no,downscript=no
    message=$(echo quit | qemu-system-x86_64 -M none -nodefaults \
        -no-user-config -display none -monitor stdio \
        -netdev "id=tap,$netdev" 2>&1 >/dev/null) && return
    case $message in
    *busy*)
        echo "another process uses the TAP $1" >&2
        exit 1
        ;;
    esac
    user_network
    cat >&2 <<END
QEMU cannot open the TAP $1 here; it goes on with a network of its own, from
which the image reaches others, but a ping does not come in. Ports do with
    mirage run --forward 8080:80        (host's:image's, of 127.0.0.1; or /udp)
and all with a TAP:
    sudo ip tuntap add dev $1 mode tap user \$USER
END
}
forward=${FORWARD:-}
