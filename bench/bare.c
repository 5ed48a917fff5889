/* SPDX-License-Identifier: MIT */
/*
 * bare.c - no stack: what a TUN device and a kernel's TCP allow anyone who is not in the kernel.
 *
 *      bare NAME A.B.C.D
 *
 * Port 5001 takes all text: whatever arrives is acknowledged, once for each batch.  Port 5002 gives
 * text as fast as the peer's window lets it, in super-segments.  Nothing is checked, ordered,
 * timed or sent again; one connection on each port, the latest.  Text is copied once, from or to a
 * ring of 256 KB, as an application would.
 *
 * Whoever measures a stack against this measures what the stack costs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SINK = 5001, SOURCE = 5002 };
enum { RING = 256 << 10, FRAME = 65536, BATCH = 64 };
enum { MSS = 1460, SUPER = 44 * MSS };
enum { WINDOW_SCALE = 10, WINDOW = 16384 }; /* 16 MB */
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

struct headers {
    struct virtio_net_hdr vnet;
    uint8_t version, service;
    uint16_t length, id, fragment;
    uint8_t ttl, protocol;
    uint16_t ip_sum;
    uint32_t src, dst;
    uint16_t sport, dport;
    uint32_t seq, ack;
    uint8_t offset, flags;
    uint16_t window, sum, urgent;
    uint8_t options[40];
} __attribute__((packed));

enum { VNET = sizeof(struct virtio_net_hdr), IP = 20, TCP = 20 };

struct connection {
    uint32_t remote;
    uint16_t port;
    uint32_t una, nxt, wnd; /* what we send */
    uint32_t rcv;
    unsigned scale;
    bool open, owes_ack;
};

