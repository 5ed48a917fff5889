/* SPDX-License-Identifier: MIT */
/*
 * test_icmp.c - ICMP as the stack sends it (RFC 792, RFC 1122 section 3.2.2) and as TCP hears it
 * (RFC 9293 section 3.9.2.2: MUST-54 to MUST-56, SHLD-25, SHLD-26; RFC 5927).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/made_frame.h"
#include "support/wire.h"

#define SOFT   ESTAB_EVENT_SOFT_ERROR
#define CLOSED ESTAB_EVENT_CLOSED

static void start(struct wire *w)
{
    struct estab_config c = wire_config();

    wire_start(w, &c);
}

/* An IPv4 packet from the peer. */
static void packet(struct wire *w, uint8_t protocol, const uint8_t *payload, size_t n)
{
    static uint8_t bytes[70000];

    wire_packet(w, bytes, made_ip(bytes, WIRE_PEER, WIRE_OWN, protocol, payload, n, true));
}

/* An ICMP message: type, code, the second word, and its data. */
static void icmp(struct wire *w, unsigned type, unsigned code, const void *data, size_t n)
{
    static uint8_t m[65536];
    uint16_t sum;

    memcpy(m, (uint8_t[]){(uint8_t)type, (uint8_t)code, 0, 0, 0x12, 0x34, 0, 9}, 8);
    memcpy(m + 8, data, n);
    sum = made_sum(0, m, n + 8);
    m[2] = (uint8_t)(sum >> 8);
    m[3] = (uint8_t)sum;
    packet(w, 1, m, n + 8);
}

/* ---- echo ------------------------------------------------------------------------------------------ */

WIRE_TEST(an_echo_is_answered)
{
    static const size_t lengths[] = {0, 1, 2, 56, 1001, 1472};
    uint8_t data[1472];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 11);
    start(w);
    for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        icmp(w, 8, 0, data, lengths[i]);
        CHECK_EQ(w->others, i + 1);
        CHECK_EQ(w->other_length, 28 + lengths[i]);
        CHECK_EQ(made_sum(0, w->other + 20, 8 + lengths[i]), 0);
        assert_memory_equal(w->other + 12, "\12\0\0\1\12\0\0\2", 8);
        assert_memory_equal(w->other + 24, "\x12\x34\0\t", 4);
        CHECK_EQ(w->other[20], 0);
        CHECK_EQ(w->other[21], 0);
        if (lengths[i] < sizeof w->other - 28)
            assert_memory_equal(w->other + 28, data, lengths[i]);
    }
    CHECK_EQ(wire_reason(w, "ECHO"), sizeof lengths / sizeof lengths[0]);
}

/* Answers would have to be fragmented: we do not. */
WIRE_TEST(an_echo_beyond_the_mtu_is_not_answered)
{
    static const uint8_t data[2000];

    start(w);
    icmp(w, 8, 0, data, 1473);
    CHECK_EQ(w->others, 0);
}

WIRE_TEST(bad_echoes_are_not_answered)
{
    static const uint8_t wrong_sum[] = {8, 0, 0, 0, 0, 0, 0, 0};

    start(w);
    icmp(w, 8, 1, "", 0);
    CHECK_EQ(wire_reason(w, "ICMP_MALFORMED"), 1);
    packet(w, 1, wrong_sum, 8);
    CHECK_EQ(wire_reason(w, "ICMP_CHECKSUM"), 1);
    for (size_t n = 0; n < 8; n++)
        packet(w, 1, wrong_sum, n);
    CHECK_EQ(wire_reason(w, "ICMP_MALFORMED"), 9);
    icmp(w, 0, 0, "", 0); /* an answer to nothing */
    icmp(w, 13, 0, "", 0);
    CHECK_EQ(wire_reason(w, "ICMP_IGNORED"), 2);
    CHECK_EQ(w->others, 0);
}

/* ---- unreachable --------------------------------------------------------------------------------------- */

static const uint8_t udp[] = {0, 53, 0, 54, 0, 10, 0, 0, 'h', 'i'};

/* Type 3, code 3, with the IP header and 8 bytes of what it is about. */
WIRE_TEST(udp_meets_no_port)
{
    start(w);
    packet(w, 17, udp, sizeof udp);
    CHECK_EQ(w->others, 1);
    CHECK_EQ(w->other_length, 20 + 8 + 28);
    CHECK_EQ(w->other[20], 3);
    CHECK_EQ(w->other[21], 3);
    CHECK_EQ(made_sum(0, w->other + 20, 36), 0);
    CHECK_EQ(w->other[28], 0x45);
    assert_memory_equal(w->other + 28 + 12, "\12\0\0\2\12\0\0\1", 8);
    assert_memory_equal(w->other + 48, udp, 8);
    CHECK_EQ(wire_reason(w, "UDP_NO_PORT"), 1);
}

