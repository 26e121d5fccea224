/* SPDX-License-Identifier: ISC */
/*
 * lwip_peer TAP [ADDRESS]   the services of example/netservices on lwIP, by its
 *                           callbacks, its fastest interface
 *
 * Has ADDRESS/24 (10.0.0.2) on an existing TAP, and runs until it is killed.
 * TCP: port 7 is echo, 9 discard, and 19 sends the bytes 0 to 250 repeatedly.
 * UDP: port 7 is echo.
 */
#include "measure.h"
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <lwip/etharp.h>
#include <lwip/netif.h>
#include <lwip/tcp.h>
#include <lwip/tcpip.h>
#include <lwip/udp.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FRAME  1514
#define PERIOD 251
#define AHEAD  (8 * 1460) /* bytes per write to lwIP */

struct connection {
    struct pbuf *waiting; /* to be echoed */
    bool is_over; /* the peer sends no more */
    unsigned at; /* position in the period */
};

static uint8_t pattern[PERIOD + AHEAD];

static void finish(struct tcp_pcb *pcb, struct connection *c)
{
    tcp_arg(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_sent(pcb, NULL);
    tcp_err(pcb, NULL);
    if (tcp_close(pcb) != ERR_OK)
        tcp_abort(pcb);
    if (c && c->waiting)
        pbuf_free(c->waiting);
    free(c);
}

/* lwIP has freed the pcb already. */
static void on_error(void *arg, err_t error)
{
    struct connection *c = arg;

    (void)error;
    if (c && c->waiting)
        pbuf_free(c->waiting);
    free(c);
}

static struct connection *connection_new(struct tcp_pcb *pcb)
{
    struct connection *c = calloc(1, sizeof *c);

    tcp_arg(pcb, c);
    tcp_err(pcb, on_error);
    return c;
}

/* Echo */

static err_t send_back(struct tcp_pcb *pcb, struct connection *c)
{
    struct pbuf *p;

    while ((p = c->waiting) && p->len <= tcp_sndbuf(pcb) &&
           tcp_write(pcb, p->payload, p->len, TCP_WRITE_FLAG_COPY) == ERR_OK) {
        tcp_recved(pcb, p->len);
        c->waiting = p->next;
        if (p->next)
            pbuf_ref(p->next);
        pbuf_free(p);
    }
    tcp_output(pcb);
    if (!c->waiting && c->is_over)
        finish(pcb, c);
    return ERR_OK;
}

static err_t echo_came(void *arg, struct tcp_pcb *pcb, struct pbuf *p,
                       err_t error)
{
    struct connection *c = arg;

    (void)error;
    if (!p)
        c->is_over = true;
    else if (c->waiting)
        pbuf_cat(c->waiting, p);
    else
        c->waiting = p;
    return send_back(pcb, c);
}

static err_t echo_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
    (void)len;
    return send_back(pcb, arg);
}

static err_t echo(void *arg, struct tcp_pcb *pcb, err_t error)
{
    (void)arg;
    if (error != ERR_OK || !connection_new(pcb))
        return ERR_MEM;
    tcp_recv(pcb, echo_came);
    tcp_sent(pcb, echo_sent);
    return ERR_OK;
}

/* Discard, also for data to the character generator */

static err_t throw_away(void *arg, struct tcp_pcb *pcb, struct pbuf *p,
                        err_t error)
{
    (void)error;
    if (!p) {
        finish(pcb, arg);
        return ERR_OK;
    }
    tcp_recved(pcb, p->tot_len);
    pbuf_free(p);
    return ERR_OK;
}

static err_t discard(void *arg, struct tcp_pcb *pcb, err_t error)
{
    (void)arg;
    if (error != ERR_OK || !connection_new(pcb))
        return ERR_MEM;
    tcp_recv(pcb, throw_away);
    return ERR_OK;
}

/* The character generator */

static err_t fill(void *arg, struct tcp_pcb *pcb, u16_t len)
{
    struct connection *c = arg;

    (void)len;
    for (;;) {
        unsigned n = tcp_sndbuf(pcb) < AHEAD ? tcp_sndbuf(pcb) : AHEAD;

        /* Wait for the space of a whole segment. */
        if (n < 1460 || tcp_write(pcb, pattern + c->at, (u16_t)n, 0) != ERR_OK)
            break;
        c->at = (c->at + n) % PERIOD;
    }
    tcp_output(pcb);
    return ERR_OK;
}

