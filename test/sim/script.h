/* SPDX-License-Identifier: ISC */
/*
 * script: a peer of our TCP that says and expects what a text has, a segment a
 * line, like the figures of RFC 9293:
 *
 *     > SYN 100             the peer sends a segment with that number
 *     < SYN,ACK 0 101       ours comes, within a second: its number counted
 *                           from our first, and what it acknowledges
 *     > ACK 101 1 +5        with five bytes of data; what the peer
 *                           acknowledges is counted from our first, too
 *     > RST 100 =300        ... but =N is a number as it stands
 *     < ACK 1 101 +1000 x10 ten of them, one behind the other; so with >
 *     > SYN 100 mss=1000 sackok win=8000 ts=5:0
 *                           with options, and a window; an echo is counted
 *                           from our first timestamp
 *     > ACK 101 1 sack=1001:2001,3001:4001
 *                           with ranges of our numbers
 *     < ACK 1 401 sack=     ... and here of the peer's; without any
 *     < ACK 1 101 +5 ect    IP says that congestion may be marked (RFC 3168),
 *     > ACK 101 1 +5 ce     or that it is there; noect: none of that
 *     < SYN,ACK 0 101 nosack nows nots win=65535
 *                           without these options; with that window, as it
 *                           stands in the header
 *     < SYN,ACK 0 101 sackok ws=7 echo=5
 *                           with them, and that scale and echo
 *     < ACK 1 101 +5 df     with IP's bit DF; nodf: without
 *     < ACK 1 101 +5 after=200
 *                           so many milliseconds after the line before it
 *     -                     nothing comes for a second
 *     ~                     what has come so far is forgotten
 *     . 1500                so many milliseconds go by
 *
 * The peer is the left host of a pair, port 4000; ours is the right one, port
 * 80. Numbers of ours are unknown before it has sent a SYN.
 */
#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

#include <mirage/flow.h>
#include <stdbool.h>
#include <stdint.h>

/* Takes the left host's TCP segments, from now on. */
void script_begin(void);

/* Begins a test: makes the pair from seed if there is none yet, with the right
 * host listening on port 80, resets all connections, then calls script_begin.
 * Blocks. */
void script_restart(uint64_t seed);

/* Plays a handshake: the peer's SYN 100 with an MSS of 1000 and options, our
 * SYN,ACK, after trip milliseconds the peer's ACK with ack_options. False: it
 * failed. */
bool script_handshake(const char *options, unsigned trip,
                      const char *ack_options);

/* Plays text; false, with a line printed, at the first that is not so. */
bool script_play(const char *text);

/* Opens a connection from ours to the peer, in a fiber: when it has ended,
 * script_opened says how, and script_flow is what was opened. */
void script_open(void);
extern enum status script_opened;
extern struct flow *script_flow;

/* The port that our end, when it opens a connection, has; 0: 80. */
extern unsigned script_port;

#endif