WIRE_TEST(other_protocols_are_unknown)
{
    start(w);
    packet(w, 132, udp, 4); /* shorter than the quote */
    CHECK_EQ(w->others, 1);
    CHECK_EQ(w->other_length, 20 + 8 + 24);
    CHECK_EQ(w->other[20], 3);
    CHECK_EQ(w->other[21], 2);
    CHECK_EQ(wire_reason(w, "IP_PROTOCOL"), 1);
}

/* RFC 1122 section 3.2.2: never about these. */
WIRE_TEST(no_error_about_some)
{
    uint8_t bytes[100];
    size_t n;

    start(w);
    n = made_ip(bytes, estab_ipv4(255, 255, 255, 255), WIRE_OWN, 17, udp, sizeof udp, true);
    wire_packet(w, bytes, n);
    n = made_ip(bytes, estab_ipv4(224, 1, 1, 1), WIRE_OWN, 17, udp, sizeof udp, true);
    wire_packet(w, bytes, n);
    n = made_ip(bytes, WIRE_PEER, estab_ipv4(10, 0, 0, 255), 17, udp, sizeof udp, true);
    wire_packet(w, bytes, n);
    n = made_ip(bytes, WIRE_PEER, WIRE_OWN, 17, udp, sizeof udp, true);
    bytes[6] = 0x20; /* a fragment */
    bytes[10] += 0x20;
    wire_packet(w, bytes, n);
    CHECK_EQ(w->others, 0);
}

/* ---- errors about connections ------------------------------------------------------------------------------ */

/* The quote of a segment of ours with this relative sequence number. */
static void about(struct wire *w, unsigned type, unsigned code, uint32_t seq, uint16_t rport)
{
    uint8_t quote[100];
    struct made_tcp m = {
        .src = {WIRE_OWN, WIRE_PORT},
        .dst = {WIRE_PEER, rport},
        .seq = w->iss + seq,
        .text = "",
    };

    (void)made_tcp(quote, &m, true);
    icmp(w, type, code, quote, 28);
}

static void open_only(struct wire *w)
{
    struct estab_open open = {
        .size = sizeof open,
        .local = {WIRE_OWN, WIRE_PORT},
        .remote = {WIRE_PEER, WIRE_RPORT},
        .fixed_iss = true,
        .iss = w->iss,
    };

    start(w);
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
    OUT(0, SYN, 0, 0, 0);
}

/* SHLD-26 in SYN-SENT: nobody is there. */
WIRE_TEST(a_hard_error_ends_an_attempt)
{
    open_only(w);
    about(w, 3, 3, 0, WIRE_RPORT);
    EVENTS(CLOSED);
    CHECK_EQ(w->error, ESTAB_UNREACHABLE);
    CHECK_EQ(wire_reason(w, "ICMP_HARD"), 1);
    QUIET(100 * S);
}

/* SHLD-26. */
WIRE_TEST(a_missing_protocol_ends_an_attempt)
{
    open_only(w);
    about(w, 3, 2, 0, WIRE_RPORT);
    EVENTS(CLOSED);
    CHECK_EQ(w->error, ESTAB_UNREACHABLE);
}

/* MUST-56, SHLD-25: told, and the attempt goes on. MUST-47, MUST-54. */
WIRE_TEST(soft_errors_end_nothing)
{
    static const uint8_t rows[][2] = {{3, 0}, {3, 1}, {3, 5}, {11, 0}, {11, 1}, {12, 0}};

    open_only(w);
    for (size_t i = 0; i < sizeof rows / 2; i++) {
        about(w, rows[i][0], rows[i][1], 0, WIRE_RPORT);
        EVENTS(SOFT);
        CHECK_EQ(w->soft, ESTAB_UNREACHABLE);
        CHECK_EQ(STATUS.soft_error, ESTAB_UNREACHABLE);
        CHECK_EQ(STATUS.state, ESTAB_STATE_SYN_SENT);
    }
    OUT(1 * S, SYN, 0, 0, 0);
    IN(SYN | ACK, 0, 1, 0, .wnd = 1000);
    OUT(1 * S, ACK, 1, 1, 0);
    CHECK_EQ(STATUS.soft_error, ESTAB_OK); /* it went through after all */
}

/* RFC 5927 section 5.2: in a synchronized state even a hard one is a hint; section 4.1: only about
 * what is in flight. SHLD-26. */
