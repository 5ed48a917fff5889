/* SPDX-License-Identifier: MIT */
/* test_icmp6.c - ICMPv6: echo (RFC 4443 section 4), and what errors do (RFC 9293 section 3.9.2.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/made_frame.h"
#include "support/rig.h"

static struct rig rig;
static uint8_t bytes[RIG_FRAME_MAX];

static int begin(void **state)
{
    (void)state;
    rig_over_ipv6(true);
    rig_start(&rig, NULL, 100, 200);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_over_ipv6(false);
    rig_end(&rig);
    return 0;
}

/* ---- echo ------------------------------------------------------------------------------------------- */

static void an_echo_is_answered(void **state)
{
    uint8_t body[44] = {1, 2, 3, 4};
    const struct rig_sent *sent;
    struct estab_addr us;
    (void)state;
    for (unsigned i = 4; i < sizeof body; i++)
        body[i] = (uint8_t)i;
    rig_in_bytes(&rig, bytes,
                 made_icmp6(bytes, rig_peer(), rig_us(), 128, 0, body, sizeof body, true));
    sent = rig_out_any(&rig);
    assert_non_null(sent);
    assert_int_equal(sent->protocol, 58);
    assert_int_equal(sent->type, 129);
    assert_int_equal(sent->code, 0);
    assert_memory_equal(sent->body, body, sizeof body);
    us = rig_us();
    assert_memory_equal(&sent->src, &us, 16);
    COUNTED(&rig, REASON_ECHO, 1);
}

static void echoes_that_are_not_answered(void **state)
{
    struct estab_addr every = {{0xff, 2, [15] = 1}};
    uint8_t body[2000] = {0};
    size_t n;
    (void)state;
    rig_in_bytes(&rig, bytes, made_icmp6(bytes, rig_peer(), every, 128, 0, body, 8, true));
    COUNTED(&rig, REASON_ICMP_IGNORED, 1); /* a stranger would make many answer one */
    rig_in_bytes(&rig, bytes, made_icmp6(bytes, rig_peer(), rig_us(), 128, 1, body, 8, true));
    COUNTED(&rig, REASON_ICMP_MALFORMED, 1);
    rig_in_bytes(&rig, bytes, made_icmp6(bytes, rig_peer(), rig_us(), 128, 0, body, 3, true));
    COUNTED(&rig, REASON_ICMP_MALFORMED, 2);
    rig_in_bytes(&rig, bytes, made_icmp6(bytes, rig_peer(), rig_us(), 128, 0, body, 1600, true));
    COUNTED(&rig, REASON_ICMP_IGNORED, 2); /* we do not fragment */
    rig_in_bytes(&rig, bytes, made_icmp6(bytes, rig_peer(), rig_us(), 129, 0, body, 8, true));
    COUNTED(&rig, REASON_ICMP_IGNORED, 3);
    n = made_icmp6(bytes, rig_peer(), rig_us(), 128, 0, body, 8, true);
    bytes[n - 1] ^= 1;
    rig_in_bytes(&rig, bytes, n);
    COUNTED(&rig, REASON_ICMP_CHECKSUM, 1);
    QUIET(&rig);
}

/* ---- errors ------------------------------------------------------------------------------------------- */

/* An error about a segment that we have sent from `seq` on, relative, to the peer's `port`. */
static size_t error_about(uint8_t type, uint8_t code, uint32_t seq, uint16_t port, size_t cut)
{
    struct made_tcp ours = {.src = {rig_us(), RIG_PORT}, .dst = {rig_peer(), port},
                            .seq = rig.iss + seq, .flags = ACK};
    uint8_t body[4 + 60] = {0};
    size_t n;

    (void)made_tcp(body + 4, &ours, true);
    n = made_icmp6(bytes, rig_peer(), rig_us(), type, code, body, sizeof body - cut, true);
    return n;
}

