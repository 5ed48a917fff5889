/* SPDX-License-Identifier: MIT */
/*
 * rack.c - RACK (RFC 8985 section 6): what was sent before something that was delivered, and has not
 * come although a round trip and the reordering window have passed, is lost; the first time and the
 * second time alike.
 *
 *      sent         delivered   now
 *        |  rtt         |        |          lost if sent + rtt + reo_wnd <= now, and it was sent
 *        |--------------|========|          before what RACK knows of, which was sent last of all
 *                        reo_wnd            that was delivered
 *
 * The window is zero until reordering was seen, if three segments are SACKed or a recovery is under
 * way; then a quarter of the least round trip, and a quarter more with each round in which the peer
 * tells that something came twice (RFC 2883), up to SRTT, for sixteen recoveries.
 */
#include "tcp/loss.h"

enum { PERSIST = 16 }; /* recoveries: RFC 8985 section 6.2, step 4 */

/* Whether a was sent before c; of what was sent at once the order of numbers decides. */
static bool sent_before(uint32_t a_us, snd_seq a_end, uint32_t c_us, snd_seq c_end)
{
    return (int32_t)(a_us - c_us) < 0 || (a_us == c_us && snd_lt(a_end, c_end));
}

/*
 * Step 2: what was sent again may have been delivered by what went before.  Not RFC 8985: the echoed
 * timestamp is asked only of what SND.UNA passes, because beyond a gap it is that of the last segment in
 * order (RFC 7323 section 4.3), and older than anything that was sent again.
 */
static bool is_ambiguous(const struct tcb *b, const struct tcp_range *r, snd_seq end, const struct segment *s,
                         uint32_t rtt_us, estab_time now)
{
    uint64_t sent = us_of(now) - rtt_us;

    if (!(r->marks & RANGE_EVER))
        return false;
    if ((b->head.tag & TAG_TIMESTAMPS) && (s->opt.present & OPT_TIMESTAMPS) && s->opt.tsecr != 0 &&
        snd_leq(end, s->ack) && (int32_t)(s->opt.tsecr - ts_now(b, sent * ESTAB_US)) < 0)
        return true;
    return rtt_us < b->rtt.least_us;
}

void rack_delivered(struct tcp *t, struct tcb *b, const struct tcp_range *r, snd_seq end,
                    const struct ack_news *news, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);
    uint32_t rtt_us = (uint32_t)us_of(now) - r->sent_us;

    if (!(r->marks & RANGE_EVER)) /* step 1 */
        rtt_least(t, b, rtt_us, now);
    if (is_ambiguous(b, r, end, news->segment, rtt_us, now))
        return;
    /*
     * Not RFC 8985 section 6.2, step 2, which goes through what is delivered in the order in which it was sent:
     * in that of its numbers, as Linux does.  Where an ACK is of what was sent again and of what came late
     * behind it, the latter's longer round trip is what the rest is given.
     */
    k->rack.rtt_us = rtt_us;
    if (k->rack.any && !sent_before(k->rack.sent_us, k->rack.end, r->sent_us, end))
        return;
    k->rack.any = true;
    k->rack.sent_us = r->sent_us;
    k->rack.end = end;
    k->rack.again = r->marks & RANGE_EVER;
}

void rack_reordered(struct ack_news *news, snd_seq from)
{
    if (!news->reordered || snd_lt(from, news->reordered_from))
        news->reordered_from = from;
    news->reordered = true;
}

uint32_t rack_reordering(const struct tcb *b)
{
    return b->rtt.reordering > DUPTHRESH ? b->rtt.reordering : DUPTHRESH;
}

/* How far: from the lowest that was overtaken to the highest that was delivered, as Linux counts it. */
static void reordering_learn(struct tcp *t, struct tcb *b, const struct ack_news *news, snd_seq fack,
                             estab_time now)
{
    uint32_t far = snd_lt(news->reordered_from, fack) ? snd_span(news->reordered_from, fack) : 0;
    uint32_t segments = (far + b->snd.mss - 1) / b->snd.mss;
    struct tcp_telemetry *m = tcp_telemetry(t, b);

    bool more = segments > rack_reordering(b), news_of_it = more || !b->rtt.reorder_seen;

    b->rtt.reorder_seen = true;
    if (m)
        m->reorderings++;
    if (more)
        b->rtt.reordering = (uint8_t)(segments < UINT8_MAX ? segments : UINT8_MAX);
    if (news_of_it)
        NOTE(t, REORDERED, b->head.handle, now, news->reordered_from.v, segments, rack_reordering(b));
}

/* How long what may be reordered is waited for. */
static uint32_t window_us(const struct tcb *b)
{
    uint64_t window = (1 + (uint64_t)b->rtt.reorder_steps) * (b->rtt.least_us / 4);
    uint32_t srtt = b->rtt.srtt_us8 / 8;

    return window < srtt ? (uint32_t)window : srtt;
}

