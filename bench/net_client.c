/* SPDX-License-Identifier: ISC */
/*
 * net_client [OPTION...] ADDRESS PIDS WHAT...
 *     measures the services of example/netservices at ADDRESS from Linux, and
 *     the processor time of the processes PIDS (1,2,3), which serve
 *
 * -t SECONDS   each task takes this long, and not until a number is reached
 * -s SINCE     the servers were started then, in seconds since 1970
 *
 * WHAT is a name in the table tasks, or WAY_SIZEk_DEPTH, which measures the
 * disk of a guest: WAY is read or write, SIZE the KiB of a request (see
 * virtio_guest.h). A figure is a rate, or the time for one of many; NAME_cpu is
 * the processor time of the servers for a GiB, or for one.
 */
#define _GNU_SOURCE
#include "measure.h"
#include "virtio_guest.h"
#include <arpa/inet.h>
#include <errno.h>
#include <glob.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define ECHO    7
#define DISCARD 9
#define CHARGEN 19

#define MANY        8 /* connections of a bulk transfer */
#define MOST        64 /* connections */
#define BULK        ((size_t)256 << 20)
#define ECHOED      ((size_t)32 << 20)
#define PIECE       ((size_t)256 << 10)
#define PERIOD      251
#define MESSAGE     64 /* bytes of a round trip */
#define TRIPS       8000
#define DATAGRAMS   20000
#define OUTSTANDING 64
#define CONNECTIONS 2000
#define LATE        100000
#define IDLE        10000
#define GIB         1073741824.0
#define EVERY       10000000 /* nanoseconds between attempts to connect */
#define PATIENCE    5 /* as long an attempt may take */

/* The duration of measurements over a lossy wire. */
#define LOSSY_SECONDS 4.0

static struct sockaddr_in server;
static const char *pids;
static uint8_t buffer[PIECE], pattern[PIECE + PERIOD];
static double limit; /* seconds that a task takes; 0: until it has done all */
static double started; /* when the servers were, in seconds since 1970 */
static const char *congestion; /* congestion control; NULL: that of the route */

static void fail(const char *what)
{
    fprintf(stderr, "net_client: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Returns the processor time of all threads of a process in seconds (proc(5),
 * schedstat). */
static double time_of(int pid)
{
    char path[64];
    unsigned long long sum = 0;
    glob_t tasks;

    snprintf(path, sizeof path, "/proc/%d/task/*/schedstat", pid);
    if (glob(path, 0, NULL, &tasks) != 0)
        fail(path);
    for (size_t i = 0; i < tasks.gl_pathc; i++) {
        FILE *f = fopen(tasks.gl_pathv[i], "r");
        unsigned long long spent;

        if (f && fscanf(f, "%llu", &spent) == 1)
            sum += spent;
        if (f)
            fclose(f);
    }
    globfree(&tasks);
    return (double)sum * 1e-9;
}

static double server_time(void)
{
    const char *at = pids;
    double sum = 0;

    for (;;) {
        char *end;

        sum += time_of((int)strtol(at, &end, 10));
        if (*end != ',')
            return sum;
        at = end + 1;
    }
}

static struct moment begin(void)
{
    return (struct moment){clock_seconds(CLOCK_MONOTONIC), server_time()};
}

/* Whether a task that has done so much goes on. */
static bool goes_on(struct moment since, double done, double all)
{
    return limit > 0 ? clock_seconds(CLOCK_MONOTONIC) - since.wall < limit
                     : done < all;
}

static void put(const char *name, const char *more, double value,
                const char *unit)
{
    printf("%s%s %.9g %s\n", name, more, value, unit);
    fflush(stdout);
}

/* Prints the rate of so many bytes since then. */
static void put_rate(const char *name, struct moment since, double bytes)
{
    double spent = clock_seconds(CLOCK_MONOTONIC) - since.wall;

    put(name, "", bytes / spent, "B/s");
    put(name, "_cpu", (server_time() - since.cpu) * GIB / bytes, "s");
}

/* Prints the time of each of count since then. */
static void put_each(const char *name, struct moment since, double count)
{
    double spent = clock_seconds(CLOCK_MONOTONIC) - since.wall;

    put(name, "", spent / count, "s");
    put(name, "_cpu", (server_time() - since.cpu) / count, "s");
}

static int socket_to(int type, int port)
{
    int s = socket(AF_INET, type, 0);

    server.sin_port = htons((uint16_t)port);
    if (s < 0 || connect(s, (struct sockaddr *)&server, sizeof server) != 0)
        fail("connect");
    return s;
}

static int connected_to(int port)
{
    int s = socket_to(SOCK_STREAM, port), yes = 1;

    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (congestion && setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, congestion,
                                 (socklen_t)strlen(congestion)) != 0)
        fail(congestion);
    return s;
}