static void error_in(uint8_t type, uint8_t code)
{
    rig_in_bytes(&rig, bytes, error_about(type, code, 0, RIG_PEER_PORT, 0));
}

static void hard_errors_end_an_attempt(void **state)
{
    static const uint8_t hard[][2] = {{1, 1}, {1, 4}};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        rig_end(&rig);
        rig_start(&rig, NULL, 100, 200);
        rig_become(&rig, ACTIVE, SYN_SENT);
        rig_forget(&rig);
        error_in(hard[i][0], hard[i][1]);
        HAPPENED(&rig, ESTAB_EVENT_CLOSED, ESTAB_UNREACHABLE);
        COUNTED(&rig, REASON_ICMP_HARD, 1);
    }
}

/* "Packet too big" of a router that carries `mtu`, about a packet of `length` bytes that begins at `seq`. */
static void too_big(uint32_t seq, uint32_t length, uint32_t mtu)
{
    struct made_tcp ours = {.src = {rig_us(), RIG_PORT}, .dst = {rig_peer(), RIG_PEER_PORT},
                            .seq = rig.iss + seq, .flags = ACK};
    uint8_t body[4 + 60] = {(uint8_t)(mtu >> 24), (uint8_t)(mtu >> 16), (uint8_t)(mtu >> 8), (uint8_t)mtu};

    (void)made_tcp(body + 4, &ours, true);
    body[4 + 4] = (uint8_t)((length - 40) >> 8);
    body[4 + 5] = (uint8_t)(length - 40);
    rig_in_bytes(&rig, bytes, made_icmp6(bytes, rig_peer(), rig_us(), 2, 0, body, sizeof body, true));
}

/* RFC 8201 section 4: what is told below 1280 is discarded, and so is what RFC 5927 section 7 finds impossible;
 * what can be true makes segments smaller, and what was lost goes again at once. */
static void packets_become_what_the_path_carries(void **state)
{
    (void)state;
    assert_int_equal(rig_open_active(&rig), ESTAB_OK);
    OUT(&rig, SYN, 0, 0);
    IN(&rig, SYN | ACK, 0, 1, .opt = MSS, .mss = 1440);
    OUT(&rig, ACK, 1, 1);
    assert_int_equal(rig_send(&rig, 3000, 0), ESTAB_OK);
    OUT(&rig, ACK, 1, 1, .len = 1440);
    rig_forget(&rig);
    too_big(1, 1500, 1279);
    too_big(1, 1500, 0);
    too_big(1, 1500, 1500);
    too_big(1, 1501, 1400);
    COUNTED(&rig, REASON_ICMP_MTU_LIE, 4);
    too_big(0, 1500, 1400);
    too_big(3001, 1500, 1400);
    COUNTED(&rig, REASON_ICMP_NO_CONNECTION, 2);
    QUIET(&rig);
    assert_int_equal(rig_status(&rig).path_mtu, 1520); /* the link's; the peer's MSS is of 1500 */
    too_big(1, 1500, 1400);
    COUNTED(&rig, REASON_ICMP_MTU, 1);
    assert_int_equal(rig_status(&rig).path_mtu, 1400);
    assert_int_equal(rig_status(&rig).snd_mss, 1340);
    OUT(&rig, ACK, 1, 1, .len = 1340);
    rig_forget(&rig);
}

/* MUST-56. */
static void soft_errors_end_nothing(void **state)
{
    static const uint8_t soft[][2] = {{1, 0}, {1, 2}, {1, 3}, {1, 5}, {1, 6},
                                      {3, 0}, {3, 1}, {4, 0}, {4, 1}, {4, 2}};
    (void)state;
    for (unsigned i = 0; i < sizeof soft / 2; i++) {
        rig_end(&rig);
        rig_start(&rig, NULL, 100, 200);
        rig_become(&rig, ACTIVE, SYN_SENT);
        rig_forget(&rig);
        error_in(soft[i][0], soft[i][1]);
        HAPPENED(&rig, ESTAB_EVENT_SOFT_ERROR, ESTAB_UNREACHABLE);
        COUNTED(&rig, REASON_ICMP_SOFT, 1);
        IS(&rig, SYN_SENT);
    }
}

