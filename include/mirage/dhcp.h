/* SPDX-License-Identifier: ISC */
/*
 * dhcp: a DHCP client (RFC 2131, figure 5), without clock, socket or fiber.
 *
 * The caller passes messages and the time to it, and gives functions that it
 * calls to act.
 *
 * It never gives up: it retransmits after 4, 8, 16, 32 and then every 64
 * seconds, each plus or minus one second (4.1). It starts at once, without the
 * random wait of up to ten seconds of 4.4.1, which each boot would pay for.
 *
 * A lease is renewed at most once in an eighth of its time, and once a second,
 * whatever T1 and T2 the server sends; a lease shorter than 10 s is kept for
 * 10 s. An address that no host can have in its network is ignored. Options
 * that an ACK lacks are taken from the OFFER or the ACK before it; without a
 * lease time it is an hour, and without a netmask that of the address's class.
 * A gateway or router that is not on the link is left out.
 */
#ifndef MIRAGE_DHCP_H
#define MIRAGE_DHCP_H

#include <mirage/address.h>
#include <mirage/stackv4.h>
#include <mirage/time.h>

struct dhcp_lease {
    struct stackv4_address address;
    struct ip_address server;
    uint16_t mtu; /* 576 or more; 0: not told */
    nanoseconds t1, t2, end; /* FOREVER: it does not end */
};

/* The caller's functions; none may be NULL, and none may block. */
struct dhcp_caller {
    /* Sends a message to a server's port, or with to 0.0.0.0 to all. */
    void (*send)(void *ctx, struct ip_address to, const void *data,
                 size_t len);
    /* Finds out whether another host uses ip, and calls dhcp_checked. A
     * conflict that is found after that call is reported by dhcp_conflict. */
    void (*probe)(void *ctx, struct ip_address ip);
    /* lease is ours from now on, or was renewed. */
    void (*bound)(void *ctx, const struct dhcp_lease *lease);
    /* The lease is lost; why is for people. */
    void (*lost)(void *ctx, const char *why);
    /* Reports progress, for people; ip may be 0.0.0.0: none. */
    void (*say)(void *ctx, const char *text, struct ip_address ip);
    /* A message of the server makes no sense: a line for the log. */
    void (*warn)(void *ctx, const char *text);
};

enum dhcp_state {
    DHCP_OFF, /* the link is down */
    DHCP_INIT,
    DHCP_SELECTING,
    DHCP_REQUESTING,
    DHCP_REBOOTING,
    DHCP_PROBING,
    DHCP_BOUND,
    DHCP_RENEWING,
    DHCP_REBINDING,
};

struct dhcp {
    const struct dhcp_caller *caller;
    void *ctx;
    struct mac mac;
    const char *host;
    enum dhcp_state state;
    uint32_t xid;
    unsigned tries; /* transmissions of the present message */
    nanoseconds began; /* when the first of them was sent */
    nanoseconds asked; /* when the last request was sent */
    nanoseconds deadline; /* of dhcp_tick */
    struct dhcp_lease lease; /* that is offered, or ours */
    bool has_lease;
    uint32_t seconds, t1, t2; /* as the server sent them */
    nanoseconds interval; /* least time between renewals */
    unsigned warned; /* kinds of warnings, since DISCOVER */
};

/* What a client is started with; it keeps caller, ctx and host. */
struct dhcp_client {
    const struct dhcp_caller *caller;
    void *ctx;
    struct mac mac;
    const char *host; /* our name; NULL: none */
};

/* Starts the client, with the link up or down. */
void dhcp_start(struct dhcp *d, const struct dhcp_client *client, bool up,
                nanoseconds now);

/* When dhcp_tick is to be called. */
nanoseconds dhcp_deadline(const struct dhcp *d);
void dhcp_tick(struct dhcp *d, nanoseconds now);

/* Processes a datagram to port 68. */
void dhcp_receive(struct dhcp *d, const uint8_t *data, size_t len,
                  nanoseconds now);

/* Passes the result of dhcp_caller's probe. */
void dhcp_checked(struct dhcp *d, bool in_use, nanoseconds now);

/* Another host uses our address, and does not give it up: declines it. */
void dhcp_conflict(struct dhcp *d, nanoseconds now);

/* The link has gone up or down. When it goes up, a lease is verified
 * (INIT-REBOOT). */
void dhcp_link(struct dhcp *d, bool up, nanoseconds now);

/* Sends RELEASE to the server of the lease; lost is not called. Nothing is sent
 * any more until the link has gone down and up. */
void dhcp_release(struct dhcp *d, nanoseconds now);

#endif
