/* SPDX-License-Identifier: ISC */
/*
 * wire TAP-A TAP-B [OPTION]...   joins two TAPs of Linux by a wire with faults
 *
 *   --seed=N           of the generators of chance (0)
 *   --loss=PERCENT     of the frames are lost
 *   --duplicate=PERCENT  come twice
 *   --reorder=PERCENT  are overtaken by the next one to four
 *   --hold=MS          that a frame waits for those, if they do not come (50)
 *   --corrupt=PERCENT  have one bit behind the Ethernet header turned over
 *   --delay=MS         that each frame takes, one way
 *   --jitter=MS        added to that, from nothing to so much, at random;
 *                      order is kept
 *   --rate=MBIT        that the wire carries each way, in a second
 *   --queue=FRAMES     under way at once, each way (10000); more are dropped
 *   --cut=FROM-TO      seconds from the start in which nothing gets through;
 *                      may be given eight times
 *   --pcap=FILE        what leaves the wire, at the time at which it does
 *   --stats            prints counters at the end, which SIGTERM or SIGINT asks
 *
 * The kernel offloads segmentation and checksums of TCP. Both are done first,
 * so that faults hit the frames of a cable.
 *
 * The faults of the nth frame of a direction depend only on the seed, the
 * direction and n, and each kind on a random number of its own: two runs with
 * the same frames have the same faults, and changing the loss does not change
 * the frames that are duplicated. Only whether a frame is overtaken before
 * --hold has passed depends on the clock: for the same order, too, let --hold
 * be long.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <mirage/bytes.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SECOND      1000000000LL
#define MILLISECOND 1000000LL
#define FOREVER     INT64_MAX
#define OVERTAKERS  4
#define ETHERNET    14
#define LONGEST     (ETHERNET + 65535)
#define BATCH       64 /* frames that are read at once */
#define CUTS        8

typedef int64_t nanoseconds;

struct frame {
    nanoseconds due;
    uint64_t order; /* between frames due at once */
    struct frame *next; /* among those held back */
    uint64_t until; /* held until this one has been sent */
    size_t len;
    uint8_t byte[];
};

/* The random faults of a frame. */
struct fate {
    bool lost, twice, overtaken, corrupted;
    unsigned by; /* the number of frames that overtake it */
    uint64_t bit; /* to flip, modulo the number of bits */
    nanoseconds jitter;
};

struct counters {
    uint64_t in, large, out, bytes, lost, cut, duplicated, reordered, corrupted,
        overflowed, odd, refused;
};

struct direction {
    const char *name;
    int from, to; /* file descriptors of the TAPs */
    uint64_t seed, frames, sent;
    nanoseconds line_free; /* when the last frame has left, at the rate */
    nanoseconds last_due;
    struct frame **heap; /* by due time; room for queue frames */
    size_t count, held_count;
    struct frame *held;
    struct counters counters;
};

static struct {
    uint64_t seed;
    double loss, duplicate, reorder, corrupt, delay, jitter, hold, rate;
    long queue;
    nanoseconds cut_from[CUTS], cut_to[CUTS];
    int cuts;
    const char *pcap;
    bool stats;
} options = {.hold = 50, .queue = 10000};

static nanoseconds started;
static FILE *pcap;
static volatile sig_atomic_t ending;

