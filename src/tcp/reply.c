/* SPDX-License-Identifier: MIT */
/*
 * reply.c - answers that no connection owns: resets, and what records say.  They wait in a ring of
 * `replies` places until the next output; when it is full the newest is not sent, and is counted.
 */
#include "tcp/tcp.h"

struct tcp_out *reply_new(struct tcp *t, enum emit_why why)
{
    struct tcp_reply *r;

    if (t->reply_count == t->config.replies) {
        note_reason(t, REASON_REPLIES_FULL);
        return NULL;
    }
    r = tcp_reply(t, (t->reply_head + t->reply_count) % t->config.replies);
    t->reply_count++;
    *r = (struct tcp_reply){.why = (uint8_t)why};
    r->out.chunk = CHUNK_NONE;
    r->out.tcb = TCB_NONE;
    return &r->out;
}

/* Section 3.10.7.1: the reset takes its sequence number from the segment's ACK, or acknowledges all
 * of the segment. */
void reply_reset(struct tcp *t, const struct segment *s, estab_time now)
{
    struct tcp_out *out = reply_new(t, WHY_RESET);
    struct tcp_header *h;

    (void)now;
    if (!out)
        return;
    out->remote = s->remote;
    out->local = s->local;
    out->has_mac = true;
    for (unsigned i = 0; i < 6; i++)
        out->mac[i] = s->mac[i];
    h = &out->header;
    h->sport = s->lport;
    h->dport = s->rport;
    if (s->flags & CTL_ACK) {
        h->seq = s->ack.v;
        h->flags = CTL_RST;
    } else {
        h->ack = segment_end(s).v;
        h->flags = CTL_RST | CTL_ACK;
    }
}
