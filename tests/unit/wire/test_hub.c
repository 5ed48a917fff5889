/* SPDX-License-Identifier: MIT */
/* A hub: names, frames, impairments, orders, and what is carried on. */
#include "hub_ends.h"

/* ---- names ----------------------------------------------------------------------------------- */

static void addresses_and_names_are_given(void **state)
{
    static const struct {
        uint32_t flags;
        const char *asked, *name;
        uint8_t host;
    } rows[] = {
        {STATION_SERVER, NULL, "server", 1},
        {0, NULL, "client", 101},
        {STATION_SERVER, NULL, "server2", 2},
        {0, NULL, "client2", 102},
        {0, "vm", "vm", 103},
        {0, NULL, "client3", 104},
    };
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        join_as(&end[i], rows[i].flags, rows[i].asked);
        assert_int_equal(end[i].welcome.type, SAY_WELCOME);
        assert_string_equal(end[i].welcome.name, rows[i].name);
        assert_int_equal(end[i].welcome.address.b[15], rows[i].host);
        assert_int_equal(end[i].welcome.prefix_length, 24);
        assert_int_equal(end[i].welcome.mtu, HUB_MTU);
    }
    assert_int_equal(hub_stations(hub), 6);
}

static void a_name_is_free_again_when_its_station_has_left(void **state)
{
    (void)state;
    two(0);
    close(end[1].fd);
    pass(0);
    join_as(&end[1], 0, NULL);
    assert_string_equal(end[1].welcome.name, "client");
    assert_int_equal(end[1].welcome.address.b[15], 101);
}

/* The hub hears of both in one turn, and has the newcomer in an earlier place. */
static void who_left_before_another_came_has_left_its_name(void **state)
{
    struct envelope j;
    (void)state;
    two(0);
    for (unsigned i = 0; i < HUB_TURN; i++)
        send_frame(&end[1], &end[0], i + 1, 60);
    close(end[0].fd);
    pass(0);
    enter(&end[0]);
    for (unsigned i = 0; i < 2 * HUB_TURN; i++)
        send_frame(&end[1], NULL, i + 1, 60);
    close(end[1].fd);
    end[1].fd = -1;
    envelope_init(&j, SAY_JOIN);
    envelope_word(&j, HAS_NAME, "client");
    say(&end[0], &j);
    pass(0);
    assert_true(hear(&end[0]));
    assert_int_equal(end[0].got.type, SAY_WELCOME);
}

static void what_is_in_use_is_refused(void **state)
{
    struct envelope j;
    (void)state;
    join_as(&end[0], 0, "vm");
    join_as(&end[1], 0, "vm");
    assert_int_equal(end[1].welcome.type, SAY_ERROR);
    assert_int_equal(end[1].welcome.code, CODE_NAME_IN_USE);
    envelope_init(&j, SAY_JOIN);
    j.has = HAS_ADDRESS | HAS_PREFIX;
    j.address = end[0].welcome.address;
    j.prefix_length = 24;
    say(&end[1], &j);
    pass(0);
    assert_true(hear(&end[1]));
    assert_int_equal(end[1].got.code, CODE_ADDRESS_IN_USE);
    j.has = HAS_MAC;
    memcpy(j.mac, end[0].welcome.mac, 6);
    say(&end[1], &j);
    pass(0);
    assert_true(hear(&end[1]));
    assert_int_equal(end[1].got.code, CODE_MAC_IN_USE);
    j.has = 0;
    say(&end[1], &j); /* who was refused may try again */
    pass(0);
    assert_true(hear(&end[1]));
    assert_int_equal(end[1].got.type, SAY_WELCOME);
}

static void bad_names_are_refused(void **state)
{
    static const char *const names[] = {"",    "localhost", "10.11.0.1",
                                        "a b", "-x",        "a-name-of-more-than-23-bytes"};
    (void)state;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        join_as(&end[0], 0, names[i]);
        assert_int_equal(end[0].welcome.type, SAY_ERROR);
        close(end[0].fd);
    }
}

static void ports_of_listeners_are_known(void **state)
{
    struct envelope s;
    (void)state;
    two(STATION_TOLD);
    envelope_init(&s, SAY_STATE);
    s.has = HAS_LOCAL | HAS_BEFORE | HAS_MOVE;
    s.local.port = 3333;
    s.moves = 1;
    s.move[0].to = ESTAB_STATE_LISTEN;
    say(&end[0], &s);
    pass(0);
    assert_non_null(hear_a(&end[1], SAY_STATION));
    assert_int_equal(end[1].got.ports, 1);
    assert_int_equal(end[1].got.port[0], 3333);
    s.move[0] = (struct envelope_move){.from = ESTAB_STATE_LISTEN};
    say(&end[0], &s);
    pass(0);
    assert_non_null(hear_a(&end[1], SAY_STATION));
    assert_int_equal(end[1].got.ports, 0);
}

