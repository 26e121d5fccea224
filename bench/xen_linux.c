/* SPDX-License-Identifier: ISC */
/*
 * The Linux guest of xen.plan, as its only process: loads the modules of
 * /modules/list, measures its disk, and then serves as example/netservices
 * does, with a thread for each connection. xen_guest.c does the same.
 */
#define _GNU_SOURCE
#include "measure.h"
#include "xen_guest.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST  32 /* requests in flight */
#define CHUNK 65536 /* bytes of a read or a write */
#define ALL   65535 /* the most bytes of a datagram */

static int disk;
static uint64_t places, seed = XEN_SEED;
static uint8_t *data;

static void fail(const char *what)
{
    perror(what);
    sleep(1);
    exit(1); /* the kernel panics */
}

/* --- the system */

static void open_console(void)
{
    int console;

    if (mount("dev", "/dev", "devtmpfs", 0, NULL) != 0)
        fail("/dev");
    console = open("/dev/console", O_RDWR);
    for (int i = 0; i < 3; i++)
        dup2(console, i);
}

static void load_modules(void)
{
    FILE *list = fopen("/modules/list", "r");
    char name[64], path[80];

    if (!list)
        fail("/modules/list");
    while (fscanf(list, "%63s", name) == 1) {
        int file;

        snprintf(path, sizeof path, "/modules/%s", name);
        file = open(path, O_RDONLY);
        if (syscall(SYS_finit_module, file, "", 0) != 0)
            fail(path);
        close(file);
    }
    fclose(list);
}

static void set_address(int s, struct ifreq *r, unsigned long what,
                        const char *address)
{
    struct sockaddr_in *a = (struct sockaddr_in *)(void *)&r->ifr_addr;

    *a = (struct sockaddr_in){.sin_family = AF_INET};
    inet_pton(AF_INET, address, &a->sin_addr);
    if (ioctl(s, what, r) != 0)
        fail(address);
}

static void set_network_up(void)
{
    struct ifreq r = {.ifr_name = "eth0"};
    int s = socket(AF_INET, SOCK_DGRAM, 0);

    while (ioctl(s, SIOCGIFFLAGS, &r) != 0)
        usleep(10000);
    set_address(s, &r, SIOCSIFADDR, "10.0.0.2");
    set_address(s, &r, SIOCSIFNETMASK, "255.255.255.0");
    r.ifr_flags = IFF_UP;
    if (ioctl(s, SIOCSIFFLAGS, &r) != 0)
        fail("eth0");
    close(s);
}

static void open_disk(void)
{
    while ((disk = open("/dev/xvda", O_RDWR | O_DIRECT)) < 0)
        usleep(10000);
    places = (uint64_t)lseek(disk, 0, SEEK_END) / XEN_BYTES;
    if (posix_memalign((void **)&data, 4096, MOST * XEN_BYTES) != 0)
        fail("memory");
    memset(data, 1, MOST * XEN_BYTES);
}

/* --- the disk */

static off_t place(void)
{
    return (off_t)(xen_place(&seed, places) * XEN_BYTES);
}

static unsigned long use_alone(bool is_write, double end)
{
    unsigned long done = 0;

    for (; clock_seconds(CLOCK_MONOTONIC) < end; done++)
        if ((is_write ? pwrite(disk, data, XEN_BYTES, place())
                      : pread(disk, data, XEN_BYTES, place())) != XEN_BYTES)
            fail("disk");
    return done;
}

static void ask(aio_context_t queue, struct iocb **some, long count)
{
    for (long i = 0; i < count; i++)
        some[i]->aio_offset = place();
    if (count > 0 && syscall(SYS_io_submit, queue, count, some) != count)
        fail("io_submit");
}

static void prepare_requests(struct iocb *all, struct iocb **some,
                             bool is_write)
{
    for (size_t i = 0; i < MOST; i++) {
        all[i] = (struct iocb){
            .aio_lio_opcode = is_write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
            .aio_fildes = (uint32_t)disk,
            .aio_buf = (uintptr_t)(data + i * XEN_BYTES),
            .aio_nbytes = XEN_BYTES,
            .aio_data = (uintptr_t)&all[i]};
        some[i] = &all[i];
    }
}

