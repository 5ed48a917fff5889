/* SPDX-License-Identifier: MIT */
/*
 * test_time_wait.c - how TIME-WAIT ends before its time: by a SYN that is younger than the connection (RFC
 * 6191), and not by a RST that an old segment has called up (RFC 1337).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/wire.h"

enum { PORT = 80, CLIENT = 5000, NXT = 7103 }; /* RCV.NXT in TIME-WAIT: ISN, SYN, 100 bytes, FIN */
enum { IRS = NXT - 102, STAMP = 1000 };        /* TS.Recent */

static uint32_t iss;

static void say(struct wire *w, struct wire_segment s)
{
    s.sport = CLIENT;
    s.dport = PORT;
    s.wnd = 65535;
    wire_in(w, &s);
}

/* clang-format off */
#define SAY(flags_, seq_, ...) \
    say(w, (struct wire_segment){.flags = (flags_), .seq = (seq_), .ack = __VA_ARGS__})
/* clang-format on */

static void listen_on(struct wire *w, uint32_t backlog)
{
    struct estab_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = backlog};

    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
}

/* The stack has closed first, and rests in TIME-WAIT; SND.NXT is iss + 2. */
static void rest(struct wire *w, bool stamped)
{
    uint8_t text[100];
    struct estab_received got;

    SAY(SYN, IRS, 0, .ts = stamped, .tsval = STAMP - 5);
    iss = wire_any(w, w->now)->seq;
    SAY(ACK | PSH, IRS + 1, iss + 1, .len = 100, .ts = stamped, .tsval = STAMP - 4);
    assert_int_equal(estab_accept(w->stack, w->listener, &w->conn), ESTAB_OK);
    assert_int_equal(estab_receive(w->stack, w->conn, text, 100, 0, &got, WIRE_START + w->now),
                     ESTAB_OK);
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    wire_pump(w);
    SAY(ACK | FIN, IRS + 101, iss + 2, .ts = stamped, .tsval = STAMP);
    while (wire_any(w, w->now))
        ;
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
    CHECK_EQ(STATUS.rcv_nxt, NXT);
    CHECK(STATUS.record);
    w->events = 0;
}

static void begin(struct wire *w, bool stamped)
{
    struct estab_config c = wire_config();

    c.timestamps = true;
    c.window_scale = true;
    wire_start(w, &c);
    listen_on(w, 4);
    rest(w, stamped);
}

struct row {
    const char *name;
    bool was_stamped, stamped, opens;
    uint32_t seq, tsval;
};

/* RFC 6191 section 2, case by case. */
static const struct row rows[] = {
    {"a later stamp", true, true, true, NXT, STAMP + 1},
    {"a later stamp, an older number", true, true, true, NXT - 1000000, STAMP + 1},
    {"a much later stamp", true, true, true, NXT - 1, STAMP + 0x7fffffffu},
    {"the same stamp, a later number", true, true, true, NXT, STAMP},
    {"the same stamp, the last number", true, true, false, NXT - 1, STAMP},
    {"an older stamp", true, true, false, NXT + 1000000, STAMP - 1},
    {"a much older stamp", true, true, false, NXT + 1, STAMP + 0x80000001},
    {"no stamp, a later number", true, false, true, NXT, 0},
    {"no stamp, a number half round", true, false, true, NXT + 0x7fffffffu, 0},
    {"no stamp, the last number", true, false, false, NXT - 1, 0},
    {"no stamp, the SYN again", true, false, false, IRS, 0},
    {"the first stamps of the pair", false, true, true, NXT - 1000000, 1},
    {"never a stamp, a later number", false, false, true, NXT, 0},
    {"never a stamp, the last number", false, false, false, NXT - 1, 0},
};

static void try_row(struct wire *w, const struct row *row)
{
    const struct wire_segment *s;

    begin(w, row->was_stamped);
    SAY(SYN, row->seq, 0, .ts = row->stamped, .tsval = row->tsval, .mss = 1460);
    s = wire_any(w, w->now);
    if (!s || s->flags != (row->opens ? SYN | ACK : ACK))
        fail_msg("%s: flags %#x", row->name, s ? s->flags : 0);
    CHECK_EQ(wire_reason(w, "TIME_WAIT_REOPENED"), row->opens);
    if (!row->opens) {
        CHECK_EQ(s->ack, NXT);
        CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
        return;
    }
    CHECK_EQ(s->ack, row->seq + 1);
    CHECK((int32_t)(s->seq - (iss + 2)) >= 65537); /* beyond all that was used */
    CHECK_EQ(w->events, ESTAB_EVENT_CLOSED);       /* the old one's user hears of its end */
    CHECK_EQ(w->error, ESTAB_OK);
    SAY(ACK, row->seq + 1, s->seq + 1, .ts = row->stamped, .tsval = row->tsval + 1, .tsecr = s->tsval);
    assert_int_equal(estab_accept(w->stack, w->listener, &w->conn), ESTAB_OK);
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
    CHECK_EQ(STATUS.irs, row->seq);
    CHECK_EQ(STATUS.timestamps, row->stamped);
}

