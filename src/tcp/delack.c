/* SPDX-License-Identifier: MIT */
/*
 * delack.c - when text is acknowledged (RFC 9293 section 3.8.6.3, RFC 5681 section 4.2).
 *
 *      more than one full segment since the last acknowledgment     at once (SHLD-19)
 *      quick acknowledgments are left, and the talk is one-way      at once
 *      the user has taken all, and there was a small segment        at once
 *      else                                                         after the ATO, or with text of ours
 *
 * The first line is the RFC's.  The others are Linux's habits: a sender that starts, or starts again
 * after a pause, or has lost something, grows its window by our acknowledgments, so it gets one for
 * each segment; and a talk in which our own text follows soon needs none of its own.
 *
 * The acknowledgment timeout (ATO) follows the gaps between segments: half the old one and half the
 * last gap, from delayed_ack_ms, and at most a round trip or delayed_ack_max_ms (MUST-40: under half
 * a second).
 *
 * What counts as a full segment is seen, not known: the peer may send less than we have offered.  It
 * is the greatest segment that came, or the size of two smaller ones in a row.
 */
#include "tcp/tcp.h"

enum { SEEN_MSS_LEAST = 88, SEEN_MSS_FIRST = 536, MINUTE_MS = 60000 };

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void delack_open(struct tcb *b)
{
    uint32_t mss = least(least(b->rcv.mss, b->snd.mss), SEEN_MSS_FIRST);

    b->ack.mss = (uint16_t)(mss > SEEN_MSS_LEAST ? mss : SEEN_MSS_LEAST);
}

/* As many quick acknowledgments as half the window holds segments. */
static void quick_some(const struct tcp *t, struct tcb *b)
{
    uint32_t mss = b->ack.mss > 0 ? b->ack.mss : SEEN_MSS_FIRST; /* 0: in LISTEN, nothing was agreed */
    uint32_t n = window_now(t, b) / (2 * mss);

    n = least(n > 2 ? n : 2, t->config.quick_acks);
    if (n > b->ack.quick)
        b->ack.quick = (uint8_t)n;
}

void delack_quick(const struct tcp *t, struct tcb *b)
{
    quick_some(t, b);
    b->ack.flags &= (uint8_t)~ACK_TALKS;
    b->ack.ato_ms = (uint16_t)t->config.delayed_ack_ms;
}

/* Two segments of a size that are smaller than the greatest yet, and not just the end of something. */
static bool is_new_size(struct tcb *b, const struct segment *s, uint32_t length)
{
    uint32_t headers = TCP_HEADER_MIN + (b->head.tag & TAG_TIMESTAMPS ? 12 : 0);
    bool ends = s->flags & (CTL_FIN | CTL_URG | CTL_SYN | CTL_PSH);
    bool same = length == b->ack.last;

    if (length + headers < (ends ? SEEN_MSS_FIRST : SEEN_MSS_LEAST) + TCP_HEADER_MIN)
        return false;
    b->ack.last = (uint16_t)length;
    return same;
}

static void see_mss(struct tcb *b, const struct segment *s, uint32_t length)
{
    if (length >= b->ack.mss) {
        b->ack.mss = (uint16_t)least(length, b->rcv.mss);
        if (length == b->ack.mss && (s->flags & CTL_PSH))
            b->ack.flags |= ACK_SMALL; /* the end of what its user wrote */
        return;
    }
    if (is_new_size(b, s, length)) {
        b->ack.mss = (uint16_t)length;
        return;
    }
    if (b->ack.flags & ACK_SMALL)
        b->ack.flags |= ACK_SMALL_AGAIN;
    b->ack.flags |= ACK_SMALL;
}

static void see_gap(const struct tcp *t, struct tcb *b, estab_time now)
{
    uint32_t floor_ms = t->config.delayed_ack_ms, rto_ms = b->rtt.rto_us / 1000;
    uint32_t gap = ms_of(now) - b->ack.text_at_ms, ato = b->ack.ato_ms;

    b->ack.text_at_ms = ms_of(now);
    if (ato == 0) { /* the first text */
        quick_some(t, b);
        ato = floor_ms;
    } else if (gap <= floor_ms / 2) {
        ato = ato / 2 + floor_ms / 2;
    } else if (gap < ato) {
        ato = least(ato / 2 + gap, rto_ms);
    } else if (gap > rto_ms) { /* the sender begins anew */
        quick_some(t, b);
    }
    b->ack.ato_ms = (uint16_t)least(ato, MINUTE_MS);
}

