/* SPDX-License-Identifier: MIT */
/*
 * flight.c - what is outstanding, as ranges with one history each: when a range was last sent, whether
 * it is SACKed, found lost, sent again.
 *
 *      SND.UNA                                                          SND.NXT = end
 *         |  sent at 10 ms   | SACKed |  lost  | lost, again | sent at 12 ms |
 *         |------------------|--------|--------|-------------|---------------|
 *
 * What is sent at one time is one range, however many segments that is; what is SACKed is one range
 * whenever it was sent.
 *
 * Of a range it is known where its segments begin if all are full but the last; of small ones that went at
 * once, or were cut otherwise when they went again, it is not.  A SACK block counts as far as it covers whole
 * segments, where they are known: a receiver has a segment or has it not, so one octet is no sign that it was
 * delivered, nor are three of them a sign that three were, which others have overtaken.  Linux counts likewise.
 *
 * A connection has config.sack_ranges of them, and sixteen times as many in an array of its own, one of
 * config.sack_spares, while what was SACKed and lost asks for them: a slow start that overruns a queue loses
 * every second segment of a window.  Before that, and when none is left, neighbours of one kind are joined
 * under the later of their times: first those sent within a small part of the time that all of them span,
 * so that of 256 no time is wrong by more than a sixty-fourth of that, which is a round trip; then, if
 * histories differ so often that it does not suffice, any two.  RACK waits longer than it had to, and round
 * trips seem shorter, and that is all.  If that makes no room, a SACK block is not recorded, which is never
 * wrong, for SACK is advice: the text counts as in flight, and goes again once it looks lost, although it
 * has arrived.
 *
 * Nobody keeps such an array longer than he needs it: it goes back as soon as half of the connection's own
 * would do, whatever has made that so; and, if no other is left, at the second timeout in a row, when what was
 * SACKed has brought nothing further, and may have been taken back (RFC 2018 section 8): what the connection's
 * own does not hold is then known no more.  Who asks in vain is counted (SACK_NO_SPARE).
 *
 * The last two are kept for what is sent; sending never fails.
 */
#include <string.h>

#include "tcp/loss.h"

enum { KEPT_FOR_NEW = 1, KEPT_FOR_SENDING = 3 };

/* ---- a board's life ----------------------------------------------------------------------------------- */

/* There is one for each TCB, so there is always one. */
static struct tcp_scoreboard *board_need(struct tcp *t, struct tcb *b, snd_seq first)
{
    uint32_t i = t->board_free;

    if (b->board)
        return board_of(t, b);
    if (i != TCB_NONE)
        t->board_free = tcp_scoreboard(t, i)->next;
    else
        i = t->board_fresh++;
    ASSERT(i < t->config.connections);
    *tcp_scoreboard(t, i) = (struct tcp_scoreboard){
        .end = first, .rescue_rxt = first, .rack.fack = first, .ranges_at = offsetof(struct tcp_scoreboard, own)};
    rtt_round_begin(b, tcp_scoreboard(t, i));
    b->board = i + 1;
    t->board_used++;
    return tcp_scoreboard(t, i);
}

static void ranges_move(struct tcp_scoreboard *k, struct tcp_range *to)
{
    memcpy(to, ranges_of(k), k->count * sizeof *to);
    k->ranges_at = (uintptr_t)to - (uintptr_t)k;
}

static bool spare_left(const struct tcp *t)
{
    return t->spare_free != TCB_NONE || t->spare_fresh < t->config.sack_spares;
}

/* The first word of an array that is free is the place of the next one. */
static bool spare_take(struct tcp *t, struct tcp_scoreboard *k)
{
    uint32_t i = t->spare_free;

    if (k->spare)
        return false;
    if (!spare_left(t)) {
        note_reason(t, REASON_SACK_NO_SPARE);
        return false;
    }
    if (i != TCB_NONE)
        memcpy(&t->spare_free, tcp_spare(t, i), sizeof t->spare_free);
    else
        i = t->spare_fresh++;
    ranges_move(k, tcp_spare(t, i));
    k->spare = i + 1;
    t->spare_used++;
    return true;
}

static void spare_give(struct tcp *t, struct tcp_scoreboard *k)
{
    uint32_t i = k->spare - 1;

    if (!k->spare)
        return;
    ranges_move(k, k->own);
    memcpy(tcp_spare(t, i), &t->spare_free, sizeof t->spare_free);
    t->spare_free = i;
    t->spare_used--;
    k->spare = 0;
}

