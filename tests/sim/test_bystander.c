/* SPDX-License-Identifier: MIT */
/*
 * test_bystander.c - CVE-2016-5696, played in virtual time.
 *
 * A stranger who sees nothing of a connection forges segments of it, and has connections of its own to the
 * same stack.  Each second it makes those ask for so many challenges that the stack's ceiling is reached,
 * counts what it gets, and would learn from each that is missing that its guess was good enough to be
 * challenged: first of the ports, then of the sequence number, then of the acknowledgment.
 *
 * A round is a second; whether its guess is right is drawn.  If what the stranger counts tells nothing, the
 * mean of its counts after right guesses is that after wrong ones, but for chance.  A fixed ceiling fails by
 * its whole signal (no deviation at all), and connections without a limit of their own by what 40 forged
 * segments spend.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/random.h"
#include "support/wire.h"

enum { OWN = 510, OWN_EACH = 3, FORGED = 40, ROUNDS = 900, GUESSES = 3, FIRST_PORT = 10000 };
/* The ceiling of the configuration, and what one connection may have of it. */
enum { CEILING = 1000, MOST_OF_ONE = 3 };

static struct wire w_;

struct arm {
    double sum, squares, n;
};

static struct estab_addr stranger(void)
{
    return estab_ipv4(10, 0, 0, 66);
}

static void own_in(struct wire *w, unsigned i, unsigned flags, uint32_t seq, uint32_t ack)
{
    wire_in(w, &(struct wire_segment){.flags = flags,
                                      .seq = seq,
                                      .ack = ack,
                                      .wnd = 65535,
                                      .sport = (uint16_t)(FIRST_PORT + i),
                                      .dport = WIRE_PORT,
                                      .from = stranger()});
}

/* The stranger's connections: an ordinary client's. */
static void own_open(struct wire *w)
{
    for (unsigned i = 0; i < OWN; i++) {
        const struct wire_segment *s;

        own_in(w, i, SYN, 1000, 0);
        s = wire_any(w, w->now);
        assert_non_null(s);
        assert_int_equal(s->flags, SYN | ACK);
        own_in(w, i, ACK, 1001, s->seq + 1);
        wire_pump(w);
        assert_int_equal(w->head, w->tail);
    }
}

/* What a right guess asks a challenge with, and a wrong one gets none for. */
static void forge(struct wire *w, unsigned guess, bool right)
{
    switch (guess) {
    case 0: /* the ports: a SYN,ACK is challenged, or refused by the listener */
        IN(SYN | ACK, 5, 1, 0, .wnd = 1000, .sport = right ? WIRE_RPORT : WIRE_RPORT + 1);
        break;
    case 1: /* the window: a RST in it */
        IN(RST, right ? 1000 : 0x40000000, 0, 0, .wnd = 0);
        break;
    default: /* the acknowledgment: an old one */
        IN(ACK, 1, right ? 0x90000000 : 1, 0, .wnd = 65535);
    }
}

/* What the stranger gets, and what the connection that it does not see sends. */
static void count(struct wire *w, unsigned *own, unsigned *others)
{
    *own = *others = 0;
    wire_pump(w);
    while (w->head != w->tail) {
        const struct wire_segment *s = &w->queue[w->head++ % WIRE_QUEUE];

        *own += s->dport >= FIRST_PORT && s->dport < FIRST_PORT + OWN;
        *others += s->dport == WIRE_RPORT;
    }
}

static unsigned play(struct wire *w, unsigned guess, bool right)
{
    unsigned own, others;

    for (unsigned i = 0; i < FORGED; i++)
        forge(w, guess, right);
    for (unsigned i = 0; i < OWN_EACH * OWN; i++)
        own_in(w, i % OWN, RST, 1001 + 500, 0);
    count(w, &own, &others);
    if (others != (right ? MOST_OF_ONE : 0))
        fail_msg("guess %u, %s: %u challenges", guess, right ? "right" : "wrong", others);
    /* The ceiling was reached, or there would be nothing to learn. */
    assert_true(own + others >= CEILING / 2 && own + others < CEILING * 3 / 2);
    return own;
}

/* Student's t of two means, squared. */
static double apart(const struct arm *a, const struct arm *b)
{
    double va = a->squares / a->n - a->sum / a->n * (a->sum / a->n);
    double vb = b->squares / b->n - b->sum / b->n * (b->sum / b->n);
    double d = a->sum / a->n - b->sum / b->n;

    return d * d / (va / a->n + vb / b->n);
}

static void begin(struct wire *w)
{
    struct estab_config c = wire_config();
    struct estab_listen listen = {
        .size = sizeof listen, .local.port = WIRE_PORT, .backlog = OWN + 1};

    c.connections = c.records = OWN + 2;
    c.receive_reserve = 512;
    c.chunks = 8192;
    c.replies = 64;
    wire_start(w, &c);
    assert_int_equal(c.challenge_acks_per_second, CEILING);
    OPEN(65535); /* of this the stranger knows neither port nor numbers */
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
    own_open(w);
}

/* After 450 rounds each way the means differ by less than 3.5 of their deviations, for each guess. BAD-8. */
static void who_counts_challenges_learns_nothing(void **state)
{
    struct wire *w = &w_;
    static struct arm arms[GUESSES][2];
    uint64_t random = 5696;

    (void)state;
    *w = (struct wire){.iss = 0xfffffff0, .irs = 0xffffff80};
    begin(w);
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned guess = i % GUESSES, own;
        bool right = random_next(&random) & 1;
        struct arm *arm = &arms[guess][right];

        wire_run(w, (i + 1) * S);
        own = play(w, guess, right);
        arm->sum += own;
        arm->squares += (double)own * own;
        arm->n++;
    }
    for (unsigned guess = 0; guess < GUESSES; guess++)
        if (!(apart(&arms[guess][0], &arms[guess][1]) < 3.5 * 3.5))
            fail_msg("guess %u: %.1f challenges on the average when wrong, %.1f when right, t^2 %.1f",
                     guess, arms[guess][0].sum / arms[guess][0].n,
                     arms[guess][1].sum / arms[guess][1].n,
                     apart(&arms[guess][0], &arms[guess][1]));
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
    CHECK_EQ(wire_counters(w).connections, OWN + 1);
    wire_stop(w);
}

/* Below the ceiling nothing is shared at all: what others are asked does not change a count. */
static void below_the_ceiling_nothing_is_shared(void **state)
{
    struct wire *w = &w_;

    (void)state;
    *w = (struct wire){.iss = 7, .irs = 8};
    begin(w);
    for (unsigned i = 0; i < 100; i++) {
        unsigned own, others;

        wire_run(w, (i + 1) * S);
        for (unsigned k = 0; k < FORGED; k++)
            forge(w, 1, i & 1);
        for (unsigned k = 0; k < 2 * MOST_OF_ONE; k++)
            own_in(w, 0, RST, 1001 + 500, 0);
        count(w, &own, &others);
        CHECK_EQ(own, MOST_OF_ONE);
    }
    wire_stop(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_counts_challenges_learns_nothing),
        cmocka_unit_test(below_the_ceiling_nothing_is_shared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