/* SHLD-4, MAY-2. */
static void a_younger_syn_opens_the_pair_anew(void **state)
{
    static struct wire w;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        w = (struct wire){.iss = 0xfffffff0, .irs = 0xffffff80};
        try_row(&w, &rows[i]);
        wire_stop(&w);
    }
}

/* For a single-shot passive OPEN too; where nobody listens TIME-WAIT lasts. */
WIRE_TEST(somebody_must_listen)
{
    struct estab_open open = {.size = sizeof open, .passive = true, .local = {WIRE_OWN, PORT}};
    estab_conn conn;

    begin(w, true);
    assert_int_equal(estab_listen_end(w->stack, w->listener, WIRE_START + w->now), ESTAB_OK);
    w->listener = (estab_listener){0, 0};
    SAY(SYN, NXT + 9, 0, .ts = true, .tsval = STAMP + 1);
    CHECK_EQ(wire_any(w, w->now)->flags, ACK);
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
    assert_int_equal(estab_open(w->stack, &open, &conn, WIRE_START + w->now), ESTAB_OK);
    SAY(SYN, NXT + 9, 0, .ts = true, .tsval = STAMP + 1);
    CHECK_EQ(wire_any(w, w->now)->flags, SYN | ACK);
    CHECK_EQ(wire_status(w, conn).state, ESTAB_STATE_SYN_RECEIVED);
    CHECK((int32_t)(wire_status(w, conn).iss - (iss + 2)) >= 65537);
    w->conn = conn;
}

/* A place is looked for before anything ends: the backlog may be full, and a cookie is no answer. */
WIRE_TEST(without_a_place_it_waits_on)
{
    begin(w, true);
    assert_int_equal(estab_listener_set(w->stack, w->listener, ESTAB_OPTION_BACKLOG, 1), ESTAB_OK);
    wire_in(w, &(struct wire_segment){.flags = SYN, .sport = CLIENT + 1, .dport = PORT});
    CHECK_EQ(wire_any(w, w->now)->flags, SYN | ACK);
    SAY(SYN, NXT + 9, 0, .ts = true, .tsval = STAMP + 1);
    CHECK(!wire_any(w, w->now));
    CHECK_EQ(wire_reason(w, "LISTEN_BACKLOG"), 1);
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
    wire_in(w, &(struct wire_segment){.flags = RST, .seq = 1, .sport = CLIENT + 1, .dport = PORT});
    SAY(SYN, NXT + 9, 0, .ts = true, .tsval = STAMP + 2);
    CHECK_EQ(wire_any(w, w->now)->flags, SYN | ACK);
}

/* In TIME-WAIT with 100 bytes that nobody has read, a TCB instead of a record. */
static void rest_unread(struct wire *w)
{
    struct estab_config c = wire_config();

    c.timestamps = true;
    wire_start(w, &c);
    listen_on(w, 4);
    SAY(SYN, IRS, 0, .mss = 1460, .ts = true, .tsval = STAMP - 5);
    iss = wire_any(w, w->now)->seq;
    SAY(ACK | PSH, IRS + 1, iss + 1, .len = 100, .ts = true, .tsval = STAMP - 4);
    assert_int_equal(estab_accept(w->stack, w->listener, &w->conn), ESTAB_OK);
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    wire_pump(w);
    SAY(ACK | FIN, IRS + 101, iss + 2, .len = 0, .ts = true, .tsval = STAMP);
    SKIP;
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
    CHECK(!STATUS.record);
    w->events = 0;
}

/* The text of the old connection is its user's, while the new one goes on: each has its own. */
WIRE_TEST(unread_text_gives_the_pair_up_and_stays)
{
    const struct wire_segment *s;
    estab_conn old, new;
    struct estab_received got;
    uint8_t text[200];

    rest_unread(w);
    SAY(SYN, NXT + 9, 0, .mss = 1460, .ts = true, .tsval = STAMP - 1); /* an older one does not */
    CHECK_EQ(wire_any(w, w->now)->flags, ACK);
    SAY(SYN, NXT - 9, 0, .mss = 1460, .ts = true, .tsval = STAMP + 1);
    s = wire_any(w, w->now);
    CHECK_EQ(s->flags, SYN | ACK);
    CHECK((int32_t)(s->seq - (iss + 2)) >= 65537);
    CHECK_EQ(wire_reason(w, "TIME_WAIT_REOPENED"), 1);
    CHECK_EQ(w->events, 0); /* not before its text is taken */
    old = w->conn;
    CHECK_EQ(STATUS.receive_queued, 100);
    SAY(ACK | PSH, NXT - 8, s->seq + 1, .len = 50, .ts = true, .tsval = STAMP + 2, .tsecr = s->tsval);
    assert_int_equal(estab_accept(w->stack, w->listener, &new), ESTAB_OK);
    assert_int_equal(estab_receive(w->stack, old, text, sizeof text, 0, &got, WIRE_START + w->now), ESTAB_OK);
    CHECK_EQ(got.length, 100);
    EVENTS(ESTAB_EVENT_CLOSED); /* of w->conn, the old one */
    CHECK_EQ(w->error, ESTAB_OK);
    assert_int_equal(estab_receive(w->stack, new, text, sizeof text, 0, &got, WIRE_START + w->now), ESTAB_OK);
    CHECK_EQ(got.length, 50);
    w->conn = new;
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
}

