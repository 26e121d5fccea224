/* SPDX-License-Identifier: ISC */
/*
 * script: a scripted TCP peer, in the style of the figures of RFC 9293. A line
 * is a segment that the peer sends (>) or that ours must send (<):
 *
 *     > SYN 100             the peer sends SYN with SEQ 100
 *     < SYN,ACK 0 101       ours sends this within a second: SEQ, relative to
 *                           our ISS, and ACK
 *     > ACK 101 1 +5        with five bytes of data; the peer's ACK is relative
 *                           to our ISS, too
 *     > RST 100 =300        =N: an absolute number
 *     < ACK 1 101 +1000 x10 ten consecutive segments; also with >
 *     > SYN 100 mss=1000 sackok win=8000 ts=5:0
 *                           options and window; the echo is relative to our
 *                           first timestamp
 *     > ACK 101 1 sack=1001:2001,3001:4001
 *                           SACK blocks of our sequence numbers
 *     < ACK 1 401 sack=     of the peer's sequence numbers; here none
 *     < ACK 1 101 +5 ect    the packet is ECN-capable (RFC 3168),
 *     > ACK 101 1 +5 ce     or marked with CE; noect: neither
 *     < SYN,ACK 0 101 nosack nows nots win=65535
 *                           without these options, with this window field
 *     < SYN,ACK 0 101 sackok ws=7 echo=5
 *                           with this scale and echo
 *     < ACK 1 101 +5 df     with DF; nodf: without
 *     < ACK 1 101 +5 after=200
 *                           200 milliseconds after the line before
 *     -                     nothing is received for a second
 *     ~                     forgets what was received so far
 *     . 1500                waits 1500 milliseconds
 *
 * The peer is the left host of a pair, port 4000; ours is the right one, port
 * 80. Our sequence numbers are unknown until our SYN was received.
 */
#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

#include <mirage/flow.h>
#include <stdbool.h>
#include <stdint.h>

/* Receives the left host's TCP segments, from now on. */
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

/* Plays text. False at the first line that fails, which is printed. */
bool script_play(const char *text);

/* Opens a connection from ours to the peer, in a fiber that sets script_opened
 * to the status and script_flow to the flow. */
void script_open(void);
extern enum status script_opened;
extern struct flow *script_flow;

/* Our port; 0: 80. */
extern unsigned script_port;

#endif
