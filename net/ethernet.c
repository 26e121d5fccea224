/* SPDX-License-Identifier: ISC */
/*
 * Ethernet frames (IEEE 802.3) of up to four types; priority tags are removed
 * (IEEE 802.1Q).
 */
#include <mirage/bytes.h>
#include <mirage/ethernet.h>
#include <stdlib.h>
#include <string.h>

#define TYPES       4
#define TAG         4 /* bytes (IEEE 802.1Q, 9) */
#define TYPE_TAGGED 0x8100
#define VLAN        0x0fff /* the bits of its number in a tag */

struct ethernet {
    struct network *net;
    struct {
        uint16_t type;
        ethernet_handler *fn;
        void *ctx;
    } listener[TYPES];
};

/* Returns the length of the headers, and stores the type that follows them; 0:
 * the frame is too short, and *frame is freed. A tag with VLAN 0 only has a
 * priority: end stations treat the frame as untagged (IEEE 802.1Q, 6.9). A
 * frame of a VLAN is delivered with the type of the tag. */
static size_t parse_header(struct buf **frame, uint16_t *type)
{
    *frame = buf_pullup(*frame, ETHERNET_HEADER);
    if (!*frame)
        return 0;
    *type = get_be16((*frame)->data + 12);
    if (*type != TYPE_TAGGED)
        return ETHERNET_HEADER;
    *frame = buf_pullup(*frame, ETHERNET_HEADER + TAG);
    if (!*frame)
        return 0;
    if ((get_be16((*frame)->data + ETHERNET_HEADER) & VLAN) != 0)
        return ETHERNET_HEADER;
    *type = get_be16((*frame)->data + ETHERNET_HEADER + 2);
    return ETHERNET_HEADER + TAG;
}

static void deliver(struct ethernet *e, struct buf *frame)
{
    struct mac from;
    uint16_t type;
    bool to_many;
    size_t header = parse_header(&frame, &type);

    if (header == 0) {
        e->net->counters.dropped_in++;
        return;
    }
    to_many = frame->data[0] & 1;
    memcpy(from.byte, frame->data + 6, sizeof from.byte);
    if ((from.byte[0] & 1) == 0 &&
        (to_many || memcmp(frame->data, e->net->mac.byte, 6) == 0))
        for (int i = 0; i < TYPES; i++)
            if (e->listener[i].fn && e->listener[i].type == type) {
                buf_trim(frame, header);
                e->listener[i].fn(e->listener[i].ctx, from, to_many, frame);
                return;
            }
    e->net->counters.dropped_in++;
    buf_free(frame);
}

static void on_frames(void *ctx, struct buf *const *frames, size_t count)
{
    for (size_t i = 0; i < count; i++)
        deliver(ctx, frames[i]);
}

enum status ethernet_connect(struct network *net, struct ethernet **made)
{
    struct ethernet *e = calloc(1, sizeof *e);

    if (!e)
        return ERR_NO_MEMORY;
    e->net = net;
    network_listen(net, on_frames, e);
    *made = e;
    return OK;
}

void ethernet_listen(struct ethernet *e, uint16_t type, ethernet_handler *fn,
                     void *ctx)
{
    int at = 0;

    while (at < TYPES - 1 && e->listener[at].fn && e->listener[at].type != type)
        at++;
    e->listener[at].type = type;
    e->listener[at].fn = fn;
    e->listener[at].ctx = ctx;
}

void ethernet_write(struct ethernet *e, struct mac to, uint16_t type,
                    struct buf *packet)
{
    uint8_t *p;

    if (buf_headroom(packet) < ETHERNET_HEADER) {
        e->net->counters.dropped_out++;
        buf_free(packet);
        return;
    }
    p = buf_prepend(packet, ETHERNET_HEADER);
    memcpy(p, to.byte, 6);
    memcpy(p + 6, e->net->mac.byte, 6);
    put_be16(p + 12, type);
    network_write(e->net, packet);
}

struct network *ethernet_network(const struct ethernet *e)
{
    return e->net;
}

void ethernet_disconnect(struct ethernet *e)
{
    network_listen(e->net, NULL, NULL);
    free(e);
}