/* The same where its own user opens the pair again. */
WIRE_TEST(unread_text_lets_its_user_open_the_pair_again)
{
    struct estab_open open = {.size = sizeof open, .local.port = PORT, .remote = {WIRE_PEER, CLIENT}};
    const struct wire_segment *s;
    struct estab_received got;
    uint8_t text[200];
    estab_conn new;

    rest_unread(w);
    assert_int_equal(estab_open(w->stack, &open, &new, WIRE_START + w->now), ESTAB_EXISTS);
    open.reopen = true;
    assert_int_equal(estab_open(w->stack, &open, &new, WIRE_START + w->now), ESTAB_OK);
    s = wire_any(w, w->now);
    CHECK_EQ(s->flags, SYN);
    CHECK((int32_t)(s->seq - (iss + 2)) >= 65537);
    assert_int_equal(estab_receive(w->stack, w->conn, text, sizeof text, 0, &got, WIRE_START + w->now), ESTAB_OK);
    CHECK_EQ(got.length, 100);
}

/* Once in a while for an hour, from the same port: each opens at once, with numbers that go on. */
WIRE_TEST(one_port_again_and_again)
{
    uint32_t seq = NXT, before;

    begin(w, true);
    before = iss + 2;
    for (unsigned i = 1; i <= 300; i++) {
        const struct wire_segment *s;
        uint32_t now_iss;

        wire_run(w, w->now + (i % 7) * 17 * MS);
        SAY(SYN, seq, 0, .ts = true, .tsval = STAMP + 10 * i, .mss = 1460);
        s = wire_any(w, w->now);
        CHECK(s && s->flags == (SYN | ACK));
        CHECK((int32_t)(s->seq - before) >= 65537);
        now_iss = s->seq;
        SAY(ACK, seq + 1, now_iss + 1, .ts = true, .tsval = STAMP + 10 * i + 1);
        assert_int_equal(estab_accept(w->stack, w->listener, &w->conn), ESTAB_OK);
        assert_int_equal(estab_close(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
        wire_pump(w);
        SAY(ACK | FIN, seq + 1, now_iss + 2, .ts = true, .tsval = STAMP + 10 * i + 2);
        SKIP;
        CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
        CHECK_EQ(wire_counters(w).records, 1);
        before = now_iss + 2;
        seq += 2;
    }
    CHECK_EQ(wire_reason(w, "TIME_WAIT_REOPENED"), 300);
}

/*
 * RFC 1337 section 2, hazards: an old segment is answered, the peer knows nothing of it any more and resets.
 * TIME-WAIT goes on for its 2 MSL, in both of its forms.
 */
WIRE_TEST(a_reset_does_not_end_it)
{
    begin(w, false);
    SAY(ACK | PSH, IRS + 1, iss + 2, .len = 100); /* old text */
    CHECK_EQ(wire_any(w, w->now)->ack, NXT);
    SAY(RST, NXT, 0, .len = 0); /* exactly where RFC 5961 asks for it */
    SAY(RST | ACK, NXT, iss + 2, .len = 0);
    QUIET(w->now);
    CHECK_EQ(wire_reason(w, "TIME_WAIT_RST"), 2);
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
    wire_run(w, w->now + 60 * S - 1 * MS);
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
    SKIP;
    wire_run(w, w->now + 2 * MS);
    CHECK_EQ(wire_counters(w).records, 0);
    CHECK_EQ(w->error, ESTAB_OK);
}

/* With time_wait_reset it does, as RFC 9293 has it. */
WIRE_TEST(unless_it_is_asked_for)
{
    struct estab_config c = wire_config();

    c.time_wait_reset = true;
    wire_start(w, &c);
    listen_on(w, 4);
    rest(w, false);
    SAY(RST, NXT, 0, .len = 0);
    CHECK_EQ(wire_reason(w, "RST_EXACT"), 1);
    CHECK_EQ(wire_counters(w).records, 0);
    wire_pump(w);
    CHECK_EQ(w->events, ESTAB_EVENT_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reset_does_not_end_it),
        cmocka_unit_test(unless_it_is_asked_for),
        cmocka_unit_test(a_younger_syn_opens_the_pair_anew),
        cmocka_unit_test(somebody_must_listen),
        cmocka_unit_test(without_a_place_it_waits_on),
        cmocka_unit_test(unread_text_gives_the_pair_up_and_stays),
        cmocka_unit_test(unread_text_lets_its_user_open_the_pair_again),
        cmocka_unit_test(one_port_again_and_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
