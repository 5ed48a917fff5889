/* SPDX-License-Identifier: MIT */
/*
 * test_attackers.c - receivers that lie gain no more than an honest one: what the stack sends them in the
 * same virtual time, by each way to recover, with NewReno, and with CUBIC and either HyStart.
 *
 *      the stack  -- each 61st segment is lost, if it is new --->  a receiver, made by hand
 *                 <-- 40 ms after it was sent: its answers ------
 *
 * for two seconds; and for the first seven round trips without losses through a bottleneck of 80 Mbit/s, where
 * slow start, and what ends it, are there to be cheated.
 * Segments are 1000 bytes.  The honest receiver, support/honest.c, is none of the attackers without its lies;
 * these send, beside them, what an honest receiver would send, and the first of them has none to tell.
 *
 * What no sender can tell from honesty without a nonce is bounded by what it pretends: who acknowledges at
 * the right time what was sent, and may not have come, is as good as an honest one who is as near, and loses
 * nothing.  Not here: who tells of what went again that it came twice (RFC 2883), or echoes the timestamp of what
 * was lost (RFC 3522), is believed, as by Linux, and keeps the window that a loss would have cost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/honest.h"
#include "support/wire.h"

#define SMSS     1000
#define RTT      (40 * MS)
#define SEGMENTS 8192
#define ANSWERS  65536
#define LOSS     61

enum lie {
    NONE,
    ACKS_UNSENT,   /* acknowledges far beyond SND.NXT */
    ACKS_AHEAD,    /* acknowledges what was sent, whether it came or not, in half the time; and more */
    DIVIDES,       /* ten acknowledgments for each */
    DUPLICATES,    /* twenty more of each */
    RENEGES,       /* forgets what it has SACKed whenever a hole is filled */
    INVERTS,       /* a block upside down beside each acknowledgment, and an empty one */
    STALE,         /* the block that it sent before all others */
    BEYOND,        /* a block beyond SND.NXT */
};

static const struct way {
    const char *name;
    uint8_t recovery, congestion, hystart;
} ways[] = {
#define WAYS(name, recovery)                                                                       \
    {name ", NewReno", recovery, ESTAB_CONGESTION_NEWRENO, ESTAB_HYSTART_OFF},                     \
        {name ", CUBIC, HyStart", recovery, ESTAB_CONGESTION_CUBIC, ESTAB_HYSTART_LINUX},          \
        {name ", CUBIC, HyStart++", recovery, ESTAB_CONGESTION_CUBIC, ESTAB_HYSTART_PLUSPLUS}
    WAYS("RACK", ESTAB_RECOVERY_RACK),
    WAYS("RFC 6675", ESTAB_RECOVERY_SACK),
    WAYS("without SACK", ESTAB_RECOVERY_NEWRENO),
};

enum { WAY_COUNT = sizeof ways / sizeof *ways };

/* `wnd` in units of 16. */
static const struct path {
    const char *name;
    estab_time rtt, lasts, each; /* the last: time that a segment takes on the bottleneck */
    bool lossless;
    uint32_t wnd;
} paths[] = {
    {"with losses", RTT, 2 * S, 0, false, 60000},
    {"from the start", RTT, 8 * RTT, 100 * US, true, 500 * SMSS / 16},
    {"with a small window", RTT, 2 * S, 0, false, 60000 / 16},
    {"half as far, without losses", RTT / 2, 2 * S, 0, true, 60000 / 16},
};

enum { LOSSY, BEGINS, SMALL, NEAR, PATH_COUNT };

struct answer {
    estab_time at;
    struct wire_segment s;
};

struct peer {
    enum lie lie;
    bool sack;
    const struct path *path;
    struct honest *honest; /* it is this one, and tells no lies */
    bool held[SEGMENTS], seen[SEGMENTS]; /* in its buffer; sent at least once */
    uint32_t next;                       /* segments in order */
    uint32_t since_loss;                 /* segments sent */
    uint64_t sent;                       /* bytes of text that the stack has sent in all */
    uint32_t told[2];                    /* the first block ever sent */
    estab_time free_at;                  /* the bottleneck */
    struct answer answers[ANSWERS];
    unsigned head, tail;
};

