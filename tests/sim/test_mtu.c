/* SPDX-License-Identifier: MIT */
/*
 * test_mtu.c - paths that drop what is too long and say nothing (RFC 4821), in virtual time: a transfer goes
 * on within seconds, with the longest packets that pass, without a window that a probe has made smaller; and
 * once the path carries more, so do the segments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/trace.h"
#include "support/sim_transfer.h"

#define PATH "delay 10ms rate 20mbit queue 100"
enum { ETHERNET = 14, LINK_MTU = 1500, HOLE_MTU = 1280, PROBES = 64 };

/* What the client's stack and its wire have told. */
struct told {
    enum transfer_over over;
    unsigned black_holes, passed, lost, recoveries, timeouts;
    unsigned probes;
    uint32_t probe[PROBES]; /* bytes of packet, as the trace has it */
    unsigned probe_frames;  /* frames longer than the path MTU of the time, on the wire */
    uint32_t cwnd_before, cwnd_after; /* what a lost probe did to it, at worst */
    uint32_t mtu;           /* as the last trace record of it said */
    uint32_t longest;       /* frame put out since the first black hole, less the link header */
};

static struct told told;

static struct estab_status status(const struct sim *sim)
{
    const struct transfer *t = sim_user(sim);
    struct estab_status st = {.size = sizeof st};

    if (estab_status(sim_stack(sim, TRANSFER_CLIENT), t->client, &st) != ESTAB_OK)
        st.cwnd = 0;
    return st;
}

static void look(struct sim *sim)
{
    struct estab_trace r;

    while (estab_trace_next(sim_stack(sim, TRANSFER_CLIENT), &r)) {
        switch ((enum trace_kind)r.kind) {
        case TRACE_MTU_BLACK_HOLE:
            told.black_holes++;
            told.mtu = r.arg[2];
            break;
        case TRACE_MTU_PROBE:
            assert_in_range(told.probes, 0, PROBES - 1);
            told.probe[told.probes++] = r.arg[1];
            told.mtu = r.arg[2];
            break;
        case TRACE_MTU_PASSED:
            told.passed++;
            told.mtu = r.arg[2];
            break;
        case TRACE_MTU_PROBE_LOST:
            told.lost++;
            break;
        case TRACE_RECOVERY_ENTERED:
            told.recoveries += told.black_holes > 0;
            break;
        case TRACE_LOST_BY_TIME:
            told.timeouts++;
            break;
        default:
            break;
        }
    }
}

static void on_sent(void *arg, struct sim *sim, const struct sim_frame *f)
{
    uint32_t header = told.over == TRANSFER_IPV6_BARE ? 0 : ETHERNET, length = f->frame->length - header;

    (void)arg;
    if (f->from != TRANSFER_CLIENT)
        return;
    look(sim);
    if (told.mtu > 0 && length > told.mtu)
        told.probe_frames++;
    if (told.black_holes > 0 && length > told.longest)
        told.longest = length;
}

/* After each segment that has arrived at the client: what it did to the window, if it told of a lost probe. */
static void on_arriving(void *arg, struct sim *sim, const struct sim_frame *f)
{
    (void)arg;
    if (f->to == TRANSFER_CLIENT) {
        look(sim);
        told.cwnd_before = status(sim).cwnd;
    }
}

static void on_arrived(void *arg, struct sim *sim, const struct sim_frame *f)
{
    unsigned before = told.lost;

    (void)arg;
    if (f->to != TRANSFER_CLIENT)
        return;
    look(sim);
    if (told.lost > before && status(sim).cwnd < told.cwnd_before)
        fail_msg("a lost probe took cwnd from %u to %u", (unsigned)told.cwnd_before, (unsigned)status(sim).cwnd);
}

struct setup {
    enum transfer_over over;
    uint8_t probing;
    bool no_sack;
    uint8_t recovery;
    size_t bytes;
    uint32_t interval_ms;
};

static struct sim *begin(struct transfer *t, const struct setup *s)
{
    struct estab_config config = transfer_config();
    struct sim_observer observer = {.sent = on_sent, .arriving = on_arriving, .arrived = on_arrived};
    struct sim *sim;

    config.trace_records = 4096;
    config.mtu_probing = s->probing;
    config.sack = !s->no_sack;
    config.recovery = s->recovery;
    if (s->interval_ms > 0)
        config.mtu_probe_interval_ms = s->interval_ms;
    told = (struct told){.over = s->over};
    sim = transfer_new_configured(t, 7, s->bytes, PATH, s->over, &config);
    assert_non_null(sim);
    assert_true(sim_observe(sim, &observer));
    return sim;
}