/* ---- frames ------------------------------------------------------------------------------------ */

static void a_frame_reaches_whom_it_is_for(void **state)
{
    (void)state;
    two(STATION_TOLD);
    join_as(&end[2], 0, NULL);
    while (hear(&end[0]) || hear(&end[1]))
        ;
    send_frame(&end[0], &end[1], 7, 60);
    pass(0);
    assert_non_null(hear_a(&end[1], SAY_FRAME));
    assert_int_equal(end[1].got.serial, 7);
    assert_int_equal(end[1].got.station, end[0].welcome.station);
    assert_string_equal(end[1].got.why, "text of the user");
    assert_int_equal(end[1].got.frame_length, 60);
    assert_false(hear(&end[2]));
    assert_non_null(hear_a(&end[0], SAY_FATE));
    assert_int_equal(end[0].got.serial, 7);
    assert_int_equal(end[0].got.to, end[1].welcome.station);
    assert_int_equal(end[0].got.fate, 0);
}

static void a_frame_for_all_reaches_all(void **state)
{
    (void)state;
    two(0);
    join_as(&end[2], 0, NULL);
    send_frame(&end[0], NULL, 1, 60);
    pass(0);
    assert_non_null(hear_a(&end[1], SAY_FRAME));
    assert_non_null(hear_a(&end[2], SAY_FRAME));
    assert_false(hear(&end[0]));
}

static void a_frame_for_nobody_is_said_to_be(void **state)
{
    (void)state;
    two(STATION_TOLD);
    end[2].welcome = end[1].welcome;
    end[2].welcome.mac[5] ^= 0x55;
    send_frame(&end[0], &end[2], 1, 60);
    pass(0);
    assert_non_null(hear_a(&end[0], SAY_FATE));
    assert_int_equal(end[0].got.fate, FATE_NOBODY);
    assert_null(hear_a(&end[1], SAY_FRAME));
}

static void a_frame_that_is_too_short_has_its_fate(void **state)
{
    (void)state;
    two(STATION_TOLD);
    for (unsigned n = 0; n < 14; n++) {
        static uint8_t zeros[14];
        struct envelope f;
        envelope_init(&f, SAY_FRAME);
        f.has = HAS_SERIAL | HAS_FRAME;
        f.serial = n + 1;
        f.frame = zeros;
        f.frame_length = n;
        say(&end[0], &f);
        pass(0);
        assert_non_null(hear_a(&end[0], SAY_FATE));
        assert_int_equal(end[0].got.serial, n + 1);
        assert_int_equal(end[0].got.fate, FATE_REFUSED);
    }
    assert_null(hear_a(&end[1], SAY_FRAME));
    send_frame(&end[0], &end[1], 99, 14); /* it goes on */
    pass(0);
    assert_non_null(hear_a(&end[1], SAY_FRAME));
}

static void a_monitor_sees_everything(void **state)
{
    (void)state;
    two(STATION_REPORTS);
    join_as(&end[2], STATION_MONITOR, NULL);
    send_frame(&end[0], &end[1], 3, 60);
    pass(0);
    assert_non_null(hear_a(&end[2], SAY_FRAME));
    assert_non_null(hear_a(&end[2], SAY_FATE));
    struct envelope r;
    envelope_init(&r, SAY_REPORT);
    r.has = HAS_STATION | HAS_SERIAL | HAS_BEFORE;
    r.station = end[0].welcome.station;
    r.serial = 3;
    r.before = ESTAB_STATE_LISTEN;
    say(&end[1], &r);
    pass(0);
    assert_non_null(hear_a(&end[2], SAY_REPORT));
    assert_int_equal(end[2].got.to, end[1].welcome.station);
    assert_null(hear_a(&end[0], SAY_REPORT)); /* which did not want to be told */
    send_frame(&end[2], &end[1], 1, 60);
    pass(0);
    assert_non_null(hear_a(&end[2], SAY_ERROR));
}

/* ---- impairments ----------------------------------------------------------------------------------- */

