/* SPDX-License-Identifier: MIT */
/*
 * test_ndp.c - the states of IPv6 neighbours (RFC 4861 section 7.3) and of our addresses (RFC 4862
 * section 5.4), at exact times.
 */
#include "ip/ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define S         ESTAB_SECOND
#define ENTRIES   4
#define REACHABLE 20 /* seconds */

static struct {
    struct ip ip;
    struct neighbour table[ENTRIES];
} room;

static struct ip *const ip = &room.ip;

static struct estab_addr host(unsigned number)
{
    return (struct estab_addr){{0xfd, 0x11, [15] = (uint8_t)number}};
}

static int begin(void **state)
{
    struct estab_addr us = host(1);
    (void)state;
    memset(&room, 0, sizeof room);
    ip->neighbours_at = (uint64_t)((uint8_t *)room.table - (uint8_t *)ip);
    ip->neighbour_count = ENTRIES;
    ip->interface_count = 1;
    ip->interfaces[0].address = us;
    ip->interfaces[0].link = ESTAB_LINK_ETHERNET;
    memcpy(ip->interfaces[0].mac, "\2\0\0\0\0\1", 6);
    ip->reachable_ms = REACHABLE * 1000;
    ip->dad_transmits = 1;
    assert_int_equal(ip_address_new(ip, 0, &us, 64), 0);
    return 0;
}

static enum neighbour_answer find(unsigned number, estab_time now)
{
    struct ip_path path = {host(number), 0, true};
    uint8_t mac[6] = {0};
    enum neighbour_answer answer = neighbour_find(ip, &path, mac, now);

    if (answer == ANSWER_KNOWN)
        assert_int_equal(mac[5] & 15, number);
    return answer;
}

/* ---- what comes ------------------------------------------------------------------------------------ */

enum { SOLICITED = 1, OVERRIDE = 2, NO_MAC = 4 };

/* An advertisement of a host, whose station's last byte is `station`. */
static enum reason advertise(unsigned number, unsigned station, unsigned flags, estab_time now)
{
    struct ip_whence w = {.us = host(1), .them = host(number), .mac = {2, [5] = (uint8_t)station}};
    struct ndp_neighbour m = {.target = host(number), .advertisement = true,
                              .solicited = flags & SOLICITED, .override = flags & OVERRIDE,
                              .has_mac = !(flags & NO_MAC), .mac = {2, [5] = (uint8_t)station}};
    bool learned = false;
    enum reason reason = ndp_arrives(ip, &w, &m, &learned, now);

    assert_int_equal(learned, reason == REASON_NONE || reason == REASON_NDP_DUPLICATE);
    return reason;
}

/* A question of a host about another one; number 0: from nobody. */
static enum reason ask(unsigned number, unsigned station, unsigned about, estab_time now)
{
    struct ip_whence w = {.us = addr_solicited_node(&(struct estab_addr){{[15] = (uint8_t)about}}),
                          .them = number ? host(number) : (struct estab_addr){{0}},
                          .mac = {2, [5] = (uint8_t)station}};
    struct ndp_neighbour m = {.target = host(about), .has_mac = number > 0,
                              .mac = {2, [5] = (uint8_t)station}};
    bool learned;

    return ndp_arrives(ip, &w, &m, &learned, now);
}

/* ---- what goes -------------------------------------------------------------------------------------- */

static const struct ip_reply *sent(void)
{
    const struct ip_reply *r = &ip->replies[ip->reply_head];

    assert_true(ip->reply_count > 0);
    assert_int_equal(r->protocol, PROTO_ICMP6);
    ip->reply_head = (ip->reply_head + 1) % IP_REPLIES;
    ip->reply_count--;
    return r;
}

/* To the group of the host, or to its station. */
static void expect_question(unsigned number, bool group)
{
    const struct ip_reply *r = sent();
    struct estab_addr us = host(1), target = host(number), to = group ? addr_solicited_node(&target) : target;

    assert_int_equal(r->type, ICMP6_NEIGHBOUR_SOLICITATION);
    assert_memory_equal(&r->src, &us, 16);
    assert_memory_equal(&r->target, &target, 16);
    assert_memory_equal(&r->dst, &to, 16);
    assert_int_equal(r->mac[0], group ? 0x33 : 2);
    assert_int_equal(r->mac[5] & 15, number);
}

