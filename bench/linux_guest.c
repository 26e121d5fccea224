/* SPDX-License-Identifier: ISC */
/*
 * Linux as a guest that is measured: its start, the use of its disk, and the
 * services of example/netservices.
 */
#define _GNU_SOURCE
#include "linux_guest.h"
#include "measure.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST  32 /* requests in flight */
#define CHUNK 65536 /* bytes of a read or a write */
#define ALL   65535 /* the most bytes of a datagram */

void guest_fail(const char *what)
{
    perror(what);
    sleep(1);
    exit(1);
}

/* --- the system */

void guest_open_console(void)
{
    int console;

    if (mount("dev", "/dev", "devtmpfs", 0, NULL) != 0)
        guest_fail("/dev");
    console = open("/dev/console", O_RDWR);
    for (int i = 0; i < 3; i++)
        dup2(console, i);
}

void guest_load_modules(void)
{
    FILE *list = fopen("/modules/list", "r");
    char name[64], path[80];

    if (!list)
        guest_fail("/modules/list");
    while (fscanf(list, "%63s", name) == 1) {
        int file;

        snprintf(path, sizeof path, "/modules/%s", name);
        file = open(path, O_RDONLY);
        if (syscall(SYS_finit_module, file, "", 0) != 0)
            guest_fail(path);
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
        guest_fail(address);
}

void guest_set_network_up(void)
{
    struct ifreq r = {.ifr_name = "eth0"};
    int s = socket(AF_INET, SOCK_DGRAM, 0);

    while (ioctl(s, SIOCGIFFLAGS, &r) != 0)
        usleep(10000);
    set_address(s, &r, SIOCSIFADDR, "10.0.0.2");
    set_address(s, &r, SIOCSIFNETMASK, "255.255.255.0");
    r.ifr_flags = IFF_UP;
    if (ioctl(s, SIOCSIFFLAGS, &r) != 0)
        guest_fail("eth0");
    close(s);
}

int guest_open_disk(const char *path, uint64_t *size)
{
    int disk;

    while ((disk = open(path, O_RDWR | O_DIRECT)) < 0)
        usleep(10000);
    *size = (uint64_t)lseek(disk, 0, SEEK_END);
    return disk;
}

/* --- the disk */

static off_t place(const struct guest_work *w)
{
    return (off_t)(w->next_place(w->ctx) * w->bytes);
}

static unsigned long use_alone(const struct guest_work *w, double end)
{
    ssize_t bytes = (ssize_t)w->bytes;
    unsigned long done = 0;

    for (; clock_seconds(CLOCK_MONOTONIC) < end; done++)
        if ((w->is_write ? pwrite(w->disk, w->data, w->bytes, place(w))
                         : pread(w->disk, w->data, w->bytes, place(w))) !=
            bytes)
            guest_fail("disk");
    return done;
}

static void ask(const struct guest_work *w, aio_context_t queue,
                struct iocb **some, long count)
{
    for (long i = 0; i < count; i++)
        some[i]->aio_offset = place(w);
    if (count > 0 && syscall(SYS_io_submit, queue, count, some) != count)
        guest_fail("io_submit");
}

static void prepare_requests(const struct guest_work *w, struct iocb *all,
                             struct iocb **some)
{
    for (size_t i = 0; i < w->depth; i++) {
        all[i] = (struct iocb){
            .aio_lio_opcode = w->is_write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
            .aio_fildes = (uint32_t)w->disk,
            .aio_buf = (uintptr_t)(w->data + i * w->bytes),
            .aio_nbytes = w->bytes,
            .aio_data = (uintptr_t)&all[i]};
        some[i] = &all[i];
    }
}

/* Submits completed requests again, together. */
static unsigned long use_together(const struct guest_work *w, double end)
{
    struct iocb all[MOST], *some[MOST];
    struct io_event events[MOST];
    aio_context_t queue = 0;
    unsigned long done = 0;
    long under_way = (long)w->depth;

    if (syscall(SYS_io_setup, MOST, &queue) != 0)
        guest_fail("io_setup");
    prepare_requests(w, all, some);
    ask(w, queue, some, under_way);
    while (under_way > 0) {
        long n = syscall(SYS_io_getevents, queue, 1, MOST, events, NULL);

        for (long i = 0; i < n; i++) {
            if (events[i].res != (long long)w->bytes)
                guest_fail("disk");
            some[i] = (struct iocb *)(uintptr_t)events[i].data;
        }
        done += (unsigned long)n;
        if (clock_seconds(CLOCK_MONOTONIC) < end)
            ask(w, queue, some, n);
        else
            under_way -= n;
    }
    syscall(SYS_io_destroy, queue);
    return done;
}

unsigned long guest_use_disk(const struct guest_work *w, double end)
{
    return w->depth == 1 ? use_alone(w, end) : use_together(w, end);
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

int guest_bind(int type, int port)
{
    const struct sockaddr_in any = {.sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)port)};
    int s = socket(AF_INET, type, 0);

    if (bind(s, (const struct sockaddr *)&any, sizeof any) != 0)
        guest_fail("bind");
    return s;
}

void guest_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, fn, arg) != 0)
        guest_fail("a thread");
    pthread_detach(thread);
}

struct service {
    int port;
    void *(*fn)(void *);
};

static void *serve(void *arg)
{
    const struct service *service = arg;
    int s = guest_bind(SOCK_STREAM, service->port), yes = 1;

    listen(s, 16);
    for (;;) {
        int flow = accept(s, NULL, NULL);

        if (flow < 0)
            guest_fail("accept");
        setsockopt(flow, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        guest_thread(service->fn, (void *)(intptr_t)flow);
    }
    return NULL;
}

static void __attribute__((noreturn)) echo_datagrams(void)
{
    static char bytes[ALL];
    struct sockaddr_in from;
    int s = guest_bind(SOCK_DGRAM, 7);

    for (;;) {
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(s, bytes, sizeof bytes, 0,
                             (struct sockaddr *)&from, &len);

        if (n >= 0)
            (void)sendto(s, bytes, (size_t)n, 0, (struct sockaddr *)&from, len);
    }
}

void guest_serve(void)
{
    static struct service services[] = {
        {7, echo}, {9, discard}, {19, generate}};

    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        guest_thread(serve, &services[i]);
    echo_datagrams();
}
