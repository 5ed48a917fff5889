/* SPDX-License-Identifier: MIT */
/*
 * test_cc_hystart.c - how slow start ends before a loss: HyStart as Linux has it, and HyStart++ (RFC
 * 9406), each told of acknowledgments by hand.
 */
#include "tcp/cc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SMSS 1000
#define MS   1000

struct flow {
    struct cc_window w;
    uint64_t now_us;
    uint32_t una, nxt, least_us;
    uint8_t hystart;
    bool paced;
};

static struct flow flow_of(uint8_t hystart)
{
    struct flow f = {.now_us = 5000000, .una = 0xffffff00, .nxt = 0xffffff00, .hystart = hystart};

    cc_cubic.start(&f.w, 20 * SMSS);
    f.nxt += f.w.cwnd;
    return f;
}

/* A segment is acknowledged `gap_us` after the last one, with this round trip. */
static enum cwnd_rule ack(struct flow *f, uint32_t gap_us, uint32_t rtt_us)
{
    struct cc_ack a = {.bytes = SMSS, .rtt_us = rtt_us, .srtt_us = rtt_us, .mss = SMSS};
    enum cwnd_rule rule;

    f->now_us += gap_us;
    f->una += SMSS;
    if (rtt_us > 0 && (f->least_us == 0 || rtt_us < f->least_us))
        f->least_us = rtt_us;
    a.least_us = f->least_us;
    a.una = snd_of(f->una);
    a.nxt = snd_of(f->nxt);
    a.now_us = f->now_us;
    a.limited = true;
    a.paced = f->paced;
    a.hystart = f->hystart;
    rule = cc_cubic.on_ack(&f->w, &a);
    f->nxt = f->una + f->w.cwnd;
    return rule;
}

static void window(struct flow *f, uint32_t segments)
{
    f->w.cwnd = segments * SMSS;
    f->nxt = f->una + f->w.cwnd;
}

static bool done(const struct flow *f)
{
    return f->w.ssthresh != UINT32_MAX;
}

/* What is outstanding is acknowledged, far apart, so that no train is seen.  The last of it begins the
 * next round of RFC 9406; of Linux's, the one after that. */
static void round_of(struct flow *f, uint32_t rtt_us)
{
    for (uint32_t left = (f->nxt - f->una) / SMSS; left > 0 && !done(f); left--)
        ack(f, 3 * MS, rtt_us);
}

/* ---- delay ------------------------------------------------------------------------------------------- */

