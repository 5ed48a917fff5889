/* SPDX-License-Identifier: MIT */
/*
 * emit.c - what a connection sends next.
 *
 * Nothing is queued as a segment.  When the caller asks for output, the state of the TCB decides
 * afresh, in this order:
 *
 *      SYN | duplicate ACKs | one segment again | text and FIN | probe | keep-alive | ACK
 *
 * and where SACK was agreed on, NextSeg's rules (RFC 6675 section 4) stand around the text, its rule (2):
 *
 *      what is lost (1) | a probe of the tail | text and FIN (2) | a gap (3), the rescue (4)
 *
 * so whatever came in since the last time is answered by as few segments as it takes.
 *
 * Text is held back by Nagle's algorithm (RFC 9293 section 3.7.4) and by the sender's silly-window
 * avoidance (section 3.8.6.2.1, MUST-38), where D is what is queued and U the usable window:
 *
 *      send if   min(D, U) >= Eff.snd.MSS
 *           or   D =< U, and no small segment is outstanding or Nagle is off    (all of it; PUSHed)
 *           or   min(D, U) >= max(SND.WND) / 2, and the same
 *           or   the override timer has fired
 */
#include "packet/ipv4.h"
#include "tcp/tcp.h"

#include "tcp/cc.h"

/* Most text of one segment: Eff.snd.MSS, less the options that go along (RFC 9293 section 3.7.1). */
static uint32_t emit_mss(const struct tcp *t, const struct tcb *b)
{
    return b->snd.mss - sack_length(t, b) - uto_length(t, b);
}

/* Most of what goes again at SND.UNA.  A peer that shrank its window drops what ends beyond it
 * without a look at the acknowledgment (Linux 6.18), so that two full queues would wait for each
 * other for ever; only a window of zero is not heeded, for there the answer is all that is wanted. */
static uint32_t again_most(const struct tcp *t, const struct tcb *b)
{
    uint32_t mss = emit_mss(t, b);
    uint32_t most = b->snd.wnd > 0 && b->snd.wnd < mss ? b->snd.wnd : mss;
    uint32_t sent = tcb_outstanding(b); /* and nothing new along with it */

    return sent < most ? sent : most;
}

static uint32_t what_is_left(uint32_t window, uint32_t used)
{
    return window > used ? window - used : 0;
}

uint32_t emit_usable(const struct tcp *t, const struct tcb *b)
{
    uint32_t ahead = snd_span(b->snd.una, b->snd.cur), cwnd = b->cc.cwnd;
    uint32_t offered = what_is_left(b->snd.wnd, ahead), congestion;

    /* After a timeout one segment goes again, whatever the window says now (MAY-7): it may have been
     * closed behind what was sent, and the answer tells when it opens. */
    if (ahead == 0 && (offered < again_most(t, b) || cwnd < again_most(t, b)))
        return again_most(t, b);
    if (snd_eq(b->snd.cur, b->snd.nxt))
        cwnd += recovery_limited(t, b);
    congestion = what_is_left(cwnd, flight_pipe(t, b));
    return offered < congestion ? offered : congestion;
}

void emit_seek(struct tcb *b, snd_seq cur)
{
    b->snd.cur = cur;
    b->snd.at.chunk = CHUNK_NONE;
}

/* ---- what all segments share ------------------------------------------------------------------- */

static void emit_acknowledges(const struct tcp *t, struct tcb *b)
{
    delack_sent(t, b);
    b->flags &= ~(uint32_t)(TCB_ACK_NOW | TCB_WINDOW_UPDATE);
    b->ts.last_ack_sent = b->rcv.nxt;
    timer_stop(b, SLOT_ACK);
}

static struct tcp_header *emit_header(struct tcp *t, struct tcb *b, struct tcp_out *out, snd_seq seq,
                                      unsigned flags, estab_time now)
{
    struct tcp_header *h = &out->header;

    *out = (struct tcp_out){.remote = b->head.remote,
                            .local = b->head.local,
                            .diffserv = b->diffserv,
                            .chunk = CHUNK_NONE,
                            .tcb = tcp_index(t, b)};
    h->sport = b->head.lport;
    h->dport = b->head.rport;
    h->seq = seq.v;
    h->flags = (uint8_t)flags;
    h->wnd = window_offer(t, b, flags & CTL_SYN);
    if (flags & CTL_ACK) {
        h->ack = b->rcv.nxt.v;
        emit_acknowledges(t, b);
    }
    if (b->head.tag & TAG_TIMESTAMPS) {
        h->opt.present = OPT_TIMESTAMPS;
        h->opt.tsval = ts_now(b, now);
        h->opt.tsecr = flags & CTL_ACK ? b->ts.recent : 0;
    }
    if (!(flags & CTL_SYN)) {
        h->flags |= (uint8_t)ecn_echoes(b);
        sack_offer(t, b, h);
    }
    uto_offer(t, b, h);
    return h;
}

