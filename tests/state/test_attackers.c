/* SPDX-License-Identifier: MIT */
/*
 * test_attackers.c - receivers that lie gain no more than an honest one: what the stack sends them in the
 * same virtual time, with NewReno, RFC 6675 and RACK.
 *
 *      the stack  -- each 61st segment is lost the first time -->  a receiver, made by hand
 *                 <-- 40 ms after it was sent: its answers ------
 *
 * Segments are 1000 bytes.  Every attacker sends, beside its lies, what an honest receiver would send.
 * What no sender can tell from honesty without a nonce is not tried here: to acknowledge, SACK or DSACK
 * at the right time what was sent and did not arrive, or arrived once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/wire.h"

#define SMSS     1000
#define RTT      (40 * MS)
#define LONG     (2 * S)
#define SEGMENTS 8192
#define ANSWERS  65536
#define LOSS     61

enum lie {
    HONEST,
    ACKS_UNSENT,   /* acknowledges far beyond SND.NXT */
    ACKS_AHEAD,    /* acknowledges what was sent, whether it came or not, in half the time */
    DIVIDES,       /* ten acknowledgments for each */
    DUPLICATES,    /* twenty more of each */
    RENEGES,       /* forgets what it has SACKed whenever a hole is filled */
    INVERTS,       /* a block upside down beside each acknowledgment, and an empty one */
    STALE,         /* the block that it sent before all others */
    BEYOND,        /* a block beyond SND.NXT */
};

static const char *const ways[] = {"RACK", "RFC 6675", "NewReno"};

struct answer {
    estab_time at;
    struct wire_segment s;
};

struct peer {
    enum lie lie;
    bool sack, lossless;
    estab_time rtt;
    uint32_t wnd; /* in units of 16 */
    bool held[SEGMENTS], seen[SEGMENTS]; /* in its buffer; sent at least once */
    uint32_t next;                       /* segments in order */
    uint64_t sent;                       /* bytes of text that the stack has sent in all */
    uint32_t told[2];                    /* the first block ever sent */
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
    return (struct wire_segment){.flags = ACK, .seq = 1, .ack = p->next * SMSS + 1, .wnd = p->wnd};
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

/* A segment has come. */
static void comes(struct wire *w, struct peer *p, uint32_t segment, estab_time sent_at)
{
    struct wire_segment s;
    uint32_t before = p->next * SMSS + 1;
    bool filled = segment == p->next && p->held[segment + 1];

    if (p->lie == ACKS_AHEAD) {
        p->next = segment + 1 > p->next ? segment + 1 : p->next;
        s = ack_of(p);
        answer(w, p, &s, sent_at + p->rtt / 2);
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
    lie(w, p, &s, before, sent_at + p->rtt);
    answer(w, p, &s, sent_at + p->rtt);
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
        if (!p->lossless && first && segment % LOSS == LOSS - 1 && p->lie != ACKS_AHEAD) /* which says it came */
            continue;
        if (s->len == SMSS && (s->seq - 1) % SMSS == 0)
            comes(w, p, segment, s->at);
    }
}

/* The stack's text, in LONG: all that it has sent, and what of it was new. */
struct gain {
    uint64_t sent, fresh;
};

static void start(struct wire *w, const struct peer *p, enum estab_recovery recovery)
{
    struct estab_config c = wire_config();

    c.recovery = (uint8_t)recovery;
    c.congestion = ESTAB_CONGESTION_NEWRENO;
    c.window_scale = true;
    c.tuning = false;
    c.send_buffer = c.send_reserve = 1 << 20;
    wire_start(w, &c);
    OPEN(65535, .mss = SMSS, .wscale = SCALE(4), .sack_ok = p->sack);
}

static struct gain transfer(struct wire *w, enum estab_recovery recovery, enum lie lie, estab_time rtt, bool lossless)
{
    struct peer *p = calloc(1, sizeof *p);
    enum estab_error error;
    struct gain g;

