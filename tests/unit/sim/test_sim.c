/* SPDX-License-Identifier: MIT */
/*
 * test_sim.c - the virtual clock, its order, its observers, its forks.
 *
 * The traffic is what little any stack makes by itself: a SYN to a port where nobody listens, and
 * its answer, or its retransmissions if there is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sim.h"

static struct estab_config small_config(void)
{
    struct estab_config config;
    config.size = sizeof config;
    estab_config_init(&config);
    config.connections = 16;
    config.records = 16;
    config.listeners = 4;
    config.chunks = 1024;
    config.trace_records = 0;
    return config;
}

static struct estab_addr address(int stack)
{
    return estab_ipv4(10, 11, 0, (uint8_t)(1 + stack));
}

/* Stacks "a" and "b", 5 ms apart. */
static struct sim *pair(uint64_t seed, const char *link)
{
    struct estab_config config = small_config();
    struct link_config both = {0};
    char error[LINK_ERROR_MAX];
    struct sim *sim = sim_new(seed);
    assert_non_null(sim);
    assert_true(link_config_parse(&both, link, error));
    assert_int_equal(sim_stack_add(sim, "a", &config), 0);
    assert_int_equal(sim_stack_add(sim, "b", &config), 1);
    struct sim_end a = sim_end_at(0, address(0)), b = sim_end_at(1, address(1));
    assert_int_equal(sim_join(sim, &a, &b, &both, &both), 0);
    return sim;
}

/* An active OPEN from a to b. */
static void open_call(struct sim *sim, void *arg)
{
    (void)arg;
    estab_conn conn;
    struct estab_open open = {
        .size = sizeof open,
        .remote = {.addr = address(1), .port = 7},
    };
    assert_int_equal(estab_open(sim_stack(sim, 0), &open, &conn, sim_now(sim)), ESTAB_OK);
}

/* Ten of them, 3 ms apart. */
static void schedule_opens(struct sim *sim)
{
    for (unsigned i = 0; i < 10; i++)
        sim_at(sim, i * 3 * ESTAB_MS, open_call, NULL);
}

/* ---- the clock and its calls ------------------------------------------------------------------ */

struct notes {
    char text[256];
};

static void note(struct sim *sim, void *arg)
{
    struct notes *notes = sim_user(sim);
    size_t length = strlen(notes->text);
    (void)snprintf(notes->text + length, sizeof notes->text - length, "%s@%u ", (const char *)arg,
                   (unsigned)sim_now(sim));
}

static void note_and_schedule(struct sim *sim, void *arg)
{
    static char later[] = "later", past[] = "past", now[] = "now";
    note(sim, arg);
    sim_at(sim, sim_now(sim) + 1, note, later);
    sim_at(sim, 0, note, past);
    sim_at(sim, sim_now(sim), note, now);
}

static void note_and_stop(struct sim *sim, void *arg)
{
    note(sim, arg);
    sim_stop(sim);
}

static void calls_come_by_time_and_order(void **state)
{
    (void)state;
    char a[] = "a", b[] = "b", c[] = "c", d[] = "d";
    struct notes notes = {""};
    struct sim *sim = sim_new(1);
    sim_set_user(sim, &notes);
    sim_at(sim, 20, note, a);
    sim_at(sim, 10, note_and_schedule, b);
    sim_at(sim, 10, note, c);
    sim_at(sim, 30, note_and_stop, d);
    sim_at(sim, 30, note, a);
    assert_int_equal(sim_next(sim), 10);
    assert_int_equal(sim_run(sim, 20), SIM_REACHED);
    assert_string_equal(notes.text, "b@10 c@10 past@10 now@10 later@11 a@20 ");
    notes.text[0] = '\0';
    assert_int_equal(sim_run(sim, 25), SIM_REACHED);
    assert_int_equal(sim_now(sim), 25);
    assert_int_equal(sim_run(sim, 100), SIM_STOPPED);
    assert_int_equal(sim_now(sim), 30);
    assert_int_equal(sim_run(sim, 100), SIM_IDLE);
    assert_string_equal(notes.text, "d@30 a@30 ");
    assert_int_equal(sim_now(sim), 100);
    assert_int_equal(sim_run(sim, ESTAB_NEVER), SIM_IDLE);
    assert_int_equal(sim_now(sim), 100);
    assert_int_equal(sim_step(sim), SIM_IDLE);
    assert_true(sim_next(sim) == ESTAB_NEVER);
    sim_at(sim, 50, note, c);
    assert_int_equal(sim_step(sim), SIM_REACHED);
    assert_string_equal(notes.text, "d@30 a@30 c@100 ");
    assert_int_equal(sim_steps(sim), 9);
    sim_free(sim);
    sim_free(NULL);
}

