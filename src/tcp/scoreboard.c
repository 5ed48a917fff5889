/* SPDX-License-Identifier: MIT */
/*
 * scoreboard.c - what a peer says it holds beyond SND.UNA, and what follows from that: RFC 6675
 * sections 3 and 4, over the ranges of flight.c, and the sender's half of RFC 2018 and RFC 2883.
 *
 *      SND.UNA                                            fack            SND.NXT
 *         |....[=====]....[==]......[=======]...[====]....................|
 *          lost       lost   not lost        not lost    nothing SACKed above
 *
 * Within a hole RFC 6675's IsLost is the same for every octet, as nothing in it was SACKed, and what is
 * lost above is lost below.  What has been sent again is not found lost by it a second time; RFC 8985
 * does that (rack.c), and says instead of IsLost what is lost, where it is configured.
 */
#include "tcp/loss.h"

/* ---- IsLost -------------------------------------------------------------------------------------------- */

/*
 * RFC 6675 section 4, IsLost: "either DupThresh discontiguous SACKed sequences have arrived above
 * 'SeqNum' or more than (DupThresh - 1) * SMSS bytes with sequence numbers greater than 'SeqNum' have
 * been SACKed".  The highest range of which that holds, it and what is above it counted, ends what is
 * lost.
 */
static uint32_t lost_before(const struct tcb *b, const struct tcp_scoreboard *k)
{
    uint32_t bytes = 0, runs = 0;

    for (uint32_t i = k->count; i-- > 0;) {
        if (!(ranges_of(k)[i].marks & RANGE_SACKED))
            continue;
        bytes += range_span(k, i);
        if (++runs >= DUPTHRESH || bytes > (DUPTHRESH - 1) * (uint32_t)b->snd.mss)
            return i;
    }
    return 0;
}

bool scoreboard_find_lost(struct tcp *t, struct tcb *b, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);
    bool found = false;

    if (!k)
        return false;
    for (uint32_t i = lost_before(b, k); i-- > 0;) {
        if (ranges_of(k)[i].marks & (RANGE_SACKED | RANGE_LOST | RANGE_EVER))
            continue;
        flight_mark(k, i, RANGE_LOST, 0);
        NOTE(t, LOST_BY_SEQUENCE, b->head.handle, now, ranges_of(k)[i].left.v, range_span(k, i), k->sacked);
        found = true;
    }
    flight_join(t, k);
    return found;
}

static bool lose_first(struct tcp *t, struct tcb *b)
{
    struct tcp_scoreboard *k = board_of(t, b);
    snd_seq end = snd_add(b->snd.una, b->snd.mss);
    uint32_t i;

    if (!k || k->count == 0 || (ranges_of(k)[0].marks & (RANGE_SACKED | RANGE_LOST)))
        return false;
    if (snd_lt(end, range_end(k, 0)))
        (void)flight_cut(t, k, end, &i);
    flight_mark(k, 0, RANGE_LOST, RANGE_AGAIN);
    return true;
}

bool scoreboard_lose_first(struct tcp *t, struct tcb *b, estab_time now)
{
    if (!lose_first(t, b))
        return false;
    NOTE(t, LOST_BY_DUPLICATES, b->head.handle, now, b->snd.una.v, range_span(board_of(t, b), 0), b->rtt.dupacks);
    return true;
}

/* ---- Update -------------------------------------------------------------------------------------------- */

/* RFC 2883 section 4: the first block tells of a duplicate if it lies left of SEG.ACK, or inside the
 * second one. */
static bool is_dsack(const struct segment *s)
{
    const struct tcp_sack_block *first = &s->opt.sack[0], *second = &s->opt.sack[1];

    if (snd_leq(snd_of(first->right), s->ack))
        return true;
    return s->opt.sacks > 1 && snd_leq(snd_of(second->left), snd_of(first->left)) &&
           snd_leq(snd_of(first->right), snd_of(second->right));
}

/*
 * Whether a block can be one of ours (RFC 2018 section 3): the right way up, of what was sent, and
 * beyond what the same segment acknowledges, as that is what it has not; duplicates lie below it, but
 * no further than a window can have reached.
 */
static bool block_holds(const struct tcb *b, const struct segment *s, unsigned i, bool again)
{
    snd_seq left = snd_of(s->opt.sack[i].left), right = snd_of(s->opt.sack[i].right);

    if (!snd_lt(left, right) || snd_lt(b->snd.nxt, right))
        return false;
    if (again)
        return snd_leq(snd_sub(b->snd.una, b->snd.wnd_max), left) &&
               ((b->pace & PACE_FAR) || snd_lt(b->snd.iss, left));
    return snd_lt(s->ack, left);
}

/* Whether it says what was not known.  An ACK that was overtaken may tell of what has been
 * acknowledged since, or contradict it; the later acknowledgment counts. */
static bool block_take(struct tcp *t, struct tcb *b, struct tcp_sack_block r, struct ack_news *news,
                       estab_time now)
{
    uint32_t before = news->sacked;

    if (snd_leq(snd_of(r.left), b->snd.una) || !b->board)
        return false;
    if (flight_sacked(t, b, r, news, now))
        return news->sacked != before;
    note_reason(t, REASON_SACK_NO_ROOM);
    return true;
}