static void expect_nothing(void)
{
    assert_int_equal(ip->reply_count, 0);
}

/* ---- neighbours ---------------------------------------------------------------------------------------- */

static void asked_three_times_then_silent(void **state)
{
    (void)state;
    assert_int_equal(find(7, 0), ANSWER_WAIT);
    expect_question(7, true);
    assert_int_equal(find(7, 1), ANSWER_WAIT);
    expect_nothing();
    for (unsigned n = 1; n < 3; n++) {
        assert_int_equal(neighbour_deadline(ip), n * S);
        assert_false(neighbour_expire(ip, n * S));
        expect_question(7, true);
    }
    assert_true(neighbour_expire(ip, 3 * S));
    assert_int_equal(find(7, 3 * S), ANSWER_NOBODY);
    neighbour_expire(ip, 6 * S);
    assert_int_equal(find(7, 6 * S), ANSWER_WAIT);
}

/* KNOWN, STALE, DELAY, PROBE, and KNOWN again. */
static void a_silent_neighbour_is_asked_itself(void **state)
{
    estab_time at = REACHABLE * S;
    (void)state;
    (void)find(7, 0);
    expect_question(7, true);
    assert_int_equal(advertise(7, 7, SOLICITED | OVERRIDE, 0), REASON_NONE);
    assert_int_equal(neighbour_deadline(ip), at);
    assert_false(neighbour_expire(ip, at)); /* nobody sends: nothing is asked */
    expect_nothing();
    at += 100 * S;
    assert_int_equal(find(7, at), ANSWER_KNOWN);
    assert_int_equal(neighbour_deadline(ip), at + 5 * S);
    assert_int_equal(find(7, at + S), ANSWER_KNOWN); /* which does not put it off */
    at += 5 * S;
    assert_false(neighbour_expire(ip, at));
    expect_question(7, false);
    assert_int_equal(find(7, at), ANSWER_KNOWN); /* meanwhile it is used */
    assert_int_equal(advertise(7, 7, SOLICITED, at), REASON_NONE);
    assert_int_equal(neighbour_deadline(ip), at + REACHABLE * S);
}

static void who_does_not_answer_is_forgotten(void **state)
{
    estab_time at = 6 * S;
    (void)state;
    (void)find(7, 0);
    expect_question(7, true);
    assert_int_equal(advertise(7, 7, OVERRIDE, S), REASON_NONE); /* not ours to be sure of: STALE */
    assert_int_equal(find(7, S), ANSWER_KNOWN);
    for (unsigned n = 0; n < 3; n++, at += S) {
        assert_int_equal(neighbour_deadline(ip), at);
        assert_false(neighbour_expire(ip, at));
        expect_question(7, false);
    }
    assert_true(neighbour_expire(ip, at)); /* those who wait look for the way anew */
    assert_int_equal(neighbour_deadline(ip), ESTAB_NEVER);
    assert_int_equal(find(7, at), ANSWER_WAIT);
    expect_question(7, true);
}

static void a_stale_one_is_forgotten_after_twenty_minutes(void **state)
{
    (void)state;
    assert_int_equal(ask(7, 7, 1, 0), REASON_NONE);
    (void)sent();
    assert_int_equal(neighbour_deadline(ip), 1200 * S);
    assert_true(neighbour_expire(ip, 1200 * S));
    assert_int_equal(neighbour_deadline(ip), ESTAB_NEVER);
}

/* RFC 9293 section 3.8.3, MUST-20. */
static void negative_advice_asks_at_once(void **state)
{
    struct ip_path path = {host(7), 0, true};
    (void)state;
    neighbour_doubt(ip, &path, 0); /* whom nobody knows */
    (void)find(7, 0);
    expect_question(7, true);
    assert_int_equal(advertise(7, 7, SOLICITED, 0), REASON_NONE);
    neighbour_doubt(ip, &path, S);
    expect_question(7, false);
    neighbour_doubt(ip, &path, S); /* and once */
    expect_nothing();
    assert_int_equal(find(7, S), ANSWER_KNOWN);
}

