/* SPDX-License-Identifier: MIT */
/*
 * test_negotiation.c - what a SYN settles: MSS (RFC 9293 section 3.7.1), window scale and timestamps
 * with PAWS (RFC 7323); and how often challenges are sent (RFC 5961 section 7).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/wire.h"

#define DAY (86400 * S)

static void start(struct wire *w)
{
    struct estab_config c = wire_config();

    wire_start(w, &c);
}

static void start_with(struct wire *w, bool timestamps, bool window_scale)
{
    struct estab_config c = wire_config();

    c.timestamps = timestamps;
    c.window_scale = window_scale;
    c.receive_buffer = 262144;
    c.tuning = false; /* the window grows by text alone */
    wire_start(w, &c);
}

/* ---- MSS ---------------------------------------------------------------------------------------- */

/* MUST-15: 536 without the option; MUST-16: the smaller of the peer's and what the link takes. */
static void text_goes_in(struct wire *w, int mss, uint32_t want)
{
    start(w);
    OPEN(65535, .mss = mss);
    CHECK_EQ(STATUS.snd_mss, want);
    SEND(want + 1);
    OUT(0, ACK, 1, 1, want);
    IN(ACK, 1, 1 + want, 0, .wnd = 65535);
    OUT(0, ACK | PSH, 1 + want, 1, 1);
}

/* MUST-15. */
WIRE_TEST(no_mss_is_536)
{
    text_goes_in(w, -1, 536);
}

/* MUST-14. */
WIRE_TEST(a_smaller_mss_is_obeyed)
{
    text_goes_in(w, 1000, 1000);
}

/* MUST-16. */
WIRE_TEST(an_mss_beyond_the_link_is_not)
{
    text_goes_in(w, 65535, 1460);
}

/* MUST-16. */
WIRE_TEST(an_mss_of_zero)
{
    text_goes_in(w, MSS_ZERO, 64);
}

WIRE_TEST(an_mss_of_one)
{
    text_goes_in(w, 1, 64);
}

/* MUST-14, SHLD-5, MUST-67: what we offer is the link's MTU less 40. */
static void offers(struct wire *w, uint32_t mtu, int want)
{
    struct estab_open open = {
        .size = sizeof open,
        .local = {WIRE_OWN, WIRE_PORT},
        .remote = {WIRE_PEER, WIRE_RPORT},
        .fixed_iss = true,
        .iss = w->iss,
    };

    w->mtu = mtu;
    start(w);
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
    CHECK_EQ(OUT(0, SYN, 0, 0, 0)->mss, want);
}

/* MUST-67, SHLD-5. */
WIRE_TEST(the_mss_offered_follows_the_mtu)
{
    offers(w, 1500, 1460);
}

/* SHLD-6, MAY-3. */
WIRE_TEST(the_mss_of_the_least_mtu)
{
    offers(w, 576, 536);
}

/* MUST-67. */
WIRE_TEST(the_mss_of_the_greatest_mtu)
{
    offers(w, 65535, 65495);
}

/* MUST-14, MUST-67. */
WIRE_TEST(a_syn_ack_offers_an_mss)
{
    start(w);
    ACCEPT(65535);
    CHECK_EQ(w->queue[0].mss, 1460);
}

/* Eff.snd.MSS: less the options that go along (section 3.7.1). MUST-16. */
WIRE_TEST(timestamps_leave_less_room)
{
    start_with(w, true, false);
    OPEN(65535, .ts = true, .tsval = 7);
    CHECK_EQ(STATUS.snd_mss, 1448);
    SEND(3000);
    CHECK(OUT(0, ACK, 1, 1, 1448)->ts);
}

/* RFC 7323 section 3.2: a reset SHOULD have them too. R7323-19, R7323-37. */
WIRE_TEST(a_reset_of_ours_has_timestamps)
{
    const struct wire_segment *s;

    start_with(w, true, false);
    OPEN(65535, .ts = true, .tsval = 7);
    assert_int_equal(estab_abort(w->stack, w->conn, WIRE_START), ESTAB_OK);
    s = OUT(0, RST | ACK, 1, 1, 0);
    CHECK(s->ts);
    CHECK_EQ(s->tsecr, 7);
    SKIP;
}

/* ---- window scale (RFC 7323 section 2) ------------------------------------------------------------- */

