/* SPDX-License-Identifier: MIT */
/*
 * udp.h - the User Datagram Protocol (RFC 768, RFC 1122 section 4.1, RFC 8085): sockets, and the two
 * queues that datagrams wait in.
 *
 *      arrived --> [record text][record text]...  a queue of text for each socket (arrive.c)
 *      sent    --> ready   <---- a next hop was learned        one list for all (send.c)
 *                  |   \--> blocked: waits for its next hop's address
 *                  v
 *                estab_output
 *
 * What arrives is packed into its socket's queue, a record in front of each text, so that a thousand
 * small datagrams do not take a thousand chunks.  What is sent takes a place of the pool 'datagrams' until
 * output asks for it: one that waits for its neighbour stands in no other's way.
 *
 * Bounds: a socket's receive and send buffers; for all together an eighth of the text pool for what
 * arrived, and half of the pool 'datagrams' for what waits for neighbours.  As in tcp.h nothing is a
 * pointer.  The text pool is the stack's, and an argument.
 */
#ifndef UDP_UDP_H
#define UDP_UDP_H

#include "estab_udp.h"
#include "base/assert.h"
#include "base/queue.h"
#include "base/trace.h"
#include "packet/ipv4.h"
#include "packet/udp_header.h"

#define UDP_NONE UINT32_MAX
/* The longest text: 65,535 bytes less both headers. */
#define UDP_TEXT_MAX (UINT16_MAX - IPV4_HEADER_MIN - UDP_HEADER)

/* In front of each text in a socket's queue. */
struct udp_record {
    struct estab_endpoint remote;
    struct estab_addr local;
    uint16_t length; /* of the text */
    uint8_t ttl, traffic; /* of the IP header; traffic: Differentiated Services and ECN */
};

enum udp_flag {
    UDP_USED = 1,
    UDP_SHARES = 2,     /* its port, with those that share too */
    UDP_NAMED = 4,      /* its user chose the local address; else connecting did, or nothing */
    UDP_WANTS_ROOM = 8, /* a datagram was refused: WRITABLE is owed */
    UDP_QUEUED = 16,    /* in the list of events */
    UDP_ONLY_IPV4 = 32, /* with an unspecified local address: of one family alone */
    UDP_ONLY_IPV6 = 64,
    UDP_WHOLE = 128,    /* its datagrams may not go in parts */
};

struct udp_socket {
    struct estab_endpoint local, remote; /* unspecified: every address of ours; anybody */
    uint32_t generation;
    uint32_t next;       /* in its bucket, or in the free list */
    uint32_t event_next;
    uint16_t events;     /* ESTAB_EVENT bits */
    uint8_t flags;       /* enum udp_flag */
    uint8_t ttl, diffserv; /* 0: the stack's */
    uint8_t broadcasts;    /* it may send them */
    uint8_t interface;     /* of broadcasts, 1 + its number; 0: any */
    struct text_queue in;
    uint32_t in_count;
    uint32_t sending;    /* bytes of datagrams that wait to be sent */
    uint32_t receive_buffer, send_buffer;
    uint64_t received, sent, dropped; /* datagrams */
    struct estab_udp_error error;
};

/* A datagram that waits to be sent. */
struct udp_out {
    struct estab_endpoint src, dst;
    struct text_queue text;
    uint32_t next;
    uint32_t socket; /* UDP_NONE: closed meanwhile */
    uint32_t gone;   /* bytes, of which some parts have been sent; 0: it is whole */
    uint32_t id;     /* of its parts */
    uint8_t ttl, diffserv;
    uint8_t broadcast; /* as in struct udp_way */
};

/* How a datagram goes. */
struct udp_way {
    struct estab_endpoint src, dst;
    uint8_t broadcast; /* 1 + the number of the interface to whose stations it goes; 0: by the routes */
};

struct udp_list {
    uint32_t head, tail, count;
};

struct udp {
    /* Distances from this struct. */
    uint64_t sockets_at, outs_at, buckets_at;
    uint32_t bucket_mask;
    uint32_t socket_most, out_most;
    uint32_t receive_buffer, send_buffer; /* of new sockets */
    uint32_t socket_free, socket_fresh, socket_used;
    uint32_t out_free, out_fresh, out_used;
    struct udp_list ready, blocked;
    uint32_t event_head, event_tail;
    uint32_t port_counter;
    uint64_t queued; /* bytes in all sockets' queues */
    uint64_t datagrams_in, datagrams_out;
};

static inline struct udp_socket *udp_socket(const struct udp *u, uint32_t i)
{
    return (struct udp_socket *)((uintptr_t)u + (uintptr_t)u->sockets_at) + i;
}

