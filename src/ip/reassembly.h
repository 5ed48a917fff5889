/* SPDX-License-Identifier: MIT */
/*
 * reassembly.h - parts of datagrams that wait for the others (RFC 791 section 3.2, RFC 8200 section 4.5):
 * one pool, 'fragments', for both families.
 *
 *      struct reassembly      block 0                       block 1         block 2
 *      [who, which pieces] -> |....header|ppppppp        |  |        pppp|  |pp          |
 *                              64 bytes   payload, each byte in its place
 *
 * A datagram takes blocks of 4 KB where pieces of it have come, and 17 at most; a whole one is then read
 * where it lies.  Its pieces are known one by one, so that of two that overlap neither is believed: the
 * datagram is doomed with all that may still come of it (RFC 5722).  A piece that came twice, byte for
 * byte, does no harm.
 *
 * Bounds: the pool's blocks, as many datagrams as blocks, and 128 pieces of each datagram, so that a
 * flood of tiny ones costs no more than others; 60 seconds from the first piece on.
 *
 * Who has to go.  Datagrams are counted by their source (IPv6: by its /64, which one host has to itself)
 * in 32 accounts that a keyed hash chooses.  Where the pool is full the account that holds most of it
 * loses its oldest datagram.  So one source, or one network, can push out only itself and the one in 32
 * that shares its account; a flood from invented sources fills all accounts alike, and takes from an
 * honest one what it must.  The oldest goes first, for parts of one datagram come within milliseconds or
 * never, and a random one could be the one that came last.
 */
#ifndef IP_REASSEMBLY_H
#define IP_REASSEMBLY_H

#include "base/trace.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"

enum {
    REASSEMBLY_BLOCK = 4096,
    REASSEMBLY_BLOCKS = 17, /* of one datagram */
    REASSEMBLY_HEADER = 64, /* in front of the payload, for IP's header */
    REASSEMBLY_PIECES = 128,
    REASSEMBLY_ACCOUNTS = 32,
    REASSEMBLY_NONE = UINT16_MAX,
};

_Static_assert(REASSEMBLY_BLOCK * REASSEMBLY_BLOCKS - REASSEMBLY_HEADER >= UINT16_MAX &&
                   REASSEMBLY_BLOCKS <= ESTAB_PARTS_MAX,
               "a datagram is a frame of so many parts");
_Static_assert(REASSEMBLY_HEADER >= IPV4_HEADER_MAX && REASSEMBLY_HEADER >= IPV6_HEADER + 8,
               "the header lies in front of the payload");

/* A part of a datagram: RFC 791's buffer identifier, RFC 8200's three, and the interface. */
struct fragment {
    struct estab_addr src, dst;
    uint32_t id;
    uint8_t protocol; /* IPv6: what the first one says counts */
    uint8_t interface;
    uint8_t ecn;
    bool more;
    uint32_t from, to; /* of the datagram's payload */
};

struct reassembly {
    struct estab_addr src, dst;
    uint32_t id;
    uint8_t protocol, interface;
    uint8_t mac[6]; /* who sent the first piece that came */
    uint8_t account;
    uint8_t ecn;     /* bit e: a piece had that codepoint */
    bool trusted;    /* the checksums of all are known to be good */
    bool group;      /* one came in a frame for several stations */
    uint8_t pieces;
    uint8_t header;  /* bytes of the first piece's IP header, in front of the payload; 0: it has not come */
    uint16_t doomed; /* enum reason; 0: not */
    uint16_t next;   /* in its bucket, or of the free ones */
    uint16_t older, newer; /* of its account */
    uint32_t have;   /* bytes */
    uint32_t length; /* of the payload; 0: the last piece has not come */
    estab_time deadline;
    uint16_t block[REASSEMBLY_BLOCKS]; /* NONE: nothing of it has come */
    struct {
        uint16_t from, to;
    } piece[REASSEMBLY_PIECES]; /* in their order */
};

struct reassemblies {
    uint64_t datagrams_at, buckets_at, links_at, blocks_at; /* from this struct */
    uint32_t most, bucket_mask; /* of the datagrams, and of the blocks */
    uint32_t used, blocks_used;
    uint16_t free, fresh, block_free, block_fresh;
    struct {
        uint16_t oldest, newest;
        uint32_t weight; /* datagrams and blocks */
    } account[REASSEMBLY_ACCOUNTS];
    uint64_t pieces_in, whole; /* counters */
};

/* Lays the pool out behind the struct, and returns the bytes; with NULL it only counts. */
uint64_t reassembly_layout(struct reassemblies *q, const struct estab_config *config);
void reassembly_init(struct reassemblies *q, const struct estab_config *config);
/* Whether the pool lies where it does in this build with that configuration. */
bool reassembly_holds(const struct reassemblies *q, const struct estab_config *config);

struct reassembly *reassembly_find(const struct reassemblies *q, const uint8_t key[16],
                                   const struct fragment *f);
/* What is to be thought of a piece, beside what has come already (NULL: nothing): NONE, DUPLICATE if its
 * bytes are the same, or why it is not taken. */
enum reason reassembly_judge(const struct reassembly *r, const struct fragment *f);
/* Whether there is room for a piece. */
bool reassembly_fits(const struct reassemblies *q, const struct reassembly *r, const struct fragment *f);
/* The one that has to go first; there is one. */
struct reassembly *reassembly_victim(const struct reassemblies *q);
/* A new one, for which there is room. */
struct reassembly *reassembly_new(struct reassemblies *q, const uint8_t key[16], const struct fragment *f,
                                  estab_time now);
/* Notes a piece that was judged and fits; the caller copies its bytes. */
void reassembly_add(struct reassemblies *q, struct reassembly *r, const struct fragment *f);
/* Where the payload's byte `at` lies, and *run: so many from there on. */
uint8_t *reassembly_place(const struct reassemblies *q, const struct reassembly *r, uint32_t at,
                          uint32_t *run);
static inline bool reassembly_whole(const struct reassembly *r)
{
    return r->length > 0 && r->have == r->length;
}
/* Nothing of it will be believed any more; what comes of it until its time is over is dropped. */
void reassembly_doom(struct reassemblies *q, struct reassembly *r, enum reason why);
void reassembly_free(struct reassemblies *q, const uint8_t key[16], struct reassembly *r);
estab_time reassembly_deadline(const struct reassemblies *q);
/* One whose time is over; NULL: none. */
struct reassembly *reassembly_due(const struct reassemblies *q, estab_time now);

#endif
