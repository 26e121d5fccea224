/* SPDX-License-Identifier: ISC */
/*
 * xen_client ADDRESS PREFIX DOMAIN
 *
 * Measures the services of example/netservices from dom0, each for a second or
 * two, and the processor time of the guest. Names of figures begin with PREFIX.
 * Like net_client.c, but for a peer of unknown speed.
 */
#define __XEN_TOOLS__ 1
#include "measure.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xen/domctl.h>

#define BULK  2.0 /* seconds */
#define TRIPS 1.5
#define SIZE  64 /* bytes of a round trip */
#define WARM  50 /* round trips before */
#define MOST  100000
#define LIMIT 60 /* seconds of all */
#define GIB   1073741824.0

static struct sockaddr_in server;
static const char *prefix;
static domid_t guest;
static char buffer[1 << 18];

static void fail(const char *what)
{
    fprintf(stderr, "xen_client: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void)
{
    return clock_seconds(CLOCK_MONOTONIC);
}

/* From Linux's xen/privcmd.h, which needs headers that are not installed. */
struct hypercall {
    uint64_t number, arg[5];
};
#define HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct hypercall))

/* The processor time of the guest in seconds, as Xen counts it. */
static double guest_time(void)
{
    static struct xen_domctl question; /* Xen reads it */
    struct hypercall call = {.number = __HYPERVISOR_domctl,
                             .arg = {(uintptr_t)&question}};
    static int xen = -1;

    if (xen < 0 && ((xen = open("/dev/xen/privcmd", O_RDWR)) < 0 ||
                    mlock(&question, sizeof question) != 0))
        fail("/dev/xen/privcmd");
    question = (struct xen_domctl){
        .cmd = XEN_DOMCTL_getdomaininfo,
        .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
        .domain = guest};
    if (ioctl(xen, HYPERCALL, &call) != 0)
        fail("XEN_DOMCTL_getdomaininfo");
    return (double)question.u.getdomaininfo.cpu_time * 1e-9;
}

static void tell(const char *figure, double value, const char *unit)
{
    printf("%s%s %.9g %s\n", prefix, figure, value, unit);
    fflush(stdout);
}

static int socket_of(int type)
{
    const struct timeval limit = {.tv_usec = 500000};
    int s = socket(AF_INET, type, 0);

    if (s < 0 ||
        setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0)
        fail("socket");
    return s;
}

static int attempt(int type, int port)
{
    int s = socket_of(type);

    server.sin_port = htons((uint16_t)port);
    if (connect(s, (struct sockaddr *)&server, sizeof server) == 0)
        return s;
    close(s);
    return -1;
}

static int connected_to(int port)
{
    const struct timeval none = {0};
    int s = attempt(SOCK_STREAM, port), yes = 1;

    if (s < 0)
        fail("connect");
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
    return s;
}

/* The guest measures its disk first. */
static void wait_for_services(void)
{
    int s;

    while ((s = attempt(SOCK_STREAM, 7)) < 0)
        usleep(200000);
    close(s);
    usleep(500000);
}

static void measure_in(void)
{
    int s = connected_to(9);
    double cpu = guest_time(), since = now(), sent = 0;

    while (now() - since < BULK) {
        ssize_t n = write(s, buffer, sizeof buffer);

        if (n <= 0)
            fail("write");
        sent += (double)n;
    }
    shutdown(s, SHUT_WR);
    while (read(s, buffer, sizeof buffer) > 0)
        continue;
    tell("in", sent / (now() - since), "B/s");
    tell("in_cpu", (guest_time() - cpu) * GIB / sent, "s");
    close(s);
}

static void measure_out(void)
{
    int s = connected_to(19);
    double cpu = guest_time(), since = now();
    size_t got = 0;

    while (now() - since < BULK) {
        ssize_t n = read(s, buffer, sizeof buffer);

        if (n <= 0)
            fail("read");
        for (ssize_t i = 0; i < n; i += 4093)
            if ((uint8_t)buffer[i] != (got + (size_t)i) % 251)
                fail("a wrong byte");
        got += (size_t)n;
    }
    tell("out", (double)got / (now() - since), "B/s");
    tell("out_cpu", (guest_time() - cpu) * GIB / (double)got, "s");
    close(s);
}

/* Sends and receives one message. False: a datagram was lost. */
static bool trip(int s)
{
    ssize_t n;

    if (send(s, buffer, SIZE, 0) != SIZE)
        fail("send");
    for (ssize_t got = 0; got < SIZE; got += n)
        if ((n = recv(s, buffer, (size_t)(SIZE - got), 0)) <= 0)
            return false;
    return true;
}

/* The median, since a shared processor delays some round trips by much. */
static void measure_trips(const char *figure, int s)
{
    static double took[MOST];
    const struct timeval limit = {.tv_usec = 200000};
    size_t count = 0;
    double since, cpu;
    char figure_cpu[16];

    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    for (int i = 0; i < WARM; i++)
        (void)trip(s);
    cpu = guest_time();
    for (since = now(); now() - since < TRIPS && count < MOST; count++) {
        double begin = now();

        if (!trip(s))
            fail(figure);
        took[count] = now() - begin;
    }
    cpu = (guest_time() - cpu) / (double)count;
    tell(figure, median(took, count), "s");
    snprintf(figure_cpu, sizeof figure_cpu, "%s_cpu", figure);
    tell(figure_cpu, cpu, "s");
    close(s);
}

int main(int argc, char **argv)
{
    server.sin_family = AF_INET;
    if (argc != 4 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) {
        fprintf(stderr, "usage: xen_client ADDRESS PREFIX DOMAIN\n");
        return 2;
    }
    prefix = argv[2];
    guest = (domid_t)atoi(argv[3]);
    alarm(LIMIT);
    wait_for_services();
    measure_in();
    measure_out();
    measure_trips("tcp", connected_to(7));
    measure_trips("udp", attempt(SOCK_DGRAM, 7));
    return 0;
}