static void answer(struct wire *w, struct peer *p, const struct wire_segment *s, estab_time at)
{
    if (p->tail - p->head == ANSWERS)
        wire_fail(w, HERE, "too many answers at once");
    p->answers[p->tail++ % ANSWERS] = (struct answer){at, *s};
}

/* ---- what an honest one says ----------------------------------------------------------------------- */

static void block(struct peer *p, struct wire_segment *s, uint32_t segment)
{
    uint32_t left = segment, right = segment;

    while (left > p->next && p->held[left - 1])
        left--;
    while (right < SEGMENTS && p->held[right])
        right++;
    for (unsigned i = 0; i < s->sacks; i++)
        if (s->sack[i].left == left * SMSS + 1)
            return;
    s->sack[s->sacks].left = left * SMSS + 1;
    s->sack[s->sacks++].right = right * SMSS + 1;
}

/* The block of what came just now, then the highest of the others. */
static void blocks(struct peer *p, struct wire_segment *s, uint32_t segment)
{
    if (!p->sack)
        return;
    if (segment >= p->next)
        block(p, s, segment);
    for (uint32_t i = SEGMENTS - 1; i > p->next && s->sacks < 3; i--)
        if (p->held[i])
            block(p, s, i);
}

static struct wire_segment ack_of(const struct peer *p)
{
    return (struct wire_segment){.flags = ACK, .seq = 1, .ack = p->next * SMSS + 1, .wnd = p->path->wnd};
}

/* ---- what the others say besides --------------------------------------------------------------------- */

static void with_block(struct wire *w, struct peer *p, struct wire_segment s, uint32_t left, uint32_t right,
                       estab_time at)
{
    if (!p->sack)
        return;
    s.sacks = s.sacks < 3 ? s.sacks : 2;
    memmove(&s.sack[1], &s.sack[0], s.sacks * sizeof s.sack[0]);
    s.sack[0].left = left;
    s.sack[0].right = right;
    s.sacks++;
    answer(w, p, &s, at);
}

static void divide(struct wire *w, struct peer *p, const struct wire_segment *honest, uint32_t before, estab_time at)
{
    struct wire_segment s = *honest;
    uint32_t step = (honest->ack - before) / 10;

    for (unsigned i = 1; step > 0 && i < 10; i++) {
        s.ack = before + i * step;
        answer(w, p, &s, at);
    }
}

static void lie(struct wire *w, struct peer *p, const struct wire_segment *honest, uint32_t before, estab_time at)
{
    struct wire_segment s = *honest;

    switch (p->lie) {
    case ACKS_UNSENT:
        s.ack += 2000 * SMSS;
        answer(w, p, &s, at);
        return;
    case DIVIDES:
        divide(w, p, honest, before, at);
        return;
    case DUPLICATES:
        for (unsigned i = 0; i < 20; i++)
            answer(w, p, &s, at);
        return;
    case INVERTS:
        with_block(w, p, s, s.ack + 5 * SMSS, s.ack + 2 * SMSS, at);
        with_block(w, p, s, s.ack + 5 * SMSS, s.ack + 5 * SMSS, at);
        return;
    case STALE:
        if (p->told[0] > 0 && p->told[1] <= honest->ack)
            with_block(w, p, s, p->told[0], p->told[1], at);
        return;
    case BEYOND:
        with_block(w, p, s, s.ack + 3000 * SMSS, s.ack + 3010 * SMSS, at);
        return;
    default:
        return;
    }
}

/* Acknowledges what was sent before this was, whether it came or not, as if it were half as far away; and two
 * windows more, which cannot have been sent. */