static void scaled(struct wire *w, unsigned scale, unsigned want)
{
    start_with(w, false, true);
    OPEN(1000, .wscale = (int)SCALE(scale));
    CHECK_EQ(w->queue[0].wscale, 3); /* 262144 >> 3 fits 16 bits */
    CHECK_EQ(STATUS.rcv_wscale, 3);
    CHECK_EQ(STATUS.snd_wscale, want);
    CHECK_EQ(STATUS.snd_wnd, 1000); /* a SYN's window is never scaled */
    IN(ACK, 1, 1, 0, .wnd = 1000);
    CHECK_EQ(STATUS.snd_wnd, 1000u << want);
    IN(ACK, 1, 1, 0, .wnd = 65535);
    CHECK_EQ(STATUS.snd_wnd, 65535u << want);
}

WIRE_TEST(a_scale_of_0)
{
    scaled(w, 0, 0);
}

/* R7323-6. */
WIRE_TEST(a_scale_of_7)
{
    scaled(w, 7, 7);
}

/* REC-1. R7323-6. */
WIRE_TEST(a_scale_of_14)
{
    scaled(w, 14, 14);
}

/* Section 2.3: a greater one MUST be taken as 14. R7323-9. */
WIRE_TEST(a_scale_of_15_to_255_is_14)
{
    for (unsigned scale = 15; scale <= 255; scale += 16) {
        scaled(w, scale, 14);
        wire_stop(w);
        *w = (struct wire){.iss = w->iss, .irs = w->irs};
    }
}

/* R7323-5. */
WIRE_TEST(no_scale_without_the_peers)
{
    start_with(w, false, true);
    OPEN(1000);
    CHECK_EQ(STATUS.snd_wscale, 0);
    CHECK_EQ(STATUS.rcv_wscale, 0);
    IN(ACK, 1, 1, 0, .wnd = 1000);
    CHECK_EQ(STATUS.snd_wnd, 1000);
}

/* The option is not sent in an answer to a SYN that had none. R7323-2, R7323-17. */
WIRE_TEST(a_syn_ack_scales_only_if_the_syn_did)
{
    start_with(w, true, true);
    ACCEPT(65535);
    CHECK_EQ(w->queue[0].wscale, -1);
    CHECK(!w->queue[0].ts);
}

/* R7323-2, R7323-17. */
WIRE_TEST(a_syn_ack_scales_if_the_syn_did)
{
    start_with(w, true, true);
    ACCEPT(65535, .wscale = (int)SCALE(200), .ts = true, .tsval = 77);
    CHECK_EQ(w->queue[0].wscale, 3);
    CHECK_EQ(w->queue[0].tsecr, 77);
    CHECK_EQ(STATUS.snd_wscale, 14);
    CHECK_EQ(STATUS.snd_wnd, 65535u << 14);
}

/* R7323-7. */
WIRE_TEST(our_own_windows_are_scaled)
{
    uint32_t seq = 1;

    start_with(w, false, true);
    ACCEPT(65535, .wscale = (int)SCALE(0));
    for (int i = 0; i < 200; i++) { /* until the window has grown to the buffer */
        IN(ACK, seq, 1, 1460, .wnd = 65535);
        seq += 1460;
        RECEIVE(1460);
        wire_run(w, w->now + 50 * MS);
    }
    CHECK_EQ(w->edge - w->last_ack, STATUS.rcv_wnd);
    CHECK(STATUS.rcv_wnd > 200000 && STATUS.rcv_wnd <= 262144 + 7);
}

/* ---- timestamps (RFC 7323 section 3) ---------------------------------------------------------------- */

/* R7323-16, R7323-25, R7323-27, R7323-46, R7323-47, R7323-48. */
WIRE_TEST(timestamps_count_milliseconds)
{
    uint32_t first;

    start_with(w, true, false);
    OPEN(65535, .ts = true, .tsval = 0xfffffff0);
    first = w->queue[0].tsval;
    CHECK_EQ(w->queue[0].tsecr, 0); /* of a SYN */
    CHECK_EQ(w->queue[1].tsval, first);
    CHECK_EQ(w->queue[1].tsecr, 0xfffffff0);
    wire_run(w, 10 * S); /* 2^32 ms pass at 5 s */
    SEND(1);
    CHECK_EQ(OUT(10 * S, ACK | PSH, 1, 1, 1)->tsval, first + 10000);
}