static void emit_urgent(const struct tcb *b, struct tcp_header *h, snd_seq seq)
{
    uint32_t ahead = snd_span(seq, b->snd.up);

    if (!(b->flags & TCB_URGENT_SND) || !snd_lt(seq, b->snd.up))
        return;
    h->flags |= CTL_URG;
    h->up = (uint16_t)(ahead < 65535 ? ahead : 65535);
}

/* ---- SYN ------------------------------------------------------------------------------------------ */

static bool emit_syn(struct tcp *t, struct tcb *b, struct tcp_out *out, enum emit_why *why,
                     estab_time now)
{
    bool answer = b->head.state != TCP_SYN_SENT;
    struct tcp_header *h =
        emit_header(t, b, out, b->snd.iss, answer ? CTL_SYN | CTL_ACK : CTL_SYN, now);

    h->flags |= (uint8_t)ecn_syn(t, b, answer, now);
    h->opt.present |= OPT_MSS;
    h->opt.mss = b->rcv.mss;
    if (b->head.tag & TAG_SACK)
        h->opt.present |= OPT_SACK_PERMITTED;
    if (b->head.tag & TAG_SCALED) {
        h->opt.present |= OPT_WINDOW_SCALE;
        h->opt.wscale = b->rcv.wscale;
    }
    *why = b->flags & TCB_RETRANSMIT ? WHY_RETRANSMIT_TIMEOUT : answer ? WHY_SYN_ACK : WHY_SYN;
    b->flags &= ~(uint32_t)(TCB_SYN_QUEUED | TCB_RETRANSMIT);
    if (snd_eq(b->snd.nxt, b->snd.iss)) {
        b->snd.nxt = snd_add(b->snd.iss, 1);
        b->snd.cur = b->snd.nxt;
        rtt_start(b);
        b->since_us = us_of(now);
    } else {
        measure_sent_again(t, b, 0);
    }
    timer_send_update(t, b, false, now);
    timer_user(t, b, now);
    return true;
}

/* ---- text ------------------------------------------------------------------------------------------- */

static uint32_t emit_longest(const struct tcp *t, const struct tcb *b)
{
    uint32_t super = t->locals[b->head.local].super_segment;
    uint32_t most = 65535 - IPV4_HEADER_MIN - TCP_HEADER_MAX, mss = emit_mss(t, b);

    if (super > most)
        super = most;
    if ((b->flags & TCB_URGENT_SND) && snd_lt(b->snd.cur, b->snd.up))
        super = 0; /* the pointer counts from each segment, and who cuts them copies it */
    return super > mss ? super - super % mss : mss;
}

/* Whether the user holds back what does not fill a segment. */
static bool emit_held(const struct tcb *b)
{
    return b->flags & (TCB_MORE | TCB_CORK);
}

/*
 * Whether a small segment at `seq` waits for the acknowledgment of one that went before; urgent text does
 * not.  Not RFC 9293 3.7.4, by which it waits for all that went before: with Minshall's change, which is
 * Linux's habit, the end of a write that is longer than a segment goes at once.
 */
static bool emit_nagle(const struct tcb *b, snd_seq seq)
{
    bool urgent = (b->flags & TCB_URGENT_SND) && snd_lt(seq, b->snd.up);

    return (b->flags & TCB_NAGLE) && b->small > 0 && !urgent;
}

/* New text up to `end` did not fill its segments.  Behind 64 KB the next small one may go a little early. */
static void emit_small(struct tcb *b, snd_seq end)
{
    uint32_t far = snd_span(b->snd.una, end);

    b->small = (uint16_t)(far < UINT16_MAX ? far : UINT16_MAX);
}

void emit_acked(struct tcb *b, uint32_t n)
{
    b->small = (uint16_t)(b->small > n ? b->small - n : 0);
}