static inline struct udp_out *udp_out(const struct udp *u, uint32_t i)
{
    return (struct udp_out *)((uintptr_t)u + (uintptr_t)u->outs_at) + i;
}

static inline uint32_t *udp_bucket(const struct udp *u, uint16_t port)
{
    return (uint32_t *)((uintptr_t)u + (uintptr_t)u->buckets_at) + (port & u->bucket_mask);
}

static inline uint32_t udp_index(const struct udp *u, const struct udp_socket *s)
{
    return (uint32_t)(s - udp_socket(u, 0));
}

/* ---- socket.c ------------------------------------------------------------------------------------ */

/* Lays the pools out behind `struct udp` and returns the bytes; with `u` NULL it only counts. */
uint64_t udp_layout(struct udp *u, const struct estab_config *config);
void udp_init(struct udp *u, const struct estab_config *config);
/* Whether the pools lie where they do in this build with that configuration. */
bool udp_holds(const struct udp *u, const struct estab_config *config);

/* NULL: the handle is stale. */
struct udp_socket *udp_find(const struct udp *u, estab_udp handle);
estab_udp udp_handle(const struct udp *u, const struct udp_socket *s);
/* A socket on `local`, whose port is not 0, with these of its flags; NULL: the pool is empty. */
struct udp_socket *udp_new(struct udp *u, const struct estab_endpoint *local, unsigned flags);
void udp_end(struct udp *u, struct chunk_pool *pool, struct udp_socket *s);
/* Whether a socket there would be in another's way. */
bool udp_taken(const struct udp *u, const struct estab_endpoint *local, unsigned flags);
/* A free port of 32768..65535, TCP's range, that nobody can guess (RFC 6056 section 3.3.1); 0: none.  `key` of 16 bytes. */
uint16_t udp_port(struct udp *u, const struct estab_addr *local, const uint8_t *key);
void udp_event(struct udp *u, struct udp_socket *s, unsigned bits);
bool udp_event_next(struct udp *u, struct estab_event *event);

/* ---- arrive.c ------------------------------------------------------------------------------------- */

/* The socket to which a datagram between these goes, the one that says most of both ends; NULL: none. */
struct udp_socket *udp_lookup(const struct udp *u, const struct estab_endpoint *local,
                              const struct estab_endpoint *remote);
/* The next socket behind `after` (NULL: the first one) to which a broadcast that came by an interface goes:
 * each one of the port that is not bound to another address, or connected to another peer. */
struct udp_socket *udp_lookup_broadcast(const struct udp *u, const struct udp_socket *after,
                                        const struct estab_endpoint *local,
                                        const struct estab_endpoint *remote, unsigned interface);
/* Makes room for a datagram and queues its record; the caller appends r->length bytes of text, for which
 * there are chunks.  NONE, UDP_BUFFER or UDP_TEXT_POOL. */
enum reason udp_admit(struct udp *u, struct chunk_pool *pool, struct udp_socket *s,
                      const struct udp_record *r);
/* Its text was appended. */
void udp_admitted(struct udp *u, struct udp_socket *s, const struct udp_record *r);
/* The record of the first datagram that waits; false: there is none. */
bool udp_first(const struct chunk_pool *pool, const struct udp_socket *s, struct udp_record *r);
/* Takes the first datagram: false if there is none. */
bool udp_take(struct udp *u, struct chunk_pool *pool, struct udp_socket *s, void *buffer, size_t size,
              bool peek, struct udp_record *got);
/* An ICMP error about a datagram of ours. */
void udp_icmp(struct udp *u, struct udp_socket *s, const struct estab_udp_error *error);

/* ---- send.c --------------------------------------------------------------------------------------- */

/* Queues a datagram.  AGAIN (WRITABLE follows), NO_RESOURCES: the text pool. */
enum estab_error udp_send(struct udp *u, struct chunk_pool *pool, struct udp_socket *s,
                          const struct udp_way *way, const void *text, uint32_t length);
/* The next one that is to be sent, still queued; NULL: none. */
struct udp_out *udp_next(const struct udp *u);
/* The first of `ready` waits for its neighbour.  True: so do half of all places, and the one that has
 * waited longest was given up for it. */
bool udp_block(struct udp *u, struct chunk_pool *pool);
void udp_unblock_all(struct udp *u);
/* The first of `ready` was sent, or (`error`) it cannot be, of which its user hears. */
void udp_sent(struct udp *u, struct chunk_pool *pool);
void udp_lost(struct udp *u, struct chunk_pool *pool, enum estab_error error);
/* A socket ends: what it has sent goes out without it. */
void udp_disown(struct udp *u, uint32_t socket);

#endif