/* What was sent again has come, and is SACKed, and comes again: the first was no loss, but late. */
static bool first_was_late(const struct tcp_scoreboard *k, snd_seq una, snd_seq left)
{
    unsigned both = RANGE_SACKED | RANGE_EVER;

    return k->count > 0 && snd_leq(una, left) && snd_lt(left, k->end) &&
           (ranges_of(k)[flight_at(k, left)].marks & both) == both;
}

static void block_arrives(struct tcp *t, struct tcb *b, struct ack_news *news, unsigned i, estab_time now)
{
    const struct segment *s = news->segment;
    bool again = i == 0 && is_dsack(s);
    struct tcp_telemetry *m = tcp_telemetry(t, b);

    if (!block_holds(b, s, i, again)) {
        note_reason(t, REASON_SACK_BLOCK);
        return;
    }
    if (m)
        m->sack_blocks++;
    if (again) {
        measure_twice(t, b, s->opt.sack[i].right - s->opt.sack[i].left);
        news->dsack = true;
        news->twice = s->opt.sack[i];
        if (b->board && first_was_late(board_of(t, b), b->snd.una, snd_of(s->opt.sack[i].left)))
            rack_reordered(news, snd_of(s->opt.sack[i].left));
    } else if (t->config.recovery != ESTAB_RECOVERY_NEWRENO) {
        news->sack_news |= block_take(t, b, s->opt.sack[i], news, now);
    }
}

void scoreboard_update(struct tcp *t, struct tcb *b, struct ack_news *news, estab_time now)
{
    const struct segment *s = news->segment;

    if (!(b->head.tag & TAG_SACK) || !(s->opt.present & OPT_SACK) || !tcb_syn_acked(b))
        return;
    b->rtt.sacks = true;
    for (unsigned i = 0; i < s->opt.sacks; i++)
        block_arrives(t, b, news, i, now);
}

/* Nothing is SACKed any more (RFC 2018 section 8), and all of it is lost. */
static void forget(struct tcp_scoreboard *k)
{
    for (uint32_t i = 0; i < k->count; i++)
        if (ranges_of(k)[i].marks & RANGE_SACKED)
            flight_mark(k, i, RANGE_TOLD, RANGE_SACKED);
}

/*
 * What begins at SND.UNA was SACKed and is not acknowledged with what lies before it: the receiver has
 * reneged.  "The data sender MUST NOT discard data before it is acknowledged by the Cumulative
 * Acknowledgment field" (RFC 2018 section 8), so nothing is lost but what the scoreboard said.
 */
bool scoreboard_reneged(struct tcp *t, struct tcb *b, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);

    if (!k || k->count == 0 || !(ranges_of(k)[0].marks & RANGE_SACKED))
        return false;
    note_reason(t, REASON_SACK_RENEGED);
    NOTE(t, SACK_RENEGED, b->head.handle, now, b->snd.una.v, k->sacked);
    forget(k);
    flight_join(t, k);
    return true;
}

/* RFC 8985 section 6.3, RFC 6675 section 5.1: what is SACKed stays so, unless it is first. */
void scoreboard_timeout(struct tcp *t, struct tcb *b, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);

    if (!k || !loss_by_sack(t, b))
        return;
    (void)scoreboard_reneged(t, b, now);
    if (b->rtt.retries > 1)
        flight_yield(t, k);
    (void)lose_first(t, b);
    for (uint32_t i = 0; i < k->count; i++) {
        if ((ranges_of(k)[i].marks & RANGE_SACKED) || (i > 0 && rack_spares(t, b, &ranges_of(k)[i], now)))
            continue;
        flight_mark(k, i, RANGE_LOST, RANGE_AGAIN);
    }
    flight_join(t, k);
    NOTE(t, LOST_BY_TIME, b->head.handle, now, b->snd.una.v, tcb_outstanding(b), k->lost, k->sacked,
         tcb_outstanding(b) - k->lost - k->sacked);
}

/* ---- NextSeg ------------------------------------------------------------------------------------------- */

/* The first run of ranges below `end`, that has neither of `without`, and all of `with`. */
static struct tcp_sack_block run_of(const struct tcp_scoreboard *k, snd_seq end, unsigned with, unsigned without)
{
    struct tcp_sack_block run = {0, 0};

    for (uint32_t i = 0; i < k->count && snd_lt(ranges_of(k)[i].left, end); i++) {
        unsigned marks = ranges_of(k)[i].marks;

        if ((marks & with) == with && !(marks & without)) {
            run.left = run.left == run.right ? ranges_of(k)[i].left.v : run.left;
            run.right = range_end(k, i).v;
        } else if (run.left != run.right) {
            break;
        }
    }
    return run;
}

/* Past the highest that is SACKed; SND.UNA if nothing is. */
static snd_seq highest_sacked(const struct tcb *b, const struct tcp_scoreboard *k)
{
    for (uint32_t i = k->count; i-- > 0;)
        if (ranges_of(k)[i].marks & RANGE_SACKED)
            return range_end(k, i);
    return b->snd.una;
}

