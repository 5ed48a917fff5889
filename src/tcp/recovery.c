/* SPDX-License-Identifier: MIT */
/*
 * recovery.c - the states of a sender that may have lost something, and the window in each.
 *
 * Where SACK was agreed on, RACK (RFC 8985, rack.c), or RFC 6675 where that is configured, says what is
 * lost; of a peer that agreed and sends no block the third duplicate does, which lets no new text go before.
 *
 *      first, second duplicate  new text while cwnd - pipe >= SMSS (RFC 3042)
 *      something is lost        RecoveryPoint = SND.NXT; what is lost goes again, and then new text, as
 *                               much as PRR lets go (prr.c)
 *      ACK of RecoveryPoint     cwnd = ssthresh, done
 *      the tail is silent       a probe (tlp.c); if it repaired a loss, cwnd = ssthresh
 *      timeout                  cwnd = SMSS; all is lost that is not SACKed and was not sent just now
 *      SACK was taken back      a timeout, soon (timeout.c)
 *      it was no loss           all as it was (undo.c)
 *
 * Without SACK, or with config.recovery NEWRENO, RFC 5681 section 3.2 and RFC 6582:
 *
 *      first, second duplicate  one segment of new text each, beyond cwnd
 *      third                    recover = SND.NXT, send SND.UNA's segment, cwnd = ssthresh + 3 SMSS
 *      each further one         cwnd += SMSS: a segment has left the network
 *      partial ACK              send the next hole, cwnd -= acked, += SMSS if that was one or more
 *      ACK of `recover`         cwnd = min(ssthresh, flight + SMSS), done
 *      timeout                  cwnd = SMSS, sending starts again at SND.UNA
 */
#include "tcp/cc.h"
#include "tcp/loss.h"

/* FlightSize; what limited transmit sent beyond the window does not count (RFC 5681 section 3.2). */
static uint32_t flight_size(const struct tcb *b)
{
    uint32_t flight = tcb_outstanding(b);

    return flight < b->cc.cwnd ? flight : b->cc.cwnd;
}

/* Past what was outstanding now lies what may have been lost. */
static void recovery_point(struct tcp *t, struct tcb *b, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);

    NOTE(t, RECOVERY_ENTERED, b->head.handle, now, b->snd.nxt.v, b->rtt.dupacks, flight_pipe(t, b));
    undo_begin(t, b, false, now);
    mtu_inconclusive(t, b, now);
    if (!ecn_shrinks(b)) /* by an ECE, in the same window */
        cc_congested(t, b, flight_size(b), false, now);
    ecn_reduced(t, b);
    b->rtt.recover = b->snd.nxt;
    b->flags |= TCB_RECOVERY;
    if (k) {
        k->most = 0;
        k->tlp.out = k->tlp.due = false;
        k->rescue_rxt = snd_add(b->snd.una, b->snd.mss); /* RFC 6675 section 5, step (4.3) */
    }
    conn_ready(t, b);
}

static void reno_enter(struct tcp *t, struct tcb *b, estab_time now)
{
    recovery_point(t, b, now);
    b->flags |= TCB_RETRANSMIT;
    cc_set(t, b, b->cc.ssthresh + DUPTHRESH * b->snd.mss, RULE_FAST_RETRANSMIT, now);
}

/*
 * RFC 6582 section 3.2 steps 2 and 4: after a recovery or a timeout, duplicate acknowledgments of
 * what was sent before it must not start another recovery; SND.UNA has to pass `recover`.
 */
static bool covers_recover(const struct tcp *t, const struct tcb *b)
{
    /* RFC 6675 section 5.1 asks for HighACK >= RecoveryPoint alone. */
    uint32_t past = !loss_by_sack(t, b);

    return !(b->flags & TCB_RECOVER) || snd_leq(snd_add(b->rtt.recover, past), b->snd.una);
}

/*
 * Where SACK was agreed on a duplicate without a block lets nothing new go, even of a peer that has never sent
 * any (RFC 5681 section 3.2, step 1); what its blocks tell of has left the pipe.
 */
uint32_t recovery_limited(const struct tcp *t, const struct tcb *b)
{
    const struct tcp_scoreboard *k = tcb_board(t, b);

    if (k->tlp.due)
        return b->snd.mss;
    if (k->undo.frto == FRTO_NEW_TEXT && !loss_by_sack(t, b)) /* RFC 5682 section 2.1, step 2b */
        return snd_span(b->snd.una, b->rtt.recover);
    if (loss_by_sack(t, b) || (b->flags & TCB_RECOVERY) || !covers_recover(t, b))
        return 0;
    return (b->rtt.dupacks < DUPTHRESH ? b->rtt.dupacks : DUPTHRESH - 1) * (uint32_t)b->snd.mss;
}

