/* SPDX-License-Identifier: MIT */
/*
 * ecn.c - explicit congestion notification (RFC 3168 section 6.1).
 *
 *      SYN       ECE, CWR   does the peer speak ECN?       asked once; a SYN that goes again does not
 *      SYN,ACK   ECE        it does                        (section 6.1.1.1)
 *
 *      sender                 queue               receiver
 *        | new text, ECT(0) ---> | --- CE -----------> |     owes ECE from now on
 *        | <------------------------------- ACK, ECE - |     with each acknowledgment,
 *        | less window, once a window of text          |
 *        | next new text, CWR -----------------------> |     until CWR has come
 *
 * ECT stands on new text alone: not on a SYN, a bare acknowledgment, a probe, or text that goes again
 * (sections 6.1.1, 6.1.4 to 6.1.6).  CWR is also due after a loss (section 6.1.2).  While the window
 * shrinks (ECN_CWR) cold.ecn_high says what must be passed before an ECE counts again.  It comes down to
 * ssthresh as in a recovery, by prr.c: at once it would let nothing go for half of a round trip, and then a burst.
 * Linux's habit.
 *
 * Bits that make no sense are counted, each by its reason, and change nothing.
 *
 * Not RFC 3168 6.1.2: with a window of one segment an ECE does not wait for the retransmission timer,
 * because ssthresh is two segments at least, and Linux does not either.
 */
#include "tcp/cc.h"
#include "tcp/loss.h"

enum { NOT_ECT, ECT_1, ECT_0, CE }; /* section 5 */

enum ecn_mode { ECN_OFF, ECN_ASKS, ECN_ANSWERS }; /* tcp_ecn's numbers */

static unsigned mode_of(const struct tcb *b)
{
    return b->ecn & ECN_MODE;
}

static bool agreed(const struct tcb *b)
{
    return b->head.tag & TAG_ECN;
}

static void ignore(struct tcp *t, uint32_t handle, enum reason reason, estab_time now)
{
    note_reason(t, reason);
    NOTE(t, ECN_IGNORED, handle, now, (uint32_t)reason);
}

void ecn_set(struct tcb *b, uint32_t mode)
{
    b->ecn = (uint8_t)((b->ecn & ~ECN_MODE) | mode);
}

/* ---- the handshake: section 6.1.1 ------------------------------------------------------------------- */

uint8_t ecn_asks(const struct tcb *b)
{
    return mode_of(b) == ECN_ASKS ? TAG_ECN : 0;
}

uint8_t ecn_answers(struct tcp *t, uint32_t mode, const struct segment *s, estab_time now)
{
    unsigned asked = s->flags & (CTL_ECE | CTL_CWR);

    if (asked == 0)
        return 0;
    if (asked == (CTL_ECE | CTL_CWR) && s->ecn == NOT_ECT)
        return mode == ECN_OFF ? 0 : TAG_ECN;
    ignore(t, HANDLE_NONE, REASON_ECN_SYN, now);
    return 0;
}

unsigned ecn_syn(struct tcp *t, struct tcb *b, bool answer, estab_time now)
{
    if (!agreed(b))
        return 0;
    if (answer)
        return b->ecn & ECN_FELL_BACK ? 0 : CTL_ECE;
    if (b->rtt.retries > 0 && !(b->ecn & ECN_FELL_BACK)) {
        NOTE(t, ECN_SYN_LOST, b->head.handle, now, b->rtt.retries);
        b->ecn |= ECN_FELL_BACK; /* section 6.1.1.1: it may be the bits that were not let through */
    }
    return b->ecn & ECN_FELL_BACK ? 0 : CTL_ECE | CTL_CWR;
}

void ecn_take_syn(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now)
{
    unsigned says = s->flags & (CTL_ECE | CTL_CWR);
    bool answer = s->flags & CTL_ACK;

    if (agreed(b) && says == (answer ? CTL_ECE : CTL_ECE | CTL_CWR))
        return;
    /* A SYN,ACK with both bits is of a host that sends back whatever is reserved. */
    if (answer && says != 0)
        ignore(t, b->head.handle, REASON_ECN_SYN_ACK, now);
    b->head.tag &= (uint8_t)~TAG_ECN;
}

bool ecn_refused(struct tcp *t, struct tcb *b, estab_time now)
{
    if (!agreed(b) || (b->ecn & ECN_FELL_BACK))
        return false;
    NOTE(t, ECN_SYN_REFUSED, b->head.handle, now, (uint32_t)(us_of(now) - b->since_us));
    b->ecn |= ECN_FELL_BACK;
    b->flags |= TCB_SYN_QUEUED;
    b->flags &= ~(uint32_t)TCB_TIMED;
    conn_ready(t, b);
    return true;
}