/* How much of `queued` bytes to send now, `usable` allowed: RFC 9293 section 3.8.6.2.1. */
static uint32_t emit_amount(const struct tcp *t, const struct tcb *b, uint32_t queued,
                            uint32_t usable)
{
    uint32_t n = queued < usable ? queued : usable;
    uint32_t longest = emit_longest(t, b), mss = emit_mss(t, b);
    bool again = snd_lt(b->snd.cur, b->snd.nxt);
    bool free = !emit_nagle(b, b->snd.cur);

    if (n >= mss) {
        if (n > longest)
            n = longest;
        return n == queued && !emit_held(b) ? n : n - n % mss;
    }
    if (n == 0 || again || (b->flags & TCB_OVERRIDE))
        return n;
    if (n == queued)
        return (!emit_held(b) && free) || (b->flags & TCB_FIN_QUEUED) ? n : 0;
    return free && n >= b->snd.wnd_max / 2 ? n : 0;
}

/* Refers to n bytes at `at`. */
static void emit_refer(struct tcp_out *out, struct queue_cursor at, uint32_t n, uint32_t mss)
{
    out->chunk = at.chunk;
    out->offset = at.offset;
    out->length = n;
    out->segment_size = (uint16_t)(n > mss ? mss : 0);
}

/*
 * How many segments make a burst, as Linux sizes the super-segments that it cuts up: what goes out in
 * a millisecond at twice the window a round trip, `burst_segments` at least, half the window at most.
 */
static uint32_t burst_most(const struct tcp *t, const struct tcb *b, uint32_t mss)
{
    uint64_t n = UINT32_MAX, half = b->cc.cwnd / mss / 2;
    uint32_t srtt_us = b->rtt.srtt_us8 / 8;

    if ((b->flags & TCB_RTT_VALID) && srtt_us > 0)
        n = 2 * (uint64_t)b->cc.cwnd * 1000 / srtt_us / mss;
    if (n < t->config.burst_segments)
        n = t->config.burst_segments;
    if (n > half)
        n = half > 0 ? half : 1;
    return (uint32_t)(n < UINT8_MAX ? n : UINT8_MAX);
}

/*
 * PSH stands where the queue ends (section 3.9.1.2, MUST-61), unless its user has said that more
 * follows; and at the end of a burst of two segments or more, for the peer's device and stack may hold
 * together what follows each other closely.  The latter is Linux's habit.
 */
static bool emit_pushes(const struct tcp *t, struct tcb *b, snd_seq seq, uint32_t n, uint32_t may)
{
    uint32_t mss = emit_mss(t, b);
    bool rest_follows = snd_eq(snd_add(seq, may), b->snd.end) && !emit_held(b) &&
                        ((b->flags & TCB_FIN_QUEUED) || !emit_nagle(b, snd_add(seq, n)));
    bool several;

    if (n == 0)
        return false;
    if (snd_eq(snd_add(seq, n), b->snd.end))
        return !(b->flags & TCB_MORE);
    if (snd_lt(seq, b->snd.nxt)) /* sent again */
        return false;
    several = ++b->burst >= 2;
    if (n <= mss && b->burst < burst_most(t, b, mss))
        return several && may - n < mss && !rest_follows;
    b->burst = 0;
    return several || n > mss;
}

void emit_push(const struct tcp *t, struct tcb *b)
{
    uint32_t waits = tcb_not_sent(b);

    if (waits > 0 && waits <= emit_usable(t, b))
        b->flags |= TCB_OVERRIDE;
}

/* The FIN goes along with the last text if it fits the window, or went before. */
static bool emit_fin_now(const struct tcb *b, snd_seq after)
{
    return (b->flags & TCB_FIN_QUEUED) && snd_eq(after, b->snd.end) &&
           (tcb_fin_sent(b) || snd_span(b->snd.una, after) < b->snd.wnd);
}

static void emit_measure(struct tcp *t, struct tcb *b, uint32_t n, estab_time now)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);

    pace_sent(t, b, n, now);
    if (!m || n == 0)
        return;
    m->text_segments_sent += (n + b->snd.mss - 1) / b->snd.mss;
    m->text_sent_at = now;
}

/* What keeps the sender from sending: nothing, or the peer's window, or its user's full buffer. */
static enum limit limited_by(const struct tcp *t, const struct tcb *b)
{
    uint32_t waits = tcb_not_sent(b), mss = emit_mss(t, b), ahead = tcb_outstanding(b);
    uint32_t window = b->snd.wnd > ahead ? b->snd.wnd - ahead : 0;

