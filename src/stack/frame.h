/* SPDX-License-Identifier: MIT */
/* frame.h - what input.c, input6.c, output.c and the files beside them share: a frame as bytes, and a packet in it. */
#ifndef STACK_FRAME_H
#define STACK_FRAME_H

#include "stack/stack.h"

/* ---- input.c --------------------------------------------------------------------------------------- */

struct packet {
    struct estab_frame *frame;
    struct estab_addr src, dst;
    const uint8_t *first; /* the first piece of the frame */
    uint32_t first_length;
    uint32_t at; /* of the IP header, then of the payload, in the frame */
    uint32_t length;  /* of the payload */
    uint32_t headers; /* bytes of IP before the payload, extension headers counted */
    uint8_t diffserv; /* with ECN */
    uint8_t protocol; /* of the payload */
    uint8_t hop_limit;
    uint8_t mac[6]; /* who sent it */
    uint8_t interface;
    uint8_t local; /* the number of dst; of a group, of any address there */
    bool trusted; /* the checksum is known to be good */
    bool group;   /* the frame was for several stations */
    bool reassembled; /* from fragments */
};

/* How many bytes from `at` on lie in one piece. */
static inline uint32_t packet_contiguous(const struct packet *p)
{
    return p->first_length - p->at < p->length ? p->first_length - p->at : p->length;
}

/* For an answer to it. */
static inline struct ip_whence packet_whence(const struct packet *p)
{
    struct ip_whence w = {.us = p->dst, .them = p->src, .interface = p->interface};

    memcpy(w.mac, p->mac, 6);
    return w;
}

/* The sum of n bytes from `at` on. */
uint64_t frame_sum(const struct estab_frame *f, uint32_t at, uint32_t n, uint64_t sum);
/* Copies up to n bytes from `at` on; how many there were. */
uint32_t frame_gather(const struct estab_frame *f, uint32_t at, uint32_t n, uint8_t *to);
/* Appends n bytes from `at` on to a queue; false if the text pool is short of chunks. */
bool frame_copy(struct chunk_pool *pool, const struct estab_frame *f, uint32_t at, uint32_t n,
                struct text_queue *q);
/* Whether the checksum of the payload, with the pseudo header's sum, is right. */
bool packet_intact(const struct packet *p);
/* Appends n bytes of the packet's frame from `at` on to an answer (NULL: there is no room for it). */
struct ip_reply *packet_reply(struct estab_stack *s, struct ip_reply *r, const struct packet *p,
                              uint32_t at, uint32_t n);
enum reason packet_tcp(struct estab_stack *s, struct packet *p, estab_time now);
/* An ICMP error about what we sent from a place of ours to `dst`; the first 8 bytes of the segment; `big` if
 * it was too big, else NULL. */
enum reason packet_icmp_about(struct estab_stack *s, int local, const struct estab_addr *dst,
                              const uint8_t segment[8], bool hard,
                              const struct tcp_too_big *big, estab_time now);
/* RFC 1122 section 3.2.2: tells the sender of a packet, with its own first bytes. */
void packet_tell(struct estab_stack *s, const struct packet *p, unsigned type, unsigned code,
                 estab_time now);
enum reason packet_ipv4(struct estab_stack *s, struct packet *p, estab_time now);

/* ---- input6.c -------------------------------------------------------------------------------------- */

enum reason packet_ipv6(struct estab_stack *s, struct packet *p, estab_time now);
/* The same as packet_tell, of IPv6; `rest`: the second word of the message. */
void packet6_tell(struct estab_stack *s, const struct packet *p, unsigned type, unsigned code,
                  uint32_t rest, estab_time now);
/* RFC 4443 section 3.1: nobody here has the port that a packet was for. */
void packet6_no_port(struct estab_stack *s, const struct packet *p, estab_time now);

/* ---- router.c -------------------------------------------------------------------------------------- */

/* An advertisement, a redirect, or a query of MLD; `cut`: it came with a fragment header. */
enum reason packet_router(struct estab_stack *s, const struct packet *p, unsigned type, bool cut,
                          estab_time now);

/* ---- fragment.c ------------------------------------------------------------------------------------ */

/* A packet that is a part of a datagram: IP_FRAGMENT if it waits for others, what became of the datagram
 * if it was the last, or why it was dropped. */
enum reason packet_fragment(struct estab_stack *s, struct packet *p, const struct fragment *f,
                            estab_time now);
void stack_fragments_expire(struct estab_stack *s, estab_time now);

/* ---- output.c -------------------------------------------------------------------------------------- */

void frame_link(const struct estab_stack *s, struct estab_frame *f, unsigned interface,
                const uint8_t mac[6], unsigned type);
/* What a packet's header says, of either family. */
struct ip_out {
    struct estab_addr src, dst;
    uint32_t flow;   /* IPv6 alone */
    uint32_t length; /* of the payload */
    uint8_t protocol, diffserv;
    uint8_t hop_limit; /* 0: as configured */
    const struct ipv6_fragment *part; /* the payload is a part of a datagram, of either family; NULL: all */
};

unsigned ethertype_of(const struct estab_addr *a);
void frame_ip(struct estab_stack *s, struct estab_frame *f, const struct ip_out *o);
/* Refers to n bytes of text from a place in a queue; each chunk is pinned. */
void frame_text(struct tcp *t, struct estab_frame *f, struct queue_cursor at, uint32_t n);
/* The sum of the text, which has so many bytes of header in front. */
uint64_t text_sum(const struct estab_frame *f, uint32_t header, uint64_t sum);
/* Whether the device, or nobody, sums the transport's bytes. */
bool frame_offloads(const struct estab_stack *s, const struct estab_frame *f);
/* Whether an address of ours can speak: KNOWN, WAIT for duplicate address detection, or NOBODY. */
enum neighbour_answer own_address(const struct estab_stack *s, unsigned local);
enum reason why_lost(const struct ip_path *path, enum neighbour_answer own,
                     enum neighbour_answer answer);

/* ---- datagram.c: UDP ------------------------------------------------------------------------------- */

enum reason packet_udp(struct estab_stack *s, const struct packet *p, estab_time now);
/* An ICMP error that quotes a datagram of ours between these, 8 bytes of it at `udp`. */
enum reason packet_icmp_udp(struct estab_stack *s, const struct estab_addr *src,
                            const struct estab_addr *dst, const uint8_t *udp, unsigned type, unsigned code);
bool next_datagram(struct estab_stack *s, struct estab_frame *f, estab_time now);

#endif
