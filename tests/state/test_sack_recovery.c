/* SPDX-License-Identifier: MIT */
/*
 * test_sack_recovery.c - the sender's half of SACK: the scoreboard and RFC 6675's Update, IsLost,
 * SetPipe and NextSeg, whatever is lost; reneging (RFC 2018 section 8), timeouts (RFC 6675 section
 * 5.1), DSACK (RFC 2883), a full scoreboard, and blocks that lie.  Segments are 1000 bytes, the
 * initial window is 10 of them; segment n is n*1000 + 1 to (n + 1)*1000.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/trace.h"
#include "support/random.h"
#include "support/wire.h"

#define SMSS 1000

static void start_with(struct wire *w, uint32_t ranges)
{
    struct estab_config c = wire_config();

    c.sack_ranges = ranges;
    c.sack_spares = 0;
    c.recovery = ESTAB_RECOVERY_SACK;
    c.congestion = ESTAB_CONGESTION_NEWRENO;
    wire_start(w, &c);
    OPEN(65535, .mss = SMSS, .sack_ok = true);
    CHECK_EQ(STATUS.cwnd, 10000);
}

/* Where bursts end, and so PSH stands, is not looked at here. */
static void sent_run(struct wire *w, uint32_t first, uint32_t end, const char *file, int line)
{
    for (; first < end; first += SMSS) {
        const struct wire_segment *s = wire_any(w, w->now);

        if (!s || (s->flags | PSH) != (ACK | PSH) || s->seq != first || s->len != SMSS)
            wire_fail(w, file, line, "%u was not sent, but %u", first, s ? s->seq : 0);
    }
    wire_quiet(w, w->now, file, line);
}

#define SENT(first, end) sent_run(w, first, end, HERE)
/* The peer's ACK, with blocks and an unchanged window. */
#define GOT(ack) IN(ACK, 1, ack, 0, .wnd = 65535)
#define GOT1(ack, l, r) IN(ACK, 1, ack, 0, .wnd = 65535, .sacks = 1, .sack = {{l, r}})
#define GOT2(ack, l, r, l2, r2)                                                                    \
    IN(ACK, 1, ack, 0, .wnd = 65535, .sacks = 2, .sack = {{l, r}, {l2, r2}})
#define GOT3(ack, l, r, l2, r2, l3, r3)                                                            \
    IN(ACK, 1, ack, 0, .wnd = 65535, .sacks = 3, .sack = {{l, r}, {l2, r2}, {l3, r3}})
#define WINDOW(c, s)                                                                               \
    do {                                                                                           \
        CHECK_EQ(STATUS.cwnd, c);                                                                  \
        CHECK_EQ(STATUS.ssthresh, s);                                                              \
    } while (0)
#define COUNTS(s, l, r)                                                                            \
    do {                                                                                           \
        CHECK_EQ(STATUS.sacked, s);                                                                \
        CHECK_EQ(STATUS.lost, l);                                                                  \
        CHECK_EQ(STATUS.retrans_out, r);                                                           \
    } while (0)

/* Ten segments are under way, more are queued. */
static void ten_sent(struct wire *w)
{
    start_with(w, 128);
    SEND(60000);
    SENT(1, 10001);
}

/* Ten segments are under way, and that is all. */
static void only_ten(struct wire *w)
{
    start_with(w, 128);
    SEND(10000);
    SENT(1, 10001);
}

/* ---- what is lost ------------------------------------------------------------------------------------ */

/* RFC 3042 by way of RFC 6675 step (3), then steps (4.1) to (C.5), then step (A).
 * R5681-41, R5681-42, R5681-43, R6675-4, R6675-11, R6675-14, R6675-15, R6675-16, R6675-18, R6675-21. */