    if (!tcb_is(b, F_SYNC) || b->snd.text.bytes == 0)
        return LIMIT_NONE;
    if (waits == 0)
        return (b->flags & TCB_WANT_SEND) && ahead + mss <= b->cc.cwnd ? LIMIT_BUFFER : LIMIT_NONE;
    return window < (waits < mss ? waits : mss) && b->snd.wnd < b->cc.cwnd ? LIMIT_WINDOW
                                                                           : LIMIT_NONE;
}

static void emit_limits(struct tcp *t, const struct tcb *b, estab_time now)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);
    enum limit limit;

    if (!m)
        return;
    limit = limited_by(t, b);
    if (limit == m->limit)
        return;
    m->limited_us[m->limit] += us_of(now) - m->limited_since_us;
    m->limited_since_us = us_of(now);
    m->limit = (uint8_t)limit;
}

static void emit_count(struct tcp *t, struct tcb *b, snd_seq seq, uint32_t n, enum emit_why *why,
                       estab_time now)
{
    if (!snd_lt(seq, b->snd.nxt))
        return;
    t->retransmitted++;
    measure_sent_again(t, b, n);
    if (*why == WHY_TEXT || *why == WHY_FIN)
        *why = mtu_or_timeout(b);
    NOTE(t, RETRANSMIT, b->head.handle, now, seq.v, n, (uint32_t)*why);
}

/* SND.NXT and `cur` move over n bytes and the FIN, if they are new. */
static void emit_advance(struct tcp *t, struct tcb *b, uint32_t n, uint32_t mss, bool fin, estab_time now)
{
    snd_seq after = snd_add(b->snd.cur, n + fin);

    flight_sent(t, b, b->snd.cur, after, mss, now);
    if (snd_eq(b->snd.cur, b->snd.nxt)) {
        if (tcb_outstanding(b) == 0)
            b->since_us = us_of(now);
        if (n > 0)
            delack_talks(b, now);
    }
    b->snd.at = queue_advance(&t->chunks, b->snd.at, n);
    b->snd.cur = after;
    b->snd.nxt = snd_max(b->snd.nxt, after);
    b->flags &= ~(uint32_t)TCB_OVERRIDE;
    timer_send_update(t, b, false, now);
    timer_user(t, b, now);
    user_writable(t, b);
}

/* Past the text that may go now: what was sent before goes again by itself, then new text. */
static snd_seq emit_last(const struct tcb *b)
{
    bool again = snd_lt(b->snd.cur, b->snd.nxt) && snd_lt(b->snd.nxt, b->snd.end);

    return again ? b->snd.nxt : b->snd.end;
}

/* Whether duplicates alone let text go (RFC 3042). */
static bool is_limited(const struct tcb *b, uint32_t n)
{
    return b->rtt.dupacks > 0 && !(b->flags & TCB_RECOVERY) && snd_eq(b->snd.cur, b->snd.nxt) &&
           tcb_outstanding(b) + n > b->cc.cwnd;
}

static bool emit_text(struct tcp *t, struct tcb *b, struct tcp_out *out, enum emit_why *why,
                      estab_time now)
{
    snd_seq last = emit_last(b), seq = b->snd.cur;
    uint32_t queued = snd_lt(seq, last) ? snd_span(seq, last) : 0;
    uint32_t mss = emit_mss(t, b); /* the header takes the blocks of a duplicate along */
    uint32_t usable = emit_usable(t, b), probe = mtu_probe(t, b, queued, usable, now);
    uint32_t n = emit_amount(t, b, queued, usable);
    struct tcp_header *h;
    bool fin, pushes;

    if (probe == MTU_WAITS)
        return false;
    if (probe > 0)
        n = mss = probe;
    n = pace_allows(t, b, n, mss, now);
    if (n > 0) {
        if (b->snd.at.chunk == CHUNK_NONE) {
            snd_seq first = snd_sub(b->snd.end, b->snd.text.bytes);

            b->snd.at = queue_seek(&t->chunks, &b->snd.text, snd_span(first, seq));
        }
        b->snd.at = queue_advance(&t->chunks, b->snd.at, 0);
        n = queue_reach(&t->chunks, b->snd.at, n, ESTAB_PARTS_MAX);
    }
    if (n < probe) { /* in too many pieces */
        mss = emit_mss(t, b);
        n = n < mss ? n : mss;
        probe = 0;
    }
    fin = emit_fin_now(b, snd_add(seq, n)) && snd_leq(seq, b->snd.end);
    if (n == 0 && !fin)
        return false;
    pushes = emit_pushes(t, b, seq, n, queued < usable ? queued : usable);
    h = emit_header(t, b, out, seq, CTL_ACK, now);
    emit_refer(out, b->snd.at, n, mss);
    if (pushes)
        h->flags |= CTL_PSH;
    if (fin)
        h->flags |= CTL_FIN;
    emit_urgent(b, h, seq);
    ecn_sends(b, out, seq);
    *why = n == 0 ? WHY_FIN : is_limited(b, n) ? WHY_TEXT_LIMITED : probe > 0 ? WHY_MTU_PROBE : WHY_TEXT;
    emit_count(t, b, seq, n, why, now);
    emit_measure(t, b, n, now);
    rate_sent(t, b, seq, n, now);
    measure_sent(t, b, seq, n, mss, fin);
    if (snd_eq(seq, b->snd.nxt) && n % mss > 0)
        emit_small(b, snd_add(seq, n));
    emit_advance(t, b, n, mss, fin, now);
    if (probe > 0)
        mtu_probe_sent(t, b, seq, n, now);
    return true;
}

