/* SPDX-License-Identifier: MIT */
/*
 * tlp.c - the tail loss probe (RFC 8985 section 7): when the acknowledgments of the last segments do not
 * come, one segment is sent, new text or the last again, so that its SACK tells what was lost before
 * the timer would; and what the answer to the probe means.
 *
 *      PTO = 2 SRTT, and 200 ms more if one segment is out, whose acknowledgment may be delayed;
 *            1 s if no round trip was measured; never later than the retransmission timer
 *
 * One probe is out at a time, outside recoveries, while nothing is SACKed; and after each a round trip has
 * to be measured before the next (section 7.3): by Karn's rule what probes send again would hide that round
 * trips grow longer, and each would then come too early.  Not section 7.3, but 7.2: who has measured nothing
 * since the connection began may probe once, after the second that is meant for that case alone.
 */
#include "tcp/loss.h"

enum { FIRST_PTO_US = 1000000, DELAYED_ACK_US = 200000, SLACK_US = 2000 };

/* Section 7.2. */
static uint32_t pto_us(const struct tcb *b)
{
    uint32_t pto = b->rtt.srtt_us8 / 4;

    if (!(b->flags & TCB_RTT_VALID))
        return FIRST_PTO_US;
    /* Not RFC 8985's 2 SRTT where more are out: 2 ms for clocks that tick in milliseconds, as Linux. */
    return pto + (tcb_outstanding(b) <= b->snd.mss ? DELAYED_ACK_US : SLACK_US);
}

bool tlp_waits(const struct tcp *t, const struct tcb *b, uint64_t *at_us, estab_time now)
{
    const struct tcp_scoreboard *k = tcb_board(t, b);

    if (!loss_by_rack(t, b) || !b->board || k->tlp.out || k->tlp.due || k->sacked > 0 || k->lost > 0 ||
        (b->flags & (TCB_RECOVERY | TCB_RECOVER)) || b->rtt.backoff > 0 || b->snd.wnd == 0 ||
        k->reneged || b->rtt.probed)
        return false;
    *at_us = us_of(now) + (uint64_t)(int64_t)(int32_t)(k->progress_us - (uint32_t)us_of(now)) + pto_us(b);
    return true;
}

void tlp_fired(struct tcp *t, struct tcb *b, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);

    if (!k)
        return;
    NOTE(t, TAIL_PROBE, b->head.handle, now, b->snd.nxt.v, (uint32_t)us_of(now) - k->progress_us);
    k->tlp.due = true;
    if (tcb_not_sent(b) > 0)
        b->flags |= TCB_OVERRIDE; /* Nagle does not hold the probe back */
}

bool tlp_is_due(const struct tcp *t, const struct tcb *b)
{
    return tcb_board(t, b)->tlp.due;
}

/* What was sent last is a range, or its end: where its segments are full, and the last alone is not, that one.
 * A FIN that went after its text goes alone. */
struct tcp_sack_block tlp_piece(const struct tcp *t, const struct tcb *b, uint32_t mss)
{
    const struct tcp_scoreboard *k = tcb_board(t, b);
    snd_seq first = k->count > 0 ? ranges_of(k)[k->count - 1].left : b->snd.una;
    uint32_t fin = tcb_fin_sent(b), text = snd_span(first, b->snd.nxt) - fin;
    uint32_t last = fin + (text > 0 ? (text - 1) % mss + 1 : 0);

    return (struct tcp_sack_block){snd_sub(b->snd.nxt, last).v, b->snd.nxt.v};
}

void tlp_sent(struct tcp *t, struct tcb *b, bool again)
{
    struct tcp_scoreboard *k = board_of(t, b);

    k->tlp.due = false;
    k->tlp.out = true;
    k->tlp.again = again;
    k->tlp.flight = k->most;
    b->rtt.probed = true;
    k->tlp.end = b->snd.nxt;
    b->flags &= ~(uint32_t)TCB_OVERRIDE;
}

/* Section 7.4.2, TLP_process_ack. */
bool tlp_acked(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);
    bool told = news->segment->opt.present & OPT_SACK;

    if (!k || !k->tlp.out || snd_lt(news->segment->ack, k->tlp.end))
        return false;
    if (!k->tlp.again || (news->dsack && snd_eq(snd_of(news->twice.right), k->tlp.end))) {
        k->tlp.out = false;
    } else if (snd_lt(k->tlp.end, news->segment->ack)) {
        k->tlp.out = false;
        NOTE(t, TAIL_REPAIRED, b->head.handle, now, k->tlp.end.v);
        return true;
    } else if (news->duplicate && !told) {
        k->tlp.out = false;
    }
    return false;
}