/* Half of its own would do. */
static void spare_rest(struct tcp *t, struct tcp_scoreboard *k)
{
    if (k->count <= t->config.sack_ranges / 2)
        spare_give(t, k);
}

uint32_t scoreboard_memory(const struct tcp *t, const struct tcb *b)
{
    if (!b->board)
        return 0;
    return scoreboard_bytes(&t->config) + (board_of(t, b)->spare ? spare_bytes(&t->config) : 0);
}

void flight_free(struct tcp *t, struct tcb *b)
{
    uint32_t i = b->board - 1;

    if (!b->board)
        return;
    board_of(t, b)->count = 0;
    spare_give(t, board_of(t, b));
    *tcp_scoreboard(t, i) = (struct tcp_scoreboard){.next = t->board_free};
    t->board_free = i;
    t->board_used--;
    b->board = 0;
}

/* ---- ranges --------------------------------------------------------------------------------------------- */

static void count_in(struct tcp_scoreboard *k, unsigned marks, uint32_t bytes)
{
    k->sacked += marks & RANGE_SACKED ? bytes : 0;
    k->lost += marks & RANGE_LOST ? bytes : 0;
    k->again += marks & RANGE_AGAIN ? bytes : 0;
}

static void count_out(struct tcp_scoreboard *k, unsigned marks, uint32_t bytes)
{
    k->sacked -= marks & RANGE_SACKED ? bytes : 0;
    k->lost -= marks & RANGE_LOST ? bytes : 0;
    k->again -= marks & RANGE_AGAIN ? bytes : 0;
}

void flight_mark(struct tcp_scoreboard *k, uint32_t i, unsigned set, unsigned clear)
{
    uint32_t bytes = range_span(k, i);

    count_out(k, ranges_of(k)[i].marks, bytes);
    ranges_of(k)[i].marks = (uint8_t)((ranges_of(k)[i].marks & ~clear) | set);
    count_in(k, ranges_of(k)[i].marks, bytes);
}

