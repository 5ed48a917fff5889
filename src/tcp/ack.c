/* SPDX-License-Identifier: MIT */
/*
 * ack.c - step 5 of RFC 9293 section 3.10.7.4, ESTABLISHED STATE: an acceptable acknowledgment.
 *
 *      SND.UNA < SEG.ACK =< SND.NXT     text is acknowledged: the queue shrinks, timers restart
 *      SEG.ACK = SND.UNA                a duplicate, which may tell of a loss (RFC 5681 section 2);
 *                                       with SACK its blocks tell (recovery.c)
 *
 * and the send window is what the newest segment says:
 *
 *      SND.WL1 < SEG.SEQ, or SND.WL1 = SEG.SEQ and SND.WL2 =< SEG.ACK
 */
#include "tcp/cc.h"
#include "tcp/loss.h"

void ack_window(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now)
{
    uint32_t wnd = s->wnd << (s->flags & CTL_SYN ? 0 : b->snd.wscale);
    bool newer = rcv_lt(b->snd.wl1, s->seq) ||
                 (rcv_eq(b->snd.wl1, s->seq) && snd_leq(b->snd.wl2, s->ack));

    if (!newer || snd_lt(s->ack, b->snd.una)) /* only if SND.UNA =< SEG.ACK */
        return;
    b->snd.wl1 = s->seq;
    b->snd.wl2 = s->ack;
    if (wnd == b->snd.wnd)
        return;
    if (b->snd.wnd == 0 && tcb_not_sent(b) > 0 && tcb_outstanding(b) == 0) /* text has waited */
        cc_idle(t, b, now);
    b->snd.wnd = wnd;
    if (wnd > b->snd.wnd_max)
        b->snd.wnd_max = wnd;
    if (wnd > 0)
        b->rtt.probes = 0;
    timer_send_update(t, b, false, now);
    conn_ready(t, b);
}

/* RFC 5681 section 2: (a) text is outstanding, (b) no text, (c) no SYN or FIN, (d) nothing new is
 * acknowledged, (e) the window is unchanged. */
static bool is_duplicate(const struct tcb *b, const struct segment *s)
{
    return tcb_outstanding(b) > 0 && segment_length(s) == 0 && snd_eq(s->ack, b->snd.una) &&
           s->wnd << b->snd.wscale == b->snd.wnd;
}

/* Takes acknowledged text out of the queue; how much. */
static uint32_t ack_text(struct tcp *t, struct tcb *b, snd_seq ack)
{
    snd_seq first = tcb_syn_acked(b) ? b->snd.una : snd_add(b->snd.iss, 1);
    snd_seq last = snd_lt(b->snd.end, ack) ? b->snd.end : ack;
    uint32_t n = snd_lt(first, last) ? snd_span(first, last) : 0;
    const struct chunk *at;
    uint32_t offset;

    if (n == 0)
        return 0;
    at = b->snd.at.chunk == CHUNK_NONE ? NULL : chunk_at(&t->chunks, b->snd.at.chunk);
    offset = at ? at->offset : 0;
    queue_drop(&t->chunks, &b->snd.text, n);
    if (!at || at->account != CHUNK_SEND || at->dead)
        b->snd.at.chunk = CHUNK_NONE; /* its chunk is gone: to be sought */
    else
        b->snd.at.offset -= at->offset - offset;
    tcb_reserve_send(t, b);
    t->text_out += n;
    return n;
}

/* What the telemetry has of an acknowledgment of `n` bytes of text, and of the SYN. */
static void ack_measure(struct tcp *t, struct tcb *b, uint32_t n, bool syn, estab_time now)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);

    if (!m)
        return;
    m->bytes_sent += n;
    m->delivered += syn;
    if (b->rtt.retries > 0)
        m->timeout_ms += ms_of(now) - m->timeout_since_ms;
    if (b->snd.text.bytes == 0 && m->busy_since_us > 0) {
        m->busy_us += us_of(now) - m->busy_since_us;
        m->busy_since_us = 0;
    }
}

/* RFC 6298 (5.7): the RTO with which text begins after a lost SYN. */
enum { SYN_LOST_RTO_US = 3000000 };

static void ack_new(struct tcp *t, struct tcb *b, struct ack_news *news, estab_time now)
{
    const struct segment *s = news->segment;
    bool syn = !tcb_syn_acked(b);
    uint32_t n = ack_text(t, b, s->ack);

    news->acked = snd_span(b->snd.una, s->ack);
    b->snd.una = s->ack;
    if (snd_span(b->snd.iss, s->ack) > UINT32_C(1) << 30)
        b->pace |= PACE_FAR;
    emit_acked(b, news->acked);
    ack_measure(t, b, n, syn, now);
    rate_acked(t, b, now);
    b->flags |= TCB_SYN_ACKED;
    if (snd_lt(b->snd.cur, b->snd.una))
        emit_seek(b, b->snd.una);
    if (snd_leq(b->snd.up, b->snd.una))
        b->flags &= ~(uint32_t)TCB_URGENT_SND;
    if (syn)
        rtt_syn_acked(t, b, now);
    if (syn && b->rtt.retries > 0 && !(b->flags & TCB_RTT_VALID)) {
        b->rtt.rto_us = SYN_LOST_RTO_US;
        b->rtt.backoff = 0;
    }
    b->rtt.retries = 0;
    b->flags &= ~(uint32_t)TCB_R1_PASSED;
    b->error = ESTAB_OK; /* whatever was in the way has gone */
    b->since_us = us_of(now);
    flight_acked(t, b, news, now);
    mtu_acked(t, b, now);
    if (b->board && tcb_outstanding(b) == 0 && tcb_not_sent(b) == 0) /* idle from now on */
        b->since_us -= (uint32_t)us_of(now) - board_of(t, b)->use.sent_us;
}

/* What follows once the window is what it is now. */
static void ack_done(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now)
{
    if (news->acked > 0 && tcb_syn_acked(b))
        tune_acked(t, b, now);
    timer_send_update(t, b, news->acked > 0, now);
    if (news->acked == 0)
        return;
    pace_rest(t, b, now);
    timer_user(t, b, now);
    user_writable(t, b);
    conn_ready(t, b);
}

bool ack_arrives(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now)
{
    struct ack_news news = {.segment = s,
                            .una_before = b->snd.una,
                            .dupacks = b->rtt.dupacks,
                            .duplicate = is_duplicate(b, s)};
    bool syn = !tcb_syn_acked(b); /* RFC 5681 section 3.1: the ACK of a SYN does not open the window */
    const struct tcp_telemetry *m = tcp_telemetry(t, b);
    uint32_t delivered = m ? m->delivered : 0;

    ecn_arrives(t, b, s, now);
    scoreboard_update(t, b, &news, now);
    ack_window(t, b, s, now);
    if (snd_lt(b->snd.una, s->ack))
        ack_new(t, b, &news, now);
    measure_delivered(t, b, &news);
    if (!syn) {
        news.rtt_us = rtt_acked(t, b, &news, now);
        recovery_arrives(t, b, &news, now);
    }
    ack_done(t, b, &news, now);
    ecn_acked(t, b, s, delivered, now);
    /* MORE does not hold back what an acknowledgment would let go; a cork does. */
    if ((b->flags & (TCB_MORE | TCB_CORK)) == TCB_MORE &&
        (!(b->flags & TCB_NAGLE) || tcb_outstanding(b) == 0)) {
        emit_push(t, b);
        conn_ready(t, b);
    }
    return tcb_fin_sent(b) && snd_lt(b->snd.end, b->snd.una);
}
