/* SPDX-License-Identifier: ISC */
/*
 * config: the language of config.c.
 *
 * A device is a value. Each device type has a C type, so that a device of the
 * wrong type does not compile. Each call of a constructor makes a device; use
 * the value twice to share it. Choices are plain C on target() and env().
 * Mistakes that depend on the target or the environment end `mirage configure`
 * with a message that names config.c's line.
 *
 * Strings are copied. Folders and files are relative to config.c's folder.
 */
#ifndef MIRAGE_CONFIG_H
#define MIRAGE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct node; /* a device or a job in the graph (config/graph.h) */

typedef struct console {
    struct node *node;
} console;
typedef struct block {
    struct node *node;
} block;
typedef struct fs {
    struct node *node;
} fs;
typedef struct kv_ro {
    struct node *node;
} kv_ro;
typedef struct network {
    struct node *node;
} network;
typedef struct ethernet {
    struct node *node;
} ethernet;
typedef struct ipv4 {
    struct node *node;
} ipv4;
typedef struct udpv4 {
    struct node *node;
} udpv4;
typedef struct tcpv4 {
    struct node *node;
} tcpv4;
typedef struct stackv4 {
    struct node *node;
} stackv4;
typedef struct dns {
    struct node *node;
} dns;
typedef struct job {
    struct node *node;
} job;

/*
 * The place of a call in config.c. Each of the functions below is also a macro
 * that first notes the place, for messages, and then calls the function.
 */
struct config_place {
    const char *file;
    int line;
};
#define MIRAGE_HERE     ((struct config_place){__FILE__, __LINE__})
#define MIRAGE_AT(call) (config_at(MIRAGE_HERE), call)
void config_at(struct config_place at);

/* The console of the target: standard input and output, or the virtual
 * machine's console. */
console config_default_console(void);
#define default_console MIRAGE_AT(config_default_console())

/* The console of that name on the target; "0" is the default console. On virtio
 * there are others: ports of a virtio console device, by their names. */
console custom_console(const char *name);
#define custom_console(name) MIRAGE_AT(custom_console(name))

/*
 * A disk: on Unix a file or a block device of the host, by its path; on Xen a
 * virtual disk, by its name there, such as "xvda1"; on virtio a disk with the
 * first 20 bytes of the path as its serial number. A second disk of the same
 * file is an error, and so is a second file system on a disk.
 */
block block_of_file(const char *path);
#define block_of_file(path) MIRAGE_AT(block_of_file(path))

/* The files of the FAT file system on a disk. */
fs fat(block disk);
#define fat(disk) MIRAGE_AT(fat(disk))

/*
 * The files of a FAT image that make makes of the folder dir: fat1.img beside
 * config.c, fat2.img for the second, and so on. The image has no free space,
 * unless make FAT_MORE=10M (or a line FAT_MORE = 10M in Makefile.user) adds
 * some. It is made again when the folder or FAT_MORE changes; but an image that
 * was written to, or is in use, is kept, and a message says so.
 */
fs fat_of_files(const char *dir);
#define fat_of_files(dir) MIRAGE_AT(fat_of_files(dir))

/* A store of the files of a file system: their paths are the keys. */
kv_ro kv_ro_of_fs(fs files);
#define kv_ro_of_fs(files) MIRAGE_AT(kv_ro_of_fs(files))

/*
 * A store of the files in the folder dir, compiled into the image. Symbolic
 * links are followed inside dir; one that leads out of it is an error when the
 * folder is crunched.
 */
kv_ro crunch(const char *dir);
#define crunch(dir) MIRAGE_AT(crunch(dir))

/*
 * A store of the files in the host's folder dir, read while the image runs.
 * Symbolic links are followed inside dir; one that leads out of it is not a
 * key.
 */
kv_ro direct_kv_ro(const char *dir);
#define direct_kv_ro(dir) MIRAGE_AT(direct_kv_ro(dir))

/*
 * The first network interface, and any by its name, which on virtio may be its
 * MAC address ("52:54:00:12:34:56"). Each has one user, a stack, a layer or a
 * job: a second one is an error. (On target sim each netif is a station of its
 * own on the network of that name.)
 */
network config_tap0(void);
#define tap0 MIRAGE_AT(config_tap0())
network netif(const char *name);
#define netif(name) MIRAGE_AT(netif(name))