static void reno_duplicate(struct tcp *t, struct tcb *b, estab_time now)
{
    if (b->rtt.dupacks < UINT8_MAX)
        b->rtt.dupacks++;
    if (b->flags & TCB_RECOVERY) {
        /*
         * RFC 5681 section 3.2: no more often than segments were outstanding, so that forged
         * duplicates gain nothing.  What was outstanding is twice ssthresh.
         */
        if (b->cc.cwnd < tcb_outstanding(b) + b->snd.mss && b->cc.cwnd / 3 < b->cc.ssthresh)
            cc_set(t, b, b->cc.cwnd + b->snd.mss, RULE_INFLATE, now);
        conn_ready(t, b);
    } else if (b->rtt.dupacks == DUPTHRESH && covers_recover(t, b) && !mtu_probe_lost(t, b, now)) {
        reno_enter(t, b, now);
    } else {
        conn_ready(t, b); /* limited transmit */
    }
}

/* Whether what SND.UNA has passed went again long enough ago to have come; else it had come before, and the
 * acknowledgment is a part of a divided one. */
static bool fills_a_hole(const struct tcb *b, const struct ack_news *news)
{
    return news->again && news->again_us >= b->rtt.srtt_us8 / 16;
}

static void reno_partial(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now)
{
    uint32_t acked = news->acked, cwnd = b->cc.cwnd - (acked < b->cc.cwnd ? acked : b->cc.cwnd);
    const struct tcp_scoreboard *k = board_of(t, b);

    if (acked >= b->snd.mss && fills_a_hole(b, news))
        cwnd += b->snd.mss;
    if (!(ranges_of(k)[0].marks & RANGE_AGAIN)) /* else the rest of what went again is under way, too */
        b->flags |= TCB_RETRANSMIT;
    cc_set(t, b, cwnd, RULE_PARTIAL_ACK, now);
}

static void reno_leave(struct tcp *t, struct tcb *b, estab_time now)
{
    uint32_t flight = tcb_outstanding(b) + b->snd.mss;

    NOTE(t, RECOVERY_LEFT, b->head.handle, now, b->snd.una.v);
    if (flight < 2 * b->snd.mss)
        flight = 2 * b->snd.mss;
    b->flags &= ~(uint32_t)TCB_RECOVERY;
    b->flags |= TCB_RECOVER;
    cc_set(t, b, b->cc.ssthresh < flight ? b->cc.ssthresh : flight, RULE_RECOVERED, now);
}

/* ---- the window outside recoveries ----------------------------------------------------------------- */

/*
 * Whether an acknowledgment may open the window: SND.UNA has moved; as in Linux also by what it SACKs, once
 * segments were overtaken by more than DUPTHRESH others, for then most are SACKed before they are
 * acknowledged, and what was SACKed counts no second time.
 */
static bool goes_forward(const struct tcb *b, const struct ack_news *news)
{
    return news->acked > 0 || (news->sacked > 0 && rack_reordering(b) > DUPTHRESH);
}

/*
 * Without SACK each duplicate has told of a segment that was delivered, by which limited transmit has sent
 * another; only what an ACK covers beyond these opens the window, a segment at least, as in Linux.
 */
static uint32_t not_told_before(const struct tcb *b, const struct ack_news *news)
{
    uint32_t told = (uint32_t)news->dupacks * b->snd.mss;
    uint32_t least = news->acked < b->snd.mss ? news->acked : b->snd.mss;

    return news->acked > told + least ? news->acked - told : least;
}

/* Or comes down, after an ECE, by as much as PRR says. */
static void window_opens(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now)
{
    uint32_t bytes = loss_by_sack(t, b) && b->board ? news->delivered - news->told : not_told_before(b, news);

    if (ecn_shrinks(b))
        prr_acked(t, b, news->delivered, news->acked > 0, 0, now);
    else
        cc_acked(t, b, bytes, news->una_before, news->rtt_us, now);
}

/*
 * A probe of the tail has repaired a loss: the window answers to it once (RFC 8985 section 7.4.2).  FlightSize
 * is that of the flight in which it was lost: when that is known, other text is outstanding, or none.
 */