/* From now on the path drops packets of more than `mtu` bytes, in silence. */
static void drop_beyond(struct sim *sim, uint32_t mtu)
{
    struct link *link = sim_link(sim, TRANSFER_CLIENT, TRANSFER_SERVER);
    uint32_t header = told.over == TRANSFER_IPV6_BARE ? 0 : ETHERNET;
    char text[64], error[LINK_ERROR_MAX];
    struct link_rule rule;

    snprintf(text, sizeof text, "drop every min %u", (unsigned)(mtu + header + 1));
    assert_true(link_rule_parse(&rule, text, error));
    link_rules_clear(link);
    assert_int_equal(link_rule_add(link, &rule), 0);
}

/* Runs until all has come; how long it took. */
static uint64_t run_ms(struct sim *sim, struct transfer *t, estab_time most)
{
    while (!t->end_seen && sim_now(sim) < most)
        assert_int_equal(sim_step(sim), SIM_REACHED);
    look(sim);
    assert_int_equal(t->wrong, 0);
    assert_int_equal(t->failed, ESTAB_OK);
    return sim_now(sim) / ESTAB_MS;
}

static struct estab_counters counters(const struct sim *sim)
{
    struct estab_counters c = {.size = sizeof c};

    estab_counters(sim_stack(sim, TRANSFER_CLIENT), &c);
    return c;
}

/* ---- black holes ------------------------------------------------------------------------------------------- */

