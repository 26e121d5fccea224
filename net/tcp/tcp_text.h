/* SPDX-License-Identifier: ISC */
/*
 * The text of a received segment, which is its data, and its FIN (RFC 9293,
 * 3.10.7.4, seventh and eighth).
 */
#ifndef NET_TCP_TEXT_H
#define NET_TCP_TEXT_H

struct arrival;
struct connection;
struct ipv4_packet;

/* Queues data and acts on FIN. Sets a->data to NULL if it takes the data. Data
 * that no application can read any more reset the connection. */
void tcp_process_text(struct connection *c, struct arrival *a,
                      const struct ipv4_packet *packet);

#endif
