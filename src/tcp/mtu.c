/* SPDX-License-Identifier: MIT */
/*
 * mtu.c - what the path carries: routers' word of it (RFC 1191, RFC 8201), how far that is believed
 * (RFC 5927 section 7), and what we find out ourselves where no router says anything (RFC 4821).
 *
 *      a segment went in vain R1 times        a black hole: base_mss, and half of that with each timeout more
 *      what follows was acknowledged          probes: one segment of new text, as long as half the way up
 *      a probe is acknowledged                segments are as long from now on, and the next one is longer
 *      it alone is lost                       the range ends below it; the window stays, for it was no
 *                                             congestion (RFC 4821 section 7.6.2)
 *      a timeout, or other losses beside it   it tells nothing
 *      the range is less than NARROW          done; from the top again after mtu_probe_interval_ms
 *
 *          snd.mss              probe             high        most
 *      -------|-------------------|-----------------|-----------|------->  text of a segment
 *       passes                                 may pass yet    what the SYNs allowed
 *
 * estab_config.mtu_probing is Linux's tcp_mtu_probing: 0 routers alone, 1 from the first black hole on, 2 from
 * the beginning.  What is known is in the cold block, and there is none while segments are as long as they
 * may be.
 *
 * A router's word is taken if it can be true: the segment that it quotes is outstanding (icmp.c), as long
 * as what we send, and longer than what the router says it can carry.  Once a whole segment was
 * acknowledged the path has shown what it carries, and the word is taken only while nothing passes, after
 * a retransmission timeout; what a stranger says of a connection that makes progress changes nothing.
 *
 * Not RFC 1191 section 3: below 552 bytes nothing is believed, nor tried, as Linux's min_pmtu.  Not RFC 4821
 * section 7.3, which would try common sizes first: the middle of the range, as Linux does.
 */
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "tcp/cc.h"
#include "tcp/loss.h"

enum {
    IPV4_LEAST = 552,
    TIMESTAMP_BYTES = 12,
    NARROW = 8,       /* Linux's tcp_probe_threshold */
    PROBE_WINDOW = 11, /* segments that cwnd has at least: else a lost probe leaves too few to tell of it */
    PAUSE_RTOS = 5,   /* after a probe that ended in a timeout */
};

static uint32_t headers(const struct tcp *t, const struct tcb *b)
{
    return t->locals[b->head.local].ip_header + TCP_HEADER_MIN +
           (b->head.tag & TAG_TIMESTAMPS ? (uint32_t)TIMESTAMP_BYTES : 0);
}

static bool is_ipv4(const struct tcp *t, const struct tcb *b)
{
    return t->locals[b->head.local].ip_header == IPV4_HEADER_MIN;
}

/* The path MTU that nothing makes smaller. */
static uint32_t least_mtu(const struct tcp *t, const struct tcb *b)
{
    return is_ipv4(t, b) ? IPV4_LEAST : IPV6_MTU_MIN;
}

/* RFC 4821 section 7.2: the text with which the search begins. */
static uint32_t base_text(const struct tcp *t, const struct tcb *b)
{
    uint32_t least = least_mtu(t, b) - headers(t, b), base = t->config.mtu_base_mss;

    return base < least ? least : base;
}

static struct tcp_mtu *search_of(const struct tcp *t, const struct tcb *b)
{
    struct tcp_cold *c = b->cold ? tcp_cold(t, b->cold - 1) : NULL;

    return c && c->mtu.most > 0 ? &c->mtu : NULL;
}

static struct tcp_mtu *search_begin(struct tcp *t, struct tcb *b)
{
    struct tcp_mtu *m = &cold_need(t, b)->mtu;

    if (m->most == 0)
        *m = (struct tcp_mtu){.most = b->snd.mss, .high = b->snd.mss};
    return m;
}

/* Segments are as long as they may be: there is nothing to remember. */
static void search_end(struct tcp *t, struct tcb *b)
{
    struct tcp_mtu *m = search_of(t, b);

    if (!m || b->snd.mss < m->most || m->mends)
        return;
    *m = (struct tcp_mtu){0};
    cold_trim(t, b);
}