uint32_t flight_at(const struct tcp_scoreboard *k, snd_seq seq)
{
    uint32_t low = 0, high = k->count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (snd_leq(ranges_of(k)[middle].left, seq))
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Whether two neighbours need not be told apart: all of them was sent within `near_us`. */
static bool alike(const struct tcp_range *a, const struct tcp_range *c, uint32_t near_us)
{
    uint32_t since_us = a->sent_us - a->older_us;

    if (a->marks != c->marks)
        return false;
    return (a->marks & RANGE_SACKED) || a->sent_us == c->sent_us || c->sent_us - since_us <= near_us;
}

static uint32_t later(uint32_t a_us, uint32_t b_us)
{
    return (int32_t)(a_us - b_us) < 0 ? b_us : a_us;
}

static uint32_t earlier(uint32_t a_us, uint32_t b_us)
{
    return (int32_t)(a_us - b_us) < 0 ? a_us : b_us;
}

/* `less` of range r and of what follows it from `seq` on: known if segments of one size meet there. */
static uint8_t evenness(const struct tcp_scoreboard *k, const struct tcp_range *r, snd_seq seq, uint8_t less)
{
    if (r->less != less || less == UNEVEN)
        return UNEVEN;
    return snd_span(r->left, seq) % (uint32_t)(k->mss - less) == 0 ? less : UNEVEN;
}

static void join(const struct tcp_scoreboard *k, struct tcp_range *a, const struct tcp_range *c)
{
    uint32_t since_us = earlier(a->sent_us - a->older_us, c->sent_us - c->older_us);
    uint32_t sent_us = later(a->sent_us, c->sent_us), older_us = sent_us - since_us;

    a->less = evenness(k, a, c->left, c->less);
    a->sent_us = sent_us;
    a->older_us = (uint16_t)(older_us < UINT16_MAX ? older_us : UINT16_MAX);
}

enum { ANY_TIME = -1 };

/* Each range with those behind it that were sent within `near_us`; at ANY_TIME: with the next one alone. */
static void join_all(struct tcp_scoreboard *k, uint32_t near_us)
{
    uint32_t to = 0;
    bool pairs = near_us == (uint32_t)ANY_TIME, joined = false;

    for (uint32_t i = 1; i < k->count; i++) {
        struct tcp_range *last = &ranges_of(k)[to];

        if (!(pairs && joined) && alike(last, &ranges_of(k)[i], near_us)) {
            join(k, last, &ranges_of(k)[i]);
            joined = true;
        } else {
            ranges_of(k)[++to] = ranges_of(k)[i];
            joined = false;
        }
    }
    k->count = k->count > 0 ? to + 1 : 0;
}

void flight_join(struct tcp *t, struct tcp_scoreboard *k)
{
    join_all(k, 0);
    spare_rest(t, k);
}

/* What lies from range i on becomes one that was sent before, as if it were neither SACKed nor lost. */
static void forget_from(struct tcp_scoreboard *k, uint32_t i)
{
    uint8_t told = 0;

    for (uint32_t n = i; n < k->count; n++) {
        told |= ranges_of(k)[n].marks & (RANGE_SACKED | RANGE_TOLD) ? RANGE_TOLD : 0;
        flight_mark(k, n, RANGE_EVER, RANGE_SACKED | RANGE_LOST | RANGE_AGAIN);
        if (n > i)
            join(k, &ranges_of(k)[i], &ranges_of(k)[n]);
    }
    ranges_of(k)[i].marks |= told;
    k->count = i + 1;
}

void flight_yield(struct tcp *t, struct tcp_scoreboard *k)
{
    if (!k->spare || spare_left(t))
        return;
    flight_join(t, k);
    if (k->spare && k->count > t->config.sack_ranges / 2)
        forget_from(k, t->config.sack_ranges / 2 - 1);
    spare_give(t, k);
}

/* From when the first of what is outstanding was sent to when the last was. */
static uint32_t time_spanned(const struct tcp_scoreboard *k)
{
    uint32_t first_us = ranges_of(k)[0].sent_us, last_us = first_us;

    for (uint32_t i = 1; i < k->count; i++) {
        last_us = later(last_us, ranges_of(k)[i].sent_us);
        first_us = earlier(first_us, ranges_of(k)[i].sent_us);
    }
    return last_us - first_us;
}

static bool fits(const struct tcp *t, const struct tcp_scoreboard *k, uint32_t n)
{
    return k->count + n <= (k->spare ? SPARE_TIMES : 1) * t->config.sack_ranges;
}

/* Two neighbours that stay apart were sent within no less than 1/(all/4) of the whole: where their histories
 * are alike, half of `all` is left. */
static bool room_for(struct tcp *t, struct tcp_scoreboard *k, uint32_t n, uint32_t keep)
{
    uint32_t all = (k->spare ? SPARE_TIMES : 1) * t->config.sack_ranges;

    if (!fits(t, k, n + keep) && k->count > 0) {
        uint32_t near_us = time_spanned(k) / (all / 4);

        join_all(k, near_us < UINT16_MAX ? near_us : UINT16_MAX);
    }
    if (!fits(t, k, n + keep) && !spare_take(t, k) && k->count > 0)
        join_all(k, (uint32_t)ANY_TIME);
    return fits(t, k, n + keep);
}

static void insert(struct tcp_scoreboard *k, uint32_t i, struct tcp_range r)
{
    memmove(ranges_of(k) + i + 1, ranges_of(k) + i, (k->count - i) * sizeof r);
    ranges_of(k)[i] = r;
    k->count++;
}

/* Whether a range begins or ends there already. */
static bool is_cut(const struct tcp_scoreboard *k, snd_seq seq)
{
    return snd_leq(k->end, seq) || snd_eq(ranges_of(k)[flight_at(k, seq)].left, seq);
}

/* There is room. */
static uint32_t cut_at(struct tcp_scoreboard *k, snd_seq seq)
{
    uint32_t i = flight_at(k, seq);
    struct tcp_range r = ranges_of(k)[i];

    if (snd_eq(r.left, seq))
        return i;
    r.less = evenness(k, &r, seq, r.less);
    r.left = seq;
    insert(k, i + 1, r);
    return i + 1;
}

bool flight_cut(struct tcp *t, struct tcp_scoreboard *k, snd_seq seq, uint32_t *i)
{
    if (!room_for(t, k, 1, KEPT_FOR_NEW))
        return false;
    *i = cut_at(k, seq);
    return true;
}

/* ---- sent ------------------------------------------------------------------------------------------------ */

static void sent_new(struct tcp *t, struct tcp_scoreboard *k, snd_seq seq, snd_seq end, uint32_t segment,
                     uint32_t now_us)
{
    uint32_t less = k->mss - segment;
    struct tcp_range r = {.left = seq, .sent_us = now_us, .less = (uint8_t)(less < UNEVEN ? less : UNEVEN)};
    struct tcp_range *last = k->count > 0 ? &ranges_of(k)[k->count - 1] : NULL;

    ASSERT(snd_eq(seq, k->end));
    k->progress_us = now_us;
    k->end = end;
    if (last && last->marks == 0 && last->sent_us == now_us) {
        last->less = evenness(k, last, seq, r.less);
        return;
    }
    k->end = seq;
    if (!room_for(t, k, 1, 0)) {
        /* As if what ends here were neither SACKed nor lost: less is known, and nothing wrong. */
        flight_mark(k, k->count - 1, 0, RANGE_SACKED | RANGE_LOST | RANGE_AGAIN);
        join(k, &ranges_of(k)[k->count - 1], &r);
        k->end = end;
        return;
    }
    k->end = end;
    insert(k, k->count, r);
}

static void sent_again(struct tcp *t, struct tcp_scoreboard *k, snd_seq seq, snd_seq end, uint32_t now_us)
{
    uint32_t i;

    if (room_for(t, k, 2, KEPT_FOR_NEW)) {
        (void)cut_at(k, seq);
        if (snd_lt(end, k->end))
            (void)cut_at(k, end);
    }
    for (i = flight_at(k, seq); i < k->count && snd_lt(ranges_of(k)[i].left, end); i++) {
        if (ranges_of(k)[i].marks & RANGE_SACKED)
            continue;
        flight_mark(k, i, RANGE_AGAIN | RANGE_EVER, RANGE_TOLD);
        ranges_of(k)[i].sent_us = now_us;
        ranges_of(k)[i].older_us = 0;
    }
    flight_join(t, k);
}

/* Segments have another size from now on; of those that are out it is known no more. */
static void size_now(struct tcp_scoreboard *k, uint16_t mss)
{
    for (uint32_t i = 0; i < k->count && k->mss != mss; i++)
        ranges_of(k)[i].less = UNEVEN;
    k->mss = mss;
}

void flight_sent(struct tcp *t, struct tcb *b, snd_seq seq, snd_seq end, uint32_t segment, estab_time now)
{
    struct tcp_scoreboard *k;

    if (!tcb_syn_acked(b) || snd_eq(seq, end))
        return;
    k = board_need(t, b, seq);
    size_now(k, b->snd.mss);
    if (k->count == 0) {
        window_begins(b, k, now);
        k->first_us = (uint32_t)us_of(now);
    }
    k->use.sent_us = (uint32_t)us_of(now);
    if (snd_eq(seq, b->snd.una))
        k->reneged = false;
    if ((b->flags & TCB_RECOVERY) || ecn_shrinks(b))
        k->prr.out += snd_span(seq, end);
    if (snd_lt(seq, k->end)) {
        snd_seq last = snd_lt(k->end, end) ? k->end : end;

        sent_again(t, k, seq, last, (uint32_t)us_of(now));
        undo_sent(t, b, seq, last, now);
        seq = last;
    }
    if (snd_lt(seq, end)) {
        sent_new(t, k, seq, end, segment, (uint32_t)us_of(now));
        k->use.more = true;
    }
    if (snd_span(b->snd.una, k->end) > k->most)
        k->most = snd_span(b->snd.una, k->end);
}

/* ---- delivered --------------------------------------------------------------------------------------------- */

/* Of range i, what lies left of `end`. */
static void deliver(struct tcp *t, struct tcb *b, const struct tcp_range *r, snd_seq end,
                    struct ack_news *news, struct ack_times *times, estab_time now)
{
    const struct tcp_scoreboard *k = board_of(t, b);

    news->delivered += snd_span(r->left, end);
    if (r->marks & RANGE_TOLD)
        news->told += snd_span(r->left, end);
    if (r->marks & RANGE_EVER) {
        news->again = true;
        news->again_us = (uint32_t)us_of(now) - r->sent_us;
    } else if (!(b->flags & TCB_RECOVER) || snd_leq(end, b->rtt.recover))
        news->original = true;
    if (!(r->marks & (RANGE_EVER | RANGE_TOLD)) && snd_lt(end, k->rack.fack))
        rack_reordered(news, r->left);
    if (!(r->marks & RANGE_EVER)) {
        times->first_us = times->any ? times->first_us : r->sent_us;
        times->last_us = r->sent_us;
        times->any = true;
    }
    rack_delivered(t, b, r, end, news, now);
}

/* What was sent again was first sent no earlier than what lies below it. */
static void first_known(struct tcp_scoreboard *k)
{
    const struct tcp_range *r = ranges_of(k);

    if (k->count > 0 && !(r->marks & (RANGE_SACKED | RANGE_EVER | RANGE_TOLD)) && r->older_us < UINT16_MAX)
        k->first_us = r->sent_us - r->older_us;
}

void flight_acked(struct tcp *t, struct tcb *b, struct ack_news *news, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);
    uint32_t n = 0;

    if (!k)
        return;
    k->progress_us = (uint32_t)us_of(now);
    for (; n < k->count && snd_lt(ranges_of(k)[n].left, b->snd.una); n++) {
        snd_seq end = range_end(k, n);
        bool whole = snd_leq(end, b->snd.una);
        struct tcp_range r = ranges_of(k)[n];

        if (!whole)
            end = b->snd.una;
        if (!(r.marks & RANGE_SACKED))
            deliver(t, b, &r, end, news, &news->times_acked, now);
        news->repeated |= r.marks & RANGE_EVER;
        count_out(k, r.marks, snd_span(r.left, end));
        if (!whole) {
            ranges_of(k)[n].less = evenness(k, &r, end, r.less);
            ranges_of(k)[n].left = end;
            break;
        }
    }
    memmove(ranges_of(k), ranges_of(k) + n, (k->count - n) * sizeof ranges_of(k)[0]);
    k->count -= n;
    first_known(k);
    spare_rest(t, k);
}