/* Rule (4): once in a recovery, what includes the highest octet that is not SACKed. */
static bool next_rescue(const struct tcb *b, const struct tcp_scoreboard *k, struct tcp_sack_block *piece)
{
    if (!snd_lt(k->rescue_rxt, b->snd.una))
        return false;
    for (uint32_t i = k->count; i-- > 0;) {
        snd_seq left = ranges_of(k)[i].left, right = range_end(k, i);

        if (ranges_of(k)[i].marks & RANGE_SACKED)
            continue;
        if (snd_span(left, right) > b->snd.mss)
            left = snd_sub(right, b->snd.mss);
        *piece = (struct tcp_sack_block){left.v, right.v};
        return true;
    }
    return false;
}

/* Rules (3) and (4) are RFC 6675's alone: RACK and the tail's probe find out what is lost instead. */
static bool next_resort(const struct tcp *t, const struct tcb *b, const struct tcp_scoreboard *k,
                        struct tcp_sack_block *piece, enum emit_why *why)
{
    if (loss_by_rack(t, b) || !(b->flags & TCB_RECOVERY))
        return false;
    *why = WHY_RETRANSMIT_GAP;
    *piece = run_of(k, highest_sacked(b, k), 0, RANGE_SACKED | RANGE_EVER);
    if (piece->left != piece->right)
        return true;
    *why = WHY_RETRANSMIT_RESCUE;
    return next_rescue(b, k, piece);
}

bool scoreboard_next(const struct tcp *t, const struct tcb *b, bool last_resort,
                     struct tcp_sack_block *piece, enum emit_why *why)
{
    const struct tcp_scoreboard *k = tcb_board(t, b);
    uint32_t pipe = flight_pipe(t, b), room = b->cc.cwnd > pipe ? b->cc.cwnd - pipe : 0;
    uint32_t n;

    if (!loss_by_sack(t, b) || k->undo.frto == FRTO_NEW_TEXT)
        return false;
    if (last_resort) {
        if (!next_resort(t, b, k, piece, why))
            return false;
    } else {
        *why = b->flags & TCB_RECOVERY ? WHY_RETRANSMIT_LOST : mtu_or_timeout(b);
        *piece = run_of(k, k->end, RANGE_LOST, RANGE_AGAIN | RANGE_SACKED);
    }
    n = piece->right - piece->left;
    return n > 0 && room >= (n < b->snd.mss ? n : b->snd.mss);
}

void scoreboard_rescued(struct tcp *t, struct tcb *b)
{
    struct tcp_scoreboard *k = board_of(t, b);

    if (k)
        k->rescue_rxt = b->rtt.recover;
}

snd_seq scoreboard_hole_end(const struct tcp *t, const struct tcb *b)
{
    const struct tcp_scoreboard *k = tcb_board(t, b);
    uint32_t i = 0;

    while (i < k->count && !(ranges_of(k)[i].marks & RANGE_SACKED))
        i++;
    return i > 0 && i < k->count ? ranges_of(k)[i].left : b->snd.nxt;
}

/* ---- for STATUS ---------------------------------------------------------------------------------------- */

static uint32_t segments_in(const struct tcb *b, uint32_t bytes)
{
    return (bytes + b->snd.mss - 1) / b->snd.mss;
}

/* Runs of ranges with a mark, each rounded up to segments. */
static uint32_t segments_marked(const struct tcb *b, const struct tcp_scoreboard *k, unsigned mark)
{
    uint32_t n = 0, bytes = 0;

    for (uint32_t i = 0; i <= k->count; i++) {
        if (i < k->count && (ranges_of(k)[i].marks & mark)) {
            bytes += range_span(k, i);
            continue;
        }
        n += segments_in(b, bytes);
        bytes = 0;
    }
    return n;
}

void scoreboard_status(const struct tcp *t, const struct tcb *b, struct estab_status *st)
{
    bool goes_back = snd_lt(b->snd.cur, b->snd.nxt); /* after a timeout, without SACK, all of it is lost */
    bool reno = (b->flags & TCB_RECOVERY) && !loss_by_sack(t, b);

    if (!tcb_syn_acked(b) && b->rtt.retries > 0) /* the SYN */
        st->lost = st->retrans_out = 1;
    if (b->snd.mss == 0 || !tcb_syn_acked(b) || !b->board)
        return;
    st->sacked = segments_marked(b, tcb_board(t, b), RANGE_SACKED);
    st->lost = segments_marked(b, tcb_board(t, b), RANGE_LOST);
    st->retrans_out = segments_marked(b, tcb_board(t, b), RANGE_AGAIN);
    if (goes_back) {
        st->lost = segments_in(b, tcb_outstanding(b));
        st->retrans_out = segments_in(b, snd_span(b->snd.una, b->snd.cur));
    } else if (reno) { /* NewReno knows of the one at SND.UNA alone */
        st->lost = 1;
        st->retrans_out = !(b->flags & TCB_RETRANSMIT);
    }
}