uint32_t mtu_path(const struct tcp *t, const struct tcb *b)
{
    return search_of(t, b) ? headers(t, b) + b->snd.mss : t->locals[b->head.local].mtu;
}

uint32_t mtu_first(struct tcp *t, struct tcb *b, uint32_t mss)
{
    struct tcp_mtu *m = search_of(t, b);
    uint32_t base = base_text(t, b);

    if (m)
        *m = (struct tcp_mtu){0};
    if (t->config.mtu_probing == 2 && base < mss) {
        cold_need(t, b)->mtu = (struct tcp_mtu){.most = (uint16_t)mss, .high = (uint16_t)mss};
        return base;
    }
    cold_trim(t, b);
    return mss;
}

/* Segments are of `text` bytes from now on. */
static void shrink(struct tcp *t, struct tcb *b, uint32_t text, estab_time now)
{
    uint32_t was = b->snd.mss;

    b->snd.mss = (uint16_t)text;
    cc_shrinks(t, b, was, now);
}

/* ---- lost, and not by congestion ----------------------------------------------------------------------- */

/* From `left` to `right` all goes again at once, and the window stays as it is. */
static void goes_again(struct tcp *t, struct tcb *b, snd_seq left, snd_seq right)
{
    struct tcp_scoreboard *k = board_of(t, b);
    uint32_t i;

    if (!k || k->count == 0 || !loss_by_sack(t, b))
        return;
    if (!flight_cut(t, k, left, &i) || (snd_lt(right, k->end) && !flight_cut(t, k, right, &i)))
        return; /* its timer will tell */
    for (i = flight_at(k, left); i < k->count && snd_lt(ranges_of(k)[i].left, right); i++)
        if (!(ranges_of(k)[i].marks & RANGE_SACKED))
            flight_mark(k, i, RANGE_LOST, RANGE_AGAIN);
    flight_join(t, k);
}

enum emit_why mtu_or_timeout(const struct tcb *b)
{
    bool timed_out = b->rtt.retries > 0 || (b->flags & TCB_RECOVER);

    return timed_out ? WHY_RETRANSMIT_TIMEOUT : WHY_RETRANSMIT_LENGTH;
}

/* ---- the search ------------------------------------------------------------------------------------------ */

/* How long the next probe is; 0: the range is too narrow for one. */
static uint32_t probe_length(const struct tcb *b, const struct tcp_mtu *m)
{
    uint32_t range = m->high - b->snd.mss;

    if (m->high <= b->snd.mss)
        return 0;
    if (range < NARROW) /* what has never failed is worth a last one */
        return m->high == m->most ? m->high : 0;
    return b->snd.mss + (range + 1) / 2;
}

/* The range has changed. */
static void range_changed(struct tcp *t, struct tcb *b, struct tcp_mtu *m, estab_time now)
{
    m->probe = 0;
    m->again_ms = ms_of(now) + (probe_length(b, m) > 0 ? 0 : t->config.mtu_probe_interval_ms);
}

/* RFC 4821 section 7.4: nothing is amiss, so that the loss of the probe can tell of its length alone. */
static bool all_is_well(const struct tcp *t, const struct tcb *b)
{
    const struct tcp_scoreboard *k = tcb_board(t, b);
    uint32_t amiss = TCB_RECOVERY | TCB_RECOVER | TCB_URGENT_SND | TCB_OVERRIDE | TCB_RETRANSMIT;

    return !(b->flags & amiss) && b->rtt.retries == 0 && b->rtt.dupacks == 0 && !ecn_shrinks(b) &&
           k->sacked == 0 && k->lost == 0 && !k->tlp.due && !k->tlp.out && snd_eq(b->snd.cur, b->snd.nxt) &&
           sack_length(t, b) == 0 && uto_length(t, b) == 0;
}