static void delay_is_set_and_cleared_while_frames_cross(void **state)
{
    (void)state;
    two(0);
    enter(&end[2]);
    assert_int_equal(order(&end[2], SAY_SET, "delay 2s")->type, SAY_DONE);
    send_frame(&end[0], &end[1], 1, 60);
    pass(0);
    assert_int_equal(hub_deadline(hub), now + 2 * ESTAB_SECOND);
    assert_int_equal(order(&end[2], SAY_CLEAR, NULL)->type, SAY_DONE);
    send_frame(&end[0], &end[1], 2, 60);
    pass(0);
    assert_non_null(hear_a(&end[1], SAY_FRAME));
    assert_int_equal(end[1].got.serial, 2);
    pass(1999 * MS);
    assert_false(hear(&end[1]));
    pass(1 * MS);
    assert_non_null(hear_a(&end[1], SAY_FRAME));
    assert_int_equal(end[1].got.serial, 1);
}

static void nothing_happens_to_arp(void **state)
{
    static uint8_t bytes[60];
    struct envelope f;
    (void)state;
    two(0);
    enter(&end[2]);
    (void)order(&end[2], SAY_SET, "delay 2s loss 100%");
    (void)order(&end[2], SAY_RULE, "drop every");
    envelope_init(&f, SAY_FRAME);
    f.has = HAS_SERIAL | HAS_FRAME;
    f.frame_length = (uint32_t)frame_bytes(&end[0], &end[1], bytes, sizeof bytes);
    memcpy(bytes + 12, "\x08\x06", 2);
    f.frame = bytes;
    say(&end[0], &f);
    pass(0);
    assert_non_null(hear_a(&end[1], SAY_FRAME));
    assert_int_equal(end[1].got.fate, 0);
}

/* Nor to what IPv6 has in its place; other ICMPv6 is traffic. */
static void nothing_happens_to_neighbour_discovery(void **state)
{
    static uint8_t bytes[90];
    struct envelope f;
    (void)state;
    two(0);
    enter(&end[2]);
    (void)order(&end[2], SAY_SET, "delay 2s");
    envelope_init(&f, SAY_FRAME);
    f.has = HAS_SERIAL | HAS_FRAME;
    f.frame_length = (uint32_t)frame_bytes(&end[0], &end[1], bytes, sizeof bytes);
    memcpy(bytes + 12, "\x86\xdd\x60", 3);
    bytes[20] = 58;
    f.frame = bytes;
    for (unsigned type = 0; type < 256; type++) {
        bytes[54] = (uint8_t)type;
        say(&end[0], &f);
        pass(0);
        assert_int_equal(hear_a(&end[1], SAY_FRAME) != NULL, type >= 133 && type <= 137);
    }
    bytes[20] = 6; /* TCP, from a port that begins so */
    bytes[54] = 135;
    say(&end[0], &f);
    pass(0);
    assert_null(hear_a(&end[1], SAY_FRAME));
}

static void a_rule_counts_what_crosses_the_wire(void **state)
{
    (void)state;
    two(STATION_TOLD);
    enter(&end[2]);
    assert_int_equal(order(&end[2], SAY_RULE, "drop 2 min 60")->type, SAY_DONE);
    send_frame(&end[0], &end[1], 1, 60);
    pass(0);
    assert_non_null(hear_a(&end[1], SAY_FRAME));
    send_frame(&end[1], &end[0], 1, 60);
    pass(0);
    assert_non_null(hear_a(&end[1], SAY_FATE));
    assert_int_equal(end[1].got.fate, FATE_RULED_OUT);
    assert_null(hear_a(&end[0], SAY_FRAME));
}

static void a_copy_is_a_copy_and_a_held_frame_is_held(void **state)
{
    (void)state;
    two(0);
    enter(&end[2]);
    assert_int_equal(order(&end[2], SAY_RULE, "duplicate 1 min 60 50ms")->type, SAY_DONE);
    assert_int_equal(order(&end[2], SAY_RULE, "delay 2 min 60 10ms")->type, SAY_DONE);
    send_frame(&end[0], &end[1], 1, 60);
    send_frame(&end[0], &end[1], 2, 60);
    pass(0);
    assert_non_null(hear_a(&end[1], SAY_FRAME));
    assert_false(hear(&end[1]));
    pass(10 * MS);
    assert_non_null(hear_a(&end[1], SAY_FRAME));
    assert_int_equal(end[1].got.serial, 2);
    assert_true(end[1].got.fate & FATE_HELD);
    pass(40 * MS);
    assert_non_null(hear_a(&end[1], SAY_FRAME));
    assert_int_equal(end[1].got.serial, 1);
    pass(1000 * MS);
    assert_false(hear(&end[1]));
}