/* RFC 5927 section 5.2. */
static void hard_errors_end_no_connection(void **state)
{
    (void)state;
    rig_become(&rig, ACTIVE, ESTABLISHED);
    assert_int_equal(rig_send(&rig, 10, ESTAB_PUSH), ESTAB_OK);
    rig_pull(&rig);
    rig_forget(&rig);
    rig_in_bytes(&rig, bytes, error_about(1, 4, 1, RIG_PEER_PORT, 0));
    HAPPENED(&rig, ESTAB_EVENT_SOFT_ERROR, ESTAB_UNREACHABLE);
    IS(&rig, ESTABLISHED);
}

/* RFC 5927 section 4.1: what a stranger cannot know. */
static void errors_about_nothing_of_ours(void **state)
{
    (void)state;
    rig_become(&rig, ACTIVE, SYN_SENT);
    rig_forget(&rig);
    rig_in_bytes(&rig, bytes, error_about(1, 4, 1, RIG_PEER_PORT, 0));
    rig_in_bytes(&rig, bytes, error_about(1, 4, (uint32_t)-1, RIG_PEER_PORT, 0));
    rig_in_bytes(&rig, bytes, error_about(1, 4, 0, RIG_PEER_PORT + 1, 0));
    COUNTED(&rig, REASON_ICMP_NO_CONNECTION, 3);
    HAPPENED(&rig, 0, ESTAB_OK);
    IS(&rig, SYN_SENT);
}

/* bad-inputs, row 15: every length of the quoted packet. BAD-15. */
static void errors_that_quote_too_little(void **state)
{
    unsigned malformed = 0;
    (void)state;
    rig_become(&rig, ACTIVE, SYN_SENT);
    rig_forget(&rig);
    for (size_t cut = 0; cut <= 60; cut++) {
        rig_in_bytes(&rig, bytes, error_about(1, 0, 0, RIG_PEER_PORT, cut));
        malformed += 60 - cut < 48;
    }
    COUNTED(&rig, REASON_ICMP_MALFORMED, malformed);
    COUNTED(&rig, REASON_ICMP_SOFT, 61 - malformed);
    IS(&rig, SYN_SENT);
}

/* A quoted segment behind an extension header is found, too. */
static void errors_quote_extension_headers(void **state)
{
    struct made_tcp ours = {.src = {rig_us(), RIG_PORT}, .dst = {rig_peer(), RIG_PEER_PORT},
                            .seq = rig.iss, .flags = SYN};
    uint8_t body[4 + 40 + 8 + 20] = {0}, plain[60];
    (void)state;
    rig_become(&rig, ACTIVE, SYN_SENT);
    rig_forget(&rig);
    (void)made_tcp(plain, &ours, true);
    memcpy(body + 4, plain, 40);
    body[4 + 5] += 8;
    body[4 + 6] = 60;
    memcpy(body + 44, "\6\0\1\4\0\0\0\0", 8);
    memcpy(body + 52, plain + 40, 20);
    rig_in_bytes(&rig, bytes,
                 made_icmp6(bytes, rig_peer(), rig_us(), 1, 4, body, sizeof body, true));
    HAPPENED(&rig, ESTAB_EVENT_CLOSED, ESTAB_UNREACHABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_echo_is_answered),
        TEST(echoes_that_are_not_answered),
        TEST(hard_errors_end_an_attempt),
        TEST(packets_become_what_the_path_carries),
        TEST(soft_errors_end_nothing),
        TEST(hard_errors_end_no_connection),
        TEST(errors_about_nothing_of_ours),
        TEST(errors_that_quote_too_little),
        TEST(errors_quote_extension_headers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
