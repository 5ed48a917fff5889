/* SPDX-License-Identifier: MIT */
/*
 * segment.h - a segment that arrives, and one that is sent, as values (RFC 9293 section 3.3.1's
 * SEG variables, each in its own sequence space).
 */
#ifndef TCP_SEGMENT_H
#define TCP_SEGMENT_H

#include "base/seq.h"
#include "packet/tcp_header.h"
#include "estab.h"

struct segment {
    struct estab_addr remote; /* where it came from */
    uint16_t rport, lport;
    uint8_t local; /* which of our addresses: the interface that has it */
    uint8_t flags;
    uint8_t ecn;       /* of the IP header, RFC 3168 section 5 */
    uint8_t interface; /* on which it arrived, and may be answered */
    uint8_t mac[6];    /* of the station that sent it, if the link has stations */
    uint16_t mtu;      /* of the interface */
    rcv_seq seq;
    snd_seq ack;
    uint32_t wnd; /* as in the header, unscaled */
    uint32_t up;
    uint32_t len; /* bytes of text; SEG.LEN counts SYN and FIN too */
    struct tcp_options opt;
    struct estab_frame *frame; /* the text is at `text` in it, the link header counted */
    uint32_t text;
};

/* SEG.LEN (RFC 9293 section 3.3.1): text, and one each for SYN and FIN. */
static inline uint32_t segment_length(const struct segment *s)
{
    return s->len + !!(s->flags & CTL_SYN) + !!(s->flags & CTL_FIN);
}

static inline rcv_seq segment_end(const struct segment *s)
{
    return rcv_add(s->seq, segment_length(s));
}

/* A segment to be sent: the header, and its text as a place in a send queue. */
struct tcp_out {
    struct tcp_header header;
    struct estab_addr remote;
    uint8_t local;
    uint8_t diffserv;
    uint8_t ecn; /* of the IP header */
    bool has_mac; /* an answer: goes back to the station that asked, if no other is known */
    uint8_t mac[6];
    uint16_t segment_size; /* text bytes of each segment, if this is a super-segment */
    uint32_t chunk, offset, length;
    uint32_t tcb; /* whose text it is; TCB_NONE */
};

#endif
