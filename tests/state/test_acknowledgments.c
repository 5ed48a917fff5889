/* SPDX-License-Identifier: MIT */
/*
 * test_acknowledgments.c - when text is acknowledged: at least every second full segment (RFC 9293
 * section 3.8.6.3, SHLD-19), at once when text begins to come, else after the ATO (delack.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/wire.h"

static void start(struct wire *w, uint32_t quick_acks)
{
    struct estab_config c = wire_config();

    c.quick_acks = quick_acks;
    wire_start(w, &c);
}

static void set(struct wire *w, enum estab_option option, uint32_t value)
{
    assert_int_equal(estab_set(w->stack, w->conn, option, value, WIRE_START + w->now), ESTAB_OK);
    wire_pump(w);
}

/* ---- without quick ones ------------------------------------------------------------------------- */

/* SHLD-19. R5681-35. */
WIRE_TEST(every_second_full_segment)
{
    start(w, 0);
    OPEN(65535);
    for (uint32_t i = 0; i < 10; i++) {
        IN(ACK, 1 + i * 2920, 1, 1460, .wnd = 65535);
        QUIET(i * MS);
        IN(ACK, 1461 + i * 2920, 1, 1460, .wnd = 65535);
        OUT(i * MS, ACK, 1, 2921 + i * 2920, 0);
        wire_run(w, (i + 1) * MS);
    }
}

/* A peer whose segments are smaller than what we have offered: they are full, too. */
WIRE_TEST(full_is_what_the_peer_sends)
{
    start(w, 0);
    OPEN(65535);
    IN(ACK, 1, 1, 1000, .wnd = 65535);
    IN(ACK, 1001, 1, 1000, .wnd = 65535);
    OUT(0, ACK, 1, 2001, 0);
    CHECK_EQ(STATUS.seen_mss, 1000);
    IN(ACK, 2001, 1, 700, .wnd = 65535); /* twice the same: it has changed */
    IN(ACK, 2701, 1, 700, .wnd = 65535);
    OUT(0, ACK, 1, 3401, 0);
    CHECK_EQ(STATUS.seen_mss, 700);
    SKIP;
}

/* Small ones wait, but not longer than the first of them may. R5681-36. */
WIRE_TEST(small_segments_wait_for_the_first_ones_time)
{
    start(w, 0);
    OPEN(65535);
    IN(ACK | PSH, 1, 1, 10, .wnd = 65535);
    wire_run(w, 15 * MS);
    IN(ACK | PSH, 11, 1, 20, .wnd = 65535);
    wire_run(w, 30 * MS);
    IN(ACK | PSH, 31, 1, 30, .wnd = 65535);
    QUIET(40 * MS - 1);
    OUT(40 * MS, ACK, 1, 61, 0);
}

/* As much as one full segment may wait, more may not. */
WIRE_TEST(more_than_a_full_segment_of_small_ones)
{
    start(w, 0);
    OPEN(65535);
    CHECK_EQ(STATUS.seen_mss, 536);
    IN(ACK | PSH, 1, 1, 300, .wnd = 65535);
    IN(ACK | PSH, 301, 1, 236, .wnd = 65535);
    QUIET(10 * MS);
    IN(ACK | PSH, 537, 1, 1, .wnd = 65535);
    OUT(10 * MS, ACK, 1, 538, 0);
}

/* A timer that fires for want of text doubles the ATO; a round trip bounds it. R5681-34. */
WIRE_TEST(the_ato_follows_the_peer)
{
    start(w, 0);
    OPEN(65535);
    SEND(1);
    OUT(0, ACK | PSH, 1, 1, 1);
    wire_run(w, 150 * MS);
    IN(ACK | PSH, 1, 2, 10, .wnd = 65535); /* SRTT is 150 / 8 by now: under the floor */
    OUT(190 * MS, ACK, 2, 11, 0);
    for (uint32_t i = 0; i < 30; i++) { /* SRTT goes to 150 */
        uint64_t at = (400 + i * 151) * MS;

        wire_run(w, at);
        SEND(1);
        OUT(at, ACK | PSH, 2 + i, 11, 1);
        wire_run(w, at + 150 * MS);
        IN(ACK, 11, 3 + i, 0, .wnd = 65535);
    }
    wire_run(w, 6 * S);
    IN(ACK | PSH, 11, 32, 1, .wnd = 65535);
    QUIET(6080 * MS - 1);
    OUT(6080 * MS, ACK, 32, 12, 0); /* doubled once */
    IN(ACK | PSH, 12, 32, 2, .wnd = 65535); /* 80 ms later: less than the ATO, which is 160 */
    QUIET(6200 * MS);
    OUT(6227 * MS, ACK, 32, 14, 0); /* 160, but SRTT is 147 */
}