__attribute__((format(printf, 1, 2))) _Noreturn static void
give_up(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fputs("wire: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

static void *memory(size_t len)
{
    void *m = calloc(1, len);

    if (!m)
        give_up("out of memory");
    return m;
}

static nanoseconds clock_of(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

/* Random numbers */

/* The finaliser of SplitMix64, a bijection. */
static uint64_t scatter(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/* The increment of SplitMix64. */
#define STEP 0x9e3779b97f4a7c15

static uint64_t draw(const struct direction *d, uint64_t n, unsigned kind)
{
    return scatter(d->seed + (n * 8 + kind) * STEP);
}

/* A number in [0, 1). */
static double share(uint64_t drawn)
{
    return (double)(drawn >> 11) / 9007199254740992.0;
}

static struct fate next_fate(struct direction *d)
{
    uint64_t n = d->frames++;

    return (struct fate){
        .lost = share(draw(d, n, 0)) * 100 < options.loss,
        .twice = share(draw(d, n, 1)) * 100 < options.duplicate,
        .overtaken = share(draw(d, n, 2)) * 100 < options.reorder,
        .corrupted = share(draw(d, n, 3)) * 100 < options.corrupt,
        .by = (unsigned)(1 + draw(d, n, 4) % OVERTAKERS),
        .bit = draw(d, n, 5),
        .jitter = (nanoseconds)(share(draw(d, n, 6)) * options.jitter *
                                (double)MILLISECOND),
    };
}

/* The heap of a direction */

static bool is_before(const struct frame *a, const struct frame *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void push(struct direction *d, struct frame *f)
{
    size_t at = d->count++;

    for (; at > 0 && is_before(f, d->heap[(at - 1) / 2]); at = (at - 1) / 2)
        d->heap[at] = d->heap[(at - 1) / 2];
    d->heap[at] = f;
}

static struct frame *pop(struct direction *d)
{
    struct frame *first = d->heap[0], *last = d->heap[--d->count];
    size_t at = 0, child;

    while ((child = 2 * at + 1) < d->count) {
        if (child + 1 < d->count &&
            is_before(d->heap[child + 1], d->heap[child]))
            child++;
        if (is_before(last, d->heap[child]))
            break;
        d->heap[at] = d->heap[child];
        at = child;
    }
    d->heap[at] = last;
    return first;
}

/* The wire */

static bool is_cut(nanoseconds now)
{
    for (int i = 0; i < options.cuts; i++)
        if (now - started >= options.cut_from[i] &&
            now - started < options.cut_to[i])
            return true;
    return false;
}

static bool is_full(const struct direction *d)
{
    return d->count + d->held_count >= (size_t)options.queue;
}

static void send_at(struct direction *d, struct frame *f, nanoseconds due)
{
    f->due = due;
    f->order = d->sent++;
    push(d, f);
}

/* Sends frames held back that were overtaken, or have waited long enough. */
static void let_go(struct direction *d, nanoseconds due, nanoseconds now)
{
    for (struct frame **at = &d->held; *at;) {
        struct frame *f = *at;

        if (d->frames > f->until || f->due <= now) {
            *at = f->next;
            d->held_count--;
            send_at(d, f, due);
        } else {
            at = &f->next;
        }
    }
}

static void hold_back(struct direction *d, struct frame *f, unsigned by,
                      nanoseconds due)
{
    struct frame **end = &d->held;

    while (*end)
        end = &(*end)->next;
    f->until = d->frames - 1 + by;
    f->due = due + (nanoseconds)(options.hold * (double)MILLISECOND);
    *end = f;
    d->held_count++;
}

static struct frame *frame_of(const uint8_t *byte, size_t len)
{
    struct frame *f = memory(sizeof *f + len);

    f->len = len;
    memcpy(f->byte, byte, len);
    return f;
}

/* The time at which a frame received now arrives; in order. */
static nanoseconds travel(struct direction *d, size_t len,
                          const struct fate *fate, nanoseconds now)
{
    nanoseconds due = now;

    if (options.rate > 0) {
        if (d->line_free < now)
            d->line_free = now;
        d->line_free += (nanoseconds)((double)len * 8000 / options.rate);
        due = d->line_free;
    }
    due += (nanoseconds)(options.delay * (double)MILLISECOND) + fate->jitter;
    if (due < d->last_due)
        due = d->last_due;
    d->last_due = due;
    return due;
}

/* A frame enters the wire, with a complete checksum. */
static void enter(struct direction *d, uint8_t *byte, size_t len)
{
    nanoseconds now = clock_of(CLOCK_MONOTONIC), due;
    struct fate fate = next_fate(d);
    uint64_t bit;

    if (is_full(d)) {
        d->counters.overflowed++;
        return;
    }
    due = travel(d, len, &fate, now);
    if (is_cut(now)) {
        d->counters.cut++;
    } else if (fate.lost) {
        d->counters.lost++;
    } else {
        if (fate.corrupted && len > ETHERNET) {
            bit = ETHERNET * 8 + fate.bit % ((len - ETHERNET) * 8);
            byte[bit / 8] ^= (uint8_t)(1 << bit % 8);
            d->counters.corrupted++;
        }
        if (fate.overtaken) {
            hold_back(d, frame_of(byte, len), fate.by, due);
            d->counters.reordered++;
        } else {
            send_at(d, frame_of(byte, len), due);
        }
        if (fate.twice && !is_full(d)) {
            send_at(d, frame_of(byte, len), due);
            d->counters.duplicated++;
        }
    }
    let_go(d, due, now);
}

static void capture(const struct frame *f)
{
    nanoseconds wall = clock_of(CLOCK_REALTIME);
    const uint32_t header[] = {(uint32_t)(wall / SECOND),
                               (uint32_t)(wall % SECOND), (uint32_t)f->len,
                               (uint32_t)f->len};

    if (fwrite(header, sizeof header, 1, pcap) != 1 ||
        fwrite(f->byte, f->len, 1, pcap) != 1)
        give_up("%s: %s", options.pcap, strerror(errno));
}

static void leave(struct direction *d, struct frame *f)
{
    struct virtio_net_hdr none = {0};
    struct iovec part[] = {{&none, sizeof none}, {f->byte, f->len}};

    if (writev(d->to, part, 2) < 0) {
        d->counters.refused++;
    } else {
        d->counters.out++;
        d->counters.bytes += f->len;
        if (pcap)
            capture(f);
    }
    free(f);
}

/*
 * Sends the frames that are due. Returns when to call again. All frames
 * received until read_at have been read, and may overtake.
 */
static nanoseconds deliver(struct direction *d, nanoseconds read_at)
{
    nanoseconds now = clock_of(CLOCK_MONOTONIC), next = FOREVER;

    let_go(d, now, read_at);
    while (d->count > 0 && d->heap[0]->due <= now)
        leave(d, pop(d));
    if (d->count > 0)
        next = d->heap[0]->due;
    for (const struct frame *f = d->held; f; f = f->next)
        if (f->due < next)
            next = f->due;
    return next;
}

/* Checksum and segmentation, which the kernel offloads to us */

static uint64_t sum_of(const uint8_t *byte, size_t len)
{
    uint64_t sum = 0;

    for (; len > 1; byte += 2, len -= 2)
        sum += get_be16(byte);
    return len ? sum + (uint64_t)(byte[0] << 8) : sum;
}

/* RFC 1071, 1: the complement of the one's complement sum. */
static uint16_t fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* The checksum field has the sum of the pseudo header. */
static bool finish_checksum(uint8_t *byte, size_t len, size_t start,
                            size_t offset)
{
    uint16_t sum;

    if (start + offset + 2 > len)
        return false;
    sum = fold(sum_of(byte + start, len - start));
    /* In UDP, 0 means no checksum (RFC 768); in TCP both are zero. */
    put_be16(byte + start + offset, sum ? sum : 0xffff);
    return true;
}

/* The length of the headers of an IPv4 frame with TCP; 0: it is none. */
static size_t end_of_headers(const uint8_t *byte, size_t len, size_t *tcp)
{
    size_t end;

    if (len < ETHERNET + 40 || get_be16(byte + 12) != 0x0800 ||
        byte[ETHERNET] >> 4 != 4 || byte[ETHERNET + 9] != 6)
        return 0;
    *tcp = ETHERNET + (byte[ETHERNET] & 15) * 4u;
    if (*tcp < ETHERNET + 20 || *tcp + 20 > len)
        return 0;
    end = *tcp + (byte[*tcp + 12] >> 4) * 4u;
    return end >= *tcp + 20 && end < len ? end : 0;
}

/* Sets the headers of the segment [at, at + len). */
static void write_headers(uint8_t *byte, size_t len, size_t tcp, size_t at,
                          unsigned index, bool is_last)
{
    uint8_t *ip = byte + ETHERNET, *t = byte + tcp;
    uint64_t pseudo;

    put_be16(ip + 2, (uint16_t)(len - ETHERNET));
    put_be16(ip + 4, (uint16_t)(get_be16(ip + 4) + index));
    put_be16(ip + 10, 0);
    put_be16(ip + 10, fold(sum_of(ip, tcp - ETHERNET)));
    put_be32(t + 4, get_be32(t + 4) + (uint32_t)at);
    if (!is_last)
        t[13] &= (uint8_t)~0x09; /* FIN and PSH belong to the last, */
    if (index > 0)
        t[13] &= (uint8_t)~0x80; /* CWR to the first (RFC 3168, 6.1.2) */
    put_be16(t + 16, 0);
    pseudo = sum_of(ip + 12, 8) + 6 + (len - tcp);
    put_be16(t + 16, fold(pseudo + sum_of(t, len - tcp)));
}

/* False: it is no TCP over IPv4. */
static bool split(struct direction *d, const uint8_t *byte, size_t len,
                  size_t size)
{
    static uint8_t part[LONGEST];
    size_t tcp, head = end_of_headers(byte, len, &tcp);
    unsigned index = 0;

    if (head == 0 || size == 0)
        return false;
    for (size_t at = 0; head + at < len; at += size) {
        size_t left = len - head - at, n = left < size ? left : size;

        memcpy(part, byte, head);
        memcpy(part + head, byte + head + at, n);
        write_headers(part, head + n, tcp, at, index++, n == left);
        enter(d, part, head + n);
    }
    d->counters.large++;
    return true;
}

/* Reads one frame of the kernel; false: there is none. */
static bool take(struct direction *d)
{
    static uint8_t byte[LONGEST + 1];
    struct virtio_net_hdr h;
    struct iovec part[] = {{&h, sizeof h}, {byte, sizeof byte}};
    ssize_t got = readv(d->from, part, 2);
    size_t len = (size_t)got - sizeof h;
    bool ok = true;

    if (got < 0)
        return false;
    d->counters.in++;
    if (got < (ssize_t)sizeof h + ETHERNET || len > LONGEST) {
        d->counters.odd++;
        return true;
    }
    if ((h.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == VIRTIO_NET_HDR_GSO_TCPV4) {
        ok = split(d, byte, len, h.gso_size);
    } else if (h.gso_type != VIRTIO_NET_HDR_GSO_NONE) {
        ok = false;
    } else {
        if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
            ok = finish_checksum(byte, len, h.csum_start, h.csum_offset);
        if (ok)
            enter(d, byte, len);
    }
    if (!ok)
        d->counters.odd++;
    return true;
}

/* The program */

static int open_tap(const char *name)
{
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    int size = sizeof(struct virtio_net_hdr), fd;

    if (strlen(name) >= IFNAMSIZ || if_nametoindex(name) == 0)
        give_up("%s: there is no such interface", name);
    memcpy(r.ifr_name, name, strlen(name) + 1);
    fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &r) != 0 ||
        ioctl(fd, TUNSETVNETHDRSZ, &size) != 0 ||
        ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) != 0)
        give_up("%s: %s", name, strerror(errno));
    return fd;
}

static void open_pcap(void)
{
    /* Numbers are in host order; readers detect that. */
    static const uint32_t header[] = {0xa1b23c4d, 0x00040002, 0, 0, LONGEST, 1};

    pcap = fopen(options.pcap, "w");
    if (!pcap || fwrite(header, sizeof header, 1, pcap) != 1)
        give_up("%s: %s", options.pcap, strerror(errno));
}

static double number(const char *option, const char *text, double most)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end || !(value >= 0 && value <= most))
        give_up("--%s=%s: expected a number from 0 to %g", option, text, most);
    return value;
}

static void add_cut(const char *text)
{
    double from, to;
    char more;

    if (sscanf(text, "%lf-%lf%c", &from, &to, &more) != 2 ||
        !(from >= 0 && to > from && to <= 1e9))
        give_up("--cut=%s: expected FROM-TO, in seconds", text);
    if (options.cuts == CUTS)
        give_up("--cut=%s: there are %d already", text, CUTS);
    options.cut_from[options.cuts] = (nanoseconds)(from * (double)SECOND);
    options.cut_to[options.cuts++] = (nanoseconds)(to * (double)SECOND);
}

static void read_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"seed", required_argument, NULL, 's'},
        {"loss", required_argument, NULL, 'l'},
        {"duplicate", required_argument, NULL, 'd'},
        {"reorder", required_argument, NULL, 'r'},
        {"hold", required_argument, NULL, 'h'},
        {"corrupt", required_argument, NULL, 'c'},
        {"delay", required_argument, NULL, 'D'},
        {"jitter", required_argument, NULL, 'j'},
        {"rate", required_argument, NULL, 'R'},
        {"queue", required_argument, NULL, 'q'},
        {"cut", required_argument, NULL, 'C'},
        {"pcap", required_argument, NULL, 'p'},
        {"stats", no_argument, NULL, 'S'},
        {0},
    };
    int c, which;
    char *end;

    while ((c = getopt_long(argc, argv, "", known, &which)) != -1) {
        const char *name = c == '?' ? "" : known[which].name;

        switch (c) {
        case 's':
            options.seed = strtoull(optarg, &end, 0);
            if (end == optarg || *end)
                give_up("--seed=%s: expected a number", optarg);
            break;
        case 'l': options.loss = number(name, optarg, 100); break;
        case 'd': options.duplicate = number(name, optarg, 100); break;
        case 'r': options.reorder = number(name, optarg, 100); break;
        case 'h': options.hold = number(name, optarg, 1e6); break;
        case 'c': options.corrupt = number(name, optarg, 100); break;
        case 'D': options.delay = number(name, optarg, 1e6); break;
        case 'j': options.jitter = number(name, optarg, 1e6); break;
        case 'R': options.rate = number(name, optarg, 1e6); break;
        case 'q': options.queue = (long)number(name, optarg, 1e6); break;
        case 'C': add_cut(optarg); break;
        case 'p': options.pcap = optarg; break;
        case 'S': options.stats = true; break;
        default: exit(2);
        }
    }
    if (argc - optind != 2)
        give_up("expected the names of two TAPs");
}