/* One segment from `seq` on, of what was sent before and does not reach beyond `end`. */
static bool emit_piece(struct tcp *t, struct tcb *b, struct tcp_out *out, struct tcp_sack_block piece,
                       uint32_t most, enum emit_why *why, estab_time now)
{
    snd_seq seq = snd_of(piece.left), first = snd_sub(b->snd.end, b->snd.text.bytes);
    snd_seq last = snd_lt(b->snd.end, snd_of(piece.right)) ? b->snd.end : snd_of(piece.right);
    uint32_t queued = snd_lt(seq, last) ? snd_span(seq, last) : 0, n = queued < most ? queued : most;
    struct queue_cursor at = queue_seek(&t->chunks, &b->snd.text, snd_span(first, seq));
    struct tcp_header *h;
    bool ends;

    n = queue_reach(&t->chunks, at, n, ESTAB_PARTS_MAX);
    ends = tcb_fin_sent(b) && snd_eq(snd_add(seq, n), b->snd.end) &&
           snd_lt(b->snd.end, snd_of(piece.right));
    if (n == 0 && !ends)
        return false;
    h = emit_header(t, b, out, seq, CTL_ACK, now);
    emit_refer(out, at, n, most);
    if (n > 0 && snd_eq(snd_add(seq, n), b->snd.end))
        h->flags |= CTL_PSH;
    if (ends)
        h->flags |= CTL_FIN;
    emit_urgent(b, h, seq);
    emit_count(t, b, seq, n, why, now);
    emit_measure(t, b, n, now);
    flight_sent(t, b, seq, snd_add(seq, n + ends), most, now);
    timer_send_update(t, b, snd_eq(seq, b->snd.una), now);
    return true;
}

/* One segment at SND.UNA: fast retransmit, or NewReno's next hole. */
static bool emit_again(struct tcp *t, struct tcb *b, struct tcp_out *out, enum emit_why *why,
                       estab_time now)
{
    struct tcp_sack_block piece = {b->snd.una.v, scoreboard_hole_end(t, b).v};

    b->flags &= ~(uint32_t)TCB_RETRANSMIT;
    if (tcb_outstanding(b) == 0)
        return false;
    *why = !(b->flags & TCB_RECOVERY) ? mtu_or_timeout(b)
           : b->rtt.dupacks           ? WHY_RETRANSMIT_FAST
                                      : WHY_RETRANSMIT_PARTIAL;
    return emit_piece(t, b, out, piece, again_most(t, b), why, now);
}

/* What is lost, or NextSeg's last rules. */
static bool emit_next(struct tcp *t, struct tcb *b, struct tcp_out *out, bool last_resort,
                      enum emit_why *why, estab_time now)
{
    struct tcp_sack_block piece;
    uint32_t mss = emit_mss(t, b);
    bool sent = !(last_resort && (b->pace & PACE_WAITS)) && /* new text is due, and goes first */
                scoreboard_next(t, b, last_resort, &piece, why) &&
                pace_allows(t, b, mss, mss, now) > 0 && emit_piece(t, b, out, piece, mss, why, now);

    if (sent && *why == WHY_RETRANSMIT_RESCUE)
        scoreboard_rescued(t, b);
    return sent;
}