static void wait_for(const int *s, int count, short events)
{
    struct pollfd p[MOST];

    for (int i = 0; i < count; i++)
        p[i] = (struct pollfd){s[i], events, 0};
    if (poll(p, (nfds_t)count, 10000) <= 0)
        fail("poll");
}

/* Bulk */

static void measure_in(const char *name, int count)
{
    int s[MANY];
    size_t sent = 0;
    struct moment since;

    for (int i = 0; i < count; i++)
        s[i] = connected_to(DISCARD);
    since = begin();
    while (goes_on(since, (double)sent, BULK)) {
        bool some = false;

        for (int i = 0; i < count; i++) {
            ssize_t n = send(s[i], buffer, sizeof buffer,
                             count > 1 ? MSG_DONTWAIT : 0);

            if (n < 0 && errno != EAGAIN)
                fail("send");
            sent += n > 0 ? (size_t)n : 0;
            some |= n > 0;
        }
        if (!some)
            wait_for(s, count, POLLOUT);
    }
    for (int i = 0; i < count; i++)
        shutdown(s[i], SHUT_WR);
    for (int i = 0; i < count; i++) {
        while (read(s[i], buffer, sizeof buffer) > 0)
            continue;
        close(s[i]);
    }
    put_rate(name, since, (double)sent);
}

static void measure_in_bbr(const char *name, int count)
{
    congestion = "bbr";
    measure_in(name, count);
    congestion = NULL;
}

/* Checks a sample of the bytes. */
static void check_pattern(size_t at, size_t len)
{
    for (size_t i = 0; i < len; i += 4093)
        if (buffer[i] != (at + i) % PERIOD)
            fail("a wrong byte");
}

static void measure_out(const char *name, int count)
{
    int s[MANY];
    size_t got[MANY] = {0}, all = 0;
    struct moment since;

    for (int i = 0; i < count; i++)
        s[i] = connected_to(CHARGEN);
    since = begin();
    while (goes_on(since, (double)all, BULK)) {
        bool some = false;

        for (int i = 0; i < count; i++) {
            ssize_t n = recv(s[i], buffer, sizeof buffer,
                             count > 1 ? MSG_DONTWAIT : 0);

            if (n < 0 && errno == EAGAIN)
                continue;
            if (n <= 0)
                fail("recv");
            check_pattern(got[i], (size_t)n);
            got[i] += (size_t)n;
            all += (size_t)n;
            some = true;
        }
        if (!some)
            wait_for(s, count, POLLIN);
    }
    put_rate(name, since, (double)all);
    for (int i = 0; i < count; i++)
        close(s[i]);
}