static uint32_t cuts_missing(const struct tcp_scoreboard *k, snd_seq left, snd_seq right)
{
    return !is_cut(k, left) + !is_cut(k, right);
}

/* Making room may join what lies on both sides of a cut that was there: so they are counted again behind it. */
static bool room_for_block(struct tcp *t, struct tcp_scoreboard *k, snd_seq left, snd_seq right)
{
    uint32_t cuts = cuts_missing(k, left, right);

    if (cuts == 0)
        return true;
    if (room_for(t, k, cuts, KEPT_FOR_SENDING) && cuts_missing(k, left, right) > cuts)
        (void)room_for(t, k, cuts_missing(k, left, right), KEPT_FOR_SENDING);
    return fits(t, k, cuts_missing(k, left, right) + KEPT_FOR_SENDING);
}

/* Of an octet in range i, which is no first one: past the last whole segment before it. */
static snd_seq segment_before(const struct tcp_scoreboard *k, uint32_t i, snd_seq seq)
{
    const struct tcp_range *r = &ranges_of(k)[i];

    return r->less == UNEVEN ? seq : snd_sub(seq, snd_span(r->left, seq) % (k->mss - r->less));
}

/* What of a block is whole segments. */
static void whole_segments(const struct tcp_scoreboard *k, snd_seq *left, snd_seq *right)
{
    uint32_t i = flight_at(k, *left);
    snd_seq before = segment_before(k, i, *left), end = range_end(k, i);

    if (!snd_eq(before, *left)) {
        *left = snd_add(before, k->mss - ranges_of(k)[i].less);
        *left = snd_lt(end, *left) ? end : *left;
    }
    if (snd_lt(*right, k->end))
        *right = segment_before(k, flight_at(k, *right), *right);
}