/* R1 is three retransmissions: 200, 400, 800 ms and the fourth timeout of 1.6 s; 4 MB at 20 Mbit/s are 1.7 s. */
static void a_transfer_goes_on_within_seconds(void **state)
{
    static const struct setup setups[] = {
        {.over = TRANSFER_IPV4, .probing = 1, .bytes = 4000000},
        {.over = TRANSFER_IPV6, .probing = 1, .bytes = 4000000},
        {.over = TRANSFER_IPV6_BARE, .probing = 1, .bytes = 4000000},
        {.over = TRANSFER_IPV4, .probing = 1, .bytes = 4000000, .no_sack = true},
        {.over = TRANSFER_IPV4, .probing = 1, .bytes = 4000000, .recovery = ESTAB_RECOVERY_SACK},
        {.over = TRANSFER_IPV4, .probing = 1, .bytes = 4000000, .recovery = ESTAB_RECOVERY_NEWRENO},
        {.over = TRANSFER_IPV6, .probing = 1, .bytes = 4000000, .no_sack = true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof setups / sizeof setups[0]; i++) {
        struct transfer t;
        struct sim *sim = begin(&t, &setups[i]);
        uint64_t ms;

        drop_beyond(sim, HOLE_MTU);
        transfer_start(sim);
        ms = run_ms(sim, &t, 60 * ESTAB_SECOND);
        print_message("setup %u: %u ms, path MTU %u, %u probes, %u lost, %u recoveries\n", (unsigned)i,
                      (unsigned)ms, (unsigned)told.mtu, told.probes, told.lost, told.recoveries);
        assert_true(t.end_seen);
        assert_in_range(ms, 3000, 8000);
        assert_int_equal(told.black_holes, 1);
        assert_in_range(told.mtu, HOLE_MTU - 8, HOLE_MTU);
        assert_int_equal(told.probe_frames, told.probes); /* nothing else is longer than what passes */
        assert_int_equal(counters(sim).mtu_black_holes, 1);
        assert_int_equal(counters(sim).mtu_probes, told.probes);
        assert_int_equal(counters(sim).mtu_probes_passed, told.passed);
        assert_int_equal(counters(sim).mtu_probes_lost, told.lost);
        sim_free(sim);
    }
}

/* Off, as Linux's default has it: nothing of it passes. */
static void without_probing_nothing_passes(void **state)
{
    struct setup setup = {.over = TRANSFER_IPV4, .probing = 0, .bytes = 100000};
    struct transfer t;
    struct sim *sim = begin(&t, &setup);

    (void)state;
    drop_beyond(sim, HOLE_MTU);
    transfer_start(sim);
    (void)run_ms(sim, &t, 60 * ESTAB_SECOND);
    assert_false(t.end_seen);
    assert_int_equal(told.black_holes + told.probes, 0);
    assert_int_equal(status(sim).path_mtu, LINK_MTU);
    sim_free(sim);
}

/* The middle of the range each time (Linux's tcp_mtu_probe): 1024 bytes of text make packets of 1076, the link
 * carries 1500, and 1280 pass. */
static void probes_halve_the_range(void **state)
{
    static const uint32_t sizes[] = {1288, 1182, 1235, 1261, 1274, 1281};
    struct setup setup = {.over = TRANSFER_IPV4, .probing = 1, .bytes = 3000000};
    struct transfer t;
    struct sim *sim = begin(&t, &setup);

    (void)state;
    drop_beyond(sim, HOLE_MTU);
    transfer_start(sim);
    (void)run_ms(sim, &t, 60 * ESTAB_SECOND);
    assert_true(t.end_seen);
    for (size_t i = 0; i < told.probes; i++)
        print_message("%u ", (unsigned)told.probe[i]);
    assert_int_equal(told.probes, sizeof sizes / sizeof sizes[0]);
    assert_memory_equal(told.probe, sizes, sizeof sizes);
    assert_int_equal(told.lost, 2);
    assert_int_equal(told.passed, 4);
    assert_int_equal(told.recoveries, 0); /* nor is cwnd less: on_arrived */
    sim_free(sim);
}

/* ---- upward --------------------------------------------------------------------------------------------------- */

/* What seemed a black hole was an outage: a few round trips later all is as before, and nothing is kept. */
static void after_an_outage_segments_are_whole_again(void **state)
{
    struct setup setup = {.over = TRANSFER_IPV6_BARE, .probing = 1, .bytes = 60000000};
    struct transfer t;
    struct sim *sim = begin(&t, &setup);

    (void)state;
    transfer_start(sim);
    assert_int_equal(sim_run(sim, ESTAB_SECOND), SIM_REACHED);
    drop_beyond(sim, 0);
    assert_int_equal(sim_run(sim, 9 * ESTAB_SECOND), SIM_REACHED);
    assert_in_range(status(sim).path_mtu, HOLE_MTU, HOLE_MTU);
    assert_true(status(sim).cold);
    link_rules_clear(sim_link(sim, TRANSFER_CLIENT, TRANSFER_SERVER));
    assert_int_equal(sim_run(sim, 24 * ESTAB_SECOND), SIM_REACHED);
    assert_int_equal(status(sim).path_mtu, LINK_MTU);
    assert_false(status(sim).cold);
    assert_int_equal(told.lost, 0);
    sim_free(sim);
}

/* RFC 4821 section 7.3, RFC 8201 section 4: a search that has ended begins again, and not before its time. */
static void what_the_path_carries_now_is_found_after_a_while(void **state)
{
    struct setup setup = {.over = TRANSFER_IPV4, .probing = 1, .bytes = 60000000, .interval_ms = 10000};
    struct transfer t;
    struct sim *sim = begin(&t, &setup);
    unsigned probes;

    (void)state;
    drop_beyond(sim, HOLE_MTU);
    transfer_start(sim);
    while (told.lost < 2) /* the last one */
        assert_int_equal(sim_step(sim), SIM_REACHED);
    probes = told.probes;
    link_rules_clear(sim_link(sim, TRANSFER_CLIENT, TRANSFER_SERVER));
    assert_int_equal(sim_run(sim, sim_now(sim) + 9990 * ESTAB_MS), SIM_REACHED);
    look(sim);
    assert_int_equal(told.probes, probes);
    assert_int_equal(sim_run(sim, sim_now(sim) + 2 * ESTAB_SECOND), SIM_REACHED);
    assert_int_equal(status(sim).path_mtu, LINK_MTU);
    assert_false(status(sim).cold);
    sim_free(sim);
}

/* Mode 2: from the beginning small, and larger by probes alone, of which none is lost here. */
static void always_probing_finds_the_link(void **state)
{
    static const uint32_t sizes[] = {1288, 1394, 1447, 1474, 1487, 1494, 1500};
    struct setup setup = {.over = TRANSFER_IPV4, .probing = 2, .bytes = 4000000};
    struct transfer t;
    struct sim *sim = begin(&t, &setup);

    (void)state;
    transfer_start(sim);
    (void)run_ms(sim, &t, 60 * ESTAB_SECOND);
    assert_true(t.end_seen);
    for (size_t i = 0; i < told.probes; i++)
        print_message("%u ", (unsigned)told.probe[i]);
    assert_int_equal(told.probes, sizeof sizes / sizeof sizes[0]);
    assert_memory_equal(told.probe, sizes, sizeof sizes);
    assert_int_equal(told.passed, told.probes);
    assert_int_equal(told.black_holes + told.lost + told.timeouts, 0);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transfer_goes_on_within_seconds),
        cmocka_unit_test(without_probing_nothing_passes),
        cmocka_unit_test(probes_halve_the_range),
        cmocka_unit_test(after_an_outage_segments_are_whole_again),
        cmocka_unit_test(what_the_path_carries_now_is_found_after_a_while),
        cmocka_unit_test(always_probing_finds_the_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