/* R7323-20, R7323-23. */
WIRE_TEST(no_timestamps_without_the_peers)
{
    start_with(w, true, true);
    OPEN(65535);
    CHECK(w->queue[0].ts);
    CHECK(!w->queue[1].ts);
    CHECK_EQ(STATUS.snd_mss, 1460);
    IN(ACK, 1, 1, 100, .wnd = 65535, .ts = true, .tsval = 1); /* ignored */
    CHECK(!OUT(40 * MS, ACK, 1, 101, 0)->ts);
}

/* Section 4.3: of several segments to be acknowledged the first one's timestamp is echoed; of text
 * beyond a gap none. R7323-30, R7323-31, R7323-32, R7323-44. */
WIRE_TEST(the_right_timestamp_is_echoed)
{
    start_with(w, true, false);
    ACCEPT(65535, .ts = true, .tsval = 100);
    IN(ACK, 1, 1, 500, .wnd = 65535, .ts = true, .tsval = 110);
    IN(ACK, 501, 1, 500, .wnd = 65535, .ts = true, .tsval = 120);
    CHECK_EQ(OUT(0, ACK, 1, 1001, 0)->tsecr, 110);
    IN(ACK, 1501, 1, 500, .wnd = 65535, .ts = true, .tsval = 130);
    CHECK_EQ(OUT(0, ACK, 1, 1001, 0)->tsecr, 110);
    IN(ACK, 1001, 1, 500, .wnd = 65535, .ts = true, .tsval = 125);
    CHECK_EQ(OUT(0, ACK, 1, 2001, 0)->tsecr, 125);
}

/* Section 3.2: a segment without it, once it is agreed on, is dropped; but not a reset. R7323-21, R7323-22. */
WIRE_TEST(a_missing_timestamp)
{
    start_with(w, true, false);
    ACCEPT(65535, .ts = true, .tsval = 100);
    IN(ACK, 1, 1, 500, .wnd = 65535);
    QUIET(1 * S);
    CHECK_EQ(wire_reason(w, "TIMESTAMP_MISSING"), 1);
    CHECK_EQ(STATUS.rcv_nxt, w->irs + 1);
    IN(RST, 1, 0, 0, .wnd = 0);
    CHECK(w->events & ESTAB_EVENT_CLOSED);
    CHECK_EQ(w->error, ESTAB_RESET);
}

/* ---- PAWS (RFC 7323 section 5) ------------------------------------------------------------------------ */

/* R7323-38, R7323-43. */
WIRE_TEST(an_old_timestamp_is_refused)
{
    start_with(w, true, false);
    ACCEPT(65535, .ts = true, .tsval = 5);
    IN(ACK, 1, 1, 100, .wnd = 65535, .ts = true, .tsval = 4);
    CHECK_EQ(OUT(0, ACK, 1, 1, 0)->tsecr, 5);
    CHECK_EQ(wire_reason(w, "PAWS"), 1);
    IN(ACK, 1, 1, 100, .wnd = 65535, .ts = true, .tsval = 0x80000006); /* half the circle behind */
    OUT(0, ACK, 1, 1, 0);
    IN(ACK, 1, 1, 100, .wnd = 65535, .ts = true, .tsval = 5);
    OUT(40 * MS, ACK, 1, 101, 0);
    IN(RST, 101, 0, 0, .ts = true, .tsval = 1); /* section 5.2: not of a reset */
    CHECK(w->events & ESTAB_EVENT_CLOSED);
    w->received = 0;
}

/* R7323-48. */
WIRE_TEST(timestamps_wrap)
{
    start_with(w, true, false);
    ACCEPT(65535, .ts = true, .tsval = 0xfffffff0);
    IN(ACK, 1, 1, 100, .wnd = 65535, .ts = true, .tsval = 3);
    CHECK_EQ(OUT(40 * MS, ACK, 1, 101, 0)->tsecr, 3);
    IN(ACK, 101, 1, 100, .wnd = 65535, .ts = true, .tsval = 0xfffffff0);
    OUT(40 * MS, ACK, 1, 101, 0);
    CHECK_EQ(wire_reason(w, "PAWS"), 1);
}