static void many_calls_are_sorted(void **state)
{
    (void)state;
    struct notes notes = {""};
    struct sim *sim = sim_new(1);
    sim_set_user(sim, &notes);
    char name[] = ".";
    for (unsigned i = 0; i < 1000; i++)
        sim_at(sim, i * 7919 % 1000, note, name);
    estab_time last = 0;
    for (unsigned i = 0; i < 1000; i++) {
        notes.text[0] = '\0';
        assert_int_equal(sim_next(sim), i);
        assert_int_equal(sim_step(sim), SIM_REACHED);
        assert_true(sim_now(sim) >= last);
        last = sim_now(sim);
    }
    sim_free(sim);
}

static void again(struct sim *sim, void *arg)
{
    sim_at(sim, sim_now(sim), again, arg);
}

static void a_run_has_a_limit(void **state)
{
    (void)state;
    struct sim *sim = sim_new(77);
    sim_set_limit(sim, 1000);
    sim_at(sim, ESTAB_SECOND, again, NULL);
    assert_int_equal(sim_run(sim, 5 * ESTAB_SECOND), SIM_FAILED);
    assert_string_equal(sim_error(sim), "seed 77: 1000 steps did not reach 5.000000000 s: stopped "
                                        "at 1.000000000 s, after a call");
    assert_int_equal(sim_run(sim, ESTAB_NEVER), SIM_FAILED); /* and may go on */
    assert_int_equal(sim_steps(sim), 2000);
    sim_free(sim);
}

/* ---- what is refused -------------------------------------------------------------------------- */

static void stacks_and_joins_are_checked(void **state)
{
    (void)state;
    struct sim *sim = pair(1, "none");
    struct estab_config config = small_config();
    assert_int_equal(sim_stack_add(sim, "a", &config), -1);
    assert_string_equal(sim_error(sim), "stack \"a\": expected a name that no other stack has");
    assert_int_equal(sim_stack_add(sim, "", &config), -1);
    assert_int_equal(sim_stack_add(sim, "0123456789012345678901234567890x", &config), -1);
    assert_string_equal(sim_stack_name(sim, 1), "b");
    assert_string_equal(sim_stack_name(sim, 2), "?");
    assert_null(sim_stack(sim, -1));
    assert_int_equal(sim_stacks(sim), 2);

    struct sim_end a = sim_end_at(0, estab_ipv4(10, 12, 0, 1));
    struct sim_end b = sim_end_at(1, estab_ipv4(10, 12, 0, 2));
    struct link_config bad = {.loss_ppm = 2000000};
    assert_int_equal(sim_join(sim, &a, &a, NULL, NULL), -1);
    assert_string_equal(sim_error(sim), "join: expected two stacks of this simulation");
    assert_int_equal(sim_join(sim, &a, &b, &bad, NULL), -1);
    assert_int_equal(sim_join(sim, &a, &b, NULL, &bad), -1);
    b.interface.super_segment = 65536;
    assert_int_equal(sim_join(sim, &a, &b, NULL, NULL), -1);
    assert_string_equal(sim_error(sim), "join: links carry no super-segments");
    b.interface.super_segment = 0;
    b.interface.link = ESTAB_LINK_IP;
    assert_int_equal(sim_join(sim, &a, &b, NULL, NULL), -1);
    assert_string_equal(sim_error(sim), "join: expected the same link type at both ends");
    a.interface.link = ESTAB_LINK_IP;
    assert_int_equal(sim_join(sim, &a, &b, NULL, NULL), 1);
    assert_non_null(sim_link(sim, 0, 1));
    assert_null(sim_link(sim, 0, 2));
    sim_free(sim);
}