WIRE_TEST(one_is_lost)
{
    ten_sent(w);
    GOT1(1, 1001, 2001);
    SENT(10001, 11001);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_DISORDER);
    COUNTS(1, 0, 0);
    GOT1(1, 1001, 3001);
    SENT(11001, 12001);
    WINDOW(10000, UINT32_MAX);
    GOT1(1, 1001, 4001); /* more than two segments above it: IsLost */
    CHECK_EQ(STATUS.ssthresh, 5000);
    SENT(1, 1001);
    COUNTS(3, 1, 1);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_RECOVERY);
    GOT1(1, 1001, 5001); /* PRR: of two that are delivered, one goes */
    QUIET(w->now);
    GOT1(1, 1001, 6001);
    QUIET(w->now);
    GOT1(1, 1001, 7001);
    SENT(12001, 13001);
    GOT1(1, 1001, 8001);
    QUIET(w->now);
    GOT1(1, 1001, 9001); /* pipe is ssthresh */
    QUIET(w->now);
    GOT1(1, 1001, 12001); /* pipe is 2 */
    SENT(13001, 16001);
    wire_run(w, 10 * MS);
    GOT(12001);
    WINDOW(5000, 5000);
    SENT(16001, 17001);
    COUNTS(0, 0, 0);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_OPEN);
    CHECK_EQ(wire_counters(w).retransmitted, 1);
}

/* ---- the table ----------------------------------------------------------------------------------------- */

enum { SEGMENTS = 20, ROUND_TRIP_MS = 20, ROUNDS_MOST = 60 };

/* What the wire does, and what comes of it.  Bit n is segment n. */
struct row {
    const char *what;
    uint32_t lost;       /* when sent for the first time */
    uint32_t lost_again; /* and for the second */
    unsigned acks_lost;  /* each so manieth ACK, but for a round's last; 0: none */
    unsigned late, by;   /* this segment comes so much later in its round */
    unsigned sent_again, timeouts, rounds;
};

struct peer {
    bool has[SEGMENTS + 1];
    unsigned tries[SEGMENTS], next, acks, timeouts;
};

static unsigned run_end(const struct peer *p, unsigned i)
{
    while (p->has[i])
        i++;
    return i;
}

static unsigned run_start(const struct peer *p, unsigned i)
{
    while (i > p->next && p->has[i - 1])
        i--;
    return i;
}

/* The blocks as RFC 2018 section 4 has them, but that the older ones come from the highest down. */
static struct wire_segment ack_of(const struct peer *p, unsigned i, bool twice)
{
    struct wire_segment s = {.flags = ACK, .seq = 1, .ack = 1 + p->next * SMSS, .wnd = 65535};
    unsigned first = run_start(p, i);

    if (twice)
        s.sack[s.sacks].left = 1 + i * SMSS, s.sack[s.sacks++].right = 1 + (i + 1) * SMSS;
    if (i > p->next)
        s.sack[s.sacks].left = 1 + first * SMSS, s.sack[s.sacks++].right = 1 + run_end(p, i) * SMSS;
    for (unsigned k = SEGMENTS; k-- > p->next && s.sacks < 3;) {
        if (!p->has[k] || p->has[k + 1] || run_start(p, k) == first)
            continue;
        s.sack[s.sacks].left = 1 + run_start(p, k) * SMSS, s.sack[s.sacks++].right = 1 + (k + 1) * SMSS;
    }
    return s;
}

static void segment_comes(struct wire *w, struct peer *p, const struct row *row, unsigned i, bool last)
{
    bool twice = p->has[i];
    struct wire_segment s;

    p->has[i] = true;
    p->next = run_end(p, p->next);
    s = ack_of(p, i, twice);
    p->acks++;
    if (last || row->acks_lost == 0 || p->acks % row->acks_lost != 0)
        wire_in(w, &s);
}

static bool is_lost(struct peer *p, const struct row *row, unsigned i)
{
    unsigned n = p->tries[i]++;

    return (n == 0 && (row->lost >> i & 1)) || (n == 1 && (row->lost_again >> i & 1));
}