WIRE_TEST(an_established_connection_survives_hard_errors)
{
    start(w);
    OPEN(65535);
    about(w, 3, 3, 0, WIRE_RPORT);
    about(w, 3, 3, 1, WIRE_RPORT);
    EVENTS(0);
    CHECK_EQ(wire_reason(w, "ICMP_NO_CONNECTION"), 2);
    SEND(100);
    OUT(0, ACK | PSH, 1, 1, 100);
    about(w, 3, 3, 0, WIRE_RPORT);   /* acknowledged before */
    about(w, 3, 3, 101, WIRE_RPORT); /* not yet sent */
    EVENTS(0);
    about(w, 3, 3, 1, WIRE_RPORT);
    EVENTS(SOFT);
    about(w, 3, 2, 100, WIRE_RPORT);
    EVENTS(SOFT);
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
    IN(ACK, 1, 101, 0, .wnd = 65535);
}

/* MUST-54. */
WIRE_TEST(errors_about_others_are_ignored)
{
    open_only(w);
    about(w, 3, 3, 1, WIRE_RPORT);     /* a number that was not sent */
    about(w, 3, 3, 0, WIRE_RPORT + 1); /* another connection */
    EVENTS(0);
    CHECK_EQ(wire_reason(w, "ICMP_NO_CONNECTION"), 2);
    CHECK_EQ(STATUS.state, ESTAB_STATE_SYN_SENT);
}

/* MUST-55. */
WIRE_TEST(source_quench_is_discarded)
{
    open_only(w);
    about(w, 4, 0, 0, WIRE_RPORT);
    EVENTS(0);
    CHECK_EQ(wire_reason(w, "ICMP_IGNORED"), 1);
}

/* A packet that was too big, and is not what we sent. */
WIRE_TEST(fragmentation_needed_is_survived)
{
    start(w);
    OPEN(65535);
    SEND(100);
    about(w, 3, 4, 1, WIRE_RPORT);
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
    w->head = w->tail;
}

/* "Fragmentation needed" of a router that can carry `mtu` bytes, about a packet of `length` bytes. */
static void too_big(struct wire *w, uint32_t seq, uint32_t length, unsigned mtu)
{
    static uint8_t quote[70000];
    struct made_tcp m = {.src = {WIRE_OWN, WIRE_PORT}, .dst = {WIRE_PEER, WIRE_RPORT},
                         .seq = w->iss + seq, .length = length - 40};
    uint8_t message[36] = {3, 4, 0, 0, 0, 0, (uint8_t)(mtu >> 8), (uint8_t)mtu};
    uint16_t sum;

    (void)made_tcp(quote, &m, true);
    memcpy(message + 8, quote, 28);
    sum = made_sum(0, message, sizeof message);
    message[2] = (uint8_t)(sum >> 8);
    message[3] = (uint8_t)sum;
    packet(w, 1, message, sizeof message);
}

/* RFC 1191: what was too big goes again smaller, and so does all that follows; the window is of as many segments
 * as it was (RFC 5681 section 3.1). R5681-6. */
WIRE_TEST(segments_become_what_the_path_carries)
{
    start(w);
    OPEN(65535);
    SEND(3000);
    SKIP;
    too_big(w, 1, 1500, 1000);
    CHECK_EQ(wire_reason(w, "ICMP_MTU"), 1);
    CHECK_EQ(STATUS.snd_mss, 960);
    EVENTS(0);
    too_big(w, 1, 1500, 800); /* another of the same flight: longer than what is sent now */
    CHECK_EQ(wire_reason(w, "ICMP_MTU_LIE"), 1);
    CHECK_EQ(STATUS.snd_mss, 960);
    for (uint32_t at = 1; at < 2881; at += 960) /* at once, in what fits */
        OUT(0, ACK, at, 1, 960);
    OUT(0, ACK | PSH, 2881, 1, 120);
    CHECK_EQ(STATUS.cwnd, 9600);
    CHECK_EQ(STATUS.path_mtu, 1000);
    CHECK_EQ(wire_counters(w).retransmitted, 4);
    IN(ACK, 1, 3001, 0, .wnd = 65535);
    QUIET(10 * S);
}

/* The same where SACK tells what is lost. */
WIRE_TEST(what_was_too_long_goes_again_with_sack)
{
    start(w);
    OPEN(65535, .sack_ok = true);
    SEND(3000);
    SKIP;
    too_big(w, 1, 1500, 1000);
    for (uint32_t at = 1; at < 2881; at += 960)
        OUT(0, ACK, at, 1, 960);
    OUT(0, ACK | PSH, 2881, 1, 120);
    CHECK_EQ(STATUS.cwnd, 9600);
    CHECK_EQ(STATUS.lost, 4); /* and known to be under way again */
    CHECK_EQ(STATUS.retrans_out, 4);
    IN(ACK, 1, 3001, 0, .wnd = 65535);
    QUIET(10 * S);
}

