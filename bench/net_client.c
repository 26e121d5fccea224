/* SPDX-License-Identifier: ISC */
/*
 * net_client ADDRESS PORT-BASE PID   measures the services of
 *                                    example/netservices there, from Linux,
 *                                    and what processor time they take process
 *                                    PID
 */
#include "measure.h"
#include <arpa/inet.h>
#include <errno.h>
#include <glob.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#define BULK        ((size_t)256 << 20)
#define TRIPS       10000
#define CONNECTIONS 2000
#define GIB         1073741824.0

static struct sockaddr_in server;
static const char        *base, *pid;
static char               buffer[1 << 18];

static void fail(const char *what)
{
    fprintf(stderr, "net_client: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* The seconds that all threads of the server have had a processor (proc(5),
 * schedstat). */
static double server_time(void)
{
    char               pattern[64];
    unsigned long long sum = 0;
    glob_t             tasks;

    snprintf(pattern, sizeof pattern, "/proc/%s/task/*/schedstat", pid);
    if (glob(pattern, 0, NULL, &tasks) != 0)
        fail(pattern);
    for (size_t i = 0; i < tasks.gl_pathc; i++) {
        FILE              *f = fopen(tasks.gl_pathv[i], "r");
        unsigned long long spent;

        if (f && fscanf(f, "%llu", &spent) == 1)
            sum += spent;
        if (f)
            fclose(f);
    }
    globfree(&tasks);
    return (double)sum * 1e-9;
}

static int connected_to(int port)
{
    int s = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

    server.sin_port = htons((uint16_t)(atoi(base) + port));
    if (s < 0 || connect(s, (struct sockaddr *)&server, sizeof server) != 0)
        fail("connect");
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return s;
}

static void measure_in(void)
{
    int    s = connected_to(9);
    double cpu = server_time(), since = clock_seconds(CLOCK_MONOTONIC);

    for (size_t sent = 0; sent < BULK;) {
        ssize_t n = write(s, buffer, sizeof buffer);

        if (n <= 0)
            fail("write");
        sent += (size_t)n;
    }
    shutdown(s, SHUT_WR);
    while (read(s, buffer, sizeof buffer) > 0)
        continue;
    printf("in %g B/s\n",
           (double)BULK / (clock_seconds(CLOCK_MONOTONIC) - since));
    printf("in_cpu %g s\n", (server_time() - cpu) * GIB / (double)BULK);
    close(s);
}

static void measure_out(void)
{
    int    s = connected_to(19);
    double cpu = server_time(), since = clock_seconds(CLOCK_MONOTONIC);
    size_t got = 0;

    while (got < BULK) {
        ssize_t n = read(s, buffer, sizeof buffer);

        if (n <= 0)
            fail("read");
        for (ssize_t i = 0; i < n; i += 4093)
            if ((uint8_t)buffer[i] != (got + (size_t)i) % 251)
                fail("a wrong byte");
        got += (size_t)n;
    }
    printf("out %g B/s\n",
           (double)got / (clock_seconds(CLOCK_MONOTONIC) - since));
    printf("out_cpu %g s\n", (server_time() - cpu) * GIB / (double)got);
    close(s);
}

static void measure_trips(void)
{
    int    s = connected_to(7);
    double cpu = server_time(), since = clock_seconds(CLOCK_MONOTONIC);

    for (int i = 0; i < TRIPS; i++)
        if (write(s, "x", 1) != 1 || read(s, buffer, 1) != 1)
            fail("echo");
    printf("trip %g s\n",
           (clock_seconds(CLOCK_MONOTONIC) - since) / TRIPS);
    printf("trip_cpu %g s\n", (server_time() - cpu) / TRIPS);
    close(s);
}

static void measure_connections(void)
{
    double cpu = server_time(), since = clock_seconds(CLOCK_MONOTONIC);

    for (int i = 0; i < CONNECTIONS; i++) {
        int s = connected_to(7);

        if (write(s, "x", 1) != 1 || read(s, buffer, 1) != 1)
            fail("echo");
        close(s);
    }
    printf("connection %g s\n",
           (clock_seconds(CLOCK_MONOTONIC) - since) / CONNECTIONS);
    printf("connection_cpu %g s\n", (server_time() - cpu) / CONNECTIONS);
}

int main(int argc, char **argv)
{
    server.sin_family = AF_INET;
    if (argc != 4 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) {
        fprintf(stderr, "usage: net_client ADDRESS PORT-BASE PID\n");
        return 2;
    }
    base = argv[2];
    pid = argv[3];
    measure_in();
    measure_out();
    measure_trips();
    measure_connections();
    return 0;
}