/* What was sent arrives, half a round trip later; false: nothing was. */
static bool one_round(struct wire *w, struct peer *p, const struct row *row)
{
    unsigned came[2 * SEGMENTS], n = 0, tail = w->tail;

    if (w->head == tail)
        return false;
    for (; w->head != tail; w->head++) {
        const struct wire_segment *s = &w->queue[w->head % WIRE_QUEUE];

        CHECK_EQ(s->len, SMSS);
        if (!is_lost(p, row, (s->seq - 1) / SMSS))
            came[n++] = (s->seq - 1) / SMSS;
    }
    for (unsigned i = 0; row->by > 0 && i + row->by < n; i++)
        if (came[i] == row->late) {
            for (unsigned k = i; k < i + row->by; k++)
                came[k] = came[k + 1];
            came[i + row->by] = row->late;
            break;
        }
    wire_run(w, w->now + ROUND_TRIP_MS * MS);
    for (unsigned i = 0; i < n; i++)
        segment_comes(w, p, row, came[i], i + 1 == n);
    return true;
}

static void one_row(struct wire *w, const struct row *row)
{
    struct peer p = {0};
    unsigned rounds = 0;
    uint64_t again;

    start_with(w, 128);
    SEND(SEGMENTS * SMSS);
    wire_pump(w);
    for (; p.next < SEGMENTS && rounds < ROUNDS_MOST; rounds++) {
        if (one_round(w, &p, row))
            continue;
        p.timeouts++;
        wire_run(w, STATUS.timer - WIRE_START);
    }
    again = wire_counters(w).retransmitted;
    if (again != row->sent_again || p.timeouts != row->timeouts || rounds != row->rounds)
        wire_fail(w, HERE, "%s: %u sent again, %u timeouts, %u rounds", row->what, (unsigned)again,
                  p.timeouts, rounds);
    COUNTS(0, 0, 0);
    CHECK_EQ(wire_reason(w, "SACK_BLOCK"), 0);
}

/* Where one more goes again than was lost, that is the rescue; what comes three later or more looks
 * lost.  What is lost twice takes a timeout: RFC 6675 looks for no lost retransmission. R6675-3, R6675-8. */
WIRE_TEST(a_table_of_losses)
{
    static const struct row rows[] = {
        {"nothing", 0, 0, 0, 0, 0, 0, 0, 2},
        {"the first", 1, 0, 0, 0, 0, 1, 0, 4},
        {"the last of the window", 1 << 9, 0, 0, 0, 0, 1, 0, 3},
        {"the last of all", 1 << 19, 0, 0, 0, 0, 1, 1, 4},
        {"two", 1 << 2 | 1 << 5, 0, 0, 0, 0, 3, 0, 3},
        {"three", 1 << 0 | 1 << 3 | 1 << 6, 0, 0, 0, 0, 3, 0, 4},
        {"the first and the last", 1 << 0 | 1 << 9, 0, 0, 0, 0, 2, 0, 4},
        {"each other one", 0x155, 0, 0, 0, 0, 5, 0, 5},
        {"the first half", 0x1f, 0, 0, 0, 0, 5, 0, 4},
        {"the second half", 0x3e0, 0, 0, 0, 0, 6, 0, 3},
        {"all", 0x3ff, 0, 0, 0, 0, 10, 1, 8},
        {"the first, again", 1, 1, 0, 0, 0, 2, 1, 6},
        {"the second, again", 2, 2, 0, 0, 0, 2, 1, 6},
        {"two, and one again", 1 << 0 | 1 << 5, 1 << 5, 0, 0, 0, 4, 1, 6},
        {"the first, and each second ACK", 1, 0, 2, 0, 0, 1, 0, 3},
        {"three, and each second ACK", 1 << 0 | 1 << 3 | 1 << 6, 0, 2, 0, 0, 3, 0, 4},
        {"nothing, but each third ACK", 0, 0, 3, 0, 0, 0, 0, 2},
        {"one comes two later", 0, 0, 0, 3, 2, 0, 0, 2},
        {"one comes three later", 0, 0, 0, 3, 3, 2, 0, 3},
        {"one comes six later", 0, 0, 0, 3, 6, 2, 0, 3},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (i > 0) {
            wire_stop(w);
            *w = (struct wire){.iss = w->iss, .irs = w->irs};
        }
        one_row(w, &rows[i]);
    }
}