uint32_t mtu_probe(struct tcp *t, struct tcb *b, uint32_t queued, uint32_t usable, estab_time now)
{
    struct tcp_mtu *m = search_of(t, b);
    uint32_t length, need, ahead = tcb_outstanding(b);

    if (!m || t->config.mtu_probing == 0 || m->probe > 0 || m->mends || !all_is_well(t, b) ||
        (int32_t)(ms_of(now) - m->again_ms) < 0)
        return 0;
    if (probe_length(b, m) == 0) /* the interval is over: the path may carry more by now */
        m->high = m->most;
    length = probe_length(b, m);
    need = length + (rack_reordering(b) + 1) * b->snd.mss; /* and by enough that a loss is seen */
    if (length == 0 || queued < need || b->snd.wnd < need || b->cc.cwnd < PROBE_WINDOW * (uint32_t)b->snd.mss)
        return 0;
    if (usable >= length && b->snd.wnd - ahead >= need)
        return length;
    return flight_pipe(t, b) > 0 ? MTU_WAITS : 0; /* for what is under way to make room */
}

void mtu_probe_sent(struct tcp *t, struct tcb *b, snd_seq seq, uint32_t length, estab_time now)
{
    struct tcp_mtu *m = search_of(t, b);

    m->probe = (uint16_t)length;
    m->left = seq;
    m->right = snd_add(seq, length);
    t->mtu_probes++;
    NOTE(t, MTU_PROBE, b->head.handle, now, seq.v, length + headers(t, b), mtu_path(t, b));
}

/* Section 7.6.1.  The window is of bytes, and stays. */
static void probe_passed(struct tcp *t, struct tcb *b, struct tcp_mtu *m, estab_time now)
{
    uint32_t was = mtu_path(t, b);

    if (m->probe > b->snd.mss)
        b->snd.mss = m->probe;
    t->mtu_probes_passed++;
    NOTE(t, MTU_PASSED, b->head.handle, now, m->left.v, was, mtu_path(t, b));
    range_changed(t, b, m, now);
}

void mtu_acked(struct tcp *t, struct tcb *b, estab_time now)
{
    struct tcp_mtu *m = search_of(t, b);

    if (!m)
        return;
    if (m->mends && snd_leq(m->right, b->snd.una))
        m->mends = false;
    if (m->mends && !loss_by_sack(t, b))
        b->flags |= TCB_RETRANSMIT; /* the rest of the probe */
    if (m->probe > 0 && snd_leq(m->right, b->snd.una))
        probe_passed(t, b, m, now);
    search_end(t, b);
}

/* Whether what is lost is the probe, all that lies before it is acknowledged, and nothing else is lost. */
static bool alone_is_lost(const struct tcp *t, const struct tcb *b, const struct tcp_mtu *m)
{
    const struct tcp_scoreboard *k = tcb_board(t, b);

    if (!snd_eq(b->snd.una, m->left))
        return false;
    for (uint32_t i = 0; i < k->count; i++) {
        snd_seq end = i + 1 < k->count ? ranges_of(k)[i + 1].left : k->end;

        if ((ranges_of(k)[i].marks & RANGE_LOST) && snd_lt(m->right, end))
            return false;
    }
    return true;
}

/* Section 7.6.2. */
static void probe_lost(struct tcp *t, struct tcb *b, struct tcp_mtu *m, estab_time now)
{
    t->mtu_probes_lost++;
    NOTE(t, MTU_PROBE_LOST, b->head.handle, now, m->left.v, m->probe + headers(t, b), mtu_path(t, b));
    if (m->high >= m->probe)
        m->high = (uint16_t)(m->probe - 1);
    m->mends = true;
    goes_again(t, b, m->left, m->right);
    if (!loss_by_sack(t, b))
        b->flags |= TCB_RETRANSMIT;
    range_changed(t, b, m, now);
    conn_ready(t, b);
}

bool mtu_probe_lost(struct tcp *t, struct tcb *b, estab_time now)
{
    struct tcp_mtu *m = search_of(t, b);

    if (!m || m->probe == 0 || (b->flags & (TCB_RECOVERY | TCB_RECOVER)) || !alone_is_lost(t, b, m))
        return false;
    probe_lost(t, b, m, now);
    return true;
}

/* Section 7.6.4. */
void mtu_inconclusive(struct tcp *t, struct tcb *b, estab_time now)
{
    struct tcp_mtu *m = search_of(t, b);

    if (!m)
        return;
    m->mends = false;
    if (m->probe > 0)
        m->again_ms = ms_of(now);
    m->probe = 0;
}

/* ---- black holes (section 7.7) --------------------------------------------------------------------------- */

