/* SPDX-License-Identifier: MIT */
/*
 * test_ndp.c - one stack with IPv6 on Ethernet, frame by frame: duplicate address detection before the
 * first segment, questions and answers about stations, and messages that the rules forbid.  The states
 * and their times are in tests/unit/ip/test_ndp.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/made_frame.h"
#include "support/rig.h"

static struct rig rig;
static uint8_t bytes[RIG_FRAME_MAX];
static const struct estab_addr nobody;

static void start(uint8_t questions)
{
    struct estab_config config = rig_config();

    config.dad_transmits = questions;
    rig_over_ipv6(true);
    rig_start_on_ethernet(&rig, &config, 100, 200);
}

static int begin(void **state)
{
    (void)state;
    start(0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_over_ipv6(false);
    rig_end(&rig);
    return 0;
}

static struct estab_addr host(uint8_t number)
{
    return (struct estab_addr){{0xfd, 0x11, [15] = number}};
}

static struct estab_addr asked_group(struct estab_addr a)
{
    return (struct estab_addr){{0xff, 2, [11] = 1, [12] = 0xff, a.b[13], a.b[14], a.b[15]}};
}

static enum estab_address_state state_of(struct estab_addr address)
{
    struct estab_address a;

    for (uint32_t cursor = 0; estab_address_next(rig.stack, &cursor, &a);)
        if (memcmp(&a.address, &address, 16) == 0)
            return a.state;
    fail_msg("no such address");
    return ESTAB_ADDRESS_DUPLICATE;
}

/* ---- messages in ------------------------------------------------------------------------------------ */

struct message {
    struct estab_addr from, to, target;
    uint8_t type, code, flags;
    uint8_t option, option_length; /* in units of 8 bytes */
    uint8_t hops;                  /* 0: 255 */
    uint8_t cut;                   /* bytes less */
};

static void message_in(const struct message *m)
{
    uint8_t body[28] = {m->flags, [20] = m->option, [21] = m->option_length, [22] = 2, [27] = m->from.b[15]};
    size_t n;

    memcpy(body + 4, m->target.b, 16);
    n = made_icmp6(bytes, m->from, m->to, m->type, m->code, body, (m->option ? 28u : 20u) - m->cut, false);
    bytes[11] = 9; /* some station's, not ours */
    made_hops(bytes, m->hops ? m->hops : 255, false);
    rig_in_bytes(&rig, bytes, n);
}

#define MESSAGE(...) message_in(&(struct message){__VA_ARGS__})

/* ---- before the first segment ------------------------------------------------------------------------ */

/* The question is for all who would have the address, from nobody, and names no station. */
static void expect_search(struct estab_addr about, estab_time at)
{
    const struct rig_sent *sent = rig_out_any(&rig);
    struct estab_addr group = asked_group(about);

    assert_non_null(sent);
    assert_int_equal(sent->type, 135);
    assert_int_equal(sent->hops, 255);
    assert_int_equal(sent->at, at);
    assert_memory_equal(&sent->src, &nobody, 16);
    assert_memory_equal(&sent->dst, &group, 16);
    assert_memory_equal(sent->mac, ((uint8_t[]){0x33, 0x33, 0xff, about.b[13], about.b[14], about.b[15]}), 6);
    assert_memory_equal(sent->body, "\0\0\0\0", 4);
    assert_memory_equal(sent->body + 4, &about, 16);
    assert_int_equal(sent->body[20], 0);
}

/* RFC 4861 section 7.2.6: unsolicited, with the override flag and our MAC. */
static void expect_news(struct estab_addr about)
{
    const struct estab_addr all = {{0xff, 2, [15] = 1}};
    const struct rig_sent *sent = rig_out_any(&rig);
    assert_non_null(sent);
    assert_int_equal(sent->type, 136);
    assert_int_equal(sent->hops, 255);
    assert_memory_equal(&sent->src, &about, 16);
    assert_memory_equal(&sent->dst, &all, 16);
    assert_memory_equal(sent->body, "\x20\0\0\0", 4);
    assert_memory_equal(sent->body + 4, &about, 16);
    assert_memory_equal(sent->body + 20, "\2\1", 2);
}

static void a_connection_waits_until_its_address_is_ours(void **state)
{
    struct estab_addr link = {{0xfe, 0x80, [11] = 0xff, [12] = 0xfe, 0, 0, 1}};
    estab_time asked;
    (void)state;
    end(NULL);
    start(1);
    assert_int_equal(rig_open_active(&rig), ESTAB_OK);
    asked = estab_deadline(rig.stack);
    assert_true(asked >= rig.start && asked < rig.start + ESTAB_SECOND);
    rig_at(&rig, 1000);
    expect_search(host(1), asked);
    expect_search(link, asked); /* of 02:00:00:00:00:01 */
    QUIET(&rig);
    assert_int_equal(state_of(host(1)), ESTAB_ADDRESS_TENTATIVE);
    rig_at(&rig, 2000);
    assert_int_equal(state_of(host(1)), ESTAB_ADDRESS_PREFERRED);
    assert_int_equal(state_of(link), ESTAB_ADDRESS_PREFERRED);
    expect_news(host(1));
    expect_news(link);
    const struct rig_sent *syn = rig_out_any(&rig);
    assert_non_null(syn);
    assert_int_equal(syn->seg.flags, SYN);
    assert_int_equal(syn->at, asked + ESTAB_SECOND);
}