/* ---- NextSeg ----------------------------------------------------------------------------------------- */

/* Rule (1) before rule (2) before rule (3): what is lost, then new text, then a gap.
 * R6675-2, R6675-3, R6675-5, R6675-6, R6675-19. */
WIRE_TEST(rules_in_their_order)
{
    start_with(w, 128);
    SEND(11000);
    SENT(1, 10001);
    GOT2(1, 1001, 3001, 4001, 5001);
    WINDOW(7500, 5000); /* pipe is 10 - 3 - 1, and PRR lets half of 3 go */
    SENT(1, 1001);
    GOT2(1, 7001, 9001, 4001, 5001);
    SENT(3001, 4001); /* (1): it is lost, too; pipe is 4, and then 5 */
    COUNTS(5, 2, 2);  /* 5, 6 and 9 are not lost */
    GOT1(3001, 4001, 5001); /* pipe is 4 */
    SENT(10001, 11001);     /* (2) */
    GOT1(5001, 7001, 9001); /* pipe is 4 */
    SENT(5001, 6001);       /* (3) */
    GOT1(6001, 7001, 9001); /* pipe is 3 */
    CHECK_EQ(wire_any(w, w->now)->seq, 6001);
    SENT(10001, 11001); /* (4): the last, for nothing is SACKed above 9 */
    COUNTS(2, 0, 2);
}

/* Rule (4): once, and of what ends last. R6675-7, R6675-8, R6675-9, R6675-20. R6675-10. */
WIRE_TEST(the_rescue)
{
    start_with(w, 128);
    SEND(10000);
    SENT(1, 10001);
    GOT1(1, 1001, 5001);
    SENT(1, 1001);
    GOT(6001); /* nothing is SACKed, four are out, and the ACKs have come to an end */
    SENT(9001, 10001);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_RECOVERY);
    GOT(7001);
    QUIET(w->now);
    GOT(10001);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_OPEN);
    CHECK_EQ(wire_counters(w).retransmitted, 2);
}

/* R6675-17: what lies beyond RecoveryPoint and is SACKed stays so when the recovery ends. */
WIRE_TEST(what_is_sacked_outlives_a_recovery)
{
    ten_sent(w);
    GOT1(1, 1001, 4001);
    GOT1(1, 1001, 10001);
    CHECK(STATUS.snd_nxt - w->iss >= 12001);
    GOT2(1, 11001, 12001, 1001, 10001);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_RECOVERY);
    GOT(10001);
    CHECK(STATUS.loss != ESTAB_LOSS_RECOVERY);
    CHECK_EQ(STATUS.sacked, 1);
    w->head = w->tail;
}

/* ---- what is traced ---------------------------------------------------------------------------------- */

static void traced(struct wire *w, enum trace_kind kind, uint32_t seq, int line)
{
    struct estab_trace t;

    while (estab_trace_next(w->stack, &t)) {
        if (t.kind < TRACE_LOST_BY_SEQUENCE || t.kind > TRACE_RECOVERY_LEFT)
            continue;
        if (t.kind != kind || t.arg[0] - w->iss != seq)
            wire_fail(w, __FILE__, line, "%u of %u is traced", t.kind, t.arg[0] - w->iss);
        return;
    }
    wire_fail(w, __FILE__, line, "nothing is traced");
}

#define TRACED(kind, seq) traced(w, TRACE_##kind, seq, __LINE__)

