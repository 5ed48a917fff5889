/* SPDX-License-Identifier: MIT */
/*
 * judge.c - the steps of RFC 9293 section 3.10.7 that judge a segment and change nothing:
 *
 *      3.10.7.3  SYN-SENT    judge_syn_sent
 *      3.10.7.4  otherwise   check_seq  check_rst  check_security  check_syn  check_ack
 *
 * Each gives a ruling: what is to be done, and the reason for it.  arrive.c does it.
 */
#include "tcp/judge.h"

static const struct ruling next = {V_NEXT, REASON_NONE};

/* ---- step 1: the sequence number ------------------------------------------------------------------------- */

/*
 *      Segment  Receive  Test
 *      Length   Window
 *         0       0      SEG.SEQ = RCV.NXT
 *         0      >0      RCV.NXT =< SEG.SEQ < RCV.NXT+RCV.WND
 *        >0       0      not acceptable
 *        >0      >0      RCV.NXT =< SEG.SEQ < RCV.NXT+RCV.WND
 *                     or RCV.NXT =< SEG.SEQ+SEG.LEN-1 < RCV.NXT+RCV.WND
 */
static bool seq_acceptable(const struct tcp_view *v, const struct segment *s)
{
    uint32_t length = segment_length(s), wnd = v->rcv_wnd;
    uint32_t first = rcv_span(v->rcv_nxt, s->seq);

    if (wnd == 0)
        return length == 0 && first == 0;
    return first < wnd || (length > 0 && first + length - 1 < wnd);
}

static bool paws_refuses(const struct tcp_view *v, const struct segment *s)
{
    return (v->head->tag & TAG_TIMESTAMPS) && (s->opt.present & OPT_TIMESTAMPS) &&
           !(s->flags & CTL_RST) && v->ts_young &&
           (int32_t)(s->opt.tsval - v->ts_recent) < 0;
}

static struct ruling seq_refused(const struct tcp_view *v, const struct segment *s)
{
    if (s->flags & CTL_RST)
        return (struct ruling){V_DROP, REASON_SEQ_UNACCEPTABLE_RST};
    if (v->head->state == TCP_TIME_WAIT && (s->flags & CTL_FIN) &&
        rcv_eq(segment_end(s), v->rcv_nxt))
        return (struct ruling){V_WAIT, REASON_TIME_WAIT_FIN};
    return (struct ruling){V_ACK, REASON_SEQ_UNACCEPTABLE};
}

static struct ruling check_seq(const struct tcp_view *v, const struct segment *s)
{
    bool first = rcv_eq(s->seq, v->irs) && (s->flags & CTL_SYN);

    /* In SYN-RECEIVED the peer's SYN again: our answer was lost, or both sides have opened. */
    if (v->head->state == TCP_SYN_RECEIVED && first && !(s->flags & CTL_RST)) {
        if (!(s->flags & CTL_ACK))
            return (struct ruling){V_SYN_ACK, REASON_SYN_AGAIN};
        return next; /* section 3.5, figure 7: step 5 looks at its ACK; the SYN is not new */
    }
    if (paws_refuses(v, s))
        return (struct ruling){V_ACK, REASON_PAWS};
    if (!seq_acceptable(v, s)) {
        /* MUST-66: a window of zero still lets an acknowledgment, a URG or a RST through. */
        if (v->rcv_wnd > 0 || !rcv_eq(s->seq, v->rcv_nxt))
            return seq_refused(v, s);
    }
    /* A RST may lack it, and a SYN agrees anew: a peer that was restarted is told of it in step 4. */
    if ((v->head->tag & TAG_TIMESTAMPS) && !(s->opt.present & OPT_TIMESTAMPS) &&
        !(s->flags & (CTL_RST | CTL_SYN)))
        return (struct ruling){V_DROP, REASON_TIMESTAMP_MISSING};
    return next;
}

/* ---- step 2: RST (with RFC 5961 section 3) ---------------------------------------------------------------- */

/*
 * Not RFC 9293 3.10.7.4 step 2, unless the configuration asks for it: a RST does not end TIME-WAIT (RFC 1337
 * section 3).  An old segment that comes then is answered, the peer, which is CLOSED, answers that with a RST at
 * our RCV.NXT, and the next old segment would meet a new connection.
 */