static void all_is_shown(void **state)
{
    (void)state;
    two(0);
    enter(&end[2]);
    (void)order(&end[2], SAY_SET, "loss 100% delay 1ms");
    (void)order(&end[2], SAY_RULE, "drop every rst");
    send_frame(&end[0], &end[1], 1, 60);
    pass(0);
    const struct envelope *wire = order(&end[2], SAY_SHOW, NULL);
    assert_int_equal(wire->type, SAY_WIRE);
    assert_memory_equal(wire->text, "delay 1ms loss 100%", wire->text_length);
    assert_string_equal(wire->counter[3].name, "lost");
    assert_int_equal(wire->counter[3].value, 1);
    assert_true(hear(&end[2]) && end[2].got.type == SAY_RULE);
    assert_memory_equal(end[2].got.text, "drop every rst", end[2].got.text_length);
    assert_true(hear(&end[2]) && end[2].got.type == SAY_STATION);
    assert_true(hear(&end[2]) && end[2].got.type == SAY_STATION);
    assert_true(hear(&end[2]) && end[2].got.type == SAY_DONE);
}

static void bad_orders_are_refused_in_words(void **state)
{
    static const struct {
        enum envelope_type type;
        const char *text;
    } rows[] = {
        {SAY_SET, "delay"}, {SAY_SET, "loss 200%"}, {SAY_RULE, "drop 2 often"}, {SAY_RULE, ""}};
    (void)state;
    enter(&end[0]);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(order(&end[0], rows[i].type, rows[i].text)->type, SAY_ERROR);
        assert_int_equal(end[0].got.code, CODE_IMPAIRMENT);
        assert_true(end[0].got.text_length > 10);
    }
    assert_int_equal(order(&end[0], SAY_WELCOME, NULL)->code, CODE_ORDER);
    assert_int_equal(order(&end[0], SAY_FRAME, NULL)->code, CODE_ORDER);
    assert_int_equal(order(&end[0], SAY_SHOW, NULL)->type, SAY_WIRE);
}

/* ---- those who misbehave ----------------------------------------------------------------------------- */

static void who_sends_no_envelope_is_told_and_cut_off(void **state)
{
    (void)state;
    two(0);
    assert_int_equal(send(end[0].fd, "GET / HTTP/1.0\r\n", 16, 0), 16);
    pass(0);
    assert_non_null(hear_a(&end[0], SAY_ERROR));
    assert_int_equal(end[0].got.code, CODE_MALFORMED);
    pass(0);
    assert_true(gone(&end[0]));
    assert_int_equal(hub_stations(hub), 1);
    join_as(&end[2], STATION_SERVER, NULL); /* the others go on */
    assert_string_equal(end[2].welcome.name, "server");
}

static void another_version_is_named(void **state)
{
    (void)state;
    enter(&end[0]);
    assert_int_equal(send(end[0].fd, "estb\2\1\0\0", 8, 0), 8);
    pass(0);
    assert_true(hear(&end[0]));
    assert_int_equal(end[0].got.code, CODE_VERSION);
    pass(0);
    assert_true(gone(&end[0]));
}

static void a_slow_reader_loses_and_blocks_nobody(void **state)
{
    (void)state;
    uint64_t heard = 0;
    two(STATION_TOLD);
    join_as(&end[2], 0, NULL);
    for (unsigned i = 1; i <= 4 * HUB_QUEUE; i++) {
        send_frame(&end[0], &end[1], i, 1000);
        send_frame(&end[0], &end[2], 100000 + i, 1000);
        pass(0);
        heard += hear_a(&end[2], SAY_FRAME) != NULL;
        while (hear(&end[0]))
            ;
    }
    assert_int_equal(heard, 4 * HUB_QUEUE);
    enter(&end[3]);
    (void)order(&end[3], SAY_SHOW, NULL);
    uint64_t slow = 0;
    while (hear(&end[3]))
        for (unsigned i = 0; i < end[3].got.counters; i++)
            if (end[3].got.type == SAY_STATION && strcmp(end[3].got.counter[i].name, "slow") == 0)
                slow += end[3].got.counter[i].value;
    assert_true(slow > HUB_QUEUE);
    uint64_t later = 0;
    while (hear_a(&end[1], SAY_FRAME)) { /* it reads again, and hears again */
        later++;
        pass(0);
    }
    assert_int_equal(later + slow, 4 * HUB_QUEUE);
}