/* The next event of a kind, and what it tells behind the sequence number. */
static void told(struct wire *w, enum trace_kind kind, uint32_t a, uint32_t b, uint32_t c, uint32_t d, int line)
{
    struct estab_trace t;

    while (estab_trace_next(w->stack, &t)) {
        if (t.kind != kind)
            continue;
        if (t.arg[1] != a || t.arg[2] != b || t.arg[3] != c || t.arg[4] != d)
            wire_fail(w, __FILE__, line, "%u, %u, %u, %u are told", t.arg[1], t.arg[2], t.arg[3], t.arg[4]);
        return;
    }
    wire_fail(w, __FILE__, line, "nothing is told");
}

#define TOLD(kind, ...) told(w, TRACE_##kind, __VA_ARGS__, __LINE__)

/* Each hole once, when it is found; a recovery's begin and end. */
WIRE_TEST(each_decision_is_traced)
{
    struct estab_config c = wire_config();

    c.trace_records = 1024;
    c.recovery = ESTAB_RECOVERY_SACK;
    c.congestion = ESTAB_CONGESTION_NEWRENO;
    wire_start(w, &c);
    OPEN(65535, .mss = SMSS, .sack_ok = true);
    SEND(10000);
    GOT2(1, 1001, 3001, 4001, 5001);
    TRACED(LOST_BY_SEQUENCE, 1);
    TRACED(RECOVERY_ENTERED, 10001);
    GOT2(1, 6001, 8001, 4001, 5001);
    TRACED(LOST_BY_SEQUENCE, 3001);
    GOT1(3001, 6001, 9001);
    TRACED(LOST_BY_SEQUENCE, 5001);
    GOT(10001);
    TRACED(RECOVERY_LEFT, 10001);
    SEND(2000);
    GOT1(10001, 11001, 12001);
    wire_run(w, 1 * S);
    TOLD(LOST_BY_TIME, 2000, 1000, 1000, 0);
    w->head = w->tail;
}

static void start_traced(struct wire *w)
{
    struct estab_config c = wire_config();

    c.trace_records = 1024;
    c.congestion = ESTAB_CONGESTION_NEWRENO;
    wire_start(w, &c);
    wire_run(w, 100 * MS);
    OPEN(65535, .mss = SMSS, .sack_ok = true);
    SEND(5000);
    w->head = w->tail;
}

/* What was sent less than a round trip ago is not lost by a timeout (RFC 8985 section 6.3), which tells so. */
WIRE_TEST(a_timeout_tells_how_much_is_lost)
{
    estab_time at;

    start_traced(w);
    wire_run(w, 200 * MS); /* the tail was probed at once */
    GOT(1001);             /* the round trip is 100 ms */
    at = w->now + STATUS.rto_us * US;
    wire_run(w, at - 50 * MS);
    SEND(2000);
    wire_run(w, at);
    TOLD(LOST_BY_TIME, 6000, 4000, 0, 2000);
    CHECK_EQ(STATUS.lost, 4);
    w->head = w->tail;
}

/* Of a peer that sends no blocks the first is lost, by duplicates, or when what went again was not all. */
WIRE_TEST(what_duplicates_tell_is_traced)
{
    start_traced(w);
    for (int i = 0; i < 3; i++)
        GOT(1);
    TOLD(LOST_BY_DUPLICATES, SMSS, 3, 0, 0);
    GOT(1001);
    TOLD(LOST_BY_DUPLICATES, SMSS, 0, 0, 0);
    GOT(5001);
    w->head = w->tail;
}

/* ---- timeouts: RFC 2018 section 8, RFC 6675 section 5.1 --------------------------------------------------- */

/* What is SACKed stays so; F-RTO asks with new text, and as that is SACKed while the old is not, the old
 * goes again, but for what is SACKed. R6675-22, R6675-26, R6675-27. */