static struct ruling check_rst(const struct tcp_view *v, const struct segment *s)
{
    if (!(s->flags & CTL_RST))
        return next;
    if (!rcv_eq(s->seq, v->rcv_nxt))
        return (struct ruling){V_CHALLENGE, REASON_RST_CHALLENGE};
    if (v->head->state == TCP_SYN_RECEIVED && (v->head->tag & TAG_PASSIVE))
        return (struct ruling){V_LISTEN, REASON_RST_TO_LISTEN};
    if (!v->rst_ends)
        return (struct ruling){V_DROP, REASON_TIME_WAIT_RST};
    return (struct ruling){V_CLOSE, REASON_RST_EXACT};
}

/* ---- step 3: security --------------------------------------------------------------------------------------- */

/* RFC 9293 appendix A.1: security options are for closed networks; none is compared here. */
static struct ruling check_security(const struct tcp_view *v, const struct segment *s)
{
    (void)v;
    (void)s;
    return next;
}

/* ---- step 4: SYN (with RFC 5961 section 4) ------------------------------------------------------------------ */

static struct ruling check_syn(const struct tcp_view *v, const struct segment *s)
{
    if (!(s->flags & CTL_SYN))
        return next;
    if (v->head->state == TCP_SYN_RECEIVED) {
        if (rcv_eq(s->seq, v->irs))
            return next; /* not a new one: see check_seq */
        if (v->head->tag & TAG_PASSIVE)
            return (struct ruling){V_LISTEN, REASON_SYN_TO_LISTEN};
    }
    return (struct ruling){V_CHALLENGE, REASON_SYN_CHALLENGE};
}

/* ---- step 5: ACK (with RFC 5961 section 5) ------------------------------------------------------------------- */

static struct ruling check_ack(const struct tcp_view *v, const struct segment *s)
{
    if (!(s->flags & CTL_ACK))
        return (struct ruling){V_DROP, REASON_ACK_MISSING};
    if (v->head->state == TCP_SYN_RECEIVED) {
        if (snd_lt(v->una, s->ack) && snd_leq(s->ack, v->nxt))
            return next;
        return (struct ruling){V_RESET, REASON_ACK_SYN_RECEIVED};
    }
    if (!snd_leq(s->ack, v->nxt))
        return (struct ruling){V_CHALLENGE, REASON_ACK_UNSENT};
    if (snd_lt(s->ack, snd_sub(v->una, v->snd_wnd_max)))
        return (struct ruling){V_CHALLENGE, REASON_ACK_ANCIENT};
    return next;
}

struct ruling judge(const struct tcp_view *v, const struct segment *s)
{
    struct ruling r = check_seq(v, s);

    if (r.verdict == V_NEXT)
        r = check_rst(v, s);
    if (r.verdict == V_NEXT)
        r = check_security(v, s);
    if (r.verdict == V_NEXT)
        r = check_syn(v, s);
    if (r.verdict == V_NEXT)
        r = check_ack(v, s);
    return r;
}

/* ---- 3.10.7.3 SYN-SENT ------------------------------------------------------------------------------------- */

/* First, the ACK bit: SEG.ACK =< ISS or SEG.ACK > SND.NXT is not ours. */
static struct ruling syn_sent_ack(const struct tcb *b, const struct segment *s)
{
    if (!(s->flags & CTL_ACK))
        return next;
    if (snd_lt(b->snd.iss, s->ack) && snd_leq(s->ack, b->snd.nxt))
        return next;
    if (s->flags & CTL_RST)
        return (struct ruling){V_DROP, REASON_SYN_SENT_ACK_RST};
    return (struct ruling){V_RESET, REASON_SYN_SENT_ACK};
}

static struct ruling syn_sent_rst(const struct segment *s)
{
    if (!(s->flags & CTL_RST))
        return next;
    if (s->flags & CTL_ACK)
        return (struct ruling){V_CLOSE, REASON_SYN_SENT_RST};
    return (struct ruling){V_DROP, REASON_SYN_SENT_RST_NO_ACK};
}

struct ruling judge_syn_sent(const struct tcb *b, const struct segment *s)
{
    struct ruling r = syn_sent_ack(b, s);

    if (r.verdict == V_NEXT)
        r = syn_sent_rst(s);
    if (r.verdict == V_NEXT && !(s->flags & CTL_SYN))
        r = (struct ruling){V_DROP, REASON_SYN_SENT_NEITHER};
    return r;
}
