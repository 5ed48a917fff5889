/* SPDX-License-Identifier: MIT */
/*
 * undo.c - when it turns out that nothing was lost, the window is what it was before (RFC 4015).
 *
 *      Eifel (RFC 3522)   the first ACK after the retransmission echoes a timestamp from before it, and
 *                         none from before the first transmission
 *      F-RTO (RFC 5682)   after a timeout, text that was not sent again is acknowledged
 *      DSACK (RFC 3708)   the peer has told of all that was sent again that it came twice
 *
 * F-RTO, the enhanced version with SACK (section 3.1):
 *
 *      timeout              the first segment goes again
 *      ACK moves SND.UNA    instead of going back, up to two segments of new text are sent
 *      then an ACK of what was never sent again: the timeout was spurious
 *      or a duplicate: it was not, and sending goes back
 *
 * Not RFC 4015 section 3.2, step 7: not only SSTHRESH and a window of FlightSize and an initial window,
 * but all that the congestion control knew is restored, as Linux does and RFC 9438 section 4.9 asks.
 */
#include "tcp/cc.h"
#include "tcp/loss.h"

void undo_begin(struct tcp *t, struct tcb *b, bool by_timeout, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);

    if (!k)
        return;
    k->undo.before = b->cc;
    k->undo.una = b->snd.una;
    k->undo.twice = k->again; /* such as a probe of the tail */
    k->undo.last = k->again > 0 ? k->end : b->snd.una;
    k->undo.told = b->snd.una;
    k->undo.first_ts = ts_now(b, (us_of(now) - (uint32_t)((uint32_t)us_of(now) - k->first_us)) * ESTAB_US);
    k->undo.any = false;
    k->undo.possible = true;
    k->undo.by_timeout = by_timeout;
}

void undo_sent(struct tcp *t, struct tcb *b, snd_seq seq, snd_seq end, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);

    if (!k->undo.possible)
        return;
    if (!k->undo.any)
        k->undo.again_ts = ts_now(b, now);
    k->undo.any = true;
    k->undo.twice += snd_span(seq, end);
    k->undo.last = snd_max(k->undo.last, end);
}

void undo_ended(struct tcp *t, struct tcb *b)
{
    struct tcp_scoreboard *k = board_of(t, b);

    if (k)
        k->undo.frto = FRTO_NONE;
}

bool undo_may_come(const struct tcp *t, const struct tcb *b)
{
    const struct tcp_scoreboard *k = tcb_board(t, b);

    return (b->head.tag & TAG_SACK) && k->undo.possible && k->undo.any && k->undo.twice > 0;
}

void undo_never(const struct tcp *t, struct tcb *b)
{
    if (b->board)
        board_of(t, b)->undo.possible = false;
}

void undo_chosen(const struct tcp *t, struct tcb *b)
{
    struct tcp_scoreboard *k = board_of(t, b);
    struct cc_window before;

    if (!k)
        return;
    before = k->undo.before;
    cc_of(b)->start(&k->undo.before, before.cwnd);
    k->undo.before.ssthresh = before.ssthresh;
}

/* All as it was. */
static void undo(struct tcp *t, struct tcb *b, enum cwnd_rule rule, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);

    if ((b->flags & TCB_RECOVERY) && !loss_by_sack(t, b) && b->cc.cwnd > b->cc.ssthresh)
        cc_set(t, b, b->cc.ssthresh, RULE_RECOVERED, now); /* duplicates have inflated it */
    /* What went again was late: RFC 8985 section 6.2, step 3, learns only of what did not go again. */
    if (!k->undo.by_timeout)
        b->rtt.reorder_seen = true;
    cc_undo(t, b, &k->undo.before, rule, now);
    k->undo.possible = false;
    k->undo.frto = FRTO_NONE;
    k->rack.any = k->rack.waits = false; /* what went again has not come yet, though RACK may have taken it for delivered */
    for (uint32_t i = 0; i < k->count; i++)
        if ((ranges_of(k)[i].marks & RANGE_LOST))
            flight_mark(k, i, 0, RANGE_LOST);
    flight_join(t, k);
    if (snd_lt(b->snd.cur, b->snd.nxt))
        emit_seek(b, b->snd.nxt);
    if (b->flags & TCB_RECOVERY)
        NOTE(t, RECOVERY_LEFT, b->head.handle, now, b->snd.una.v);
    b->flags &= ~(uint32_t)(TCB_RECOVERY | TCB_RECOVER | TCB_RETRANSMIT);
    b->rtt.dupacks = 0;
    NOTE(t, UNDONE, b->head.handle, now, b->snd.una.v, b->cc.cwnd, b->cc.ssthresh, (uint32_t)rule);
    conn_ready(t, b);
}

/*
 * RFC 3522 section 3.2, step 5.  What is echoed cannot be older than the first transmission of what was not
 * acknowledged then: who always echoes the same, or the SYN's, has told nothing.
 */