/* Section 5.5: after 24 days TS.Recent says nothing any more. */
static void after_days(struct wire *w, unsigned days, bool taken)
{
    start_with(w, true, false);
    ACCEPT(65535, .ts = true, .tsval = 1000);
    QUIET(days * DAY);
    IN(ACK, 1, 1, 100, .wnd = 65535, .ts = true, .tsval = 900);
    CHECK_EQ(STATUS.rcv_nxt, w->irs + 1 + (taken ? 100 : 0));
    CHECK_EQ(wire_reason(w, "PAWS"), !taken);
    w->head = w->tail;
    IN(ACK, 1, 1, 100, .wnd = 65535, .ts = true, .tsval = 899);
    CHECK_EQ(wire_reason(w, "PAWS"), 1 + !taken); /* now it does again */
    w->head = w->tail;
}

/* R7323-49. */
WIRE_TEST(paws_holds_for_23_days)
{
    after_days(w, 23, false);
}

/* R7323-49. */
WIRE_TEST(paws_does_not_hold_for_25_days)
{
    after_days(w, 25, true);
}

WIRE_TEST(paws_does_not_come_back_after_50_days)
{
    after_days(w, 50, true); /* 2^32 ms are 49.7 days */
    wire_stop(w);
    *w = (struct wire){.iss = w->iss, .irs = w->irs};
    after_days(w, 60, true);
}

/* Section 4.1, 4.3: an echo measures even what was sent twice. */
WIRE_TEST(an_echo_measures_a_retransmission)
{
    uint32_t tsval;

    start_with(w, true, false);
    OPEN(65535, .ts = true, .tsval = 1);
    SEND(100);
    OUT(0, ACK | PSH, 1, 1, 100);
    OUT(200 * MS, ACK | PSH, 1, 1, 100);
    tsval = OUT(600 * MS, ACK | PSH, 1, 1, 100)->tsval;
    wire_run(w, 640 * MS);
    IN(ACK, 1, 101, 0, .wnd = 65535, .ts = true, .tsval = 2, .tsecr = tsval);
    /* R = 40 ms after 0: SRTT 5, RTTVAR 10: 4 RTTVAR is under rto_min */
    CHECK_EQ(STATUS.srtt_us, 5000);
    CHECK_EQ(STATUS.rttvar_us, 10000);
    CHECK_EQ(STATUS.rto_us, 205000);
}

/* ---- challenges (RFC 5961 section 7) --------------------------------------------------------------------- */

/* R5961-13. */
WIRE_TEST(challenges_are_throttled)
{
    start(w);
    OPEN(65535);
    for (unsigned second = 0; second < 3; second++) {
        wire_run(w, (second + 1) * S);
        for (unsigned i = 0; i < 150; i++)
            IN(i % 2 ? SYN : RST, 100 + i, 0, 0, .wnd = 1000);
        for (unsigned i = 0; i < 3; i++)
            OUT((second + 1) * S, ACK, 1, 1, 0);
        QUIET((second + 1) * S + 1 * MS);
        CHECK_EQ(wire_reason(w, "CHALLENGE_THROTTLED"), 147 * (second + 1));
    }
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
    IN(RST, 1, 0, 0, .wnd = 0); /* the true one needs no challenge */
    CHECK(w->events & ESTAB_EVENT_CLOSED);
}

/* ---- the user's wishes for the IP header: MUST-48, MUST-49, SHLD-21 ----------------------------------------- */

/* MUST-48, SHLD-21. */
WIRE_TEST(the_differentiated_services_field)
{
    start(w);
    OPEN(65535);
    CHECK_EQ(w->queue[0].diffserv, 0);
    SEND(1);
    CHECK_EQ(OUT(0, ACK | PSH, 1, 1, 1)->diffserv, 0);
    assert_int_equal(estab_set(w->stack, w->conn, ESTAB_OPTION_DIFFSERV, 46, WIRE_START), ESTAB_OK);
    assert_int_equal(estab_set(w->stack, w->conn, ESTAB_OPTION_DIFFSERV, 64, WIRE_START),
                     ESTAB_INVALID);
    IN(ACK, 1, 2, 0, .wnd = 65535);
    SEND(1);
    CHECK_EQ(OUT(0, ACK | PSH, 2, 1, 1)->diffserv, 46);
}

