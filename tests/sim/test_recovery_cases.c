/* SPDX-License-Identifier: MIT */
/*
 * test_recovery_cases.c - what must hold of the rows of docs/recovery.md, whatever their figures are, with
 * each congestion control.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/recovery_run.h"

static const enum estab_recovery ways[] = {ESTAB_RECOVERY_NEWRENO, ESTAB_RECOVERY_SACK, ESTAB_RECOVERY_RACK};
static const char *const names[] = {
    [ESTAB_RECOVERY_RACK] = "RACK-TLP", [ESTAB_RECOVERY_SACK] = "RFC 6675", [ESTAB_RECOVERY_NEWRENO] = "NewReno"};

static struct recovery_cost cost_of(const struct recovery_case *c, enum estab_recovery way, unsigned congestion)
{
    struct recovery_cost cost;
    const char *why;

    if (!recovery_run(c, way, (enum estab_congestion)congestion, &cost, &why))
        fail_msg("'%s' with %s and %s: %s", c->name, names[way], estab_congestion_name(congestion), why);
    return cost;
}

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("'%s' with %s and %s: not so: %s", c->name, names[way],                       \
                     estab_congestion_name(congestion), #condition);                               \
    } while (0)

typedef void check(const struct recovery_case *c, enum estab_recovery way, unsigned congestion,
                   const struct recovery_cost *cost);

static void each(enum recovery_group first, enum recovery_group last, check *holds)
{
    unsigned n = 0;

    for (unsigned congestion = 0; estab_congestion_name(congestion); congestion++)
        for (unsigned i = 0; i < recovery_case_count; i++) {
            const struct recovery_case *c = &recovery_cases[i];

            for (unsigned k = 0; c->group >= first && c->group <= last && k < 3; k++, n++) {
                struct recovery_cost cost = cost_of(c, ways[k], congestion);

                holds(c, ways[k], congestion, &cost);
            }
        }
    assert_true(n > 0);
}

/* ---- losses ----------------------------------------------------------------------------------------- */

static unsigned segments_lost(const struct recovery_case *c)
{
    const struct recovery_loss *l = &c->lost[0];

    return ((l->last - l->first) / c->every + 1u) * l->times;
}

/* With SACK what was lost goes again, and nothing else does; and what was a loss stays one. */
static void what_is_lost_goes_again(const struct recovery_case *c, enum estab_recovery way, unsigned congestion,
                                    const struct recovery_cost *cost)
{
    HOLDS(cost->undone == 0);
    HOLDS(cost->again >= segments_lost(c));
    if (way == ESTAB_RECOVERY_NEWRENO)
        return;
    HOLDS(cost->in_vain == 0);
    HOLDS(cost->again == segments_lost(c));
}

static void losses(void **state)
{
    (void)state;
    each(GROUP_MIDDLE, GROUP_LOST_AGAIN, what_is_lost_goes_again);
}

/* Whatever is lost once, and be it all: the probe tells of it before the timer does, and never later. */
static void no_timeout_with_probes(const struct recovery_case *c, enum estab_recovery way, unsigned congestion,
                                   const struct recovery_cost *cost)
{
    static estab_time least;

    if (way != ESTAB_RECOVERY_RACK) {
        least = way == ways[0] || cost->took < least ? cost->took : least;
        HOLDS(c->group != GROUP_TAIL || cost->timeouts == 1);
        return;
    }
    HOLDS(cost->timeouts == 0);
    HOLDS(cost->took <= least);
    HOLDS(cost->probes <= 1);
    HOLDS(c->group != GROUP_TAIL || cost->probes == 1);
}

static void a_tail_takes_no_timeout(void **state)
{
    (void)state;
    each(GROUP_MIDDLE, GROUP_TAIL, no_timeout_with_probes);
}

/* As long as something is sent after it. */
static void found_lost_again(const struct recovery_case *c, enum estab_recovery way, unsigned congestion,
                             const struct recovery_cost *cost)
{
    const struct recovery_loss *l = &c->lost[0];
    bool few = c->segments > RECOVERY_LAST && l->last - l->first < 3;

    if (few)
        HOLDS((cost->timeouts == 0) == (way == ESTAB_RECOVERY_RACK));
}

static void a_lost_retransmission_takes_no_timeout(void **state)
{
    (void)state;
    each(GROUP_LOST_AGAIN, GROUP_LOST_AGAIN, found_lost_again);
}