/* Text of the segment that goes in vain. */
static uint32_t first_length(const struct tcp *t, const struct tcb *b)
{
    uint32_t n = snd_span(b->snd.una, scoreboard_hole_end(t, b));

    return n < b->snd.mss ? n : b->snd.mss;
}

void mtu_timed_out(struct tcp *t, struct tcb *b, estab_time now)
{
    uint32_t base = base_text(t, b), least = least_mtu(t, b) - headers(t, b);
    struct tcp_mtu *m = search_of(t, b);
    uint32_t next = b->snd.mss > base ? base : m ? b->snd.mss / 2 : b->snd.mss, was = mtu_path(t, b);

    if (m && m->probe > 0) /* section 7.6.3: it tells nothing, and none follows soon */
        m->again_ms = ms_of(now) + (uint32_t)(PAUSE_RTOS * rtt_timeout_us(t, b) / 1000);
    if (m)
        m->probe = m->mends = 0;
    next = next < least ? least : next;
    /* What fits anyway is not lost for its length, nor what the peer has closed its window before. */
    if (t->config.mtu_probing == 0 || b->snd.wnd == 0 || b->rtt.retries < t->config.r1_retries ||
        first_length(t, b) <= next)
        return;
    m = search_begin(t, b);
    m->mends = false;
    shrink(t, b, next, now);
    range_changed(t, b, m, now);
    t->mtu_black_holes++;
    NOTE(t, MTU_BLACK_HOLE, b->head.handle, now, b->snd.una.v, was, mtu_path(t, b), b->rtt.retries);
}

/* ---- what routers say ------------------------------------------------------------------------------------ */

/* RFC 1191 section 7.1, for routers that name no MTU: the next common one below the packet's length. */
static uint32_t plateau(uint32_t length)
{
    static const uint16_t common[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006};

    for (unsigned i = 0; i < sizeof common / sizeof common[0]; i++)
        if (common[i] < length)
            return common[i];
    return IPV4_LEAST;
}

/* What the router says that it carries; over IPv6 it says so, and no less than 1280 (RFC 8201 section 4).
 * 0: it makes no sense. */
static uint32_t told_mtu(const struct tcp *t, const struct tcb *b, const struct tcp_too_big *big)
{
    uint32_t mtu = big->mtu ? big->mtu : plateau(big->length);

    if (!is_ipv4(t, b))
        return big->mtu < IPV6_MTU_MIN ? 0 : big->mtu;
    return mtu < IPV4_LEAST ? (uint32_t)IPV4_LEAST : mtu;
}

/* RFC 1191 section 6.5: all that may have been too long goes again at once. */
static void too_long_goes_again(struct tcp *t, struct tcb *b, snd_seq seq)
{
    if (!tcb_syn_acked(b))
        return;
    if (loss_by_sack(t, b))
        goes_again(t, b, seq, b->snd.nxt);
    else
        emit_seek(b, b->snd.una);
    conn_ready(t, b);
}

enum reason mtu_too_big(struct tcp *t, struct tcb *b, snd_seq seq, const struct tcp_too_big *big,
                        estab_time now)
{
    uint32_t mtu = told_mtu(t, b, big), was = mtu_path(t, b), all = headers(t, b);
    struct tcp_mtu *m = search_of(t, b);
    bool probe = m && m->probe > 0 && snd_eq(seq, m->left) && big->length == all + m->probe;

    if (mtu == 0 || big->length <= mtu || (!probe && big->length > all + b->snd.mss))
        return REASON_ICMP_MTU_LIE;
    if (probe) { /* it is lost, as the next acknowledgments would tell */
        if (mtu >= all + b->snd.mss)
            m->high = (uint16_t)(mtu - all);
        probe_lost(t, b, m, now);
        return REASON_ICMP_MTU;
    }
    if (b->rtt.retries == 0 && tcb_since_iss(b, b->snd.una) > b->snd.mss)
        return REASON_ICMP_MTU_PASSES;
    m = search_begin(t, b);
    m->high = (uint16_t)(mtu - all);
    shrink(t, b, m->high, now);
    range_changed(t, b, m, now);
    NOTE(t, MTU_TOLD, b->head.handle, now, seq.v, was, mtu_path(t, b));
    too_long_goes_again(t, b, seq);
    return REASON_ICMP_MTU;
}