WIRE_TEST(the_rfcs_own)
{
    struct estab_config c = wire_config();

    estab_config_rfc(&c);
    c.chunks = 1024;
    c.timestamps = c.window_scale = false;
    wire_start(w, &c);
    OPEN(65535);
    IN(ACK | PSH, 1, 1, 10, .wnd = 65535);
    RECEIVE(10);
    QUIET(200 * MS - 1);
    OUT(200 * MS, ACK, 1, 11, 0);
}

/* ---- quick ones ------------------------------------------------------------------------------------- */

/* Linux: sixteen, or as many as half the window holds segments. */
WIRE_TEST(the_first_sixteen_do_not_wait)
{
    start(w, 16);
    OPEN(65535);
    for (uint32_t i = 0; i < 16; i++) {
        IN(ACK | PSH, 1 + i * 10, 1, 10, .wnd = 65535);
        OUT(i * MS, ACK, 1, 11 + i * 10, 0);
        wire_run(w, (i + 1) * MS);
    }
    IN(ACK | PSH, 161, 1, 10, .wnd = 65535);
    OUT(56 * MS, ACK, 1, 171, 0);
}

/* Our text follows within the ATO: acknowledgments go along with it. */
WIRE_TEST(a_talk_waits_for_its_answers)
{
    start(w, 16);
    OPEN(65535);
    IN(ACK | PSH, 1, 1, 10, .wnd = 65535);
    OUT(0, ACK, 1, 11, 0);
    RECEIVE(10);
    SEND(20);
    OUT(0, ACK | PSH, 1, 11, 20);
    wire_run(w, 10 * MS);
    IN(ACK | PSH, 11, 21, 10, .wnd = 65535);
    RECEIVE(10);
    QUIET(20 * MS);
    SEND(20);
    OUT(20 * MS, ACK | PSH, 21, 21, 20);
    wire_run(w, 30 * MS);
    IN(ACK | PSH, 21, 41, 10, .wnd = 65535);
    OUT(70 * MS, ACK, 41, 31, 0); /* no answer: not a talk any more */
    wire_run(w, 80 * MS);
    IN(ACK | PSH, 31, 41, 10, .wnd = 65535);
    OUT(80 * MS, ACK, 41, 41, 0);
}

WIRE_TEST(quick_again_after_a_pause)
{
    start(w, 1);
    OPEN(65535);
    IN(ACK | PSH, 1, 1, 10, .wnd = 65535);
    OUT(0, ACK, 1, 11, 0);
    IN(ACK | PSH, 11, 1, 10, .wnd = 65535);
    OUT(40 * MS, ACK, 1, 21, 0);
    wire_run(w, 1 * S); /* longer than the RTO */
    IN(ACK | PSH, 21, 1, 10, .wnd = 65535);
    OUT(1 * S, ACK, 1, 31, 0);
}

WIRE_TEST(quick_again_after_a_duplicate)
{
    start(w, 1);
    OPEN(65535);
    IN(ACK | PSH, 1, 1, 10, .wnd = 65535);
    OUT(0, ACK, 1, 11, 0);
    IN(ACK | PSH, 1, 1, 10, .wnd = 65535);
    OUT(0, ACK, 1, 11, 0);
    wire_run(w, 10 * MS);
    IN(ACK | PSH, 11, 1, 10, .wnd = 65535);
    SKIP;
    wire_run(w, 20 * MS);
    IN(ACK | PSH, 21, 1, 10, .wnd = 65535);
    QUIET(60 * MS - 1);
    OUT(60 * MS, ACK, 1, 31, 0);
}