static void one_sender_cannot_fill_a_queue(void **state)
{
    (void)state;
    two(0);
    join_as(&end[2], 0, NULL);
    for (unsigned i = 1; i <= 2 * HUB_QUEUE; i++) {
        send_frame(&end[0], &end[1], i, 1000);
        pass(0);
    }
    send_frame(&end[2], &end[1], 5, 60);
    pass(0);
    uint64_t others = 0;
    while (hear_a(&end[1], SAY_FRAME)) {
        others += end[1].got.station == end[2].welcome.station;
        pass(0);
    }
    assert_int_equal(others, 1);
}

static void too_much_under_way_is_lost(void **state)
{
    (void)state;
    two(STATION_TOLD);
    enter(&end[2]);
    (void)order(&end[2], SAY_SET, "delay 10s");
    for (unsigned i = 1; i <= HUB_FLIGHT + 10; i++) {
        send_frame(&end[0], &end[1], i, 60);
        pass(0);
    }
    assert_non_null(hear_a(&end[0], SAY_FATE));
    assert_int_equal(end[0].got.serial, HUB_FLIGHT + 1);
    assert_int_equal(end[0].got.fate, FATE_OVER_LIMIT);
    send_frame(&end[1], &end[0], 1, 60); /* the others have a lane of their own */
    pass(0);
    pass(10 * ESTAB_SECOND);
    unsigned frames = 0;
    for (unsigned turn = 0; turn < HUB_QUEUE; turn++, pass(0))
        frames += hear_a(&end[0], SAY_FRAME) != NULL;
    assert_int_equal(frames, 1);
}

/* In one turn a client is read no more often than HUB_TURN times. */
static void a_flood_leaves_turns_to_others(void **state)
{
    (void)state;
    two(0);
    for (unsigned i = 1; i <= 2 * HUB_TURN; i++)
        send_frame(&end[0], &end[1], i, 60);
    pass(0);
    unsigned heard = 0;
    while (hear_a(&end[1], SAY_FRAME))
        heard++;
    assert_int_equal(heard, HUB_TURN);
}

/* ---- what goes on, and when it ends ------------------------------------------------------------------- */

static size_t tcp_segment(const struct end *from, const uint8_t *mac, const struct end *to,
                          uint16_t to_port, uint8_t *out)
{
    memset(out, 0, 54);
    memcpy(out, mac, 6);
    memcpy(out + 6, from->welcome.mac, 6);
    memcpy(out + 12, "\x08\x00\x45\x00\x00\x28", 6);
    out[23] = 6;
    memcpy(out + 26, from->welcome.address.b + 12, 4);
    memcpy(out + 30, to->welcome.address.b + 12, 4);
    memcpy(out + 34, "\x9c\x40", 2); /* from 40000 */
    out[36] = (uint8_t)(to_port >> 8);
    out[37] = (uint8_t)to_port;
    out[46] = 0x50;
    return 54;
}

static void send_segment(struct end *from, const uint8_t *mac, const struct end *to, uint16_t port)
{
    static uint8_t bytes[64];
    struct envelope f;
    envelope_init(&f, SAY_FRAME);
    f.has = HAS_SERIAL | HAS_FRAME;
    f.frame_length = (uint32_t)tcp_segment(from, mac, to, port, bytes);
    f.frame = bytes;
    say(from, &f);
    pass(0);
}

static void a_connection_is_carried_on_beside_its_successor(void **state)
{
    struct envelope carry;
    (void)state;
    two(0);
    envelope_init(&carry, SAY_CARRY);
    carry.has = HAS_LOCAL | HAS_REMOTE;
    carry.local = (struct estab_endpoint){end[0].welcome.address, 3333};
    carry.remote = (struct estab_endpoint){end[1].welcome.address, 40000};
    say(&end[0], &carry);
    pass(0);
    send_segment(&end[1], end[0].welcome.mac, &end[0], 7777);
    assert_non_null(hear_a(&end[0], SAY_FRAME)); /* nobody else has the address yet */

    join_as(&end[2], STATION_SERVER, NULL);
    assert_string_equal(end[2].welcome.name, "server");
    assert_int_equal(end[2].welcome.address.b[15], 1);
    send_segment(&end[1], end[2].welcome.mac, &end[0], 3333);
    assert_null(hear_a(&end[2], SAY_FRAME));
    assert_non_null(hear_a(&end[0], SAY_FRAME));
    assert_memory_equal(end[0].got.frame, end[0].welcome.mac, 6);
    send_segment(&end[1], end[2].welcome.mac, &end[0], 7777);
    assert_null(hear_a(&end[0], SAY_FRAME));
    assert_non_null(hear_a(&end[2], SAY_FRAME));
}

