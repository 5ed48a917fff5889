/* SPDX-License-Identifier: MIT */
/* test_neighbour.c - the table of stations (RFC 826, RFC 1122 section 2.3.2), at exact times. */
#include "ip/ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define S       ESTAB_SECOND
#define ENTRIES 4

static struct {
    struct ip ip;
    struct neighbour table[ENTRIES];
} room;

static struct ip *const ip = &room.ip;

static void init(void)
{
    memset(&room, 0, sizeof room);
    ip->neighbours_at = (uint64_t)((uint8_t *)room.table - (uint8_t *)ip);
    ip->neighbour_count = ENTRIES;
    ip->interface_count = 1;
    ip->interfaces[0].address = estab_ipv4(10, 0, 0, 1);
    ip->interfaces[0].prefix_length = 24;
    ip->interfaces[0].link = ESTAB_LINK_ETHERNET;
    memcpy(ip->interfaces[0].mac, "\2\0\12\0\0\1", 6);
}

static enum neighbour_answer find(unsigned host, estab_time now)
{
    struct ip_path path = {estab_ipv4(10, 0, 0, (uint8_t)host), 0, true};
    uint8_t mac[6] = {0};
    enum neighbour_answer answer = neighbour_find(ip, &path, mac, now);

    if (answer == ANSWER_KNOWN)
        assert_int_equal(mac[5], host);
    return answer;
}

/* An ARP packet from a station whose MAC ends in its host number. */
static enum reason arp(unsigned operation, unsigned host, unsigned target, bool *learned,
                       estab_time now)
{
    struct arp_packet a = {.operation = (uint16_t)operation,
                           .sender =
                               host ? estab_ipv4(10, 0, 0, (uint8_t)host) : estab_ipv4(0, 0, 0, 0),
                           .target = estab_ipv4(10, 0, 0, (uint8_t)target)};
    uint8_t p[ARP_LENGTH];

    a.sender_mac[0] = 2;
    a.sender_mac[5] = (uint8_t)host;
    arp_write(p, &a);
    *learned = false;
    return neighbour_arp(ip, 0, p, sizeof p, learned, now);
}

/* Takes the oldest packet to be sent: its operation and whom it is about. */
static void expect_sent(unsigned operation, unsigned host)
{
    struct ip_reply *r = &ip->replies[ip->reply_head];

    assert_true(ip->reply_count > 0);
    assert_int_equal(r->protocol, 0);
    assert_int_equal(r->operation, operation);
    assert_int_equal(r->dst.b[15], host);
    assert_int_equal(r->src.b[15], 1);
    if (operation == ARP_REQUEST)
        assert_memory_equal(r->mac, "\377\377\377\377\377\377", 6);
    else
        assert_int_equal(r->mac[5], host);
    ip->reply_head = (ip->reply_head + 1) % IP_REPLIES;
    ip->reply_count--;
}

static void asked_once_a_second_three_times(void **state)
{
    (void)state;
    init();
    assert_int_equal(neighbour_deadline(ip), ESTAB_NEVER);
    assert_int_equal(find(7, 0), ANSWER_WAIT);
    expect_sent(ARP_REQUEST, 7);
    assert_int_equal(find(7, 1), ANSWER_WAIT); /* no second question */
    assert_int_equal(ip->reply_count, 0);
    assert_int_equal(neighbour_deadline(ip), 1 * S);
    assert_false(neighbour_expire(ip, 1 * S - 1));
    assert_int_equal(ip->reply_count, 0);
    assert_false(neighbour_expire(ip, 1 * S));
    expect_sent(ARP_REQUEST, 7);
    assert_false(neighbour_expire(ip, 2 * S));
    expect_sent(ARP_REQUEST, 7);
    assert_int_equal(find(7, 2 * S), ANSWER_WAIT);
    assert_true(neighbour_expire(ip, 3 * S)); /* silent: those who wait are told */
    assert_int_equal(ip->reply_count, 0);
    assert_int_equal(find(7, 3 * S), ANSWER_NOBODY);
    assert_int_equal(find(7, 5 * S), ANSWER_NOBODY);
    assert_int_equal(neighbour_deadline(ip), 6 * S);
    neighbour_expire(ip, 6 * S);
    assert_int_equal(neighbour_deadline(ip), ESTAB_NEVER);
    assert_int_equal(find(7, 6 * S), ANSWER_WAIT); /* may be asked again */
    expect_sent(ARP_REQUEST, 7);
}

static void an_answer_is_known_for_twenty_minutes(void **state)
{
    (void)state;
    bool learned;

    init();
    (void)find(7, 0);
    assert_int_equal(arp(ARP_REPLY, 7, 1, &learned, 1 * S), REASON_NONE);
    assert_true(learned);
    assert_int_equal(find(7, 1 * S), ANSWER_KNOWN);
    assert_int_equal(neighbour_deadline(ip), 1201 * S);
    neighbour_expire(ip, 1201 * S - 1);
    assert_int_equal(find(7, 1201 * S - 1), ANSWER_KNOWN);
    neighbour_expire(ip, 1201 * S);
    assert_int_equal(find(7, 1201 * S), ANSWER_WAIT);
}

/* A late answer ends the silence. */
static void a_silent_station_may_speak(void **state)
{
    (void)state;
    bool learned;

    init();
    (void)find(7, 0);
    for (int i = 1; i <= 3; i++)
        neighbour_expire(ip, (estab_time)i * S);
    assert_int_equal(find(7, 3 * S), ANSWER_NOBODY);
    assert_int_equal(arp(ARP_REPLY, 7, 1, &learned, 4 * S), REASON_NONE);
    assert_true(learned);
    assert_int_equal(find(7, 4 * S), ANSWER_KNOWN);
}