WIRE_TEST(a_timeout_passes_over_what_is_sacked)
{
    ten_sent(w);
    GOT1(1, 2001, 4001);
    SENT(10001, 12001);
    wire_run(w, 200 * MS);
    WINDOW(1000, 5000); /* of twelve outstanding two were SACKed */
    COUNTS(2, 10, 1);
    SENT(1, 1001);
    GOT1(1001, 2001, 4001);
    SENT(12001, 14001);
    GOT2(1001, 12001, 13001, 2001, 4001);
    SENT(1001, 2001);
    GOT2(4001, 12001, 13001, 2001, 4001);
    SENT(4001, 6001);
    GOT(14001);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_OPEN);
    w->head = w->tail;
}

/* R6675-23, R6675-24, R6675-25: in a recovery the timer fires, and all that was out then says no more. */
WIRE_TEST(after_a_timeout_the_old_window_starts_no_recovery)
{
    ten_sent(w);
    GOT1(1, 1001, 4001);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_RECOVERY);
    w->head = w->tail;
    wire_run(w, 1 * S);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_TIMEOUT);
    CHECK_EQ(STATUS.ssthresh, 5000);
    w->head = w->tail;
    for (uint32_t right = 5001; right <= 10001; right += SMSS) {
        GOT1(1, 1001, right);
        CHECK_EQ(STATUS.loss, ESTAB_LOSS_TIMEOUT);
    }
    GOT(9001);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_TIMEOUT);
    CHECK_EQ(STATUS.ssthresh, 5000);
    w->head = w->tail;
}

/* R6675-28. */
WIRE_TEST(what_goes_again_first_restarts_the_timer)
{
    estab_time at;

    ten_sent(w);
    wire_run(w, 150 * MS);
    GOT1(1, 1001, 4001);
    SENT(1, 1001);
    at = 150 * MS + STATUS.rto_us * US;
    QUIET(at - 1);
    OUT(at, ACK, 1, 1, SMSS);
    w->head = w->tail;
}

/* "The data sender MUST retransmit the segment at the left edge of the window after a retransmit
 * timeout, whether or not the SACKed bit is on for that segment.". R6675-1, R6675-22. */
WIRE_TEST(a_receiver_that_reneges)
{
    only_ten(w);
    GOT1(1, 1001, 6001);
    SENT(1, 1001);
    GOT(1001); /* not 6001: it has dropped them */
    CHECK_EQ(wire_reason(w, "SACK_RENEGED"), 1);
    COUNTS(0, 0, 0);
    QUIET(w->now + 10 * MS - 1);
    wire_run(w, w->now + 1);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_TIMEOUT);
    SENT(1001, 2001);
    GOT(2001);
    SENT(2001, 4001);
    GOT(4001);
    SENT(4001, 8001);
    GOT(8001);
    SENT(8001, 10001);
    GOT(10001);
    CHECK_EQ(STATUS.send_queued, 0);
}

/* ---- what lies -------------------------------------------------------------------------------------------- */

/* Counted, named, and without effect. */
static void lie(struct wire *w, uint32_t left, uint32_t right)
{
    uint64_t before = wire_reason(w, "SACK_BLOCK");

    GOT1(1, left, right);
    CHECK_EQ(wire_reason(w, "SACK_BLOCK"), before + 1);
    COUNTS(0, 0, 0);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_OPEN);
    QUIET(w->now);
}

/* BAD-11. */
WIRE_TEST(blocks_that_lie)
{
    ten_sent(w);
    lie(w, 3001, 2001);                 /* upside down */
    lie(w, 2001, 2001);                 /* empty */
    lie(w, 9001, 10002);                /* beyond SND.NXT */
    lie(w, 20001, 21001);               /* never sent */
    lie(w, 1, 1001);                    /* begins where SEG.ACK says that it is missing */
    lie(w, (uint32_t)-5000, 1);         /* a duplicate of what was before the ISS */
    lie(w, 0x80000001, 3001);           /* half the circle away */
    lie(w, 5001, 0x90000000);
    WINDOW(10000, UINT32_MAX);
}