/* Submits completed requests again, together. */
static unsigned long use_together(bool is_write, double end)
{
    struct iocb all[MOST], *some[MOST];
    struct io_event events[MOST];
    aio_context_t queue = 0;
    unsigned long done = 0;
    long under_way = MOST;

    if (syscall(SYS_io_setup, MOST, &queue) != 0)
        fail("io_setup");
    prepare_requests(all, some, is_write);
    ask(queue, some, MOST);
    while (under_way > 0) {
        long n = syscall(SYS_io_getevents, queue, 1, MOST, events, NULL);

        for (long i = 0; i < n; i++) {
            if (events[i].res != XEN_BYTES)
                fail("disk");
            some[i] = (struct iocb *)(uintptr_t)events[i].data;
        }
        done += (unsigned long)n;
        if (clock_seconds(CLOCK_MONOTONIC) < end)
            ask(queue, some, n);
        else
            under_way -= n;
    }
    syscall(SYS_io_destroy, queue);
    return done;
}

static void measure_disk(bool is_write, int depth)
{
    double since = clock_seconds(CLOCK_MONOTONIC);
    double end = since + XEN_SECONDS;
    unsigned long done = depth == 1 ? use_alone(is_write, end)
                                    : use_together(is_write, end);

    printf("%s_%d %.0f B/s\n", is_write ? "write" : "read", depth,
           (double)done * XEN_BYTES /
               (clock_seconds(CLOCK_MONOTONIC) - since));
    fflush(stdout);
}

/* --- the services */

static void *echo(void *arg)
{
    char bytes[CHUNK];
    int s = (int)(intptr_t)arg;
    ssize_t n;

    while ((n = read(s, bytes, sizeof bytes)) > 0)
        if (write(s, bytes, (size_t)n) != n)
            break;
    close(s);
    return NULL;
}

static void *discard(void *arg)
{
    char bytes[CHUNK];
    int s = (int)(intptr_t)arg;

    while (read(s, bytes, sizeof bytes) > 0)
        continue;
    close(s);
    return NULL;
}

static void *generate(void *arg)
{
    static char bytes[251 * 261];
    int s = (int)(intptr_t)arg;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i % 251);
    while (write(s, bytes, sizeof bytes) == sizeof bytes)
        continue;
    close(s);
    return NULL;
}

static int bound_to(int type, int port)
{
    const struct sockaddr_in any = {.sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)port)};
    int s = socket(AF_INET, type, 0);

    if (bind(s, (const struct sockaddr *)&any, sizeof any) != 0)
        fail("bind");
    return s;
}

static void in_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, fn, arg) != 0)
        fail("a thread");
    pthread_detach(thread);
}

struct service {
    int port;
    void *(*fn)(void *);
};

static void *serve(void *arg)
{
    const struct service *service = arg;
    int s = bound_to(SOCK_STREAM, service->port), yes = 1;

    listen(s, 16);
    for (;;) {
        int flow = accept(s, NULL, NULL);

        if (flow < 0)
            fail("accept");
        setsockopt(flow, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        in_thread(service->fn, (void *)(intptr_t)flow);
    }
    return NULL;
}

static void echo_datagrams(void)
{
    static char bytes[ALL];
    struct sockaddr_in from;
    int s = bound_to(SOCK_DGRAM, 7);

    for (;;) {
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(s, bytes, sizeof bytes, 0,
                             (struct sockaddr *)&from, &len);

        if (n >= 0)
            (void)sendto(s, bytes, (size_t)n, 0, (struct sockaddr *)&from, len);
    }
}

int main(void)
{
    static struct service services[] = {
        {7, echo}, {9, discard}, {19, generate}};

    signal(SIGPIPE, SIG_IGN);
    open_console();
    load_modules();
    set_network_up();
    open_disk();
    sleep(XEN_PAUSE);
    for (int is_write = 0; is_write < 2; is_write++) {
        measure_disk(is_write, 1);
        measure_disk(is_write, MOST);
    }
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        in_thread(serve, &services[i]);
    echo_datagrams();
}
