/* SPDX-License-Identifier: ISC */
/* A virtio network device on the fake. */
#include "nic.h"
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <mirage/bytes.h>
#include <mirage/macros.h>
#include <string.h>

enum { RX = 0,
       TX = 1,
       CONTROL = 2,
       NICS = 16384,
       MOST = 64 };

static struct nic *nics[NICS];
static unsigned count;

static struct nic *nic_of(const struct fake *f)
{
    for (unsigned i = count; i-- > 0;)
        if (nics[i]->fake == f)
            return nics[i];
    fake_fail("a device without a nic");
}

static bool has(const struct nic *n, unsigned feature)
{
    return n->fake->accepted >> feature & 1;
}

static size_t header_of(const struct nic *n)
{
    return n->fake->device.is_legacy && !has(n, VIRTIO_NET_F_MRG_RXBUF) ? 10
                                                                        : 12;
}

/* Copies bytes to a buffer behind the first `from`. Returns how many. */
static size_t put(const struct fake_buffer *b, size_t from,
                  const uint8_t *data, size_t len)
{
    size_t done = 0;

    for (unsigned i = b->out; i < b->out + b->in && done < len; i++) {
        size_t skip = min(from, (size_t)b->piece[i].len);
        size_t part = min(b->piece[i].len - skip, len - done);

        memcpy(b->piece[i].data + skip, data + done, part);
        from -= skip;
        done += part;
    }
    return done;
}

bool nic_receive(struct nic *n, const uint8_t header[NIC_HEADER],
                 const uint8_t *frame, size_t len)
{
    static struct fake_buffer b[MOST];
    uint32_t written[MOST];
    uint8_t copy[NIC_HEADER];
    size_t head = header_of(n), done = 0;
    unsigned used = 0;

    if (!n->fake->queue[RX].is_started)
        return false;
    do {
        size_t from = used == 0 ? head : 0;

        if (used == MOST || !fake_take(n->fake, RX, &b[used])) {
            if (used > 0)
                fake_blame(n->fake, "%u buffers were too few for a frame",
                           used);
            n->lost++;
            return false;
        }
        written[used] = (uint32_t)put(&b[used], from, frame + done,
                                      len - done);
        done += written[used];
        written[used++] += (uint32_t)from;
    } while (done < len && has(n, VIRTIO_NET_F_MRG_RXBUF));
    if (done < len) {
        fake_blame(n->fake, "a frame of %zu bytes does not fit a buffer", len);
        return false;
    }
    memcpy(copy, header, sizeof copy);
    put_le16(copy + 10, (uint16_t)used);
    put(&b[0], 0, copy, head);
    for (unsigned i = 0; i < used; i++)
        fake_give(n->fake, RX, &b[i], written[i]);
    n->received++;
    n->buffers_most = max(n->buffers_most, used);
    return true;
}

/* Checks what a frame leaves to the device. */
static void check_request(const struct nic *n, const uint8_t *frame)
{
    static const struct {
        uint8_t gso;
        uint16_t type;
        unsigned feature;
    } known[] = {
        {VIRTIO_NET_HDR_GSO_TCPV4, 0x0800, VIRTIO_NET_F_HOST_TSO4},
        {VIRTIO_NET_HDR_GSO_TCPV6, 0x86dd, VIRTIO_NET_F_HOST_TSO6},
    };
    uint8_t gso = n->header[1];

    if (n->header[0] && !has(n, VIRTIO_NET_F_CSUM))
        fake_blame(n->fake, "a checksum is left to a device without CSUM");
    if (gso && (!n->header[0] || get_le16(n->header + 4) == 0))
        fake_blame(n->fake, "segments without a size, or without a checksum");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (gso == known[i].gso && has(n, known[i].feature) &&
            get_be16(frame + 12) == known[i].type)
            return;
    if (gso)
        fake_blame(n->fake, "a frame of type %04x is left to a device to cut "
                            "as of kind %u, which it does not",
                   get_be16(frame + 12), gso);
}

static void send(struct nic *n)
{
    static struct fake_buffer b;

    while (fake_take(n->fake, TX, &b)) {
        size_t head = header_of(n), len = 0;
        static uint8_t bytes[NIC_FRAME + NIC_HEADER];

        for (unsigned i = 0; i < b.out; i++) {
            if (len + b.piece[i].len > sizeof bytes)
                fake_fail("a frame of more than %d bytes", NIC_FRAME);
            memcpy(bytes + len, b.piece[i].data, b.piece[i].len);
            len += b.piece[i].len;
            n->last_at = b.piece[i].data;
        }
        if (n->fake->device.is_legacy && !has(n, VIRTIO_F_ANY_LAYOUT) &&
            b.piece[0].len != head)
            fake_fail("a header of %zu bytes in a descriptor of %u", head,
                      b.piece[0].len);
        if (len < head + 14 || b.in > 0)
            fake_fail("a frame of %zu bytes, or with writable pieces", len);
        memset(n->header, 0, sizeof n->header);
        memcpy(n->header, bytes, head);
        check_request(n, bytes + head);
        n->last_len = len - head;
        memcpy(n->last, bytes + head, n->last_len);
        n->sent++;
        n->segmented += n->header[1] != 0;
        n->pieces_most = max(n->pieces_most, b.out);
        fake_give(n->fake, TX, &b, 0);
        if (n->on_frame)
            n->on_frame(n);
        if (n->peer)
            (void)nic_receive(n->peer, n->header, n->last, n->last_len);
    }
}

static void answer_commands(struct nic *n)
{
    static struct fake_buffer b;

    while (fake_take(n->fake, CONTROL, &b)) {
        if (b.out != 1 || b.piece[0].len != 2 || b.in != 1 ||
            b.piece[1].len != 1 ||
            b.piece[0].data[0] != VIRTIO_NET_CTRL_ANNOUNCE ||
            b.piece[0].data[1] != VIRTIO_NET_CTRL_ANNOUNCE_ACK)
            fake_fail("a command that is not known");
        b.piece[1].data[0] = VIRTIO_NET_OK;
        n->announced++;
        fake_give(n->fake, CONTROL, &b, 1);
    }
}

static void notified(struct fake *f, unsigned index)
{
    if (index == TX)
        send(nic_of(f));
    if (index == CONTROL)
        answer_commands(nic_of(f));
}

void nic_add(struct nic *n, uint64_t features, bool is_legacy,
             unsigned number)
{
    if (count == NICS)
        fake_fail("too many nics");
    n->fake = fake_new(features | UINT64_C(1) << VIRTIO_NET_F_MAC |
                           UINT64_C(1) << VIRTIO_NET_F_STATUS,
                       is_legacy);
    n->fake->notified = notified;
    n->fake->config[0] = 2;
    n->fake->config[5] = (uint8_t)number;
    put_le16(n->fake->config + 6, VIRTIO_NET_S_LINK_UP);
    nics[count++] = n;
    fake_add(n->fake, VIRTIO_ID_NET);
}

void nic_set_status(struct nic *n, uint16_t status)
{
    put_le16(n->fake->config + 6, status);
    fake_change_config(n->fake);
}

void nics_free(void)
{
    fake_remove_all();
    while (count > 0)
        fake_free(nics[--count]->fake);
}