/* An eighth longer, after more than eight samples; not an eighth less. */
static void longer_round_trips_end_slow_start(void **state)
{
    (void)state;
    static const struct {
        uint32_t first_us, then_us;
        bool ends;
    } rows[] = {
        {80 * MS, 89 * MS, false}, {80 * MS, 91 * MS, true}, {8 * MS, 11 * MS, false}, /* 4 ms */
        {8 * MS, 13 * MS, true},   {400 * MS, 415 * MS, false},                       /* 16 ms */
        {400 * MS, 417 * MS, true}, {60, 3900, false}, {60, 4300, true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct flow f = flow_of(ESTAB_HYSTART_DELAY);

        round_of(&f, rows[i].first_us);
        assert_false(done(&f));
        round_of(&f, rows[i].then_us);
        assert_int_equal(done(&f), rows[i].ends);
    }
}

static void the_ninth_sample_decides(void **state)
{
    (void)state;
    struct flow f = flow_of(ESTAB_HYSTART_LINUX);

    round_of(&f, 100 * MS);
    for (int i = 0; i < 8; i++)
        assert_int_equal(ack(&f, 3 * MS, 150 * MS), RULE_SLOW_START);
    assert_int_equal(ack(&f, 3 * MS, 150 * MS), RULE_HYSTART_DELAY);
    assert_int_equal(f.w.ssthresh, f.w.cwnd);
    assert_int_equal(ack(&f, 3 * MS, 150 * MS), RULE_CUBIC);
}

/* The least of the round counts: one short round trip among long ones says that the queue was empty. */
static void one_short_round_trip_is_enough(void **state)
{
    (void)state;
    struct flow f = flow_of(ESTAB_HYSTART_LINUX);

    round_of(&f, 100 * MS);
    ack(&f, 3 * MS, 101 * MS);
    round_of(&f, 150 * MS);
    assert_false(done(&f));
}

static void nothing_ends_it_under_sixteen_segments(void **state)
{
    (void)state;
    struct flow f = flow_of(ESTAB_HYSTART_LINUX);

    window(&f, 2);
    ack(&f, 3 * MS, 10 * MS);
    while (f.w.cwnd < 16 * SMSS) {
        assert_int_equal(ack(&f, 1 * MS, 100 * MS), RULE_SLOW_START);
        assert_false(done(&f));
    }
}

/* R9438-19. */
static void off_means_off(void **state)
{
    (void)state;
    struct flow f = flow_of(ESTAB_HYSTART_OFF);

    for (int i = 0; i < 300; i++)
        ack(&f, 1 * MS, 10 * MS + i * MS);
    assert_false(done(&f));
}

/* ---- trains ------------------------------------------------------------------------------------------ */

/* Half a round trip of ACKs within 2 ms of each other; the whole of it, if they were paced. */
static void a_long_train_ends_slow_start(void **state)
{
    (void)state;
    for (int paced = 0; paced < 2; paced++) {
        struct flow f = flow_of(ESTAB_HYSTART_TRAIN);
        uint64_t from;

        window(&f, 100);
        f.paced = paced;
        ack(&f, 0, 80 * MS);
        from = f.now_us;
        while (!done(&f) && f.now_us - from < 200 * MS)
            ack(&f, 1 * MS, 80 * MS);
        assert_in_range(f.now_us - from, paced ? 80 * MS : 40 * MS, paced ? 83 * MS : 42 * MS);
    }
}

static void a_gap_ends_the_train(void **state)
{
    (void)state;
    struct flow f = flow_of(ESTAB_HYSTART_TRAIN);

    window(&f, 300);
    ack(&f, 0, 80 * MS);
    for (int i = 0; i < 30; i++)
        ack(&f, 1 * MS, 80 * MS);
    for (int i = 0; i < 100; i++)
        ack(&f, i == 0 ? 3 * MS : 1 * MS, 80 * MS);
    assert_false(done(&f));
}

/* ---- RFC 9406 ------------------------------------------------------------------------------------------ */

/* Section 4.2: a quarter of the growth for five rounds, then ssthresh = cwnd. R9438-18. */
static void five_careful_rounds(void **state)
{
    (void)state;
    struct flow f = flow_of(ESTAB_HYSTART_PLUSPLUS);
    uint32_t before;
    int rounds = 0;

    round_of(&f, 80 * MS);
    round_of(&f, 95 * MS); /* whose first was acknowledged at the end of the one before */
    for (int i = 1; i < 8; i++)
        ack(&f, 3 * MS, 95 * MS);
    before = f.w.cwnd;
    ack(&f, 3 * MS, 95 * MS);
    assert_int_equal(f.w.cwnd, before + SMSS / 4);
    round_of(&f, 95 * MS); /* "that partial round counts towards the round limit" */
    for (rounds = 1; !done(&f) && rounds < 20; rounds++)
        round_of(&f, 95 * MS);
    assert_int_equal(rounds, 5);
    assert_int_equal(f.w.ssthresh, f.w.cwnd);
}

/* "If the RTT has shrunk, the sender resumes slow start." */
static void shorter_round_trips_resume_slow_start(void **state)
{
    (void)state;
    struct flow f = flow_of(ESTAB_HYSTART_PLUSPLUS);
    uint32_t before;

    round_of(&f, 80 * MS);
    round_of(&f, 95 * MS);
    for (int i = 1; i < 20; i++)
        ack(&f, 3 * MS, 95 * MS);
    assert_int_equal(f.w.hystart.phase & CUBIC_CAREFUL, CUBIC_CAREFUL);
    ack(&f, 3 * MS, 84 * MS);
    before = f.w.cwnd;
    ack(&f, 3 * MS, 84 * MS);
    assert_int_equal(f.w.cwnd, before + SMSS);
    for (int i = 0; i < 3; i++)
        round_of(&f, 84 * MS);
    assert_false(done(&f));
}

/* It compares with the round before, so that a path that has become longer for good ends nothing. */
static void a_single_jump_is_no_queue(void **state)
{
    (void)state;
    struct flow f = flow_of(ESTAB_HYSTART_PLUSPLUS);

    round_of(&f, 80 * MS);
    for (int i = 0; i < 12; i++)
        ack(&f, 3 * MS, i < 3 ? 81 * MS : 120 * MS);
    round_of(&f, 83 * MS);
    round_of(&f, 86 * MS);
    assert_int_equal(f.w.hystart.phase & CUBIC_CAREFUL, 0);
    assert_false(done(&f));
}

/* A timeout begins it afresh, a loss ends it. */
static void what_restarts_it(void **state)
{
    (void)state;
    struct flow f = flow_of(ESTAB_HYSTART_LINUX);
    struct cc_loss loss = {.flight = 20 * SMSS, .mss = SMSS};

    cc_cubic.on_loss(&f.w, &loss);
    assert_int_equal(f.w.cubic.phase & CUBIC_STARTS, 0);
    cc_cubic.on_timeout(&f.w, &loss, true);
    assert_int_equal(f.w.cubic.phase, CUBIC_STARTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longer_round_trips_end_slow_start),
        cmocka_unit_test(the_ninth_sample_decides),
        cmocka_unit_test(one_short_round_trip_is_enough),
        cmocka_unit_test(nothing_ends_it_under_sixteen_segments),
        cmocka_unit_test(off_means_off),
        cmocka_unit_test(a_long_train_ends_slow_start),
        cmocka_unit_test(a_gap_ends_the_train),
        cmocka_unit_test(five_careful_rounds),
        cmocka_unit_test(shorter_round_trips_resume_slow_start),
        cmocka_unit_test(a_single_jump_is_no_queue),
        cmocka_unit_test(what_restarts_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