/* How long an acknowledgment may wait now. */
uint32_t delack_wait_ms(const struct tcp *t, const struct tcb *b)
{
    uint32_t floor_ms = t->config.delayed_ack_ms, most = t->config.delayed_ack_max_ms;
    uint32_t rtt_ms = b->rtt.srtt_us8 / 8000, ato = b->ack.ato_ms;

    if (ato <= floor_ms)
        return floor_ms;
    if (b->flags & TCB_RTT_VALID)
        most = least(most, rtt_ms > floor_ms ? rtt_ms : floor_ms);
    return least(ato, most > floor_ms ? most : floor_ms);
}

static bool at_once(const struct tcp *t, const struct tcb *b)
{
    return rcv_span(b->ts.last_ack_sent, b->rcv.nxt) > b->ack.mss || t->config.delayed_ack_ms == 0 ||
           (b->ack.quick > 0 && !(b->ack.flags & ACK_TALKS));
}

/* A super-segment was several. */
static uint32_t segment_size(const struct segment *s, uint32_t length)
{
    uint32_t each = s->frame->segment_size;

    return each > 0 && each < length ? each : length;
}

void delack_text(struct tcp *t, struct tcb *b, const struct segment *s, uint32_t length,
                 estab_time now)
{
    uint64_t at_us;

    see_mss(b, s, segment_size(s, length));
    see_gap(t, b, now);
    conn_ready(t, b);
    if (at_once(t, b)) {
        b->flags |= TCB_ACK_NOW;
        return;
    }
    at_us = us_of(now) + (uint64_t)delack_wait_ms(t, b) * 1000;
    if (at_us < b->at_us[SLOT_ACK]) /* the oldest text decides */
        timer_arm(t, b, SLOT_ACK, at_us);
}

void delack_fired(const struct tcp *t, struct tcb *b)
{
    uint32_t rto_ms = b->rtt.rto_us / 1000, ato = b->ack.ato_ms * 2u;

    if (b->ack.flags & ACK_TALKS) { /* no text of ours came: not such a talk any more */
        b->ack.flags &= (uint8_t)~ACK_TALKS;
        ato = t->config.delayed_ack_ms;
    }
    b->ack.ato_ms = (uint16_t)least(least(ato, rto_ms), MINUTE_MS);
}

void delack_talks(struct tcb *b, estab_time now)
{
    if (ms_of(now) - b->ack.text_at_ms < b->ack.ato_ms)
        b->ack.flags |= ACK_TALKS;
}

void delack_sent(const struct tcp *t, struct tcb *b)
{
    bool owed = !rcv_eq(b->rcv.nxt, b->ts.last_ack_sent) || b->snd.acks_owed > 0 ||
                (b->flags & TCB_ACK_NOW);

    b->ack.flags &= ACK_TALKS;
    if (!owed || b->ack.quick == 0)
        return;
    b->ack.quick--;
    if (b->ack.quick == 0)
        b->ack.ato_ms = (uint16_t)t->config.delayed_ack_ms;
}

void delack_read(struct tcp *t, struct tcb *b)
{
    unsigned small = b->ack.flags & ACK_TALKS ? ACK_SMALL_AGAIN : ACK_SMALL;

    if (t->config.quick_acks == 0 || b->rcv.text.bytes > 0 || !(b->ack.flags & small) ||
        rcv_eq(b->rcv.nxt, b->ts.last_ack_sent) || !tcb_is(b, F_SYNC))
        return;
    b->flags |= TCB_ACK_NOW;
    conn_ready(t, b);
}

void delack_set(struct tcp *t, struct tcb *b, bool quick)
{
    if (!quick) {
        b->ack.flags |= ACK_TALKS;
        return;
    }
    delack_quick(t, b);
    if (b->at_us[SLOT_ACK] == WHEEL_NEVER)
        return;
    b->flags |= TCB_ACK_NOW;
    conn_ready(t, b);
}