static void acks_ahead(struct wire *w, struct peer *p, uint32_t segment, estab_time at)
{
    struct wire_segment s;

    p->next = segment + 1 > p->next ? segment + 1 : p->next;
    s = ack_of(p);
    answer(w, p, &s, at);
    s.ack += 2 * p->path->wnd * 16;
    answer(w, p, &s, at);
}

/* A segment has come; answers arrive at that time. */
static void comes(struct wire *w, struct peer *p, uint32_t segment, estab_time at)
{
    struct wire_segment s;
    uint32_t before = p->next * SMSS + 1;
    bool filled = segment == p->next && p->held[segment + 1];

    if (p->lie == ACKS_AHEAD) {
        acks_ahead(w, p, segment, at - p->path->rtt / 2);
        return;
    }
    p->held[segment] = true;
    if (p->lie == RENEGES && filled) {
        memset(p->held + segment + 1, 0, sizeof p->held - segment - 1);
        p->held[segment] = true;
    }
    while (p->held[p->next])
        p->next++;
    s = ack_of(p);
    blocks(p, &s, segment);
    if (s.sacks > 0 && p->told[0] == 0) {
        p->told[0] = s.sack[0].left;
        p->told[1] = s.sack[0].right;
    }
    lie(w, p, &s, before, at);
    answer(w, p, &s, at);
}

/* ---- a run -------------------------------------------------------------------------------------------- */

static void collect(struct wire *w, struct peer *p)
{
    const struct wire_segment *s;

    while ((s = wire_any(w, w->now))) {
        uint32_t segment = (s->seq - 1) / SMSS;
        bool first;

        if (s->len == 0)
            continue;
        CHECK(segment < SEGMENTS - 1);
        p->sent += s->len;
        first = !p->seen[segment];
        p->seen[segment] = true;
        if (++p->since_loss >= LOSS && first && !p->path->lossless) {
            p->since_loss = 0;
            continue;
        }
        p->free_at = (p->free_at > s->at ? p->free_at : s->at) + p->path->each;
        if (p->honest) {
            struct wire_segment a = honest_takes(p->honest, s->seq, s->len);

            answer(w, p, &a, p->free_at + p->path->rtt);
        } else if (s->len == SMSS && (s->seq - 1) % SMSS == 0) {
            comes(w, p, segment, p->free_at + p->path->rtt);
        }
    }
}

/* The stack's text: all that it has sent, and what of it was new. */
struct gain {
    uint64_t sent, fresh;
};

static void start(struct wire *w, const struct way *way, estab_time rtt)
{
    struct estab_config c = wire_config();

    c.recovery = way->recovery;
    c.congestion = way->congestion;
    c.hystart = way->hystart;
    c.window_scale = true;
    c.tuning = false;
    c.send_buffer = c.send_reserve = 1 << 20;
    wire_start(w, &c);
    w->answers_after = rtt;
    OPEN(65535, .mss = SMSS, .wscale = SCALE(4), .sack_ok = way->recovery != ESTAB_RECOVERY_NEWRENO);
}

static struct gain transfer(struct wire *w, struct peer *p, const struct way *way)
{
    enum estab_error error;
    estab_time next;
    struct gain g;

    start(w, way, p->path->rtt);
    while (w->now < p->path->lasts) {
        if (STATUS.not_sent < 100 * SMSS)
            (void)wire_send_some(w, 300 * SMSS, 0, &error);
        collect(w, p);
        next = p->head < p->tail ? p->answers[p->head % ANSWERS].at : w->now + 1 * MS;
        if (next <= w->now)
            wire_in(w, &p->answers[p->head++ % ANSWERS].s);
        else
            wire_run(w, next < w->now + 1 * MS ? next : w->now + 1 * MS);
    }
    g = (struct gain){p->sent, STATUS.snd_nxt - w->iss - 1};
    w->head = w->tail;
    wire_stop(w);
    *w = (struct wire){.iss = w->iss, .irs = w->irs};
    return g;
}

static struct gain liar_gains(struct wire *w, const struct way *way, const struct path *path, enum lie lie)
{
    struct peer *p = calloc(1, sizeof *p);
    struct gain g;