/* Those that overlap are one; those that repeat tell nothing. BAD-11. */
WIRE_TEST(overlapping_blocks)
{
    only_ten(w);
    GOT3(1, 3001, 4001, 3001, 5001, 2501, 4101);
    COUNTS(2, 0, 0); /* 3001 to 5001 */
    for (int i = 0; i < 10; i++)
        GOT1(1, 2501, 5501);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_DISORDER);
    QUIET(w->now);
    GOT1(1, 1001, 9001); /* all of it, and more */
    COUNTS(8, 1, 1);
    SENT(1, 1001);
}

/* A receiver has a segment or has it not: an octet of three segments is no proof that these have come, nor, for
 * there are three, that others are lost. */
WIRE_TEST(blocks_of_parts)
{
    ten_sent(w);
    GOT3(1, 4000, 4001, 2500, 2600, 6001, 6002);
    CHECK_EQ(wire_reason(w, "SACK_PART"), 3);
    COUNTS(0, 0, 0);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_OPEN);
    QUIET(w->now);
    GOT1(1, 2500, 4999); /* of it one is whole */
    COUNTS(1, 0, 0);
    CHECK_EQ(wire_reason(w, "SACK_PART"), 3);
    w->head = w->tail;
}

/* RFC 2883: a duplicate that is told of is no duplicate acknowledgment. BAD-11. */
WIRE_TEST(a_dsack_is_counted_and_starts_nothing)
{
    ten_sent(w);
    GOT(3001);
    w->head = w->tail;
    for (int i = 0; i < 5; i++)
        GOT1(3001, 1001, 2001);
    CHECK_EQ(STATUS.dsack_blocks, 5);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_OPEN);
    CHECK_EQ(wire_reason(w, "SACK_BLOCK"), 0);
    QUIET(w->now);
    GOT2(3001, 5001, 5501, 5001, 6001); /* inside the second block */
    CHECK_EQ(STATUS.dsack_blocks, 6);
    COUNTS(1, 0, 0);
    w->head = w->tail;
}

/* From a peer that sends blocks, an ACK without a new one is no duplicate (RFC 6675 section 2). R5681-24. */
WIRE_TEST(duplicates_without_blocks_are_none)
{
    ten_sent(w);
    GOT1(1, 1001, 2001);
    SENT(10001, 11001);
    for (int i = 0; i < 20; i++)
        GOT(1);
    WINDOW(10000, UINT32_MAX);
    QUIET(w->now);
}

/* It agreed to SACK and sends none: duplicates let nothing new go, the third begins a recovery, and in it they are
 * counted, and no more than were in flight. R5681-24. */
WIRE_TEST(a_peer_that_sends_no_blocks)
{
    ten_sent(w);
    GOT(1);
    GOT(1);
    QUIET(w->now);
    GOT(1);
    CHECK_EQ(STATUS.ssthresh, 5000);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_RECOVERY);
    SENT(1, 1001);
    for (int i = 0; i < 8; i++)
        GOT(1);
    SENT(10001, 13001);
    for (int i = 0; i < 100; i++)
        GOT(1);
    SENT(13001, 14001); /* ssthresh in all, and no more */
    GOT(3001); /* partial: the next one, too */
    SENT(3001, 4001);
    GOT(14001);
    WINDOW(5000, 5000);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_OPEN);
    w->head = w->tail;
}

/* ---- a full scoreboard ----------------------------------------------------------------------------------- */

/* Eight ranges hold two blocks, and keep three for what is sent: the third is not recorded, but it is a
 * duplicate like any other.  No larger array is left either.  R6675-13. */
WIRE_TEST(a_full_scoreboard)
{
    start_with(w, 8);
    SEND(10000);
    SENT(1, 10001);
    GOT1(1, 1001, 2001);
    GOT1(1, 3001, 4001);
    CHECK_EQ(wire_reason(w, "SACK_NO_ROOM"), 0);
    GOT1(1, 5001, 6001);
    CHECK_EQ(wire_reason(w, "SACK_NO_ROOM"), 1);
    CHECK(wire_reason(w, "SACK_NO_SPARE") > 0);
    CHECK_EQ(STATUS.sacked, 2);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_RECOVERY);
    GOT1(1, 1001, 4001); /* joins both */
    CHECK_EQ(STATUS.sacked, 3);
    CHECK_EQ(wire_reason(w, "SACK_NO_ROOM"), 1);
    w->head = w->tail;
    GOT(10001);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_OPEN);
}