/* No more than one segment goes in vain, and what was taken for a loss is undone. */
static void only_acknowledgments_were_lost(const struct recovery_case *c, enum estab_recovery way,
                                           unsigned congestion, const struct recovery_cost *cost)
{
    HOLDS(cost->again == cost->in_vain && cost->again <= 1);
    HOLDS(cost->undone == (cost->timeouts > 0));
    HOLDS(way != ESTAB_RECOVERY_RACK || cost->timeouts == 0);
    HOLDS(cost->undone == 0 || cost->cwnd_undone == cost->cwnd_before);
}

static void lost_acknowledgments(void **state)
{
    (void)state;
    each(GROUP_ACKS, GROUP_ACKS, only_acknowledgments_were_lost);
}

/* ---- reordering --------------------------------------------------------------------------------------- */

static void is_restored(const struct recovery_case *c, enum estab_recovery way, unsigned congestion,
                        const struct recovery_cost *cost)
{
    HOLDS(cost->undone == 1);
    HOLDS(cost->cwnd_before > cost->mss);
    HOLDS(cost->cwnd_undone == cost->cwnd_before);
    HOLDS(cost->ssthresh_undone == cost->ssthresh_before);
}

static void reordered(const struct recovery_case *c, enum estab_recovery way, unsigned congestion,
                      const struct recovery_cost *cost)
{
    bool believed = c->behind >= 3 && !(c->learned && way == ESTAB_RECOVERY_RACK);

    HOLDS(cost->overtaken == c->behind);
    HOLDS(cost->timeouts == 0);
    HOLDS(cost->again == believed);
    HOLDS(cost->in_vain == believed);
    if (believed)
        is_restored(c, way, congestion, cost);
}

static void reordering_sends_nothing_once_it_was_learned(void **state)
{
    (void)state;
    each(GROUP_REORDERED, GROUP_LEARNED, reordered);
}

/* ---- delays --------------------------------------------------------------------------------------------- */

static void spurious(const struct recovery_case *c, enum estab_recovery way, unsigned congestion,
                     const struct recovery_cost *cost)
{
    bool something_follows = c->segments > c->until, probed = way == ESTAB_RECOVERY_RACK;

    HOLDS((cost->timeouts > 0) == (c->spike_ns > 250 * ESTAB_MS));
    HOLDS(cost->in_vain == cost->again);
    if (cost->timeouts == 0) {
        HOLDS(cost->again == 0 && cost->undone == 0);
        return;
    }
    is_restored(c, way, congestion, cost);
    if (!c->plain)
        HOLDS(cost->undone_by == RULE_UNDO_EIFEL);
    else
        HOLDS(cost->undone_by == (something_follows ? RULE_UNDO_FRTO : RULE_UNDO_DSACK));
    if (!c->plain || something_follows)
        HOLDS(cost->again <= cost->timeouts + (probed && !something_follows));
}

/* R9438-15. */
static void a_spurious_timeout_restores_the_window(void **state)
{
    (void)state;
    each(GROUP_SPIKE, GROUP_SPIKE_PLAIN, spurious);
}

/* The same in congestion avoidance, where ssthresh is a number and CUBIC is on its curve. */
static void and_so_it_does_in_congestion_avoidance(void **state)
{
    struct recovery_case row = {.group = GROUP_SPIKE,
                                .name = "400 ms, after a loss",
                                .segments = 700,
                                .until = 360,
                                .earlier = RECOVERY_FIRST,
                                .spike = 331,
                                .spike_ns = 400 * ESTAB_MS,
                                .every = 1};
    const struct recovery_case *c = &row;

    (void)state;
    for (unsigned congestion = 0; estab_congestion_name(congestion); congestion++)
        for (unsigned i = 0; i < 6; i++) {
            enum estab_recovery way = ways[i % 3];
            struct recovery_cost cost;

            row.plain = i >= 3;
            cost = cost_of(c, way, congestion);
            HOLDS(cost.ssthresh_before < UINT32_MAX);
            spurious(c, way, congestion, &cost);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses),
        cmocka_unit_test(a_tail_takes_no_timeout),
        cmocka_unit_test(a_lost_retransmission_takes_no_timeout),
        cmocka_unit_test(lost_acknowledgments),
        cmocka_unit_test(reordering_sends_nothing_once_it_was_learned),
        cmocka_unit_test(a_spurious_timeout_restores_the_window),
        cmocka_unit_test(and_so_it_does_in_congestion_avoidance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
