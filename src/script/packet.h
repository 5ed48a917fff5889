/* SPDX-License-Identifier: MIT */
/*
 * packet.h - packets between the script's numbers and a live connection's.
 *
 *      script                            live
 *      SYN seq 100, else seq 1    <-->   the initial sequence number, and seq + 1
 *      TS val 100                 <-->   the value that was sent where the script says 100
 *      no ports, no addresses     <-->   those of the socket under test
 *
 * Each UDP datagram's text is script_text_at from 0 on.
 *
 * The numbers of all segments but SYNs count from the initial ones, whatever the SYN's number is in
 * the script.  The remote side's initial number and its timestamps are used as they are written.
 */
#ifndef SCRIPT_PACKET_H
#define SCRIPT_PACKET_H

#include "base/writer.h"
#include "packet/ipv4.h"
#include "packet/tcp_header.h"
#include "script/ast.h"
#include "script/settings.h"

#define TS_MAP_MAX       512 /* the oldest pair makes room */
#define PACKET_BYTES_MAX 65535u

enum socket_phase {
    SOCKET_NEW,
    SOCKET_LISTENING,
    SOCKET_CONNECTING,   /* connect() was called, */
    SOCKET_SYN_SENT,     /* the script expects our SYN, */
    SOCKET_SYN_RECEIVED, /* or sent one to a listener */
    SOCKET_OPEN,
};

/* A socket as the script sees it. */
struct script_socket {
    int fd; /* the stack's; -1: not accepted yet */
    enum socket_phase phase;
    uint16_t local_port, remote_port; /* live; local 0: not known yet */
    uint32_t script_iss, live_iss;    /* of this side */
    uint32_t irs;                     /* of the remote side */
    bool iss_known;
    bool datagram; /* of UDP: it has ports, and no numbers */
    /* Timestamps that were sent, as pairs; and the first pair. */
    unsigned ts_count, ts_next;
    struct {
        uint32_t script, live;
    } ts[TS_MAP_MAX];
    bool ts_based;
    uint32_t ts_script, ts_live;
    uint32_t ip_id; /* of what is sent to us */
};

/* The byte of a stream at a place, counted from 0: what is read can so be compared with what was
 * sent. */
static inline uint8_t script_text_at(uint32_t place)
{
    return (uint8_t)(place * 2654435761u >> 24);
}

/* Builds the packet of a script for a socket, its checksums done; its bytes, or 0 and `why` not. */
size_t packet_build(const struct packet_spec *, struct script_socket *,
                    const struct script_settings *, uint8_t out[PACKET_BYTES_MAX],
                    struct script_fault *why);

/* A packet that left the stack. */
struct live_packet {
    int64_t time_us;
    uint32_t length;
    uint8_t *bytes; /* from malloc */
};

/* ---- packet_ip.c: the header in front, of either family ------------------------------------------- */

struct packet_ip {
    struct estab_addr src, dst;
    uint8_t protocol, traffic, ttl;
    uint32_t header, length; /* bytes of the header, and behind it */
    uint32_t flow;           /* IPv6's label */
    uint16_t id;             /* IPv4's */
    bool dont_fragment;
};

bool packet_ip_is6(const struct script_settings *);
uint32_t packet_ip_length(const struct script_settings *);
bool packet_ip_read(const struct live_packet *, struct packet_ip *);
void packet_ip_write(struct writer *, const struct script_settings *, const struct packet_ip *);

/* ---- packet.c ------------------------------------------------------------------------------------- */

/* Whether it is of this socket; learns the local port and the initial number from its SYN. */
bool packet_is_of(const struct live_packet *, struct script_socket *,
                  const struct script_settings *);
/* In the script's numbers.  False: it is no packet that a script can describe. */
bool packet_describe(const struct live_packet *, const struct script_socket *, struct packet_spec *);
/* Remembers which live timestamp stands for the script's. */
void packet_learn_ts(const struct packet_spec *expected, const struct live_packet *,
                     struct script_socket *);

/* "> P. 1:1001(1000) ack 1 win 257 <nop,nop,TS val 100 ecr 200>": as a script writes it. */
void packet_text(const struct packet_spec *, char *out, size_t size);

/* What differs first, as "flags: expected P., got ."; false: nothing.  `delta_us` is the time since
 * the script began, for the tolerance of timestamps. */
bool packet_differs(const struct packet_spec *expected, const struct packet_spec *actual,
                    const struct script_settings *, int64_t delta_us, char *why, size_t size);
/* Whether `next` may follow `sum` in a row of segments that are summed up; then `sum` has grown. */
bool packet_append(struct packet_spec *sum, const struct packet_spec *next);

/* The options one by one: the present one's kind, its bytes and their number; false at the end. */
struct option_walk {
    const uint8_t *p;
    size_t left;
    uint8_t kind;
    uint8_t length;
};
bool option_next(struct option_walk *, const uint8_t **option);

#endif