/* ---- at random ------------------------------------------------------------------------------------------------ */

/* Random blocks against a set of bits: as many segments are SACKed as that has, rounded up by range; where the
 * segments begin is not known, because the first is a small one that went at the same time. */
static void random_octets(struct wire *w, uint64_t seed)
{
    bool sacked[10002] = {false};
    uint64_t random = seed;

    start_with(w, 128);
    SEND(500);
    SEND(9000);
    w->head = w->tail;
    CHECK_EQ(STATUS.snd_nxt - STATUS.snd_una, 9500);
    for (unsigned i = 0; i < 60; i++) {
        uint32_t left = 2 + (uint32_t)(random_next(&random) % 8500);
        uint32_t right = left + 1 + (uint32_t)(random_next(&random) % 999);
        uint32_t ranges = 0, bytes = 0;

        GOT1(1, left, right);
        for (uint32_t k = left; k < right; k++)
            sacked[k] = true;
        for (uint32_t k = 1; k <= 10000; k++) {
            ranges += sacked[k] && !sacked[k - 1];
            bytes += sacked[k];
        }
        CHECK(STATUS.sacked >= (bytes + SMSS - 1) / SMSS && STATUS.sacked <= bytes / SMSS + ranges);
    }
    w->head = w->tail;
}

/* The same where it is known: whole segments alone count. */
static void random_segments(struct wire *w, uint64_t seed)
{
    bool sacked[10] = {false};
    uint64_t random = seed;

    only_ten(w);
    for (unsigned i = 0; i < 60; i++) {
        uint32_t left = 2 + (uint32_t)(random_next(&random) % 9999), right = left + 1;
        uint32_t segments = 0;

        right += (uint32_t)(random_next(&random) % (10001 - left));
        GOT1(1, left, right);
        for (uint32_t k = 0; k < 10; k++) {
            sacked[k] |= left <= 1 + k * SMSS && 1 + (k + 1) * SMSS <= right;
            segments += sacked[k];
        }
        CHECK_EQ(STATUS.sacked, segments);
    }
    w->head = w->tail;
}

WIRE_TEST(blocks_at_random)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        if (seed % 2)
            random_octets(w, seed);
        else
            random_segments(w, seed);
        wire_stop(w);
        *w = (struct wire){.iss = w->iss, .irs = w->irs};
    }
    start_with(w, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_lost),
        cmocka_unit_test(a_table_of_losses),
        cmocka_unit_test(rules_in_their_order),
        cmocka_unit_test(the_rescue),
        cmocka_unit_test(what_is_sacked_outlives_a_recovery),
        cmocka_unit_test(each_decision_is_traced),
        cmocka_unit_test(a_timeout_tells_how_much_is_lost),
        cmocka_unit_test(what_duplicates_tell_is_traced),
        cmocka_unit_test(a_timeout_passes_over_what_is_sacked),
        cmocka_unit_test(after_a_timeout_the_old_window_starts_no_recovery),
        cmocka_unit_test(what_goes_again_first_restarts_the_timer),
        cmocka_unit_test(a_receiver_that_reneges),
        cmocka_unit_test(blocks_that_lie),
        cmocka_unit_test(overlapping_blocks),
        cmocka_unit_test(blocks_of_parts),
        cmocka_unit_test(a_dsack_is_counted_and_starts_nothing),
        cmocka_unit_test(duplicates_without_blocks_are_none),
        cmocka_unit_test(a_peer_that_sends_no_blocks),
        cmocka_unit_test(a_full_scoreboard),
        cmocka_unit_test(blocks_at_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
