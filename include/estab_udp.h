/* SPDX-License-Identifier: MIT */
/*
 * estab_udp.h - datagrams of a stack: UDP (RFC 768, RFC 1122 section 4.1).
 *
 *      estab_udp_open, estab_udp_connect      a socket, and its peer
 *      estab_udp_send, estab_udp_receive      a datagram, whole or not at all
 *      estab_udp_error                        what became of one that was sent
 *
 * What is to be received and sent is told by the events of estab.h, with `udp` in place of `conn`.
 */
#ifndef ESTAB_UDP_H
#define ESTAB_UDP_H

#include <estab.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A socket sends and receives datagrams.  Checksums are always sent, and a datagram that comes without
 * one is taken, as RFC 768 has it.  What arrives waits in the socket's queue, `udp_receive_buffer` bytes
 * at most, 38 of them in front of each; what does not fit is dropped.  All queues together hold an eighth
 * of the text pool at most.
 */
struct estab_udp_open {
    uint32_t size;
    struct estab_endpoint local;  /* unspecified address: every address of this stack, or, if it is
                                   * IPv4's, every IPv4 address; port 0: chosen, so that nobody can
                                   * guess it (RFC 6056) */
    struct estab_endpoint remote; /* unspecified: anybody; else as estab_udp_connect */
    bool share; /* the port, with others that share too; of equal ones the last opened receives */
    bool ipv6_only; /* with an unspecified address: every IPv6 address */
};

/* EXISTS: the port is taken.  NO_RESOURCES, NO_ROUTE, REMOTE_UNSPECIFIED, INVALID. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_udp_open(estab_stack *, const struct estab_udp_open *,
                                                           estab_udp *out);
/* The socket is for this peer alone: others' datagrams go elsewhere, and a local address that was not
 * named is the route's.  Unspecified: for anybody again.  What waits already stays.  NO_CONNECTION (there
 * is no such socket), NO_ROUTE, REMOTE_UNSPECIFIED (an address without a port), INVALID. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_udp_connect(estab_stack *, estab_udp,
                                                              struct estab_endpoint remote);
/* What was not received is dropped, what was not sent yet is still sent.  NO_CONNECTION. */
ESTAB_API enum estab_error estab_udp_close(estab_stack *, estab_udp);

/* Sends a datagram; `to` NULL: to whom the socket is connected.  All of it or nothing.  AGAIN: the
 * socket's send buffer or the pool 'datagrams' is full, WRITABLE follows.  TOO_LONG: for UDP, or for the
 * link if it may not go in parts.  NO_CONNECTION, REMOTE_UNSPECIFIED, NO_ROUTE, NO_RESOURCES (the text
 * pool is empty), INVALID. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_udp_send(estab_stack *, estab_udp,
                                                           const struct estab_endpoint *to,
                                                           const void *text, size_t length,
                                                           estab_time now);

struct estab_udp_received {
    size_t length; /* of the datagram; what the buffer had no room for is gone */
    struct estab_endpoint remote; /* port 0: its sender wants no answer */
    struct estab_addr local;      /* to which of our addresses it was sent */
    uint8_t ttl, diffserv, ecn;   /* of its IP header */
};

/* Takes the oldest datagram; with ESTAB_PEEK it stays.  AGAIN: there is none.  NO_CONNECTION. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_udp_receive(estab_stack *, estab_udp, void *buffer,
                                                              size_t size, unsigned flags,
                                                              struct estab_udp_received *got);

/* What became of a datagram of ours, by ICMP or as the next hop did not answer. */
struct estab_udp_error {
    uint32_t size;
    enum estab_error error;       /* REFUSED: nobody has that port; UNREACHABLE; NO_ROUTE; OK: nothing */
    struct estab_endpoint remote; /* to whom it was sent */
    struct estab_addr local;
    bool icmp;                    /* these two are an ICMP message's */
    uint8_t type, code;
};

/* The last error, once: it is OK afterwards.  NO_CONNECTION. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_udp_error(estab_stack *, estab_udp,
                                                            struct estab_udp_error *);

enum estab_udp_option {
    ESTAB_UDP_RECEIVE_BUFFER, /* bytes */
    ESTAB_UDP_SEND_BUFFER,    /* bytes */
    ESTAB_UDP_TTL,            /* 1..255; 0: the stack's */
    ESTAB_UDP_DIFFSERV,       /* 0..63 */
    ESTAB_UDP_DONT_FRAGMENT,  /* 1: what is longer than the link carries is TOO_LONG; 0: it goes in parts */
    ESTAB_UDP_BROADCAST,      /* 1: it may send to a broadcast address of IPv4 (RFC 919): from its interface's
                               * address, or from none where there is none yet; never to ourselves */
    ESTAB_UDP_INTERFACE,      /* by which it sends and receives broadcasts, 1 + its number; 0: by the first one
                               * of that network, from any */
};

/* NO_CONNECTION, INVALID. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_udp_set(estab_stack *, estab_udp, enum estab_udp_option,
                                                          uint32_t value);

struct estab_udp_status {
    uint32_t size;
    estab_udp udp;
    struct estab_endpoint local, remote;
    uint32_t waiting;        /* datagrams to be received */
    uint32_t next_length;    /* bytes of the first of them */
    uint32_t receive_queued; /* bytes of the receive buffer that they take */
    uint32_t send_queued;    /* bytes not yet sent */
    uint32_t receive_buffer, send_buffer;
    uint64_t received, sent, dropped; /* datagrams; dropped: for want of room */
};

/* NO_CONNECTION. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_udp_status(const estab_stack *, estab_udp,
                                                             struct estab_udp_status *);
/* Walks all sockets: *cursor starts at 0; false at the end. */
ESTAB_API bool estab_udp_list(const estab_stack *, uint32_t *cursor, struct estab_udp_status *);

#ifdef __cplusplus
}
#endif

#endif