static void a_monitor_sees_a_carried_segment_as_it_was_sent(void **state)
{
    struct envelope carry;
    (void)state;
    two(0);
    join_as(&end[3], STATION_MONITOR, NULL);
    envelope_init(&carry, SAY_CARRY);
    carry.has = HAS_LOCAL | HAS_REMOTE;
    carry.local = (struct estab_endpoint){end[0].welcome.address, 3333};
    carry.remote = (struct estab_endpoint){end[1].welcome.address, 40000};
    say(&end[0], &carry);
    pass(0);
    join_as(&end[2], STATION_SERVER, NULL);
    send_segment(&end[1], end[2].welcome.mac, &end[0], 3333);
    assert_non_null(hear_a(&end[0], SAY_FRAME));
    assert_memory_equal(end[0].got.frame, end[0].welcome.mac, 6);
    assert_non_null(hear_a(&end[3], SAY_FRAME));
    assert_memory_equal(end[3].got.frame, end[2].welcome.mac, 6);
}

static void it_ends_ten_minutes_after_the_last_one(void **state)
{
    (void)state;
    two(0);
    pass(3600 * ESTAB_SECOND);
    assert_false(hub_over(hub, now));
    close(end[0].fd);
    close(end[1].fd);
    pass(0);
    pass(599 * ESTAB_SECOND);
    assert_false(hub_over(hub, now));
    join_as(&end[0], 0, NULL);
    pass(599 * ESTAB_SECOND);
    close(end[0].fd);
    pass(0);
    assert_int_equal(hub_deadline(hub), now + 600 * ESTAB_SECOND);
    pass(600 * ESTAB_SECOND);
    assert_true(hub_over(hub, now));
}

static void it_ends_when_it_is_told(void **state)
{
    (void)state;
    two(0);
    enter(&end[2]);
    assert_int_equal(order(&end[2], SAY_DOWN, NULL)->type, SAY_DONE);
    assert_true(hub_over(hub, now));
}

static void it_takes_so_many_and_no_more(void **state)
{
    (void)state;
    int pair[2], other[HUB_CLIENTS];
    for (unsigned i = 0; i < HUB_CLIENTS; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        assert_true(hub_adopt(hub, pair[1], now));
        other[i] = pair[0];
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    assert_false(hub_adopt(hub, pair[1], now));
    close(pair[0]);
    for (unsigned i = 0; i < HUB_CLIENTS; i++)
        close(other[i]);
    pass(0);
    join_as(&end[0], 0, NULL);
    assert_int_equal(end[0].welcome.type, SAY_WELCOME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(addresses_and_names_are_given),
        TEST(a_name_is_free_again_when_its_station_has_left),
        TEST(who_left_before_another_came_has_left_its_name),
        TEST(what_is_in_use_is_refused),
        TEST(bad_names_are_refused),
        TEST(ports_of_listeners_are_known),
        TEST(a_frame_reaches_whom_it_is_for),
        TEST(a_frame_for_all_reaches_all),
        TEST(a_frame_for_nobody_is_said_to_be),
        TEST(a_frame_that_is_too_short_has_its_fate),
        TEST(a_monitor_sees_everything),
        TEST(delay_is_set_and_cleared_while_frames_cross),
        TEST(nothing_happens_to_arp),
        TEST(nothing_happens_to_neighbour_discovery),
        TEST(a_rule_counts_what_crosses_the_wire),
        TEST(a_copy_is_a_copy_and_a_held_frame_is_held),
        TEST(all_is_shown),
        TEST(bad_orders_are_refused_in_words),
        TEST(who_sends_no_envelope_is_told_and_cut_off),
        TEST(another_version_is_named),
        TEST(a_slow_reader_loses_and_blocks_nobody),
        TEST(one_sender_cannot_fill_a_queue),
        TEST(too_much_under_way_is_lost),
        TEST(a_flood_leaves_turns_to_others),
        TEST(a_connection_is_carried_on_beside_its_successor),
        TEST(a_monitor_sees_a_carried_segment_as_it_was_sent),
        TEST(it_ends_ten_minutes_after_the_last_one),
        TEST(it_ends_when_it_is_told),
        TEST(it_takes_so_many_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