struct bare {
    int fd;
    uint32_t address;
    struct connection sink, source;
    uint8_t *frame, *ring, *app;
    size_t ring_at;
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* Of an even number of bytes, in the order of this machine. */
static uint16_t sum16(const void *p, size_t n, uint64_t sum)
{
    const uint8_t *at = p;

    for (; n >= 2; n -= 2, at += 2) {
        uint16_t word;

        memcpy(&word, at, 2);
        sum += word;
    }
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* ---- out --------------------------------------------------------------------------------------- */

static void transmit(struct bare *b, const struct connection *c, unsigned flags, uint8_t *text,
                     uint32_t n)
{
    static const uint8_t offer[8] = {2, 4, MSS >> 8, MSS & 255, 3, 3, WINDOW_SCALE, 1};
    uint32_t options = flags & SYN ? sizeof offer : 0, header = TCP + options;
    struct headers h = {
        .vnet = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = IP, .csum_offset = 16},
        .version = 0x45,
        .length = htons((uint16_t)(IP + header + n)),
        .fragment = htons(0x4000),
        .ttl = 64,
        .protocol = IPPROTO_TCP,
        .src = b->address,
        .dst = c->remote,
        .sport = htons(c == &b->source ? SOURCE : SINK),
        .dport = c->port,
        .seq = htonl(c->nxt),
        .ack = htonl(c->rcv),
        .offset = (uint8_t)(header << 2),
        .flags = (uint8_t)flags,
        .window = htons(flags & SYN ? 65535 : WINDOW),
    };
    struct iovec pieces[2] = {{&h, VNET + IP + header}, {text, n}};

    memcpy(h.options, offer, options);
    if (n > MSS) {
        h.vnet.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
        h.vnet.gso_size = MSS;
        h.vnet.hdr_len = (uint16_t)(IP + header);
    }
    h.ip_sum = (uint16_t)~sum16(&h.version, IP, 0);
    h.sum = sum16(&h.src, 8, htons(IPPROTO_TCP) + htons((uint16_t)(header + n)));
    if (writev(b->fd, pieces, n ? 2 : 1) < 0)
        fail("write");
}

static uint8_t *ring_next(struct bare *b, uint32_t n)
{
    uint8_t *p;

    if (b->ring_at + n > RING)
        b->ring_at = 0;
    p = b->ring + b->ring_at;
    b->ring_at += n;
    return p;
}

static void send_window(struct bare *b, struct connection *c)
{
    for (;;) {
        uint32_t ahead = c->nxt - c->una, room = c->wnd > ahead ? c->wnd - ahead : 0;
        uint32_t n = room < SUPER ? room : SUPER;
        uint8_t *text;

        if (n == 0 || (n < SUPER / 2 && ahead))
            return;
        text = ring_next(b, n);
        memcpy(text, b->app + (text - b->ring), n);
        transmit(b, c, ACK | PSH, text, n);
        c->nxt += n;
    }
}

/* ---- in ---------------------------------------------------------------------------------------- */

static unsigned scale_of(const struct headers *h)
{
    const uint8_t *o = h->options, *end = o + (h->offset >> 4) * 4 - TCP;

    while (o + 2 < end && *o) {
        if (*o == 3)
            return o[2];
        o += *o == 1 || o[1] == 0 ? 1 : o[1];
    }
    return 0;
}

static void accept_syn(struct bare *b, struct connection *c, const struct headers *h)
{
    *c = (struct connection){.remote = h->src,
                             .port = h->sport,
                             .una = 12345,
                             .nxt = 12345,
                             .rcv = ntohl(h->seq) + 1,
                             .scale = scale_of(h),
                             .open = true};
    transmit(b, c, SYN | ACK, NULL, 0);
    c->una = ++c->nxt;
}

static void take(struct bare *b, struct connection *c, const struct headers *h, uint32_t n)
{
    const uint8_t *text = (const uint8_t *)h + VNET + IP + (h->offset >> 4) * 4;

    c->una = ntohl(h->ack);
    c->wnd = (uint32_t)ntohs(h->window) << c->scale;
    if (n > 0) {
        memcpy(ring_next(b, n), text, n);
        c->rcv = ntohl(h->seq) + n;
        c->owes_ack = true;
    }
    if (h->flags & FIN) {
        c->rcv++;
        c->open = false;
        transmit(b, c, FIN | ACK, NULL, 0);
    } else if (c == &b->source) {
        send_window(b, c);
    }
}

static void arrives(struct bare *b, size_t length)
{
    const struct headers *h = (const struct headers *)b->frame;
    unsigned port = ntohs(h->dport);
    struct connection *c = port == SINK ? &b->sink : &b->source;

    if (length < VNET + IP + TCP || h->version != 0x45 || h->protocol != IPPROTO_TCP ||
        h->dst != b->address || (port != SINK && port != SOURCE))
        return;
    if (h->flags & SYN)
        accept_syn(b, c, h);
    else if (!c->open || c->port != h->sport)
        return;
    else if (h->flags & RST)
        c->open = false;
    else
        take(b, c, h, ntohs(h->length) - IP - (h->offset >> 4) * 4u);
}

static void acknowledge(struct bare *b, struct connection *c)
{
    if (c->open && c->owes_ack)
        transmit(b, c, ACK, NULL, 0);
    c->owes_ack = false;
}

static void turn(struct bare *b)
{
    struct pollfd p = {.fd = b->fd, .events = POLLIN};
    ssize_t n = 0;

    for (unsigned i = 0; i < BATCH; i++) {
        n = read(b->fd, b->frame, VNET + FRAME);
        if (n < 0)
            break;
        arrives(b, (size_t)n);
    }
    acknowledge(b, &b->sink);
    acknowledge(b, &b->source);
    if (n < 0)
        poll(&p, 1, -1);
}

/* ---- set-up ------------------------------------------------------------------------------------ */

static int tun_open(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 || strlen(name) >= IFNAMSIZ)
        fail("/dev/net/tun");
    memcpy(request.ifr_name, name, strlen(name) + 1);
    if (ioctl(fd, TUNSETIFF, &request) != 0 ||
        ioctl(fd, TUNSETOFFLOAD, (unsigned long)(TUN_F_CSUM | TUN_F_TSO4)) != 0)
        fail(name);
    return fd;
}

static uint8_t *buffer(size_t n)
{
    uint8_t *p = aligned_alloc(4096, n);

    if (!p)
        fail("memory");
    memset(p, 1, n);
    return p;
}

int main(int argc, char **argv)
{
    struct bare b = {0};

    if (argc != 3 || inet_pton(AF_INET, argv[2], &b.address) != 1) {
        fputs("usage: bare NAME A.B.C.D\n", stderr);
        return 2;
    }
    b.fd = tun_open(argv[1]);
    b.frame = buffer(2 * FRAME);
    b.ring = buffer(RING);
    b.app = buffer(RING);
    for (;;)
        turn(&b);
}