    assert_non_null(p);
    *p = (struct peer){.lie = lie,
                       .rtt = rtt,
                       .wnd = lossless || lie == ACKS_AHEAD ? 60000 / 16 : 60000, /* else nothing bounds it */
                       .sack = recovery != ESTAB_RECOVERY_NEWRENO,
                       .lossless = lossless};
    start(w, p, recovery);
    while (w->now < LONG) {
        if (STATUS.not_sent < 100 * SMSS)
            (void)wire_send_some(w, 200 * SMSS, 0, &error);
        collect(w, p);
        if (p->head < p->tail && p->answers[p->head % ANSWERS].at <= w->now)
            wire_in(w, &p->answers[p->head++ % ANSWERS].s);
        else
            wire_run(w, w->now + 1 * MS);
    }
    g = (struct gain){p->sent, STATUS.snd_nxt - w->iss - 1};
    w->head = w->tail;
    free(p);
    wire_stop(w);
    *w = (struct wire){.iss = w->iss, .irs = w->irs};
    return g;
}

/* At most so many percent of what an honest one is sent: of new text, and of all, for what goes in vain is
 * somebody's load, too. */
static void no_gain(enum lie lie, unsigned fresh, unsigned sent)
{
    struct wire *w = calloc(1, sizeof *w);

    assert_non_null(w);
    *w = (struct wire){.iss = 0xfffff000, .irs = 0xffffff80};
    for (unsigned way = 0; way < 3; way++) {
        /* Who acknowledges ahead is as good as one without losses who is as near as it pretends to be. */
        bool ahead = lie == ACKS_AHEAD;
        struct gain honest = transfer(w, (enum estab_recovery)way, HONEST, ahead ? RTT / 2 : RTT, ahead);
        struct gain liar = transfer(w, (enum estab_recovery)way, lie, RTT, false);

        if (liar.fresh * 100 > honest.fresh * fresh || liar.sent * 100 > honest.sent * sent)
            fail_msg("with %s it is sent %lu bytes, %lu of them new; an honest one %lu, %lu of them new", ways[way],
                     (unsigned long)liar.sent, (unsigned long)liar.fresh, (unsigned long)honest.sent,
                     (unsigned long)honest.fresh);
        assert_true(honest.fresh > 200 * SMSS);
    }
    free(w);
}

#define GAINS_NOTHING(lie, fresh, sent)                                                            \
    static void lie##_gains_nothing(void **state)                                                  \
    {                                                                                              \
        (void)state;                                                                               \
        no_gain(lie, fresh, sent);                                                                 \
    }

GAINS_NOTHING(ACKS_UNSENT, 100, 100)
GAINS_NOTHING(ACKS_AHEAD, 100, 100)
/* Its first half of a segment is told of before the honest one's whole: a segment now and then is sent a little
 * earlier.  And an acknowledgment within what it has SACKed is what one sends who reneges: some goes again. */
GAINS_NOTHING(DIVIDES, 102, 110)
/* It has the first segment of a window again in each round trip, which it had. */
GAINS_NOTHING(DUPLICATES, 100, 120)
/* What it has thrown away goes again. */
GAINS_NOTHING(RENEGES, 100, 125)
GAINS_NOTHING(INVERTS, 100, 100)
GAINS_NOTHING(STALE, 100, 100)
GAINS_NOTHING(BEYOND, 100, 100)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ACKS_UNSENT_gains_nothing),
        cmocka_unit_test(ACKS_AHEAD_gains_nothing),
        cmocka_unit_test(DIVIDES_gains_nothing),
        cmocka_unit_test(DUPLICATES_gains_nothing),
        cmocka_unit_test(RENEGES_gains_nothing),
        cmocka_unit_test(INVERTS_gains_nothing),
        cmocka_unit_test(STALE_gains_nothing),
        cmocka_unit_test(BEYOND_gains_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
