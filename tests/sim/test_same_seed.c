/* SPDX-License-Identifier: MIT */
/*
 * test_same_seed.c - a seed is a run, byte for byte: what was sent, delivered and reported, and
 * when, has the digest below with every compiler, with and without sanitizers, on big-endian and on
 * 32-bit machines (tests/state has the same program for those).
 *
 * Who changes what is sent, or when, finds the new number in the failure, and puts it here; who
 * meant to change neither has found a mistake.
 */
#include "support/crowd.h"
#include "support/sim_transfer.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BAD                                                                                        \
    "delay 20ms jitter 5ms rate 10mbit queue 50 loss 5% duplicate 2% reorder 5% 10ms corrupt 2%"

/* The bytes of every frame that was put out and when, FNV-1a: a second sum, of nothing but that. */
static void on_sent(void *arg, struct sim *sim, const struct sim_frame *frame)
{
    static uint8_t bytes[LINK_FRAME_MAX];
    uint64_t *sum = arg, now = sim_now(sim);

    link_flatten(frame->frame, bytes);
    for (uint32_t i = 0; i < frame->frame->length + 8; i++) {
        uint8_t byte = i < 8 ? (uint8_t)(now >> 8 * i) : bytes[i - 8];

        *sum = (*sum ^ byte) * UINT64_C(0x100000001b3);
    }
}

/* Whether the run has these sums. */
static bool run(struct sim *sim, uint64_t digest, uint64_t frames, const char *what)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    struct sim_observer observer = {.arg = &sum, .sent = on_sent};

    assert_true(sim_observe(sim, &observer));
    assert_int_equal(sim_run(sim, 3600 * ESTAB_SECOND), SIM_IDLE);
    bool same = sim_digest(sim) == digest && sum == frames;
    if (!same)
        print_error("%s: 0x%016" PRIx64 ", 0x%016" PRIx64 "\n", what, sim_digest(sim), sum);
    sim_free(sim);
    return same;
}

static void transfers(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed, digest, frames;
    } rows[] = {
        {1, 0xd5353dd290d7f054, 0xc6056f14feef20ed},
        {2, 0xfb9b777e1539c21d, 0x39ab82c02f0e400e},
        {UINT64_MAX, 0xb26f8185e2ce4338, 0x7e42a96499d3ed20},
    };
    bool same = true;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct transfer t;
        struct sim *sim = transfer_new(&t, rows[i].seed, 200000, BAD);
        char what[40];

        snprintf(what, sizeof what, "seed %" PRIu64, rows[i].seed);
        assert_non_null(sim);
        transfer_start(sim);
        same &= run(sim, rows[i].digest, rows[i].frames, what);
        assert_int_equal(t.received, 200000);
        assert_int_equal(t.wrong, 0);
    }
    assert_true(same);
}

static void a_crowd(void **state)
{
    (void)state;
    static struct crowd c = {.wanted = 200, .at_once = 50};
    struct sim *sim = crowd_new(&c, 5, "delay 5ms jitter 2ms loss 2% duplicate 1% reorder 2% 5ms");

    assert_non_null(sim);
    crowd_start(sim);
    bool same = run(sim, 0xd69815c01f1d6107, 0xefeb7f9cebf38735, "a crowd");
    assert_int_equal(c.wrong, 0);
    assert_true(same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transfers),
        cmocka_unit_test(a_crowd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