static void a_connection_from_a_duplicate_is_told(void **state)
{
    (void)state;
    end(NULL);
    start(1);
    assert_int_equal(rig_open_active(&rig), ESTAB_OK);
    rig_forget(&rig);
    MESSAGE(.type = 136, .from = host(1), .to = {{0xff, 2, [15] = 1}}, .target = host(1), .flags = 0x20,
            .option = 2, .option_length = 1);
    assert_int_equal(state_of(host(1)), ESTAB_ADDRESS_DUPLICATE);
    COUNTED(&rig, REASON_NDP_DUPLICATE, 1);
    COUNTED(&rig, REASON_ADDRESS_DUPLICATE, 1);
    HAPPENED(&rig, ESTAB_EVENT_SOFT_ERROR, ESTAB_UNREACHABLE);
    /* Nor is it answered for. */
    MESSAGE(.type = 135, .from = host(2), .to = asked_group(host(1)), .target = host(1));
    rig_at(&rig, 20000);
    for (const struct rig_sent *sent; (sent = rig_out_any(&rig)) != NULL;)
        assert_int_equal(sent->body[4], 0xfe); /* about the link-local one alone */
}

/* ---- questions and answers ------------------------------------------------------------------------------ */

static void a_station_is_asked_for_and_told(void **state)
{
    (void)state;
    rig_become(&rig, ACTIVE, ESTABLISHED); /* whose peer answers */
    assert_int_equal(rig_send(&rig, 10, ESTAB_PUSH), ESTAB_OK);
    rig_pull(&rig);
    const struct rig_sent *sent = rig_out_any(&rig);
    assert_non_null(sent);
    assert_memory_equal(sent->mac, "\2\0\0\0\0\2", 6);
}

static void our_question_names_our_station(void **state)
{
    struct estab_addr group = asked_group(rig_peer()), us = rig_us(), peer = rig_peer();
    const struct rig_sent *sent;
    (void)state;
    rig.deaf = true;
    assert_int_equal(rig_open_active(&rig), ESTAB_OK);
    rig_pull(&rig);
    sent = rig_out_any(&rig);
    assert_non_null(sent);
    assert_int_equal(sent->type, 135);
    assert_int_equal(sent->hops, 255);
    assert_memory_equal(&sent->src, &us, 16);
    assert_memory_equal(&sent->dst, &group, 16);
    assert_memory_equal(sent->body + 4, &peer, 16);
    assert_memory_equal(sent->body + 20, "\1\1\2\0\0\0\0\1", 8);
    rig_at(&rig, 3100);
    HAPPENED(&rig, ESTAB_EVENT_SOFT_ERROR, ESTAB_UNREACHABLE);
    COUNTED(&rig, REASON_NEIGHBOUR_UNKNOWN, 1);
}

static void a_question_is_answered(void **state)
{
    struct estab_addr us = rig_us();
    const struct rig_sent *sent;
    (void)state;
    MESSAGE(.type = 135, .from = host(2), .to = asked_group(us), .target = us, .option = 1,
            .option_length = 1);
    sent = rig_out_any(&rig);
    assert_non_null(sent);
    assert_int_equal(sent->type, 136);
    assert_int_equal(sent->hops, 255);
    assert_memory_equal(&sent->src, &us, 16);
    assert_memory_equal(sent->body, "\x60\0\0\0", 4); /* solicited, override; no router */
    assert_memory_equal(sent->body + 4, &us, 16);
    assert_memory_equal(sent->body + 20, "\2\1\2\0\0\0\0\1", 8);
    assert_memory_equal(sent->mac, "\2\0\0\0\0\2", 6); /* the option's */
    assert_int_equal(rig_open_active(&rig), ESTAB_OK); /* and who asked is known */
    rig.deaf = true;
    rig_pull(&rig);
    OUT(&rig, SYN, 0, 0);
}

/* ---- what the rules forbid: RFC 4861 sections 7.1.1 and 7.1.2 ------------------------------------------- */