/* RFC 8985 section 7.3: a segment of new text, or the last one again. */
static bool emit_tail_probe(struct tcp *t, struct tcb *b, struct tcp_out *out, enum emit_why *why,
                            estab_time now)
{
    uint32_t mss = emit_mss(t, b);
    bool fresh, sent;

    if (!tlp_is_due(t, b) || tcb_outstanding(b) == 0)
        return false;
    fresh = sent = tcb_not_sent(b) > 0 && emit_text(t, b, out, why, now);
    if (!sent) {
        *why = WHY_RETRANSMIT_TAIL;
        sent = emit_piece(t, b, out, tlp_piece(t, b, mss), mss, why, now);
    }
    if (fresh)
        *why = WHY_TAIL_PROBE;
    tlp_sent(t, b, !fresh);
    return sent;
}

/* ---- without text ----------------------------------------------------------------------------------- */

static bool emit_probe(struct tcp *t, struct tcb *b, struct tcp_out *out, enum emit_why *why,
                       estab_time now)
{
    *why = b->flags & TCB_PROBE ? WHY_WINDOW_PROBE : WHY_KEEPALIVE;
    b->flags &= ~(uint32_t)(TCB_PROBE | TCB_KEEPALIVE);
    /*
     * SND.UNA - 1 lies left of any window, so it is always answered (SHLD-12 for keep-alives).
     * Not RFC 9293 3.8.6.1: a zero-window probe without its octet of new text, because Linux does
     * so, and nothing then is in flight that the window forbids.
     */
    emit_header(t, b, out, snd_sub(b->snd.una, 1), CTL_ACK, now);
    return true;
}

/* Not RFC 9293 3.10.7.4's SND.NXT where the peer has taken back a part of its window: beyond the
 * edge it would not take the acknowledgment (see again_most). */
static snd_seq acceptable_seq(const struct tcb *b)
{
    snd_seq edge = snd_add(b->snd.una, b->snd.wnd);

    return snd_lt(edge, b->snd.nxt) ? edge : b->snd.nxt;
}

static bool emit_ack(struct tcp *t, struct tcb *b, struct tcp_out *out, enum emit_why *why,
                     estab_time now)
{
    if (b->snd.acks_owed > 0) {
        b->snd.acks_owed--;
        *why = WHY_ACK_DUPLICATE;
    } else if (b->flags & TCB_ACK_NOW) {
        *why = b->flags & TCB_ACK_LATE ? WHY_ACK_DELAYED : WHY_ACK_NOW;
    } else if (b->flags & TCB_WINDOW_UPDATE) {
        *why = WHY_WINDOW_UPDATE;
    } else {
        return false;
    }
    b->flags &= ~(uint32_t)TCB_ACK_LATE;
    emit_header(t, b, out, acceptable_seq(b), CTL_ACK, now);
    return true;
}

bool tcp_emit(struct tcp *t, struct tcb *b, struct tcp_out *out, enum emit_why *why, estab_time now)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);
    bool sent = false;

    if (b->flags & TCB_SYN_QUEUED)
        sent = emit_syn(t, b, out, why, now);
    else if (b->head.state == TCP_SYN_SENT)
        sent = false;
    else if (b->snd.acks_owed > 0)
        sent = emit_ack(t, b, out, why, now);
    if (!sent && (b->flags & TCB_RETRANSMIT))
        sent = emit_again(t, b, out, why, now);
    if (!sent)
        sent = emit_next(t, b, out, false, why, now);
    if (!sent)
        sent = emit_tail_probe(t, b, out, why, now);
    if (!sent && tcb_is(b, F_SYNC))
        sent = emit_text(t, b, out, why, now);
    if (!sent && frto_gives_up(t, b, now))
        sent = emit_next(t, b, out, false, why, now) ||
               (tcb_is(b, F_SYNC) && emit_text(t, b, out, why, now));
    if (!sent)
        sent = emit_next(t, b, out, true, why, now);
    if (!sent && (b->flags & (TCB_PROBE | TCB_KEEPALIVE)))
        sent = emit_probe(t, b, out, why, now);
    if (!sent && b->head.state != TCP_SYN_SENT)
        sent = emit_ack(t, b, out, why, now);
    if (!sent) {
        b->burst = 0;
        emit_limits(t, b, now);
        cc_sent(t, b, now);
        timer_send_update(t, b, false, now);
        return false;
    }
    t->segments_out++;
    if (m)
        m->segments_sent++;
    NOTE(t, SEGMENT_OUT, b->head.handle, now, out->header.flags, out->header.seq, out->header.ack,
         out->length, out->header.wnd, (uint32_t)*why, b->head.state, b->head.lport, b->head.rport);
    return true;
}
