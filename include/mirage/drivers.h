/* SPDX-License-Identifier: ISC */
/*
 * drivers: how main.c connects each device. An image links only those that
 * its main.c names.
 *
 * On OK the device is the image's, to its end. Other statuses: nothing was
 * made, and the reason is logged.
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
 * backend/unix: a console on the process's standard input and output. name
 * is "0"; any other is a name of ERR_NOT_FOUND.
 */
MUST_CHECK enum status console_unix_connect(const char *name,
                                            struct console **console);

/*
 * backend/unix: a disk that is a file of the host or one of its block devices,
 * read-only where the host says so. A file has sectors of 512 bytes. It is
 * locked as long as it is in use: for others' reading if it is read-only. Its
 * sectors do not stay in the host's cache, where the host can do without, and
 * no boot argument --block-cached is given; --block-engine=uring or =threads
 * says by what they are moved.
 * ERR_NOT_FOUND, ERR_IS_DIRECTORY, ERR_PERMISSION, ERR_FORMAT (no whole
 * sectors), ERR_IN_USE, ERR_UNSUPPORTED (neither a file nor a block device; or
 * the engine that was asked for is not there), ERR_IO, ERR_NO_MEMORY.
 */
MUST_CHECK enum status block_unix_connect(const char *path,
                                          struct block **block);

/*
 * The same. maker completes the log line "there is no PATH; ..." with what
 * makes that file; NULL: a command that makes an empty one.
 */
MUST_CHECK enum status block_unix_connect_with(const char *path,
                                               const char *maker,
                                               struct block **block);

/* backend/virtio: a console on the first serial port. name: as above. */
MUST_CHECK enum status console_serial_connect(const char *name,
                                              struct console **console);

/* backend/xen: a console on the domain's console ring. name: as above. */
MUST_CHECK enum status console_xen_connect(const char *name,
                                           struct console **console);

/*
 * backend/xen: a virtual disk, by its name as Linux has it ("xvda1") or by its
 * number, which another domain serves. Waits until that is ready. When it goes
 * away and means to come back, reads and writes wait for it; one who breaks the
 * protocol is left, and they are ERR_GONE.
 * ERR_NAME, ERR_NOT_FOUND, ERR_FORMAT (sectors that cannot be), ERR_TIMEOUT,
 * ERR_IO, ERR_NO_MEMORY.
 */
MUST_CHECK enum status block_xen_connect(const char *name,
                                         struct block **block);

/* store: the files of a folder that is in the image. Keeps files. */
struct crunched;
MUST_CHECK enum status kv_ro_crunch_connect(const struct crunched *files,
                                            struct kv_ro **kv);

/* backend/unix: the files of the host's folder dir. */
MUST_CHECK enum status kv_ro_unix_connect(const char *dir, struct kv_ro **kv);

/* store: the files of a file system. Keeps fs. */
MUST_CHECK enum status kv_ro_fs_connect(struct fs *fs, struct kv_ro **kv);

/*
 * backend/unix: the host's Ethernet interface of that name, a TAP (Linux's
 * tuntap.rst); or, by the name "fd:N", the TAP that is open as file descriptor
 * N. As root it is made if there is none.
 * ERR_NOT_FOUND, ERR_PERMISSION, ERR_IN_USE, ERR_NAME, ERR_IO, ERR_NO_MEMORY.
 */
MUST_CHECK enum status network_unix_connect(const char *name,
                                            struct network **network);

/*
 * backend/xen: a virtual network interface, by its number: "0" is the first of
 * the .xl file's. Waits until the domain that serves it is ready. While that
 * has gone away and means to come back, the device is down.
 * ERR_NAME, ERR_NOT_FOUND, ERR_FORMAT, ERR_UNSUPPORTED, ERR_TIMEOUT, ERR_IO,
 * ERR_NO_MEMORY.
 */
MUST_CHECK enum status network_xen_connect(const char *name,
                                           struct network **network);

/* backend/sim: a device on the wire of that name (mirage/sim.h), with an MTU
 * of 1,500. ERR_NO_MEMORY. */
MUST_CHECK enum status network_sim_connect(const char *name,
                                           struct network **network);

/*
 * backend/unix: TCP and UDP by the host's sockets, listening on each of the
 * addresses, of which the last is NULL. What it has to say goes to log.
 * ERR_FORMAT: one of them is no IPv4 address. ERR_NOT_FOUND: one is none of
 * this host's. ERR_NO_MEMORY. Keeps log.
 */
MUST_CHECK enum status stackv4_socket_connect(struct console *log,
                                              const char *const *addresses,
                                              struct stackv4 **stack);

/*
 * net: our own TCP/IP on a network device, at 10.0.0.2/24 with the gateway
 * 10.0.0.1; at an address of one's own (gateway may be "": none); or at one
 * that DHCP gives, for which the call waits. Boot arguments --ipv4,
 * --ipv4-gateway and --dhcp win over that. What the stack has to say goes to
 * log. Blocks. Keeps log and net.
 * ERR_FORMAT: not an address, or not a netmask. ERR_IN_USE: another host has
 * the address. ERR_TIMEOUT: no DHCP server answers, and --dhcp-wait is over.
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
 * net: IPv4 over an Ethernet, with ARP and ICMP, at an address; gateway may be
 * "": none. Logs each conflict with another host that has the address. Keeps e.
 * ERR_FORMAT: not an address that a host or its gateway can have, or not a
 * netmask. ERR_NO_MEMORY. (Ethernet, UDP and TCP: X_connect of mirage/X.h.)
 */
MUST_CHECK enum status ipv4_static_connect(struct ethernet *e,
                                           const char *address,
                                           const char *netmask,
                                           const char *gateway,
                                           struct ipv4 **ip);

/*
 * net: looks up names by the servers that are named, of which the last is NULL;
 * if there is none by those that the stack knows; the boot argument --dns wins
 * over both. Keeps stack.
 * ERR_FORMAT: not the address of a server. ERR_RANGE: more than DNS_SERVERS.
 * ERR_NOT_FOUND: no server is known. ERR_NO_MEMORY.
 */
MUST_CHECK enum status dns_stub_connect(struct stackv4 *stack,
                                        const char *const *servers,
                                        struct dns **made);

#endif