/* ---- sending ------------------------------------------------------------------------------------------- */

void ecn_sends(struct tcb *b, struct tcp_out *out, snd_seq seq)
{
    /* "MUST NOT set ECT on data packets unless ... it has sent no non-ECN-setup SYN" */
    if (!agreed(b) || (b->ecn & ECN_FELL_BACK) || out->length == 0 || snd_lt(seq, b->snd.nxt))
        return;
    out->ecn = ECT_0;
    if (b->ecn & ECN_OWES_CWR) /* of a super-segment the first has it, as the device cuts them */
        out->header.flags |= CTL_CWR;
    b->ecn = (uint8_t)((b->ecn & ~ECN_OWES_CWR) | ECN_SENT);
}

unsigned ecn_echoes(const struct tcb *b)
{
    return b->ecn & ECN_OWES_ECE ? CTL_ECE : 0;
}

/* ---- what an acknowledgment says: section 6.1.2 ----------------------------------------------------------- */

void ecn_reduced(struct tcp *t, struct tcb *b)
{
    if (b->ecn & ECN_SENT)
        b->ecn |= ECN_OWES_CWR;
    b->ecn &= (uint8_t)~ECN_CWR;
    cold_trim(t, b);
}

bool ecn_shrinks(const struct tcb *b)
{
    return b->ecn & ECN_CWR;
}

static void reduce(struct tcp *t, struct tcb *b, estab_time now)
{
    uint32_t flight = tcb_outstanding(b);

    cc_congested(t, b, flight < b->cc.cwnd ? flight : b->cc.cwnd, true, now);
    cc_set(t, b, b->cc.cwnd, RULE_ECN, now);
    prr_begin(t, b, NULL);
    ecn_reduced(t, b);
    cold_need(t, b)->ecn_high = b->snd.nxt;
    b->ecn |= ECN_CWR;
}

static void take_echo(struct tcp *t, struct tcb *b, estab_time now)
{
    if (!(b->ecn & ECN_SENT)) {
        ignore(t, b->head.handle, REASON_ECN_ECHO, now);
        return;
    }
    undo_never(t, b); /* of a loss that was none: the mark is another cause */
    /* Once a window of text, for whatever reason the window shrank. */
    if (tcb_outstanding(b) > 0 && !(b->flags & (TCB_RECOVERY | TCB_RECOVER)) && !ecn_shrinks(b))
        reduce(t, b, now);
}

void ecn_arrives(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now)
{
    if (s->flags & CTL_SYN)
        return;
    if (!agreed(b)) {
        if ((s->flags & (CTL_ECE | CTL_CWR)) || s->ecn == CE)
            ignore(t, b->head.handle, REASON_ECN_UNAGREED, now);
        return;
    }
    if (s->ecn == CE && s->len == 0)
        ignore(t, b->head.handle, REASON_ECN_NO_TEXT, now);
    if (s->flags & CTL_ECE)
        take_echo(t, b, now);
}

/* A segment beyond ecn_high, which had our CWR or came after it, has arrived. */
void ecn_acked(struct tcp *t, struct tcb *b, const struct segment *s, uint32_t delivered, estab_time now)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);

    if (m && agreed(b) && (s->flags & (CTL_ECE | CTL_SYN)) == CTL_ECE)
        m->delivered_ce += m->delivered - delivered;
    if (!ecn_shrinks(b) || !snd_lt(tcb_cold(t, b)->ecn_high, b->snd.una))
        return;
    b->ecn &= (uint8_t)~ECN_CWR;
    cold_trim(t, b);
    cc_set(t, b, b->cc.ssthresh, RULE_PRR, now);
}

/* ---- receiving text: section 6.1.3 ----------------------------------------------------------------------------- */

static void take_mark(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);

    if (m)
        m->ce_segments++;
    if (b->ecn & ECN_OWES_ECE)
        return;
    b->ecn |= ECN_OWES_ECE;
    NOTE(t, ECN_CE, b->head.handle, now, s->seq.v);
    delack_quick(t, b); /* the sender's window may be small, as in Linux */
}

void ecn_text(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now)
{
    if (!agreed(b) || s->len == 0)
        return;
    if (s->flags & CTL_CWR) { /* before CE: of a super-segment, CWR was on the first */
        b->ecn &= (uint8_t)~ECN_OWES_ECE;
        b->flags |= TCB_ACK_NOW;
    }
    if (s->ecn == CE)
        take_mark(t, b, s, now);
    else if (s->ecn == NOT_ECT && (b->ecn & ECN_SEEN)) /* sent again, as a rule: Linux's guess */
        delack_quick(t, b);
    if (s->ecn != NOT_ECT)
        b->ecn |= ECN_SEEN;
}
