/* SPDX-License-Identifier: ISC */
/*
 * drivers: the functions by which a generated main.c connects each device. The
 * linker takes only the drivers that main.c names.
 *
 * Each returns OK and sets its last parameter to the device, which lives to the
 * end of the image. For every other status nothing was made, and the driver has
 * logged the reason.
 */
#ifndef MIRAGE_DRIVERS_H
#define MIRAGE_DRIVERS_H

#include <mirage/block.h>
#include <mirage/console.h>
#include <mirage/dns.h>
#include <mirage/fat.h>
#include <mirage/ethernet.h>
#include <mirage/fs.h>
#include <mirage/ipv4.h>
#include <mirage/kv_ro.h>
#include <mirage/network.h>
#include <mirage/stackv4.h>
#include <mirage/tcpv4.h>
#include <mirage/udpv4.h>

/*
 * backend/unix: connects a console on standard input and output. name is "0";
 * any other is ERR_NOT_FOUND.
 */
MUST_CHECK enum status console_unix_connect(const char *name,
                                            struct console **console);

/*
 * backend/unix: connects a disk that is a file or a block device of the host,
 * read-only if the host does not permit writing. A file has sectors of 512
 * bytes. It is locked while it is in use; if it is read-only, others may read
 * it, too. Sectors bypass the host's page cache if its file system permits that
 * and the boot argument --block-cached is not given. The boot argument
 * --block-engine=uring or =threads chooses how they are transferred.
 * ERR_NOT_FOUND, ERR_IS_DIRECTORY, ERR_PERMISSION, ERR_IO, ERR_NO_MEMORY.
 * ERR_FORMAT: the size is no multiple of a sector's. ERR_IN_USE: another
 * process has locked it. ERR_UNSUPPORTED: it is neither a file nor a block
 * device, or the host lacks the chosen engine.
 */
MUST_CHECK enum status block_unix_connect(const char *path,
                                          struct block **block);

/*
 * The same. maker completes the log line "there is no PATH; ..." with how to
 * make that file; NULL: with a command that makes an empty one.
 */
MUST_CHECK enum status block_unix_connect_with(const char *path,
                                               const char *maker,
                                               struct block **block);

/* backend/pc: connects a console on the first serial port. name: as for
 * console_unix_connect. */
MUST_CHECK enum status console_serial_connect(const char *name,
                                              struct console **console);

/*
 * backend/virtio: connects console "0": the serial port; or, in a machine
 * without one, port 0 of the first virtio console device (virtio 1.2, 5.3), to
 * which log and crash reports go as well; or nothing, if there is neither.
 * Blocks. ERR_NO_MEMORY.
 */
MUST_CHECK enum status console_virtio_connect(const char *name,
                                              struct console **console);

/*
 * backend/virtio: connects a port of a virtio console device by its name. Bytes
 * are passed on as they are, but for lines on a port that the device calls a
 * console, which end as a terminal needs it. Output blocks while the host has
 * not opened the port. If the host closes it, one read is ERR_EOF, and later
 * ones wait. If the device breaks the protocol it is given up: reads are
 * ERR_IO, and output is lost. Blocks, for a second after the device's last
 * message.
 * ERR_NOT_FOUND, ERR_NO_MEMORY.
 */
MUST_CHECK enum status console_port_connect(const char *name,
                                            struct console **console);

/* backend/xen: connects a console on the domain's console ring. name: as for
 * console_unix_connect. */
MUST_CHECK enum status console_xen_connect(const char *name,
                                           struct console **console);

/*
 * backend/xen: connects a virtual disk, by its name in Linux ("xvda1") or its
 * number (xen/io/blkif.h). Blocks until the backend is ready. While the backend
 * is being restarted, reads and writes block; if it breaks the protocol it is
 * disconnected, and they are ERR_GONE.
 * ERR_NAME, ERR_NOT_FOUND, ERR_TIMEOUT, ERR_IO, ERR_NO_MEMORY. ERR_FORMAT: the
 * backend announces impossible sectors.
 */
MUST_CHECK enum status block_xen_connect(const char *name,
                                         struct block **block);

/*
 * backend/virtio: connects a disk of the virtual machine by its serial number,
 * which is the first 20 bytes of the name. If no disk has a name of
 * block_virtio_names as its serial number, disks are taken in the order of that
 * list and of the machine, and a warning says which became which. Blocks until
 * the disk is ready. While it is being reset, reads and writes block; if it
 * breaks the protocol it is given up, and they are ERR_GONE.
 * ERR_NOT_FOUND. ERR_IN_USE: another name stands for this disk, or two disks
 * have the serial number. ERR_FORMAT: it announces impossible sectors.
 * ERR_UNSUPPORTED, ERR_IO, ERR_GONE, ERR_NO_MEMORY.
 */
MUST_CHECK enum status block_virtio_connect(const char *name,
                                            struct block **block);

/* The names of all disks that are connected so, in their order, and NULL.
 * Defined by main.c. */
extern const char *const block_virtio_names[];