static void measure_echo(const char *name, int count)
{
    int s = connected_to(ECHO);
    size_t sent = 0, got = 0;
    struct moment since = begin();

    (void)count;
    while (got < ECHOED) {
        struct pollfd p = {s, POLLIN, 0};
        ssize_t n;

        if (sent < ECHOED)
            p.events |= POLLOUT;
        if (poll(&p, 1, 10000) <= 0)
            fail("poll");
        if (p.revents & POLLOUT) {
            size_t left = ECHOED - sent;

            n = send(s, pattern + sent % PERIOD, left < PIECE ? left : PIECE,
                     MSG_DONTWAIT);
            if (n < 0 && errno != EAGAIN)
                fail("send");
            sent += n > 0 ? (size_t)n : 0;
        }
        if (!(p.revents & POLLIN))
            continue;
        n = recv(s, buffer, sizeof buffer, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            fail("recv");
        if (n > 0) {
            check_pattern(got, (size_t)n);
            got += (size_t)n;
        }
    }
    put_rate(name, since, (double)got);
    close(s);
}

/* Round trips */

static void take_message(int s)
{
    if (recv(s, buffer, MESSAGE, MSG_WAITALL) != MESSAGE)
        fail("recv");
}

static void send_message(int s)
{
    if (send(s, buffer, MESSAGE, 0) != MESSAGE)
        fail("send");
}

static void measure_trips(const char *name, int count)
{
    int s[MOST], trips;
    struct moment since;

    for (int i = 0; i < count; i++) {
        s[i] = connected_to(ECHO);
        send_message(s[i]);
        take_message(s[i]);
    }
    since = begin();
    for (int i = 0; i < count; i++)
        send_message(s[i]);
    for (trips = count; goes_on(since, trips, TRIPS); trips++) {
        take_message(s[trips % count]);
        send_message(s[trips % count]);
    }
    for (int i = 0; i < count; i++)
        take_message(s[i]);
    put_each(name, since, trips);
    for (int i = 0; i < count; i++)
        close(s[i]);
}

/* Sends count datagrams in as few system calls as possible. */
static void send_datagrams(int s, int count)
{
    static struct iovec part = {buffer, MESSAGE};
    static struct mmsghdr m[OUTSTANDING];

    for (int i = 0; i < count; i++)
        m[i].msg_hdr = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
    for (int sent = 0; sent < count;) {
        int n = sendmmsg(s, m, (unsigned)(count - sent), 0);

        if (n <= 0)
            fail("sendmmsg");
        sent += n;
    }
}

/* Receives at most count datagrams. 0: those in flight are lost. */
static int take_datagrams(int s, int most)
{
    static uint8_t byte[OUTSTANDING][2 * MESSAGE];
    static struct iovec part[OUTSTANDING];
    static struct mmsghdr m[OUTSTANDING];
    int n;

    for (int i = 0; i < most; i++) {
        part[i] = (struct iovec){byte[i], sizeof byte[i]};
        m[i].msg_hdr = (struct msghdr){.msg_iov = &part[i], .msg_iovlen = 1};
    }
    n = recvmmsg(s, m, (unsigned)most, MSG_WAITFORONE, NULL);
    if (n < 0 && errno != EAGAIN)
        fail("recvmmsg");
    for (int i = 0; i < n; i++)
        if (m[i].msg_len != MESSAGE)
            fail("a datagram of another length");
    return n < 0 ? 0 : n;
}

static void measure_datagrams(const char *name, int outstanding)
{
    struct timeval patience = {0, 200000};
    int s = socket_to(SOCK_DGRAM, ECHO), lost = 0, got = 0;
    struct moment since;

    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    since = begin();
    send_datagrams(s, outstanding);
    while (goes_on(since, got, DATAGRAMS)) {
        int n = take_datagrams(s, outstanding);

        got += n;
        if (n == 0 && ++lost > 10)
            fail("datagrams do not come back");
        send_datagrams(s, n ? n : outstanding);
    }
    put_each(name, since, got);
    close(s);
}

/* Connections */

static void have_connection(void)
{
    int s = connected_to(ECHO);

    if (write(s, "x", 1) != 1 || read(s, buffer, 1) != 1)
        fail("echo");
    close(s);
}

static void measure_connections(const char *name, int count)
{
    struct moment since = begin();
    int n = 0;

    for (; goes_on(since, n, count); n++)
        have_connection();
    put_each(name, since, n);
}

/* The same after so many other connections. */
static void measure_late(const char *name, int count)
{
    for (int i = 0; i < LATE; i++)
        have_connection();
    measure_connections(name, count);
}

static double server_memory(void)
{
    const char *last = strrchr(pids, ',');
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/status",
             atoi(last ? last + 1 : pids));
    return proc_bytes(path, "VmRSS");
}

/* Connections that are idle after a round trip of one byte. */
static void measure_idle(const char *name, int count)
{
    double before = server_memory();
    struct rlimit most = {(rlim_t)count + 100, (rlim_t)count + 100};
    double cpu;

    if (setrlimit(RLIMIT_NOFILE, &most) != 0)
        fail("setrlimit");
    for (int i = 0; i < count; i++) {
        int s = connected_to(ECHO);

        if (write(s, "x", 1) != 1 || read(s, buffer, 1) != 1)
            fail("echo");
    }
    sleep(1);
    put(name, "", server_memory(), "B");
    put(name, "_each", (server_memory() - before) / count, "B");
    cpu = server_time();
    sleep(2);
    put(name, "_cpu", (server_time() - cpu) / 2, "s");
    measure_trips("idle_trip", 1);
}

/* Over a lossy wire */

static void lossy_out(const char *name, int count)
{
    int s = connected_to(CHARGEN);
    double got = 0;
    struct moment since = begin();

    (void)count;
    while (clock_seconds(CLOCK_MONOTONIC) - since.wall < LOSSY_SECONDS) {
        ssize_t n = recv(s, buffer, sizeof buffer, 0);

        if (n <= 0)
            fail("recv");
        got += (double)n;
    }
    put_rate(name, since, got);
    close(s);
}

/* Counts acknowledged bytes. */
static void lossy_in(const char *name, int count)
{
    int s = connected_to(DISCARD);
    struct timeval soon = {0, 100000};
    struct moment since = begin();
    struct tcp_info info;
    socklen_t len = sizeof info;

    (void)count;
    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
    while (clock_seconds(CLOCK_MONOTONIC) - since.wall < LOSSY_SECONDS)
        if (send(s, buffer, sizeof buffer, 0) < 0 && errno != EAGAIN)
            fail("send");
    if (getsockopt(s, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        fail("TCP_INFO");
    put_rate(name, since, (double)info.tcpi_bytes_acked);
    close(s);
}

static void lossy_in_bbr(const char *name, int count)
{
    congestion = "bbr";
    lossy_in(name, count);
    congestion = NULL;
}

/* The start of a guest */

/* Tries until deadline, in seconds. Returns whether it was accepted. */
static bool is_accepted(double deadline)
{
    int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), error = 0;
    socklen_t len = sizeof error;
    bool accepted = false;

    if (connect(s, (struct sockaddr *)&server, sizeof server) == 0)
        accepted = true;
    else if (errno == EINPROGRESS)
        for (;;) {
            double left = deadline - clock_seconds(CLOCK_MONOTONIC);
            struct pollfd p = {s, POLLOUT, 0};

            if (left <= 0)
                break;
            if (poll(&p, 1, (int)(left * 1e3) + 1) <= 0)
                continue;
            getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &len);
            accepted = error == 0;
            break;
        }
    close(s);
    return accepted;
}