static void tail_repaired(struct tcp *t, struct tcb *b, estab_time now)
{
    uint32_t flight = board_of(t, b)->tlp.flight;

    if (!ecn_shrinks(b))
        cc_congested(t, b, flight < b->cc.cwnd ? flight : b->cc.cwnd, false, now);
    ecn_reduced(t, b);
    undo_never(t, b); /* it answers to this loss, and to none before */
    cc_set(t, b, b->cc.ssthresh, RULE_TAIL_REPAIRED, now);
}

/* ---- by SACK --------------------------------------------------------------------------------------- */

static void sack_enter(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now)
{
    recovery_point(t, b, now);
    prr_begin(t, b, news);
}

static void sack_leave(struct tcp *t, struct tcb *b, estab_time now)
{
    NOTE(t, RECOVERY_LEFT, b->head.handle, now, b->snd.una.v);
    b->flags &= ~(uint32_t)(TCB_RECOVERY | TCB_RETRANSMIT);
    rack_recovered(t, b, now);
    cc_set(t, b, b->cc.ssthresh, RULE_SACK_RECOVERED, now);
}

/* What a duplicate without a block is worth: a segment, but no more in all than was in flight. */
static uint32_t blind_delivery(const struct tcp *t, struct tcb *b, const struct ack_news *news)
{
    struct tcp_scoreboard *k = board_of(t, b);
    uint32_t counted;

    if (!(b->flags & TCB_RECOVERY) || b->rtt.sacks)
        return news->delivered;
    if (news->acked > 0) {
        counted = k->prr.credit < news->delivered ? k->prr.credit : news->delivered;
        k->prr.credit -= counted;
        return news->delivered - counted;
    }
    if (!news->duplicate || k->prr.credit + b->snd.mss > k->prr.flight)
        return 0;
    k->prr.credit += b->snd.mss;
    return b->snd.mss;
}

/* Whether something is lost that was not known to be. */
static bool sack_finds_lost(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now)
{
    bool blind = !b->rtt.sacks, found = false;

    if ((news->sack_news || (blind && news->duplicate)) && b->rtt.dupacks < UINT8_MAX)
        b->rtt.dupacks++;
    found = loss_by_rack(t, b) ? rack_find_lost(t, b, now) : scoreboard_find_lost(t, b, now);
    if (blind && !found &&
        ((b->flags & TCB_RECOVERY) ? news->acked > 0 : b->rtt.dupacks == DUPTHRESH && covers_recover(t, b)))
        return scoreboard_lose_first(t, b, now);
    /* RFC 6675 section 5: three duplicates, or IsLost. */
    if (!loss_by_rack(t, b) && b->rtt.dupacks == DUPTHRESH && !(b->flags & TCB_RECOVERY) &&
        covers_recover(t, b))
        found |= scoreboard_lose_first(t, b, now);
    return found;
}

/* SND.UNA has moved to what was SACKed and is not acknowledged along with it (RFC 2018 section 8). */
static bool has_reneged(struct tcp *t, struct tcb *b, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);

    if (!k)
        return false;
    k->reneged = scoreboard_reneged(t, b, now);
    if (k->reneged)
        k->rack.waits = k->tlp.due = false;
    return k->reneged;
}

static void sack_arrives(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now)
{
    bool repaired = tlp_acked(t, b, news, now), reneged = news->acked > 0 && has_reneged(t, b, now);
    bool found = false, before = b->flags & TCB_RECOVERY;

    if ((b->flags & TCB_RECOVERY) && !snd_lt(b->snd.una, b->rtt.recover))
        sack_leave(t, b, now);
    if (tcb_outstanding(b) > 0 && !reneged)
        found = sack_finds_lost(t, b, news, now) && !mtu_probe_lost(t, b, now);
    if (found && !(b->flags & TCB_RECOVERY) && covers_recover(t, b))
        sack_enter(t, b, news, now);
    else if (repaired && !(b->flags & (TCB_RECOVERY | TCB_RECOVER)))
        tail_repaired(t, b, now);
    if ((b->flags & TCB_RECOVERY) && (found || news->delivered > 0 || news->duplicate)) {
        uint32_t least = found && !b->rtt.sacks ? b->snd.mss : 0; /* RFC 6582 step 3: the next hole */

        prr_acked(t, b, blind_delivery(t, b, news), news->acked > 0 && !found, least, now);
    } else if ((goes_forward(b, news) || (ecn_shrinks(b) && news->delivered > 0)) && (!before || b->rtt.sacks)) {
        window_opens(t, b, news, now);
    }
    conn_ready(t, b);
}