static void set_up(struct direction *d, const char *name, int from, int to)
{
    d->name = name;
    d->from = from;
    d->to = to;
    /* Not 0, which the finaliser maps to 0: the first frame would be lost. */
    d->seed = scatter((options.seed * 2 + (from > to) + 1) * STEP);
    d->heap = memory((size_t)(options.queue + 1) * sizeof(struct frame *));
}

static void print_counters(const struct direction *d)
{
    const struct counters *c = &d->counters;

    printf("%s in=%ju large=%ju frames=%ju out=%ju bytes=%ju lost=%ju "
           "duplicated=%ju reordered=%ju corrupted=%ju cut=%ju overflowed=%ju "
           "odd=%ju refused=%ju\n",
           d->name, c->in, c->large, d->frames, c->out, c->bytes, c->lost,
           c->duplicated, c->reordered, c->corrupted, c->cut, c->overflowed,
           c->odd, c->refused);
}

static void end(int signal)
{
    (void)signal;
    ending = 1;
}

static void run(struct direction *way)
{
    struct pollfd wait[] = {{way[0].from, POLLIN, 0}, {way[1].from, POLLIN, 0}};
    sigset_t none;

    sigemptyset(&none);
    while (!ending) {
        nanoseconds now = clock_of(CLOCK_MONOTONIC), next = FOREVER, left;
        struct timespec t;

        for (int i = 0; i < 2; i++)
            for (int n = 0; n < BATCH && take(&way[i]); n++)
                ;
        for (int i = 0; i < 2; i++) {
            nanoseconds n = deliver(&way[i], now);

            next = n < next ? n : next;
        }
        left = next == FOREVER ? FOREVER : next - clock_of(CLOCK_MONOTONIC);
        left = left < 0 ? 0 : left;
        t = (struct timespec){left / SECOND, left % SECOND};
        if (ppoll(wait, 2, left == FOREVER ? NULL : &t, &none) < 0 &&
            errno != EINTR)
            give_up("%s", strerror(errno));
        if ((wait[0].revents | wait[1].revents) & (POLLERR | POLLHUP))
            return; /* a TAP was removed */
    }
}

/*
 * Signals are delivered only while waiting, so there are no races. The program
 * ends with its parent.
 */
static void take_signals(void)
{
    struct sigaction act = {.sa_handler = end};
    sigset_t ours;

    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigprocmask(SIG_BLOCK, &ours, NULL);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
}

int main(int argc, char **argv)
{
    static struct direction way[2];
    int a, b;

    read_options(argc, argv);
    take_signals();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_TIMERSLACK, 1UL);
    if (options.pcap)
        open_pcap();
    started = clock_of(CLOCK_MONOTONIC);
    a = open_tap(argv[optind]);
    b = open_tap(argv[optind + 1]);
    set_up(&way[0], "A>B", a, b);
    set_up(&way[1], "B>A", b, a);
    run(way);
    if (options.stats)
        for (int i = 0; i < 2; i++)
            print_counters(&way[i]);
    if (pcap && fclose(pcap) != 0)
        give_up("%s: %s", options.pcap, strerror(errno));
    return 0;
}