    assert_non_null(p);
    p->lie = lie;
    p->path = path;
    p->sack = way->recovery != ESTAB_RECOVERY_NEWRENO;
    g = transfer(w, p, way);
    free(p);
    return g;
}

/* Measured once for all who lie. */
static struct gain honest_gains(struct wire *w, unsigned way, unsigned path)
{
    static struct gain known[WAY_COUNT][PATH_COUNT];
    struct gain *g = &known[way][path];
    struct honest h = {.sack = ways[way].recovery != ESTAB_RECOVERY_NEWRENO, .wnd = paths[path].wnd, .next = 1};
    struct peer *p;

    if (g->sent > 0)
        return *g;
    p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->path = &paths[path];
    p->honest = &h;
    *g = transfer(w, p, &ways[way]);
    assert_true(h.next > 200 * SMSS);
    free(p);
    return *g;
}

/* At most so many percent of what an honest one is sent: of new text, and of all, for what goes in vain is
 * somebody's load, too. */
static void no_gain(enum lie lie, unsigned from, unsigned to, unsigned fresh, unsigned sent)
{
    struct wire *w = calloc(1, sizeof *w);

    assert_non_null(w);
    *w = (struct wire){.iss = 0xfffff000, .irs = 0xffffff80};
    for (unsigned way = 0; way < WAY_COUNT; way++) {
        struct gain honest = honest_gains(w, way, to);
        struct gain liar = liar_gains(w, &ways[way], &paths[from], lie);

        if (liar.fresh * 100 > honest.fresh * fresh || liar.sent * 100 > honest.sent * sent)
            fail_msg("%s, %s, it is sent %lu bytes, %lu of them new; an honest one %lu, %lu of them new",
                     ways[way].name, paths[from].name, (unsigned long)liar.sent, (unsigned long)liar.fresh,
                     (unsigned long)honest.sent, (unsigned long)honest.fresh);
    }
    free(w);
}

/* New text and all, in percent, with losses; and new text from the start. */
#define GAINS_NOTHING(lie, fresh, sent, begins)                                                    \
    static void lie##_gains_nothing(void **state)                                                  \
    {                                                                                              \
        (void)state;                                                                               \
        no_gain(lie, LOSSY, LOSSY, fresh, sent);                                                   \
        no_gain(lie, BEGINS, BEGINS, begins, begins);                                              \
    }

GAINS_NOTHING(NONE, 100, 100, 100)
GAINS_NOTHING(ACKS_UNSENT, 100, 100, 100)
/* An acknowledgment within what it has SACKed is what one sends who reneges: some goes again.  Its first part of
 * a segment comes before the honest one's whole ends a round of HyStart++. */
GAINS_NOTHING(DIVIDES, 100, 106, 101)
GAINS_NOTHING(DUPLICATES, 100, 100, 100)
/* What it has thrown away goes again, at the rate that the loss before has left: a recovery that lasts for longer
 * lets the window shrink later, for what goes again meets no loss on this path. */
GAINS_NOTHING(RENEGES, 100, 140, 100)
GAINS_NOTHING(INVERTS, 100, 100, 100)
GAINS_NOTHING(STALE, 100, 100, 100)
GAINS_NOTHING(BEYOND, 100, 100, 100)

static void ACKS_AHEAD_gains_nothing(void **state)
{
    (void)state;
    no_gain(ACKS_AHEAD, SMALL, NEAR, 100, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(NONE_gains_nothing),        cmocka_unit_test(ACKS_UNSENT_gains_nothing),
        cmocka_unit_test(ACKS_AHEAD_gains_nothing),  cmocka_unit_test(DIVIDES_gains_nothing),
        cmocka_unit_test(DUPLICATES_gains_nothing),  cmocka_unit_test(RENEGES_gains_nothing),
        cmocka_unit_test(INVERTS_gains_nothing),     cmocka_unit_test(STALE_gains_nothing),
        cmocka_unit_test(BEYOND_gains_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