/* A peer that holds back its next small segment until this one is acknowledged need not wait. */
WIRE_TEST(a_small_segment_that_was_read)
{
    start(w, 1);
    OPEN(65535);
    IN(ACK | PSH, 1, 1, 10, .wnd = 65535);
    OUT(0, ACK, 1, 11, 0);
    IN(ACK | PSH, 11, 1, 10, .wnd = 65535);
    QUIET(10 * MS);
    RECEIVE(15);
    QUIET(20 * MS);
    RECEIVE(5);
    OUT(20 * MS, ACK, 1, 21, 0);
    QUIET(1 * S);
}

/* ---- the user's word ---------------------------------------------------------------------------------- */

WIRE_TEST(quickack_ends_the_wait)
{
    start(w, 1);
    OPEN(65535);
    set(w, ESTAB_OPTION_QUICKACK, 0);
    IN(ACK | PSH, 1, 1, 10, .wnd = 65535);
    QUIET(10 * MS);
    set(w, ESTAB_OPTION_QUICKACK, 1);
    OUT(10 * MS, ACK, 1, 11, 0);
    QUIET(1 * S);
}

/* In LISTEN nothing was agreed with a peer yet, not even a segment's size. */
WIRE_TEST(quickack_in_listen)
{
    struct estab_open open = {.size = sizeof open, .local = {WIRE_OWN, WIRE_PORT}, .passive = true};
    struct estab_status st = {.size = sizeof st};

    start(w, 2);
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
    set(w, ESTAB_OPTION_QUICKACK, 1);
    assert_int_equal(estab_status(w->stack, w->conn, &st), ESTAB_OK);
    assert_int_equal(st.state, ESTAB_STATE_LISTEN);
    assert_int_equal(st.seen_mss, 0);
}

/* ACKs of text never wait half a second (MUST-40), whatever comes when. R5681-36. */
WIRE_TEST(never_half_a_second)
{
    uint32_t seq = 1;

    start(w, 3);
    OPEN(65535);
    for (uint32_t i = 0; i < 400; i++) {
        uint32_t n = 1 + i * 37 % 90;
        estab_time at = w->now;

        IN(ACK | PSH, seq, 1, n, .wnd = 65535);
        RECEIVE(n);
        seq += n;
        wire_run(w, at + i * i % 911 * MS);
        if (w->now >= at + 499 * MS)
            CHECK_EQ(w->last_ack, seq);
        SKIP;
    }
}

/* MUST-40: nor where the RTO would let it, 3 s after a SYN that was lost, and the peer pauses. R5681-34. */
WIRE_TEST(nor_on_a_slow_path)
{
    struct estab_open open = {.size = sizeof open,
                              .local = {WIRE_OWN, WIRE_PORT},
                              .remote = {WIRE_PEER, WIRE_RPORT},
                              .fixed_iss = true,
                              .iss = w->iss};

    start(w, 0);
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
    OUT(0, SYN, 0, 0, 0);
    OUT(1 * S, SYN, 0, 0, 0);
    IN(SYN | ACK, 0, 1, 0, .wnd = 65535);
    SKIP;
    CHECK_EQ(STATUS.rto_us, 3000000);
    for (uint32_t i = 0; i < 20; i++) {
        estab_time at = w->now;

        IN(ACK | PSH, 1 + 10 * i, 1, 10, .wnd = 65535);
        wire_run(w, at + 499 * MS);
        CHECK_EQ(w->last_ack, 11 + 10 * i);
        SKIP;
        wire_run(w, at + 1 * S);
    }
    RECEIVE(200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_second_full_segment),
        cmocka_unit_test(full_is_what_the_peer_sends),
        cmocka_unit_test(small_segments_wait_for_the_first_ones_time),
        cmocka_unit_test(more_than_a_full_segment_of_small_ones),
        cmocka_unit_test(the_ato_follows_the_peer),
        cmocka_unit_test(the_rfcs_own),
        cmocka_unit_test(the_first_sixteen_do_not_wait),
        cmocka_unit_test(a_talk_waits_for_its_answers),
        cmocka_unit_test(quick_again_after_a_pause),
        cmocka_unit_test(quick_again_after_a_duplicate),
        cmocka_unit_test(a_small_segment_that_was_read),
        cmocka_unit_test(quickack_ends_the_wait),
        cmocka_unit_test(quickack_in_listen),
        cmocka_unit_test(never_half_a_second),
        cmocka_unit_test(nor_on_a_slow_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