/* store: makes a store of a folder that was compiled into the image. Keeps
 * files. */
struct crunched;
MUST_CHECK enum status kv_ro_crunch_connect(const struct crunched *files,
                                            struct kv_ro **kv);

/* backend/unix: makes a store of the files in the host's folder dir. */
MUST_CHECK enum status kv_ro_unix_connect(const char *dir, struct kv_ro **kv);

/* store: makes a store of the files of a file system. Keeps fs. */
MUST_CHECK enum status kv_ro_fs_connect(struct fs *fs, struct kv_ro **kv);

/*
 * backend/unix: connects a TAP (Linux's tuntap.rst): the host's interface of
 * that name, which root creates if there is none; or, for the name "fd:N", the
 * TAP that is open as file descriptor N.
 * ERR_NOT_FOUND, ERR_PERMISSION, ERR_IN_USE, ERR_NAME, ERR_IO, ERR_NO_MEMORY.
 */
MUST_CHECK enum status network_unix_connect(const char *name,
                                            struct network **network);

/*
 * backend/xen: connects a virtual network interface by its number: "0" is the
 * first one in the .xl file (xen/io/netif.h). Blocks until the backend is
 * ready. While the backend is being restarted the link is down.
 * ERR_NAME, ERR_NOT_FOUND, ERR_FORMAT, ERR_UNSUPPORTED, ERR_TIMEOUT, ERR_IO,
 * ERR_NO_MEMORY.
 */
MUST_CHECK enum status network_xen_connect(const char *name,
                                           struct network **network);

/*
 * backend/virtio: connects a virtio network device (virtio 1.2, 5.1). names has
 * all networks of the image, each followed by its MAC address, and ends with
 * NULL. The device that has the address of name is taken. If none has, and name
 * is not an address itself, it is one of those that have no address of names:
 * they are given to such names in the machine's order, and a log line says so.
 * While the device is being reset the link is down. Blocks.
 * ERR_NOT_FOUND, ERR_IN_USE, ERR_UNSUPPORTED, ERR_IO, ERR_GONE, ERR_NO_MEMORY.
 */
MUST_CHECK enum status network_virtio_connect(const char *name,
                                              const char *const *names,
                                              struct network **network);

/* backend/sim: connects a device to the wire of that name (mirage/sim.h). Its
 * MTU is 1,500. ERR_NO_MEMORY. */
MUST_CHECK enum status network_sim_connect(const char *name,
                                           struct network **network);

/*
 * backend/unix: makes a stack of the host's sockets that listens on each of the
 * addresses, which end with NULL. Prints its progress on log. Keeps log.
 * ERR_FORMAT: one of them is not an IPv4 address. ERR_NOT_FOUND: the host does
 * not have one of them. ERR_NO_MEMORY.
 */
MUST_CHECK enum status stackv4_socket_connect(struct console *log,
                                              const char *const *addresses,
                                              struct stackv4 **stack);

/*
 * net: make a TCP/IP stack on a network device: at 10.0.0.2/24 with the gateway
 * 10.0.0.1; at the given address (gateway may be "": none); or at an address
 * from DHCP. The boot arguments --ipv4, --ipv4-gateway and --dhcp override
 * that. Print their progress on log. Block until the stack has an address. Keep
 * log and net.
 * ERR_FORMAT: not an address, or not a netmask. ERR_IN_USE: another host has
 * the address. ERR_TIMEOUT: no DHCP server has answered within --dhcp-wait.
 * ERR_CANCELLED, ERR_NO_MEMORY.
 */
MUST_CHECK enum status stackv4_default_connect(struct console *log,
                                               struct network *net,
                                               struct stackv4 **stack);
MUST_CHECK enum status stackv4_static_connect(
    struct console *log, struct network *net, const char *address,
    const char *netmask, const char *gateway, struct stackv4 **stack);
MUST_CHECK enum status stackv4_dhcp_connect(struct console *log,
                                            struct network *net,
                                            struct stackv4 **stack);

/*
 * net: makes an IPv4 layer with ARP and ICMP, at an address; gateway may be "":
 * none. Conflicts with another host that has the address are logged. Keeps e.
 * ERR_FORMAT: not an address that a host or its gateway can have, or not a
 * netmask. ERR_NO_MEMORY. (Ethernet, UDP and TCP: X_connect of mirage/X.h.)
 */
MUST_CHECK enum status ipv4_static_connect(struct ethernet *e,
                                           const char *address,
                                           const char *netmask,
                                           const char *gateway,
                                           struct ipv4 **ip);

/*
 * net: makes a resolver that asks the given servers, which end with NULL, or,
 * if there are none, those that the stack knows. The boot argument --dns
 * overrides both. Keeps stack.
 * ERR_FORMAT: not the address of a server. ERR_RANGE: more than DNS_SERVERS.
 * ERR_NOT_FOUND: no server is known. ERR_NO_MEMORY.
 */
MUST_CHECK enum status dns_stub_connect(struct stackv4 *stack,
                                        const char *const *servers,
                                        struct dns **made);

#endif