/*
 * A TCP/IP stack on a network: at 10.0.0.2/24 with the gateway 10.0.0.1, at a
 * given address ("192.168.7.2", "255.255.255.0", "192.168.7.1"), or at one from
 * DHCP. It prints its progress on log.
 */
stackv4 direct_stackv4_with_default_ipv4(console log, network net);
#define direct_stackv4_with_default_ipv4(log, net) \
    MIRAGE_AT(direct_stackv4_with_default_ipv4(log, net))
stackv4 direct_stackv4_with_static_ipv4(console log, network net,
                                        const char *address,
                                        const char *netmask,
                                        const char *gateway);
#define direct_stackv4_with_static_ipv4(log, net, address, netmask, gateway) \
    MIRAGE_AT(direct_stackv4_with_static_ipv4(log, net, address, netmask,    \
                                              gateway))
stackv4 direct_stackv4_with_dhcp(console log, network net);
#define direct_stackv4_with_dhcp(log, net) \
    MIRAGE_AT(direct_stackv4_with_dhcp(log, net))

/*
 * The layers of such a stack, for an application that needs only some of them:
 * Ethernet on a network; IPv4 over it, with ARP and answers to pings, at an
 * address ("10.0.0.2", "255.255.255.0", "10.0.0.1"; "" is no gateway); UDP and
 * TCP over that. At most one device of each type is made over a layer.
 */
ethernet config_ethernet(network net);
#define ethernet(net) MIRAGE_AT(config_ethernet(net))
ipv4 config_ipv4(ethernet link, const char *address, const char *netmask,
                 const char *gateway);
#define ipv4(link, address, netmask, gateway) \
    MIRAGE_AT(config_ipv4(link, address, netmask, gateway))
udpv4 config_udpv4(ipv4 ip);
#define udpv4(ip) MIRAGE_AT(config_udpv4(ip))
tcpv4 config_tcpv4(ipv4 ip);
#define tcpv4(ip) MIRAGE_AT(config_tcpv4(ip))

/* A stack of the host's sockets, which listens on each of the addresses
 * ("0.0.0.0", ...). */
stackv4 socket_stackv4(console log, const char *const *addresses);
#define socket_stackv4(log, ...) \
    MIRAGE_AT(socket_stackv4(log, MIRAGE_TEXTS(__VA_ARGS__)))
#define MIRAGE_TEXTS(...) ((const char *const[]){NULL, ##__VA_ARGS__, NULL} + 1)

/*
 * A resolver that asks the DNS servers at the given one to three addresses;
 * resolver(stack) asks those that DHCP has named, or those of the host. The
 * boot argument --dns=ADDRESS,... overrides both.
 */
dns resolver(stackv4 stack, const char *const *servers);
#define resolver(stack, ...) \
    MIRAGE_AT(resolver(stack, MIRAGE_TEXTS(__VA_ARGS__)))

/* The target that is being configured. */
/* clang-format off */
enum target { UNIX, MACOSX, XEN, VIRTIO, SIM };
/* clang-format on */
enum target target(void);

/*
 * Returns the value of an environment variable, or `otherwise` if it is unset.
 * The result is recorded: later builds see the same, whatever the environment.
 */
const char *env(const char *name, const char *otherwise);

/*
 * Returns whether an environment variable is on (1, yes, on, true) or off (0,
 * no, off, false, empty, unset). Any other value ends configuration with a
 * message.
 */
bool env_flag(const char *name);
#define env_flag(name) MIRAGE_AT(env_flag(name))

/* Are the two texts equal? */
bool is(const char *a, const char *b);

