/* SPDX-License-Identifier: MIT */
/* icmp.c - what an ICMP error does to a connection (RFC 9293 section 3.9.2.2, RFC 5927). */
#include "tcp/tcp.h"

enum reason icmp_arrives(struct tcp *t, const struct tcp_pair *pair, snd_seq seq, bool hard,
                         const struct tcp_too_big *big, estab_time now)
{
    uint32_t where = table_find(t, pair);
    struct tcb *b;

    if (WHERE_KIND(where) != WHERE_TCB)
        return REASON_ICMP_NO_CONNECTION;
    b = tcp_tcb(t, WHERE_INDEX(where));
    /* RFC 5927 section 4.1: only about what is in flight, which a stranger cannot guess. */
    if (!snd_leq(b->snd.una, seq) || !snd_lt(seq, b->snd.nxt))
        return REASON_ICMP_NO_CONNECTION;
    if (big)
        return mtu_too_big(t, b, seq, big, now);
    if (hard && b->head.state == TCP_SYN_SENT) {
        conn_close(t, b, EV_ABORT, ESTAB_UNREACHABLE, REASON_ICMP_HARD, now);
        return REASON_NONE; /* counted by the close */
    }
    /* RFC 5927 section 5.2: in a synchronized state even a hard error is a hint. */
    b->error = ESTAB_UNREACHABLE;
    conn_event(t, b->head.handle, ESTAB_EVENT_SOFT_ERROR, ESTAB_UNREACHABLE);
    return REASON_ICMP_SOFT;
}