static void reno_arrives(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now)
{
    if (news->acked == 0) {
        if (news->duplicate)
            reno_duplicate(t, b, now);
    } else if (!(b->flags & TCB_RECOVERY)) {
        window_opens(t, b, news, now);
    } else if (!snd_lt(b->snd.una, b->rtt.recover)) {
        reno_leave(t, b, now);
    } else {
        reno_partial(t, b, news, now);
    }
}

void recovery_arrives(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now)
{
    bool undone;

    if (news->acked > 0)
        b->rtt.dupacks = 0;
    rack_acked(t, b, news, now);
    undone = undo_acked(t, b, news, now);
    if ((b->flags & TCB_RECOVER) && covers_recover(t, b)) {
        b->flags &= ~(uint32_t)TCB_RECOVER;
        undo_ended(t, b);
        rack_recovered(t, b, now);
    }
    if (loss_by_sack(t, b))
        sack_arrives(t, b, news, now);
    else if (!undone)
        reno_arrives(t, b, news, now);
    /* Else for an RTO: it may turn out yet that something was lost, or nothing. */
    if (tcb_outstanding(b) == 0 && !undo_may_come(t, b) && !tcb_board(t, b)->tlp.out)
        flight_free(t, b);
}

void recovery_waited(struct tcp *t, struct tcb *b, estab_time now)
{
    bool found = rack_find_lost(t, b, now) && !mtu_probe_lost(t, b, now);

    if (found && !(b->flags & TCB_RECOVERY) && covers_recover(t, b))
        sack_enter(t, b, NULL, now);
    if (found && (b->flags & TCB_RECOVERY)) {
        prr_acked(t, b, 0, false, 0, now);
    }
    conn_ready(t, b);
}

/* ---- the timer -------------------------------------------------------------------------------------- */

/*
 * FlightSize when the timer fires.  What went while SACK said that as much had come, or by limited transmit,
 * was never in flight at once; after another timeout cwnd tells little, and ssthresh what the path had borne.
 */
static uint32_t flight_timed_out(const struct tcb *b)
{
    uint32_t flight = tcb_outstanding(b), most = b->cc.cwnd;

    if (b->cc.ssthresh != UINT32_MAX && b->cc.ssthresh > most)
        most = b->cc.ssthresh;
    return flight < most ? flight : most;
}

void recovery_timeout(struct tcp *t, struct tcb *b, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);
    bool by_sack = loss_by_sack(t, b);
    /* In a recovery the window has been taken back already, as Linux has it. */
    bool again = b->rtt.retries > 1 || (b->flags & TCB_RECOVERY);

    if (!again)
        undo_begin(t, b, true, now);
    /* As many as without reordering would have told of a loss, and did not: it was thought too great. */
    if (!again && k && k->sacked >= DUPTHRESH * (uint32_t)b->snd.mss && b->rtt.reordering > 0) {
        NOTE(t, REORDER_FORGOTTEN, b->head.handle, now, rack_reordering(b), k->sacked);
        b->rtt.reordering = 0;
    }
    cc_timed_out(t, b, flight_timed_out(b), again, now);
    ecn_reduced(t, b);
    if (b->flags & TCB_RECOVERY)
        NOTE(t, RECOVERY_LEFT, b->head.handle, now, b->snd.una.v);
    b->flags &= ~(uint32_t)(TCB_RECOVERY | TCB_RETRANSMIT);
    b->flags |= TCB_RECOVER;
    b->rtt.recover = b->snd.nxt;
    b->rtt.dupacks = 0;
    if (k) {
        k->most = 0;
        k->reneged = false;
        k->rack.waits = k->tlp.out = k->tlp.due = false;
        /* Not RFC 5682 section 2.1, step 1: also after the next timeout in a row, as Linux does, for only the
         * first segment has gone again since. */
        k->undo.frto = again && !(k->undo.by_timeout && k->undo.possible) ? FRTO_NONE : FRTO_HEAD;
        if (k->undo.frto == FRTO_HEAD)
            NOTE(t, FRTO_BEGINS, b->head.handle, now, b->snd.una.v, tcb_outstanding(b));
    }
    if (by_sack) {
        scoreboard_timeout(t, b, now);
        if (flight_pipe(t, b) > 0) /* what was sent just now is not lost */
            cc_set(t, b, b->cc.cwnd + flight_pipe(t, b), RULE_TIMEOUT, now);
        b->flags |= TCB_RETRANSMIT;
    } else {
        NOTE(t, LOST_BY_TIME, b->head.handle, now, b->snd.una.v, tcb_outstanding(b), tcb_outstanding(b), 0, 0);
        emit_seek(b, b->snd.una);
    }
}