/*
 * From the start of the servers to the first connection that is accepted. How
 * often ARP asks is set by net.sh; there is a new SYN as often, since Linux
 * would wait a second before it sends one again.
 */
static void measure_first(const char *name, int count)
{
    struct timespec between = {0, EVERY};

    (void)count;
    server.sin_port = htons(ECHO);
    for (;;) {
        double now = clock_seconds(CLOCK_MONOTONIC);

        if (is_accepted(now + EVERY * 1e-9 * PATIENCE))
            break;
        if (clock_seconds(CLOCK_REALTIME) - started > 60)
            give_up("the server accepts nothing");
        if (clock_seconds(CLOCK_MONOTONIC) - now < EVERY * 1e-9)
            nanosleep(&between, NULL);
    }
    put(name, "", clock_seconds(CLOCK_REALTIME) - started, "s");
}

/* The disk of a guest */

static void measure_disk(const char *name, const struct disk_question *q)
{
    int s = connected_to(DISK_PORT);
    unsigned long long done, length;
    char line[80];
    double cpu;
    ssize_t n;

    snprintf(line, sizeof line, "%u %u %u %u\n", q->is_write, q->bytes,
             q->depth, q->milliseconds);
    cpu = server_time();
    if (write(s, line, strlen(line)) < 0)
        fail("the disk");
    n = read(s, line, sizeof line - 1);
    if (n <= 0)
        fail("the disk");
    line[n] = '\0';
    if (sscanf(line, "%llu %llu", &done, &length) != 2 || done == 0)
        give_up("the guest has not used its disk");
    put(name, "", (double)done * q->bytes * 1e9 / (double)length, "B/s");
    put(name, "_cpu", (server_time() - cpu) / (double)done, "s");
    close(s);
}

static bool is_disk(const char *name, struct disk_question *q)
{
    char way[8];

    if (sscanf(name, "%7[a-z]_%uk_%u", way, &q->bytes, &q->depth) != 3)
        return false;
    q->is_write = strcmp(way, "write") == 0;
    q->bytes *= 1024;
    q->milliseconds = (unsigned)((limit > 0 ? limit : 1) * 1e3);
    return true;
}

static const struct task {
    const char *name;
    void (*fn)(const char *name, int count);
    int count;
} tasks[] = {
    {"in", measure_in, 1},
    {"in8", measure_in, MANY},
    {"in_bbr", measure_in_bbr, 1},
    {"out", measure_out, 1},
    {"out8", measure_out, MANY},
    {"echo", measure_echo, 1},
    {"trip", measure_trips, 1},
    {"trip8", measure_trips, MANY},
    {"trip64", measure_trips, MOST},
    {"udp", measure_datagrams, 1},
    {"udp8", measure_datagrams, MANY},
    {"udp64", measure_datagrams, OUTSTANDING},
    {"connection", measure_connections, CONNECTIONS},
    {"late", measure_late, CONNECTIONS},
    {"first", measure_first, 0},
    {"idle", measure_idle, IDLE},
    {"loss_in", lossy_in, 1},
    {"loss_in_bbr", lossy_in_bbr, 1},
    {"loss_out", lossy_out, 1},
};

static void run(const char *name)
{
    struct disk_question q;

    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (strcmp(tasks[i].name, name) == 0) {
            tasks[i].fn(name, tasks[i].count);
            return;
        }
    if (!is_disk(name, &q))
        give_up("net_client knows no such task");
    measure_disk(name, &q);
}

int main(int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "+t:s:")) != -1)
        if (option == 't')
            limit = strtod(optarg, NULL);
        else if (option == 's')
            started = strtod(optarg, NULL);
        else
            return 2;
    argv += optind - 1;
    argc -= optind - 1;
    server.sin_family = AF_INET;
    if (argc < 4 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) {
        fprintf(stderr, "usage: net_client [-t SECONDS] [-s SINCE] ADDRESS "
                        "PIDS WHAT...\n");
        return 2;
    }
    pids = argv[2];
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i % PERIOD);
    for (int i = 3; i < argc; i++)
        run(argv[i]);
    return 0;
}