/* RFC 4861 section 7.2.5. */
static void answers_that_change_what_is_known(void **state)
{
    struct ip_path path = {host(7), 0, true};
    uint8_t mac[6];
    (void)state;
    assert_int_equal(advertise(7, 7, SOLICITED | OVERRIDE, 0), REASON_NDP_UNASKED);
    (void)find(7, 0);
    assert_int_equal(advertise(7, 7, SOLICITED | NO_MAC, 0), REASON_NDP_UNASKED);
    assert_int_equal(advertise(7, 7, SOLICITED, 0), REASON_NONE);
    assert_int_equal(advertise(7, 0x17, SOLICITED, S), REASON_NDP_KEPT); /* and no longer KNOWN */
    assert_int_equal(neighbour_deadline(ip), 1201 * S);
    assert_int_equal(advertise(7, 0x27, OVERRIDE, 2 * S), REASON_NONE); /* moved; whether it is there? */
    assert_int_equal(neighbour_deadline(ip), 1202 * S);
    assert_true(neighbour_known(ip, &path, mac));
    assert_int_equal(mac[5], 0x27);
    assert_int_equal(advertise(7, 0x37, OVERRIDE | SOLICITED, 3 * S), REASON_NONE);
    assert_int_equal(neighbour_deadline(ip), (3 + REACHABLE) * S);
    assert_int_equal(advertise(7, 0x37, 0, 4 * S), REASON_NONE); /* says nothing new */
    assert_int_equal(neighbour_deadline(ip), (3 + REACHABLE) * S);
}

static void stations_are_no_groups(void **state)
{
    struct ip_whence w = {.us = host(1), .them = host(7), .mac = {2, [5] = 7}};
    struct ndp_neighbour m = {.target = host(7), .advertisement = true, .solicited = true,
                              .has_mac = true, .mac = {0x33, 0x33, [5] = 7}};
    bool learned = false;
    (void)state;
    (void)find(7, 0);
    assert_int_equal(ndp_arrives(ip, &w, &m, &learned, 0), REASON_NDP_MALFORMED);
    assert_false(learned);
}

/* A flood of questions fills what is free, and pushes nobody out. */
static void a_flood_pushes_nobody_out(void **state)
{
    (void)state;
    (void)find(7, 0);
    assert_int_equal(advertise(7, 7, SOLICITED, 0), REASON_NONE);
    ip->reply_count = 0;
    for (unsigned n = 100; n < 200; n++) {
        assert_int_equal(ask(n, n, 1, S), REASON_NONE);
        ip->reply_count = 0;
    }
    assert_int_equal(find(7, S), ANSWER_KNOWN);
    assert_int_equal(find(8, S), ANSWER_WAIT); /* and a question of ours finds a place */
}

static void every_entry_an_open_question(void **state)
{
    (void)state;
    for (unsigned n = 0; n < ENTRIES; n++)
        assert_int_equal(find(100 + n, 0), ANSWER_WAIT);
    assert_int_equal(find(99, 0), ANSWER_FULL);
}

/* ---- questions that are put to us --------------------------------------------------------------------- */

static void questions_are_answered(void **state)
{
    struct estab_addr us = host(1), them = host(7), all = {{0xff, 2, [15] = 1}};
    const struct ip_reply *r;
    (void)state;
    assert_int_equal(ask(7, 9, 1, 0), REASON_NONE);
    r = sent();
    assert_int_equal(r->type, ICMP6_NEIGHBOUR_ADVERTISEMENT);
    assert_true(r->solicited);
    assert_memory_equal(&r->src, &us, 16);
    assert_memory_equal(&r->target, &us, 16);
    assert_memory_equal(&r->dst, &them, 16);
    assert_int_equal(r->mac[5], 9);
    assert_int_equal(ask(0, 9, 1, 0), REASON_NONE); /* looks for a duplicate, and finds one */
    r = sent();
    assert_false(r->solicited);
    assert_memory_equal(&r->dst, &all, 16);
    assert_memory_equal(r->mac, "\x33\x33\0\0\0\1", 6);
    assert_int_equal(ask(7, 7, 2, 0), REASON_NDP_NOT_OURS);
    assert_int_equal(ask(7, 1, 1, 0), REASON_NDP_NOT_OURS); /* from our own station */
    expect_nothing();
}

/* ---- our own addresses ------------------------------------------------------------------------------------ */