/* Steps 3 and 4: reordering, and what the peer got twice. */
void rack_acked(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);

    if (!k)
        return;
    k->rack.fack = snd_max(k->rack.fack, b->snd.una);
    for (uint32_t i = k->count; i-- > 0;)
        if (ranges_of(k)[i].marks & RANGE_SACKED) {
            k->rack.fack = snd_max(k->rack.fack, range_end(k, i));
            break;
        }
    if (news->reordered)
        reordering_learn(t, b, news, k->rack.fack, now);
    if (k->rack.dsacked && snd_leq(k->rack.round, b->snd.una))
        k->rack.dsacked = false;
    if (!news->dsack || k->rack.dsacked)
        return;
    k->rack.dsacked = true;
    k->rack.round = b->snd.nxt;
    b->rtt.reorder_persist = PERSIST;
    if (b->rtt.reorder_steps < UINT8_MAX)
        b->rtt.reorder_steps++;
    NOTE(t, REORDER_WIDENED, b->head.handle, now, news->twice.left, window_us(b), b->rtt.reorder_steps);
}

void rack_recovered(struct tcp *t, struct tcb *b, estab_time now)
{
    if (b->rtt.reorder_persist == 0 || --b->rtt.reorder_persist > 0)
        return;
    b->rtt.reorder_steps = 0;
    NOTE(t, REORDER_RESET, b->head.handle, now, PERSIST, window_us(b));
}

uint32_t rack_window_us(const struct tcp *t, const struct tcb *b)
{
    const struct tcp_scoreboard *k = tcb_board(t, b);
    bool sure = (b->flags & (TCB_RECOVERY | TCB_RECOVER)) || b->rtt.dupacks >= DUPTHRESH ||
                k->sacked >= DUPTHRESH * (uint32_t)b->snd.mss;

    if (!b->rtt.reorder_seen && sure)
        return 0;
    return window_us(b);
}

/* How long a range has yet, in microseconds; 0 or less: none. */
static int32_t time_left(const struct tcp_scoreboard *k, const struct tcp_range *r, uint32_t window_us, estab_time now)
{
    return (int32_t)(r->sent_us + k->rack.rtt_us + window_us - (uint32_t)us_of(now));
}

/*
 * Whether a range was sent before what was delivered.  Not RFC 8985's RACK_sent_after: of what went again and
 * what went for the first time at once, the numbers do not tell which went first.
 */
static bool is_passed(const struct tcp_scoreboard *k, uint32_t i)
{
    const struct tcp_range *r = &ranges_of(k)[i];

    if (r->sent_us == k->rack.sent_us && (r->marks & RANGE_AGAIN) && !k->rack.again)
        return false;
    return sent_before(r->sent_us, range_end(k, i), k->rack.sent_us, k->rack.end);
}

/* Step 5. */
bool rack_find_lost(struct tcp *t, struct tcb *b, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);
    uint32_t wait_us;
    int32_t most = 0;
    bool found = false;

    if (!k || !k->rack.any)
        return false;
    wait_us = rack_window_us(t, b);
    for (uint32_t i = 0; i < k->count; i++) {
        const struct tcp_range *r = &ranges_of(k)[i];
        int32_t left = time_left(k, r, wait_us, now);

        if ((r->marks & RANGE_SACKED) || (r->marks & (RANGE_LOST | RANGE_AGAIN)) == RANGE_LOST)
            continue;
        if (!is_passed(k, i))
            continue;
        most = left > most ? left : most;
        if (left > 0)
            continue;
        flight_mark(k, i, RANGE_LOST, RANGE_AGAIN);
        NOTE(t, LOST_BY_RACK, b->head.handle, now, r->left.v, range_span(k, i),
             (uint32_t)us_of(now) - r->sent_us, k->rack.rtt_us, wait_us);
        found = true;
    }
    k->rack.waits = most > 0;
    k->rack.wait_us = (uint32_t)us_of(now) + (uint32_t)most;
    flight_join(t, k);
    return found;
}

bool rack_waits(const struct tcp *t, const struct tcb *b, uint64_t *at_us, estab_time now)
{
    const struct tcp_scoreboard *k = tcb_board(t, b);

    if (!k->rack.any || !k->rack.waits || !loss_by_rack(t, b))
        return false;
    *at_us = us_of(now) + (uint64_t)(int64_t)(int32_t)(k->rack.wait_us - (uint32_t)us_of(now));
    return true;
}

/* Section 6.3: a timeout tells of what was sent a round trip and the window ago, and of the first. */
bool rack_spares(const struct tcp *t, const struct tcb *b, const struct tcp_range *r, estab_time now)
{
    const struct tcp_scoreboard *k = tcb_board(t, b);

    return loss_by_rack(t, b) && k->rack.any && time_left(k, r, rack_window_us(t, b), now) > 0;
}