static void questions_to_us_are_answered_and_teach(void **state)
{
    (void)state;
    bool learned;

    init();
    assert_int_equal(arp(ARP_REQUEST, 9, 1, &learned, 0), REASON_NONE);
    expect_sent(ARP_REPLY, 9);
    assert_true(learned);
    assert_int_equal(find(9, 0), ANSWER_KNOWN);
    assert_int_equal(ip->reply_count, 0);
}

static void questions_to_others_teach_nothing_new(void **state)
{
    (void)state;
    bool learned;

    init();
    assert_int_equal(arp(ARP_REQUEST, 9, 8, &learned, 0), REASON_ARP_NOT_OURS);
    assert_false(learned);
    assert_int_equal(ip->reply_count, 0);
    assert_int_equal(find(9, 0), ANSWER_WAIT);
    expect_sent(ARP_REQUEST, 9);
    assert_int_equal(arp(ARP_REQUEST, 9, 8, &learned, 0), REASON_NONE); /* RFC 826's merge */
    assert_true(learned);
    assert_int_equal(find(9, 0), ANSWER_KNOWN);
}

/* Nobody asked: an answer from a stranger makes no entry. */
static void answers_to_no_question_teach_nothing(void **state)
{
    (void)state;
    bool learned;

    init();
    assert_int_equal(arp(ARP_REPLY, 9, 1, &learned, 0), REASON_ARP_NOT_OURS);
    assert_false(learned);
    assert_int_equal(find(9, 0), ANSWER_WAIT);
}

/* RFC 5227: a probe has no sender; it is answered, and teaches nothing. */
static void a_probe_for_our_address_is_answered(void **state)
{
    (void)state;
    bool learned;

    init();
    assert_int_equal(arp(ARP_REQUEST, 0, 1, &learned, 0), REASON_NONE);
    assert_false(learned);
    expect_sent(ARP_REPLY, 0);
    assert_int_equal(neighbour_deadline(ip), ESTAB_NEVER);
}

static void nobody_takes_our_address(void **state)
{
    (void)state;
    bool learned;

    init();
    assert_int_equal(arp(ARP_REQUEST, 1, 1, &learned, 0), REASON_ARP_MALFORMED);
    assert_int_equal(arp(ARP_REPLY, 1, 9, &learned, 0), REASON_ARP_MALFORMED);
    assert_int_equal(ip->reply_count, 0);
}

/* A flood of questions fills what is free, and pushes nothing out. */
static void a_flood_pushes_nothing_out(void **state)
{
    (void)state;
    bool learned;

    init();
    (void)find(7, 0);
    assert_int_equal(arp(ARP_REPLY, 7, 1, &learned, 0), REASON_NONE);
    ip->reply_count = 0;
    for (unsigned host = 100; host < 200; host++) {
        enum reason reason = arp(ARP_REQUEST, host, 1, &learned, 1);

        assert_int_equal(reason, host < 103 ? REASON_NONE : REASON_NEIGHBOUR_TABLE_FULL);
    }
    assert_int_equal(find(7, 2), ANSWER_KNOWN);
}

/* A question of ours takes the place of what would be forgotten first; but of no open question. */
static void a_question_finds_a_place(void **state)
{
    (void)state;
    bool learned;

    init();
    for (unsigned host = 10; host < 14; host++)
        assert_int_equal(arp(ARP_REQUEST, host, 1, &learned, host), REASON_NONE);
    assert_int_equal(find(20, 100), ANSWER_WAIT);
    assert_int_equal(find(11, 100), ANSWER_KNOWN);
    assert_int_equal(find(21, 100), ANSWER_WAIT); /* in the place of 11 */
    assert_int_equal(find(22, 100), ANSWER_WAIT);
    assert_int_equal(find(23, 100), ANSWER_WAIT);
    assert_int_equal(find(24, 100), ANSWER_FULL);
    assert_int_equal(find(20, 100), ANSWER_WAIT);
}

static void a_bare_link_has_no_stations(void **state)
{
    (void)state;
    struct ip_path path = {estab_ipv4(10, 0, 0, 7), 0, true};
    uint8_t mac[6];

    init();
    ip->interfaces[0].link = ESTAB_LINK_IP;
    assert_int_equal(neighbour_find(ip, &path, mac, 0), ANSWER_KNOWN);
    path.interface = IP_LOOPBACK;
    assert_int_equal(neighbour_find(ip, &path, mac, 0), ANSWER_KNOWN);
    assert_int_equal(neighbour_deadline(ip), ESTAB_NEVER);
}

/* A question that could not be sent is put again in a second. */
static void a_full_queue_only_delays(void **state)
{
    (void)state;
    init();
    ip->reply_count = IP_REPLIES;
    assert_int_equal(find(7, 0), ANSWER_WAIT);
    ip->reply_count = 0;
    assert_false(neighbour_expire(ip, 1 * S));
    expect_sent(ARP_REQUEST, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asked_once_a_second_three_times),
        cmocka_unit_test(an_answer_is_known_for_twenty_minutes),
        cmocka_unit_test(a_silent_station_may_speak),
        cmocka_unit_test(questions_to_us_are_answered_and_teach),
        cmocka_unit_test(questions_to_others_teach_nothing_new),
        cmocka_unit_test(answers_to_no_question_teach_nothing),
        cmocka_unit_test(a_probe_for_our_address_is_answered),
        cmocka_unit_test(nobody_takes_our_address),
        cmocka_unit_test(a_flood_pushes_nothing_out),
        cmocka_unit_test(a_question_finds_a_place),
        cmocka_unit_test(a_bare_link_has_no_stations),
        cmocka_unit_test(a_full_queue_only_delays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