bool flight_sacked(struct tcp *t, struct tcb *b, struct tcp_sack_block block, struct ack_news *news,
                   estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);
    snd_seq left = snd_of(block.left), right = snd_of(block.right);
    bool room;

    whole_segments(k, &left, &right);
    if (!snd_lt(left, right)) {
        note_reason(t, REASON_SACK_PART);
        return true;
    }
    room = room_for_block(t, k, left, right);
    if (room) {
        (void)cut_at(k, left);
        if (snd_lt(right, k->end))
            (void)cut_at(k, right);
    }
    for (uint32_t i = flight_at(k, left); i < k->count && snd_lt(ranges_of(k)[i].left, right); i++) {
        if ((ranges_of(k)[i].marks & RANGE_SACKED) || snd_lt(ranges_of(k)[i].left, left) ||
            snd_lt(right, range_end(k, i)))
            continue;
        news->sacked += range_span(k, i);
        deliver(t, b, &ranges_of(k)[i], range_end(k, i), news, &news->times_sacked, now);
        flight_mark(k, i, RANGE_SACKED, RANGE_LOST | RANGE_AGAIN);
    }
    flight_join(t, k);
    return room;
}

/* ---- in the network ------------------------------------------------------------------------------------------ */

/* RFC 6675 section 4, SetPipe: each octet not SACKed counts once if it is not lost, and once if it was
 * sent again.  Going back after a timeout without SACK, what lies beyond `cur` does not count. */
uint32_t flight_pipe(const struct tcp *t, const struct tcb *b)
{
    const struct tcp_scoreboard *k = tcb_board(t, b);

    if (!loss_by_sack(t, b))
        return snd_span(b->snd.una, b->snd.cur);
    return tcb_outstanding(b) - k->sacked - k->lost + k->again;
}