static void expect_search(void)
{
    static const struct estab_addr nobody;
    const struct ip_reply *r = sent();
    struct estab_addr us = host(1), group = addr_solicited_node(&us);

    assert_int_equal(r->type, ICMP6_NEIGHBOUR_SOLICITATION);
    assert_memory_equal(&r->src, &nobody, 16);
    assert_memory_equal(&r->target, &us, 16);
    assert_memory_equal(&r->dst, &group, 16);
}

/* RFC 4861 section 7.2.6: it is told to all, unasked. */
static void expect_news(void)
{
    static const struct estab_addr every_node = {{0xff, 0x02, [15] = 1}};
    const struct ip_reply *r = sent();
    struct estab_addr us = host(1);

    assert_int_equal(r->type, ICMP6_NEIGHBOUR_ADVERTISEMENT);
    assert_false(r->solicited);
    assert_memory_equal(&r->src, &us, 16);
    assert_memory_equal(&r->target, &us, 16);
    assert_memory_equal(&r->dst, &every_node, 16);
    assert_memory_equal(r->mac, "\x33\x33\0\0\0\1", 6);
}

static void an_address_nobody_has_is_ours(void **state)
{
    (void)state;
    ip->dad_transmits = 2;
    assert_int_equal(dad_deadline(ip), ESTAB_NEVER);
    dad_begin(ip, 0, S / 2, 0);
    assert_int_equal(dad_deadline(ip), S / 2);
    assert_false(dad_expire(ip, S / 2 - 1));
    expect_nothing();
    assert_false(dad_expire(ip, S / 2));
    expect_search();
    assert_false(dad_expire(ip, S / 2 + S));
    expect_search();
    assert_int_equal(ip->addresses[0].state, ESTAB_ADDRESS_TENTATIVE);
    assert_int_equal(find(7, 2 * S), ANSWER_WAIT); /* of others nothing is asked from it */
    expect_nothing();
    assert_true(dad_expire(ip, S / 2 + 2 * S));
    expect_news();
    expect_nothing();
    assert_int_equal(ip->addresses[0].state, ESTAB_ADDRESS_PREFERRED);
    assert_int_equal(dad_deadline(ip), ESTAB_NEVER);
}

static void an_address_that_another_has_is_not(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 2; way++) {
        dad_begin(ip, 0, 0, 0);
        assert_int_equal(ask(7, 7, 1, 0), REASON_IP6_TENTATIVE); /* who asks for it does not have it */
        expect_nothing();
        assert_int_equal(ip->addresses[0].state, ESTAB_ADDRESS_TENTATIVE);
        assert_int_equal(way ? ask(0, 7, 1, 0) : advertise(1, 7, OVERRIDE, 0), REASON_NDP_DUPLICATE);
        assert_int_equal(ip->addresses[0].state, ESTAB_ADDRESS_DUPLICATE);
        assert_int_equal(dad_deadline(ip), ESTAB_NEVER);
        assert_int_equal(ask(7, 7, 1, 0), REASON_NDP_NOT_OURS);
        expect_nothing();
    }
}

/* Section 5.4: what was found to be ours stays; who comes later has to give way. */
static void an_address_that_is_ours_stays_so(void **state)
{
    (void)state;
    assert_int_equal(advertise(1, 7, OVERRIDE, 0), REASON_NDP_DUPLICATE);
    assert_int_equal(ip->addresses[0].state, ESTAB_ADDRESS_PREFERRED);
}

static void our_own_question_is_no_duplicate(void **state)
{
    (void)state;
    dad_begin(ip, 0, 0, 0);
    assert_int_equal(ask(0, 1, 1, 0), REASON_NDP_NOT_OURS); /* a hub gave it back */
    assert_int_equal(ip->addresses[0].state, ESTAB_ADDRESS_TENTATIVE);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(asked_three_times_then_silent),
        TEST(a_silent_neighbour_is_asked_itself),
        TEST(who_does_not_answer_is_forgotten),
        TEST(a_stale_one_is_forgotten_after_twenty_minutes),
        TEST(negative_advice_asks_at_once),
        TEST(answers_that_change_what_is_known),
        TEST(stations_are_no_groups),
        TEST(a_flood_pushes_nobody_out),
        TEST(every_entry_an_open_question),
        TEST(questions_are_answered),
        TEST(an_address_nobody_has_is_ours),
        TEST(an_address_that_another_has_is_not),
        TEST(an_address_that_is_ours_stays_so),
        TEST(our_own_question_is_no_duplicate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