/* SHLD-22: also where there is no TCB, and in a reset. */
WIRE_TEST(a_listeners_diffserv_field)
{
    struct estab_listen listen = {.size = sizeof listen,
                                  .local.port = WIRE_PORT,
                                  .backlog = 4,
                                  .fixed_iss = true,
                                  .iss = w->iss};

    start(w);
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
    assert_int_equal(estab_listener_set(w->stack, w->listener, ESTAB_OPTION_DIFFSERV, 46), ESTAB_OK);
    for (unsigned aborts = 0; aborts < 2; aborts++) {
        IN(SYN, 0, 0, 0, .wnd = 65535, .mss = 1460);
        CHECK_EQ(OUT(aborts * S, SYN | ACK, 0, 1, 0)->diffserv, 46);
        IN(ACK, 1, 1, 0, .wnd = 65535);
        assert_int_equal(estab_accept(w->stack, w->listener, &w->conn), ESTAB_OK);
        if (aborts) {
            assert_int_equal(estab_abort(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
            CHECK_EQ(OUT(1 * S, RST | ACK, 1, 1, 0)->diffserv, 46);
            return;
        }
        assert_int_equal(estab_close(w->stack, w->conn, WIRE_START), ESTAB_OK);
        CHECK_EQ(OUT(0, FIN | ACK, 1, 1, 0)->diffserv, 46);
        IN(FIN | ACK, 1, 2, 0, .wnd = 65535);
        CHECK_EQ(OUT(0, ACK, 2, 2, 0)->diffserv, 46);
        IN(FIN | ACK, 1, 2, 0, .wnd = 65535);
        CHECK_EQ(OUT(0, ACK, 2, 2, 0)->diffserv, 46); /* a record's */
        assert_int_equal(estab_abort(w->stack, w->conn, WIRE_START), ESTAB_OK);
        wire_run(w, 1 * S);
    }
}

/* MUST-49. */
WIRE_TEST(the_time_to_live)
{
    struct estab_config c = wire_config();

    c.ttl = 77;
    wire_start(w, &c);
    OPEN(65535);
    CHECK_EQ(w->queue[0].ttl, 77);
    CHECK_EQ(w->queue[1].ttl, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_mss_is_536),
        cmocka_unit_test(a_smaller_mss_is_obeyed),
        cmocka_unit_test(an_mss_beyond_the_link_is_not),
        cmocka_unit_test(an_mss_of_zero),
        cmocka_unit_test(an_mss_of_one),
        cmocka_unit_test(the_mss_offered_follows_the_mtu),
        cmocka_unit_test(the_mss_of_the_least_mtu),
        cmocka_unit_test(the_mss_of_the_greatest_mtu),
        cmocka_unit_test(a_syn_ack_offers_an_mss),
        cmocka_unit_test(timestamps_leave_less_room),
        cmocka_unit_test(a_reset_of_ours_has_timestamps),
        cmocka_unit_test(a_scale_of_0),
        cmocka_unit_test(a_scale_of_7),
        cmocka_unit_test(a_scale_of_14),
        cmocka_unit_test(a_scale_of_15_to_255_is_14),
        cmocka_unit_test(no_scale_without_the_peers),
        cmocka_unit_test(a_syn_ack_scales_only_if_the_syn_did),
        cmocka_unit_test(a_syn_ack_scales_if_the_syn_did),
        cmocka_unit_test(our_own_windows_are_scaled),
        cmocka_unit_test(timestamps_count_milliseconds),
        cmocka_unit_test(no_timestamps_without_the_peers),
        cmocka_unit_test(the_right_timestamp_is_echoed),
        cmocka_unit_test(a_missing_timestamp),
        cmocka_unit_test(an_old_timestamp_is_refused),
        cmocka_unit_test(timestamps_wrap),
        cmocka_unit_test(paws_holds_for_23_days),
        cmocka_unit_test(paws_does_not_hold_for_25_days),
        cmocka_unit_test(paws_does_not_come_back_after_50_days),
        cmocka_unit_test(an_echo_measures_a_retransmission),
        cmocka_unit_test(challenges_are_throttled),
        cmocka_unit_test(the_differentiated_services_field),
        cmocka_unit_test(a_listeners_diffserv_field),
        cmocka_unit_test(the_time_to_live),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