/* RFC 1191 section 5: a router that does not say is asked by plateaus; nobody is believed below 552. BAD-15. */
WIRE_TEST(a_router_may_not_say_and_may_not_lie_low)
{
    start(w);
    OPEN(65535);
    SEND(3000);
    SKIP;
    too_big(w, 1, 1500, 0);
    CHECK_EQ(STATUS.snd_mss, 1492 - 40);
    too_big(w, 1, 1492, 68);
    CHECK_EQ(STATUS.snd_mss, 552 - 40);
    too_big(w, 1, 552, 68);
    CHECK_EQ(STATUS.snd_mss, 552 - 40);
    CHECK_EQ(wire_reason(w, "ICMP_MTU"), 2);
    CHECK_EQ(wire_reason(w, "ICMP_MTU_LIE"), 1);
}

/* RFC 5927 section 7: what a stranger may say at every number of the window and beyond. BAD-15. */
WIRE_TEST(forged_too_big_changes_nothing)
{
    start(w);
    OPEN(65535);
    SEND(3000);
    SKIP;
    for (uint32_t d = 0; d < 100; d++) { /* not outstanding */
        too_big(w, 3001 + d * 650, 1500, 600);
        too_big(w, 0 - d * 650, 1500, 600);
    }
    CHECK_EQ(wire_reason(w, "ICMP_NO_CONNECTION"), 200);
    too_big(w, 1, 1500, 1500); /* it would have passed */
    too_big(w, 1, 1501, 600);  /* nothing of ours is as long */
    too_big(w, 1, 500, 0);
    CHECK_EQ(wire_reason(w, "ICMP_MTU_LIE"), 3);
    CHECK_EQ(STATUS.snd_mss, 1460);
    IN(ACK, 1, 1461, 0, .wnd = 65535); /* a whole segment has passed */
    SKIP;
    for (uint32_t at = 1461; at <= 3000; at++)
        too_big(w, at, 1500, 600);
    CHECK_EQ(wire_reason(w, "ICMP_MTU_PASSES"), 3000 - 1461 + 1);
    CHECK_EQ(STATUS.snd_mss, 1460);
    IN(ACK, 1, 3001, 0, .wnd = 65535);
    SEND(1460);
    wire_run(w, w->now + 300 * MS); /* and then none passes any more */
    too_big(w, 3001, 1500, 1200);
    CHECK_EQ(STATUS.snd_mss, 1160);
    CHECK_EQ(STATUS.path_mtu, 1200);
    SKIP;
}

/* Quotes that are cut short, at every length; and one of a packet that nobody here sent. */
WIRE_TEST(short_quotes_are_refused)
{
    uint8_t quote[100];
    struct made_tcp m = {.src = {WIRE_OWN, WIRE_PORT}, .dst = {WIRE_PEER, WIRE_RPORT}, .text = ""};

    open_only(w);
    m.seq = w->iss;
    (void)made_tcp(quote, &m, true);
    for (size_t n = 0; n < 28; n++)
        icmp(w, 3, 3, quote, n);
    EVENTS(0);
    CHECK_EQ(wire_reason(w, "ICMP_MALFORMED"), 28);
    quote[0] = 0x4f; /* a header of 60 bytes, of which 28 came */
    icmp(w, 3, 3, quote, 28);
    quote[0] = 0x45;
    quote[9] = 17;
    icmp(w, 3, 3, quote, 28);
    quote[9] = 6;
    quote[15] = 77;
    icmp(w, 3, 3, quote, 28);
    EVENTS(0);
    quote[15] = 1;
    icmp(w, 3, 3, quote, 28);
    EVENTS(CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_echo_is_answered),
        cmocka_unit_test(an_echo_beyond_the_mtu_is_not_answered),
        cmocka_unit_test(bad_echoes_are_not_answered),
        cmocka_unit_test(udp_meets_no_port),
        cmocka_unit_test(other_protocols_are_unknown),
        cmocka_unit_test(no_error_about_some),
        cmocka_unit_test(a_hard_error_ends_an_attempt),
        cmocka_unit_test(a_missing_protocol_ends_an_attempt),
        cmocka_unit_test(soft_errors_end_nothing),
        cmocka_unit_test(an_established_connection_survives_hard_errors),
        cmocka_unit_test(errors_about_others_are_ignored),
        cmocka_unit_test(source_quench_is_discarded),
        cmocka_unit_test(fragmentation_needed_is_survived),
        cmocka_unit_test(segments_become_what_the_path_carries),
        cmocka_unit_test(what_was_too_long_goes_again_with_sack),
        cmocka_unit_test(a_router_may_not_say_and_may_not_lie_low),
        cmocka_unit_test(forged_too_big_changes_nothing),
        cmocka_unit_test(short_quotes_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
