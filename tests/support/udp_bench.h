/* SPDX-License-Identifier: MIT */
/*
 * udp_bench.h - one stack on a bare IP link, and a peer that sends it datagrams by hand.
 *
 * The stack is 10.0.0.1/24, the peer 10.0.0.2.  What the stack sends is kept, packet by packet.
 */
#ifndef SUPPORT_UDP_BENCH_H
#define SUPPORT_UDP_BENCH_H

#include "estab_udp.h"
#include "base/trace.h"
#include "estab.h"

enum { BENCH_PACKETS = 64, BENCH_BYTES = 2048 };

struct bench_packet {
    size_t length;
    uint8_t bytes[BENCH_BYTES]; /* as many as there is room for */
};

struct udp_bench {
    estab_stack *stack;
    void *room;
    size_t size;
    bool ethernet, offload, unnumbered; /* unnumbered: without an address, which comes later */
    uint32_t mtu;
    estab_time now;
    unsigned sent, taken; /* packets out, and how many bench_out has handed over */
    struct bench_packet out[BENCH_PACKETS];
};

#define BENCH_US   estab_ipv4(10, 0, 0, 1)
#define BENCH_PEER estab_ipv4(10, 0, 0, 2)

/* Small pools: 4 sockets, 8 datagrams, 64 chunks of 512 bytes. */
struct estab_config bench_config(void);
/* Members `ethernet`, `offload`, `unnumbered` and `mtu` (1500) are the caller's. */
void bench_start(struct udp_bench *, const struct estab_config *);
void bench_end(struct udp_bench *);
/* A packet, or a frame, arrives; then what the stack sends is kept. */
void bench_in(struct udp_bench *, uint8_t *bytes, size_t n);
void bench_pull(struct udp_bench *);
/* The next packet that was sent; NULL: none. */
const struct bench_packet *bench_out(struct udp_bench *);
/* Time goes on, with all deadlines on the way. */
void bench_run(struct udp_bench *, estab_time until);

/* A socket on a port of ours; `remote` 0: not connected, else to that port of the peer's. */
estab_udp bench_socket(struct udp_bench *, uint16_t port, uint16_t remote);
/* A datagram from a port of the peer's to one of ours. */
void bench_datagram(struct udp_bench *, uint16_t from, uint16_t to, const void *text, size_t n);
/* An ICMP error of the peer's about a datagram of ours. */
void bench_icmp(struct udp_bench *, unsigned type, unsigned code, struct estab_endpoint src,
                struct estab_endpoint dst);
struct estab_endpoint bench_us(uint16_t port);
struct estab_endpoint bench_peer(uint16_t port);
/* Sends text to a port of the peer's; 0: to whom the socket is connected. */
enum estab_error bench_send(struct udp_bench *, estab_udp, const char *text, uint16_t port);
/* Receives the next datagram, which must be this text. */
struct estab_udp_received bench_take(struct udp_bench *, estab_udp, const char *text);
/* There is none. */
void bench_nothing(struct udp_bench *, estab_udp);
bool bench_same(struct estab_addr a, struct estab_addr b);
uint32_t bench_chunks(const struct udp_bench *); /* in use */
uint64_t bench_reason(const struct udp_bench *, enum reason);
/* Takes events until there are no more; the bits of this socket's. */
unsigned bench_events(struct udp_bench *, estab_udp, enum estab_error *error);

#endif