/* Ends configuration with this message, after config.c's file and line. */
#define fail(...) config_fail(MIRAGE_HERE, __VA_ARGS__)
void config_fail(struct config_place at, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/*
 * Say that the image needs a Debian package, or a library by its name for
 * pkg-config. `mirage configure` looks for them, and `make depend` installs
 * them. Images for virtual machines find the headers of both, after those of
 * their C library.
 */
void package(const char *name);
#define package(name) MIRAGE_AT(package(name))
void library(const char *name);
#define library(name) MIRAGE_AT(library(name))

/*
 * Gives the program the boot argument --sandbox, by which it gives up its
 * privileges and the system calls that it does not need once its devices are
 * connected. It is then linked with libseccomp. No effect on other targets than
 * unix: there the hypervisor confines the image.
 */
void sandbox(void);

/*
 * JOB(start, console, block) says that unikernel.c has
 *     void start(struct console *, struct block *);
 * and defines, for config.c,  job start(console, block).  At most 12 devices.
 */
#define JOB(...) MIRAGE_CALL(MIRAGE_PICK(__VA_ARGS__), __VA_ARGS__)

/*
 * Add to a job: a function  void fn(void)  in its sources that asks it to end
 * (without one its fiber is cancelled); a source besides unikernel.c; a folder
 * in which #include looks.
 */
void job_stop(job j, const char *fn);
#define job_stop(j, fn) MIRAGE_AT(job_stop(j, fn))
void job_source(job j, const char *file);
#define job_source(j, file) MIRAGE_AT(job_source(j, file))
void job_include(job j, const char *folder);
#define job_include(j, folder) MIRAGE_AT(job_include(j, folder))

/* One job that runs two side by side, and ends when both have ended. */
job together(job a, job b);
#define together(a, b) MIRAGE_AT(together(a, b))

/* Names the image, and the job that it runs. To be called once. */
void unikernel(const char *name, job main);
#define unikernel config_at(MIRAGE_HERE), unikernel

/* Defined by config.c. */
void configure(void);

/* The rest of this file implements JOB. */
job config_job(struct config_place at, const char *fn,
               const char *const *types, struct node *const *devices);

/* clang-format off */
#define MIRAGE_LIST(...) __VA_ARGS__
#define MIRAGE_JOB(fn, parameters, types, devices)                    \
    static inline __attribute__((unused)) job fn parameters           \
    {                                                                 \
        return config_job(MIRAGE_HERE, #fn,                           \
                          (const char *const[]){MIRAGE_LIST types},   \
                          (struct node *const[]){MIRAGE_LIST devices}); \
    }                                                                 \
    struct node /* eats the semicolon */

#define MIRAGE_JOB_MANY(fn, ...)                              \
    job fn();                                                 \
    _Static_assert(0, "JOB(" #fn ", ...) lists too many "     \
                      "devices: a job takes at most 12")

#define MIRAGE_CALL(which, ...)  MIRAGE_CALL_(which, __VA_ARGS__)
#define MIRAGE_CALL_(which, ...) MIRAGE_JOB_##which(__VA_ARGS__)

#define MIRAGE_JOB_0(fn) \
    MIRAGE_JOB(fn, (void), \
               (0), \
               (0))
#define MIRAGE_JOB_1(fn, t1) \
    MIRAGE_JOB(fn, (t1 a1), \
               (#t1, 0), \
               (a1.node, 0))
#define MIRAGE_JOB_2(fn, t1, t2) \
    MIRAGE_JOB(fn, (t1 a1, t2 a2), \
               (#t1, #t2, 0), \
               (a1.node, a2.node, 0))
#define MIRAGE_JOB_3(fn, t1, t2, t3) \
    MIRAGE_JOB(fn, (t1 a1, t2 a2, t3 a3), \
               (#t1, #t2, #t3, 0), \
               (a1.node, a2.node, a3.node, 0))
#define MIRAGE_JOB_4(fn, t1, t2, t3, t4) \
    MIRAGE_JOB(fn, (t1 a1, t2 a2, t3 a3, t4 a4), \
               (#t1, #t2, #t3, #t4, 0), \
               (a1.node, a2.node, a3.node, a4.node, 0))
#define MIRAGE_JOB_5(fn, t1, t2, t3, t4, t5) \
    MIRAGE_JOB(fn, (t1 a1, t2 a2, t3 a3, t4 a4, t5 a5), \
               (#t1, #t2, #t3, #t4, #t5, 0), \
               (a1.node, a2.node, a3.node, a4.node, a5.node, 0))
#define MIRAGE_JOB_6(fn, t1, t2, t3, t4, t5, t6) \
    MIRAGE_JOB(fn, (t1 a1, t2 a2, t3 a3, t4 a4, t5 a5, t6 a6), \
               (#t1, #t2, #t3, #t4, #t5, #t6, 0), \
               (a1.node, a2.node, a3.node, a4.node, a5.node, a6.node, \
                0))
#define MIRAGE_JOB_7(fn, t1, t2, t3, t4, t5, t6, t7) \
    MIRAGE_JOB(fn, (t1 a1, t2 a2, t3 a3, t4 a4, t5 a5, t6 a6, t7 a7), \
               (#t1, #t2, #t3, #t4, #t5, #t6, #t7, 0), \
               (a1.node, a2.node, a3.node, a4.node, a5.node, a6.node, \
                a7.node, 0))
#define MIRAGE_JOB_8(fn, t1, t2, t3, t4, t5, t6, t7, t8) \
    MIRAGE_JOB(fn, (t1 a1, t2 a2, t3 a3, t4 a4, t5 a5, t6 a6, t7 a7, \
                    t8 a8), \
               (#t1, #t2, #t3, #t4, #t5, #t6, #t7, #t8, 0), \
               (a1.node, a2.node, a3.node, a4.node, a5.node, a6.node, \
                a7.node, a8.node, 0))
#define MIRAGE_JOB_9(fn, t1, t2, t3, t4, t5, t6, t7, t8, t9) \
    MIRAGE_JOB(fn, (t1 a1, t2 a2, t3 a3, t4 a4, t5 a5, t6 a6, t7 a7, \
                    t8 a8, t9 a9), \
               (#t1, #t2, #t3, #t4, #t5, #t6, #t7, #t8, #t9, 0), \
               (a1.node, a2.node, a3.node, a4.node, a5.node, a6.node, \
                a7.node, a8.node, a9.node, 0))
#define MIRAGE_JOB_10(fn, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10) \
    MIRAGE_JOB(fn, (t1 a1, t2 a2, t3 a3, t4 a4, t5 a5, t6 a6, t7 a7, \
                    t8 a8, t9 a9, t10 a10), \
               (#t1, #t2, #t3, #t4, #t5, #t6, #t7, #t8, #t9, #t10, 0), \
               (a1.node, a2.node, a3.node, a4.node, a5.node, a6.node, \
                a7.node, a8.node, a9.node, a10.node, 0))
#define MIRAGE_JOB_11(fn, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11) \
    MIRAGE_JOB(fn, (t1 a1, t2 a2, t3 a3, t4 a4, t5 a5, t6 a6, t7 a7, \
                    t8 a8, t9 a9, t10 a10, t11 a11), \
               (#t1, #t2, #t3, #t4, #t5, #t6, #t7, #t8, #t9, #t10, \
                #t11, 0), \
               (a1.node, a2.node, a3.node, a4.node, a5.node, a6.node, \
                a7.node, a8.node, a9.node, a10.node, a11.node, 0))
#define MIRAGE_JOB_12(fn, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, \
                    t12) \
    MIRAGE_JOB(fn, (t1 a1, t2 a2, t3 a3, t4 a4, t5 a5, t6 a6, t7 a7, \
                    t8 a8, t9 a9, t10 a10, t11 a11, t12 a12), \
               (#t1, #t2, #t3, #t4, #t5, #t6, #t7, #t8, #t9, #t10, \
                #t11, #t12, 0), \
               (a1.node, a2.node, a3.node, a4.node, a5.node, a6.node, \
                a7.node, a8.node, a9.node, a10.node, a11.node, \
                a12.node, 0))

/* The number of arguments after the first, or MANY if JOB cannot take them. */
#define MIRAGE_PICK_(fn, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, \
    _12, _13, _14, _15, _16, _17, _18, _19, _20, _21, _22, _23, _24, \
    _25, _26, _27, _28, _29, _30, _31, _32, _33, _34, _35, _36, _37, \
    _38, _39, _40, _41, _42, _43, _44, _45, _46, _47, _48, _49, _50, \
    _51, _52, _53, _54, _55, _56, _57, _58, _59, _60, _61, _62, _63, \
    which, ...) \
    which
#define MIRAGE_PICK(...) \
    MIRAGE_PICK_(__VA_ARGS__, MANY, MANY, MANY, MANY, MANY, MANY, MANY, \
        MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, \
        MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, \
        MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, \
        MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY, \
        MANY, MANY, MANY, MANY, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, \
        0, ~)
/* clang-format on */

#endif