/* ---- frames ----------------------------------------------------------------------------------- */

struct seen {
    unsigned sent, gone, arriving, arrived, expired, events, late, nested;
    bool inside;
};

static void see_sent(void *arg, struct sim *sim, const struct sim_frame *frame)
{
    struct seen *seen = arg;
    seen->sent++;
    seen->gone += (frame->passage.fate & LINK_GONE) != 0;
    assert_true(frame->passage.sent == sim_now(sim));
    assert_true(frame->from != frame->to);
}

static void see_arriving(void *arg, struct sim *sim, const struct sim_frame *frame)
{
    struct seen *seen = arg;
    seen->arriving++;
    seen->late += frame->passage.due != sim_now(sim);
    seen->nested += seen->inside;
    seen->inside = true;
}

static void see_arrived(void *arg, struct sim *sim, const struct sim_frame *frame)
{
    struct seen *seen = arg;
    (void)sim;
    assert_true(frame->frame->length > 0);
    seen->arrived++;
    seen->inside = false;
}

static void see_expired(void *arg, struct sim *sim, int stack)
{
    struct seen *seen = arg;
    (void)sim;
    assert_in_range(stack, 0, 1);
    seen->expired++;
}

static void see_event(void *arg, struct sim *sim, int stack, const struct estab_event *event)
{
    struct seen *seen = arg;
    (void)sim;
    (void)stack;
    (void)event;
    seen->events++;
}

static struct sim_observer watcher(struct seen *seen)
{
    return (struct sim_observer){
        .arg = seen,
        .sent = see_sent,
        .arriving = see_arriving,
        .arrived = see_arrived,
        .expired = see_expired,
    };
}

#define ROUGH                                                                                      \
    "delay 5ms jitter 1ms rate 1mbit queue 5 loss 10% duplicate 5% reorder 5% 7ms corrupt 5%"

static void everything_is_observed(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct sim *sim = pair(1, ROUGH);
    struct sim_observer observer = watcher(&seen);
    observer.event = see_event;
    assert_true(sim_observe(sim, &observer));
    schedule_opens(sim);
    assert_int_equal(sim_run(sim, 60 * ESTAB_SECOND) == SIM_FAILED, 0);
    struct link_counters ab = link_counters(sim_link(sim, 0, 1));
    struct link_counters ba = link_counters(sim_link(sim, 1, 0));
    assert_int_equal(seen.sent, ab.put + ba.put);
    assert_int_equal(seen.arriving, ab.delivered + ba.delivered);
    assert_int_equal(seen.arrived, seen.arriving);
    assert_int_equal(seen.late, 0);
    assert_int_equal(seen.nested, 0);
    assert_true(seen.sent > 20 && seen.gone > 0 && seen.expired > 0 && seen.events > 0);

    sim_observe_none(sim);
    for (unsigned i = 0; i < SIM_OBSERVERS_MAX; i++)
        assert_true(sim_observe(sim, &observer));
    assert_false(sim_observe(sim, &observer));
    sim_free(sim);
}

static uint64_t digest_of(uint64_t seed, struct sim_observer *observer, estab_time slice)
{
    struct sim *sim = pair(seed, ROUGH);
    if (observer)
        assert_true(sim_observe(sim, observer));
    schedule_opens(sim);
    for (estab_time at = slice; at <= 60 * ESTAB_SECOND; at += slice)
        assert_true(sim_run(sim, at) != SIM_FAILED);
    uint64_t digest = sim_digest(sim);
    sim_free(sim);
    return digest;
}

