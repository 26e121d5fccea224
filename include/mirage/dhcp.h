/* SPDX-License-Identifier: ISC */
/*
 * dhcp: the client of RFC 2131, figure 5, without clock, socket or fiber: the
 * caller hands over what comes and what time it is, and is told by functions
 * what to do.
 *
 * It goes on for ever: a server that does not answer is asked again, after 4,
 * 8, 16, 32 and then each 64 seconds, a second more or less (4.1). It begins at
 * once, without the wait of up to ten seconds by chance that 4.4.1 recommends:
 * each boot would pay for it.
 *
 * A lease is renewed at most once in an eighth of it, and once in a second,
 * whatever T1 and T2 the server names; one shorter than 10 s is held for 10 s.
 * An address that no host can have in its network is not taken. What an ACK
 * does not say is as the OFFER, or the ACK before it, has said; without any
 * lease time it is an hour, and without a netmask the one of the address's
 * class. A gateway or router that is not on the link is left out.
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

/* What the caller does; none may be NULL, and none may block. */
struct dhcp_caller {
    /* Sends a message to a server's port, or with to 0.0.0.0 to all. */
    void (*send)(void *ctx, struct ip_address to, const void *data,
                 size_t len);
    /* Finds out whether somebody uses ip, and calls dhcp_checked. */
    void (*probe)(void *ctx, struct ip_address ip);
    /* lease holds from now on, or goes on to. */
    void (*bound)(void *ctx, const struct dhcp_lease *lease);
    /* It holds no more: why, for people. */
    void (*lost)(void *ctx, const char *why);
    /* Something to be said, for people. */
    void (*say)(void *ctx, const char *text, struct ip_address ip);
    /* The server says something that makes no sense: a line for the log. */
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
    unsigned tries; /* of what is asked now */
    nanoseconds began; /* to ask */
    nanoseconds asked; /* when the last request was sent */
    nanoseconds deadline; /* of what comes next */
    struct dhcp_lease lease; /* that is offered, or holds */
    bool has_lease;
    uint32_t seconds, t1, t2; /* as the server said them */
    nanoseconds interval; /* least time between renewals */
    unsigned warned; /* of what, since DISCOVER */
};

/* What a client is started with; it keeps caller, ctx and host. */
struct dhcp_client {
    const struct dhcp_caller *caller;
    void *ctx;
    struct mac mac;
    const char *host; /* our name; NULL: none */
};

/* Begins, with the link up or down. */
void dhcp_start(struct dhcp *d, const struct dhcp_client *client, bool up,
                nanoseconds now);

/* When dhcp_tick is to be called. */
nanoseconds dhcp_deadline(const struct dhcp *d);
void dhcp_tick(struct dhcp *d, nanoseconds now);

/* A datagram has come to port 68. */
void dhcp_receive(struct dhcp *d, const uint8_t *data, size_t len,
                  nanoseconds now);

/* What the probe has found. */
void dhcp_checked(struct dhcp *d, bool in_use, nanoseconds now);

/* Somebody else uses our address, and goes on to. */
void dhcp_conflict(struct dhcp *d, nanoseconds now);

/* The link has come or gone: with a lease it is asked whether that still
 * holds there (INIT-REBOOT). */
void dhcp_link(struct dhcp *d, bool up, nanoseconds now);

/* Gives the lease back, by a message to its server alone; lost is not called.
 * Nothing is asked any more until the link has gone and come. */
void dhcp_release(struct dhcp *d, nanoseconds now);

#endif