/* BAD-15. */
static void forbidden_messages_change_nothing(void **state)
{
    const struct estab_addr us = rig_us(), group = asked_group(us), every = {{0xff, 2, [15] = 1}};
    const struct message forbidden[] = {
        {.type = 135, .from = host(2), .to = group, .target = us, .hops = 254},
        {.type = 135, .from = host(2), .to = group, .target = us, .code = 1},
        {.type = 135, .from = host(2), .to = group, .target = every},
        {.type = 135, .from = host(2), .to = group, .target = us, .cut = 1},
        {.type = 135, .from = host(2), .to = group, .target = us, .option = 1},
        {.type = 135, .from = host(2), .to = group, .target = us, .option = 1, .option_length = 2},
        {.type = 135, .from = nobody, .to = group, .target = us, .option = 1, .option_length = 1},
        {.type = 135, .from = nobody, .to = us, .target = us},
        {.type = 135, .from = nobody, .to = every, .target = us},
        {.type = 136, .from = host(2), .to = us, .target = host(2), .hops = 64},
        {.type = 136, .from = host(2), .to = us, .target = host(2), .code = 7},
        {.type = 136, .from = host(2), .to = every, .target = host(2), .flags = 0x40},
        {.type = 136, .from = nobody, .to = us, .target = host(2)},
        {.type = 136, .from = host(2), .to = us, .target = every},
        {.type = 136, .from = host(2), .to = us, .target = host(2), .cut = 16},
    };
    unsigned n = sizeof forbidden / sizeof forbidden[0];
    (void)state;
    for (unsigned i = 0; i < n; i++) {
        message_in(&forbidden[i]);
        rig.line = (int)i;
        rig_counted(&rig, REASON_NDP_MALFORMED, i + 1);
        rig_quiet(&rig);
    }
}

/* RFC 6980: a fragment header hides what a switch should see. */
static void no_message_comes_in_fragments(void **state)
{
    uint8_t body[8 + 24] = {58, 0, 0, 0, 0, 0, 0, 1, 135};
    struct estab_addr us = rig_us(), to = asked_group(us);
    uint16_t sum;
    (void)state;
    memcpy(body + 16, us.b, 16);
    sum = made_sum(made_pseudo(host(2), to, 58, 24), body + 8, 24);
    body[10] = (uint8_t)(sum >> 8);
    body[11] = (uint8_t)sum;
    size_t n = made_ip(bytes, host(2), to, 44, body, sizeof body, false);
    made_hops(bytes, 255, false);
    rig_in_bytes(&rig, bytes, n);
    COUNTED(&rig, REASON_NDP_MALFORMED, 1);
    QUIET(&rig);
}

static void groups_that_we_are_not_in(void **state)
{
    (void)state;
    MESSAGE(.type = 135, .from = host(2), .to = asked_group(host(3)), .target = host(3));
    COUNTED(&rig, REASON_IP_NOT_OURS, 1);
    MESSAGE(.type = 135, .from = host(2), .to = asked_group(host(1)), .target = host(3));
    COUNTED(&rig, REASON_NDP_NOT_OURS, 1);
    QUIET(&rig);
}

/* ---- link-local peers ------------------------------------------------------------------------------------ */

static void a_link_local_peer_is_answered_on_his_link(void **state)
{
    struct estab_addr ours = {{0xfe, 0x80, [11] = 0xff, [12] = 0xfe, 0, 0, 1}};
    struct estab_addr theirs = {{0xfe, 0x80, [15] = 2}};
    struct estab_interface other = {.size = sizeof other, .link = ESTAB_LINK_ETHERNET, .mtu = 1500,
                                    .mac = {2, 0, 0, 0, 0, 5}, .prefix_length = 64};
    struct made_tcp syn = {.src = {theirs, 999}, .dst = {ours, 80}, .flags = SYN};
    struct estab_frame f, out;
    (void)state;
    other.address = (struct estab_addr){{0xfd, 0x12, [15] = 5}};
    assert_int_equal(estab_interface_add(rig.stack, &other), 1);
    f = made_frame(bytes, made_tcp(bytes, &syn, false), false);
    memcpy(bytes, "\2\0\0\0\0\1", 6);
    estab_input(rig.stack, &f, 1, rig.now); /* on interface 0, where it is ours */
    assert_int_equal(estab_output(rig.stack, &out, 1, rig.now), 1);
    assert_int_equal(out.interface, 0);
    assert_memory_equal(out.head + 14 + 8, &ours, 16);
    assert_memory_equal(out.head + 14 + 24, &theirs, 16);
    f = made_frame(bytes, made_tcp(bytes, &syn, false), false);
    memcpy(bytes, other.mac, 6);
    f.interface = 1; /* and where it is not */
    estab_input(rig.stack, &f, 1, rig.now);
    assert_int_equal(estab_output(rig.stack, &out, 1, rig.now), 0);
    COUNTED(&rig, REASON_IP_NOT_OURS, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_connection_waits_until_its_address_is_ours),
        TEST(a_connection_from_a_duplicate_is_told),
        TEST(a_station_is_asked_for_and_told),
        TEST(our_question_names_our_station),
        TEST(a_question_is_answered),
        TEST(forbidden_messages_change_nothing),
        TEST(no_message_comes_in_fragments),
        TEST(groups_that_we_are_not_in),
        TEST(a_link_local_peer_is_answered_on_his_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