static err_t chargen(void *arg, struct tcp_pcb *pcb, err_t error)
{
    struct connection *c;

    (void)arg;
    if (error != ERR_OK || !(c = connection_new(pcb)))
        return ERR_MEM;
    tcp_recv(pcb, throw_away);
    tcp_sent(pcb, fill);
    return fill(c, pcb, 0);
}

static void echo_datagram(void *arg, struct udp_pcb *pcb, struct pbuf *p,
                          const ip_addr_t *from, u16_t port)
{
    (void)arg;
    udp_sendto(pcb, p, from, port);
    pbuf_free(p);
}

/*
 * The TAP. The driver of Debian's lwIP overflows the heap with frames of more
 * than 592 bytes: its pool of pbufs is sized for segments of 536 bytes, and
 * used for those of 1460. So received frames are not from the pool here.
 */

static const char *address = "10.0.0.2";
static struct netif interface;
static int tap;

static err_t write_frame(struct netif *n, struct pbuf *p)
{
    uint8_t byte[FRAME];
    const void *data = p->payload;

    (void)n;
    if (p->tot_len > sizeof byte)
        return ERR_BUF;
    if (p->next) {
        pbuf_copy_partial(p, byte, p->tot_len, 0);
        data = byte;
    }
    return write(tap, data, p->tot_len) == p->tot_len ? ERR_OK : ERR_IF;
}

static void read_frames(void *ctx)
{
    uint8_t byte[FRAME];
    ssize_t len;

    (void)ctx;
    while ((len = read(tap, byte, sizeof byte)) > 0) {
        struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM);

        if (!p)
            continue;
        memcpy(p->payload, byte, (size_t)len);
        if (interface.input(p, &interface) != ERR_OK)
            pbuf_free(p);
    }
    give_up("the TAP cannot be read");
}

static void open_tap(const char *name)
{
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI};

    tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (strlen(name) >= sizeof r.ifr_name)
        give_up("expected the name of a TAP");
    memcpy(r.ifr_name, name, strlen(name) + 1);
    if (tap < 0 || ioctl(tap, TUNSETIFF, &r) != 0)
        give_up("the TAP cannot be had");
}

static err_t start_interface(struct netif *n)
{
    static const uint8_t mac[] = {0x02, 0, 0, 0, 0, 0x19};

    n->name[0] = 't';
    n->name[1] = 'p';
    n->output = etharp_output;
    n->linkoutput = write_frame;
    n->mtu = 1500;
    n->hwaddr_len = sizeof mac;
    memcpy(n->hwaddr, mac, sizeof mac);
    n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET |
               NETIF_FLAG_LINK_UP;
    return ERR_OK;
}

/* lwIP may only be called in its own thread. */

static void listen_on(u16_t port, tcp_accept_fn fn)
{
    struct tcp_pcb *pcb = tcp_new();

    if (!pcb || tcp_bind(pcb, IP_ADDR_ANY, port) != ERR_OK ||
        !(pcb = tcp_listen(pcb)))
        give_up("lwIP does not listen");
    tcp_accept(pcb, fn);
}

static void take_datagrams(u16_t port, udp_recv_fn fn)
{
    struct udp_pcb *pcb = udp_new();

    if (!pcb || udp_bind(pcb, IP_ADDR_ANY, port) != ERR_OK)
        give_up("lwIP takes no datagrams");
    udp_recv(pcb, fn, NULL);
}

static void set_up(void *ctx)
{
    ip4_addr_t ip, mask, gateway;

    (void)ctx;
    if (!ip4addr_aton(address, &ip))
        give_up("expected an address");
    IP4_ADDR(&mask, 255, 255, 255, 0);
    ip4_addr_set_any(&gateway);
    if (!netif_add(&interface, &ip, &mask, &gateway, NULL, start_interface,
                   tcpip_input))
        give_up("lwIP cannot use the TAP");
    netif_set_default(&interface);
    netif_set_up(&interface);
    listen_on(7, echo);
    listen_on(9, discard);
    listen_on(19, chargen);
    take_datagrams(7, echo_datagram);
    sys_thread_new("tap", read_frames, NULL, 0, 0);
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3)
        give_up("expected the name of a TAP, and perhaps an address");
    if (argc == 3)
        address = argv[2];
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i % PERIOD);
    open_tap(argv[1]);
    tcpip_init(set_up, NULL);
    for (;;)
        pause();
}