static bool echoes_the_original(struct tcp *t, const struct tcb *b, const struct segment *s)
{
    const struct tcp_scoreboard *k = board_of(t, b);

    if (!(b->head.tag & TAG_TIMESTAMPS) || !(s->opt.present & OPT_TIMESTAMPS) || s->opt.tsecr == 0 || !k->undo.any ||
        (int32_t)(s->opt.tsecr - k->undo.again_ts) >= 0)
        return false;
    if ((int32_t)(s->opt.tsecr - k->undo.first_ts) >= 0)
        return true;
    note_reason(t, REASON_TIMESTAMP_ECHO_OLD);
    return false;
}

/* Whether all of a block has been sent again, as far as it is still known: below SND.UNA it is not. */
static bool went_again(const struct tcp_scoreboard *k, struct tcp_sack_block block)
{
    for (uint32_t i = 0; i < k->count; i++) {
        const struct tcp_range *r = &ranges_of(k)[i];

        if (!(r->marks & RANGE_EVER) && snd_lt(snd_of(block.left), range_end(k, i)) &&
            snd_lt(r->left, snd_of(block.right)))
            return false;
    }
    return true;
}

/* RFC 3708 section 2: what came twice is taken off what was sent again.  A block of what did not go again, and
 * one that was told just before, are stale, or tell what the network has doubled. */
static void count_dsack(struct tcp_scoreboard *k, const struct ack_news *news)
{
    uint32_t n = news->twice.right - news->twice.left;

    if (!news->dsack || !snd_lt(k->undo.una, snd_of(news->twice.right)) ||
        snd_lt(k->undo.last, snd_of(news->twice.right)) || snd_eq(k->undo.told, snd_of(news->twice.right)) ||
        !went_again(k, news->twice))
        return;
    k->undo.told = snd_of(news->twice.right);
    k->undo.twice -= n < k->undo.twice ? n : k->undo.twice;
}

/* Text was lost, and goes again. */
static void frto_real(struct tcp *t, const struct tcb *b, struct tcp_scoreboard *k, const struct ack_news *news,
                      estab_time now)
{
    NOTE(t, FRTO_REAL, b->head.handle, now, b->snd.una.v, news->sacked);
    k->undo.frto = FRTO_NONE;
}

/* Whether F-RTO says that the timeout was spurious; and what is sent next while it does not know. */
static bool frto_acked(struct tcp *t, struct tcb *b, struct tcp_scoreboard *k, const struct ack_news *news,
                       estab_time now)
{
    bool by_sack = loss_by_sack(t, b);
    uint32_t ahead = tcb_outstanding(b);

    if (k->undo.frto == FRTO_NONE)
        return false;
    /* Without SACK what was sent again may have filled a gap below. */
    if (news->original && (by_sack || !news->again))
        return true;
    if (k->undo.frto == FRTO_NEW_TEXT) {
        if (news->sacked == 0 && !news->duplicate)
            return false;
        frto_real(t, b, k, news, now); /* step 3a */
        if (!by_sack)
            emit_seek(b, b->snd.una);
    } else if (news->acked > 0) {
        bool more = tcb_not_sent(b) > 0 && b->snd.wnd > ahead;

        k->undo.frto = more ? FRTO_NEW_TEXT : FRTO_NONE; /* step 2b */
        if (more)
            NOTE(t, FRTO_TRIES, b->head.handle, now, b->snd.una.v, b->rtt.recover.v);
        else
            NOTE(t, FRTO_UNKNOWN, b->head.handle, now, b->snd.nxt.v, tcb_not_sent(b));
        if (more && !by_sack)
            emit_seek(b, b->snd.nxt);
        if (more)
            b->flags |= TCB_OVERRIDE;
    } else if (news->duplicate) {
        frto_real(t, b, k, news, now); /* step 2a */
    }
    return false;
}

bool frto_gives_up(struct tcp *t, struct tcb *b, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);

    if (!k || k->undo.frto != FRTO_NEW_TEXT || snd_lt(b->rtt.recover, b->snd.nxt))
        return false;
    if (b->pace & PACE_WAITS) /* it will be sent */
        return false;
    k->undo.frto = FRTO_NONE;
    NOTE(t, FRTO_UNKNOWN, b->head.handle, now, b->snd.nxt.v, tcb_not_sent(b));
    if (!loss_by_sack(t, b))
        emit_seek(b, b->snd.una);
    return true;
}

bool undo_acked(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);
    bool busy = b->flags & (TCB_RECOVERY | TCB_RECOVER);

    if (!k || !k->undo.possible)
        return false;
    count_dsack(k, news);
    if (busy && news->acked > 0 && echoes_the_original(t, b, news->segment)) {
        undo(t, b, RULE_UNDO_EIFEL, now);
    } else if (k->undo.by_timeout && frto_acked(t, b, k, news, now)) {
        undo(t, b, RULE_UNDO_FRTO, now);
    } else if (news->dsack && k->undo.any && k->undo.twice == 0 && k->again == 0) { /* and all of it has come */
        undo(t, b, RULE_UNDO_DSACK, now);
    } else {
        return false;
    }
    return true;
}