static void a_seed_decides_everything(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct sim_observer observer = watcher(&seen);
    uint64_t digest = digest_of(5, NULL, 60 * ESTAB_SECOND);
    assert_true(digest == digest_of(5, NULL, 60 * ESTAB_SECOND));
    assert_true(digest != digest_of(6, NULL, 60 * ESTAB_SECOND));
    assert_true(digest == digest_of(5, &observer, 60 * ESTAB_SECOND)); /* watching is free */
    assert_true(digest == digest_of(5, NULL, 250 * ESTAB_MS));         /* so is stopping */
    assert_true(seen.arrived > 0);
}

static void batches_are_input_together(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct sim *sim = pair(1, "delay 1ms");
    struct sim_observer observer = watcher(&seen);
    sim_set_batch(sim, 1000); /* is SIM_BATCH_MAX */
    assert_true(sim_observe(sim, &observer));
    for (unsigned i = 0; i < 3; i++) {
        open_call(sim, NULL);
        assert_true(sim_run(sim, sim_now(sim) + 500 * ESTAB_MS) != SIM_FAILED);
    }
    assert_int_equal(seen.nested, 0);
    for (unsigned i = 0; i < 10; i++)
        open_call(sim, NULL);
    assert_true(sim_run(sim, ESTAB_NEVER) != SIM_FAILED);
    assert_true(seen.nested > 0); /* one had not arrived as the next was arriving */
    assert_int_equal(seen.arriving, seen.arrived);
    sim_free(sim);
}

/* ---- forks ------------------------------------------------------------------------------------ */

/* At each of many moments: both futures are the same, and the copy outlives its original. */
static void both_futures_run_on(void **state)
{
    (void)state;
    uint64_t whole = digest_of(9, NULL, 60 * ESTAB_SECOND);
    for (estab_time at = 0; at < 100 * ESTAB_MS; at += 7 * ESTAB_MS) {
        struct sim *sim = pair(9, ROUGH);
        schedule_opens(sim);
        assert_true(sim_run(sim, at) != SIM_FAILED);
        struct sim *copy = sim_fork(sim);
        assert_non_null(copy);
        assert_true(sim_run(sim, 60 * ESTAB_SECOND) != SIM_FAILED);
        assert_true(sim_digest(sim) == whole);
        sim_free(sim);
        assert_true(sim_now(copy) == at);
        assert_true(sim_run(copy, 60 * ESTAB_SECOND) != SIM_FAILED);
        assert_true(sim_digest(copy) == whole);
        sim_free(copy);
    }
}

static void futures_are_their_own(void **state)
{
    (void)state;
    char name[] = "x";
    struct notes notes = {""}, others = {""};
    struct link_rule drop = {.action = LINK_DROP};
    struct sim *sim = pair(9, "delay 5ms");
    sim_set_user(sim, &notes);
    open_call(sim, NULL);
    sim_at(sim, 50, note, name);
    assert_true(sim_run(sim, 1) != SIM_FAILED);
    struct sim *copy = sim_fork(sim);
    sim_set_user(copy, &others);
    assert_int_equal(link_rule_add(sim_link(copy, 1, 0), &drop), 0);
    assert_true(sim_run(sim, ESTAB_SECOND) != SIM_FAILED);
    assert_string_equal(notes.text, "x@50 ");
    assert_string_equal(others.text, "");
    assert_true(sim_run(copy, 2 * ESTAB_SECOND) != SIM_FAILED);
    assert_string_equal(others.text, "x@50 ");
    assert_int_equal(link_rules(sim_link(sim, 1, 0)), 0);
    assert_true(sim_digest(sim) != sim_digest(copy));
    sim_free(sim);
    sim_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_come_by_time_and_order),
        cmocka_unit_test(many_calls_are_sorted),
        cmocka_unit_test(a_run_has_a_limit),
        cmocka_unit_test(stacks_and_joins_are_checked),
        cmocka_unit_test(everything_is_observed),
        cmocka_unit_test(a_seed_decides_everything),
        cmocka_unit_test(batches_are_input_together),
        cmocka_unit_test(both_futures_run_on),
        cmocka_unit_test(futures_are_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
