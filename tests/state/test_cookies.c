/* SPDX-License-Identifier: MIT */
/*
 * test_cookies.c - SYN cookies (RFC 4987 section 3.6): what they carry, when they are taken, and by whom they
 * are not.  The listener here answers each SYN with a cookie, but where it says otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/wire.h"

enum { PORT = 80, CLIENT = 5000, IRS = 7000 };
enum { EPOCH_MS = 64000 };

static void begin(struct wire *w, uint8_t mode, uint32_t backlog)
{
    struct estab_config c = wire_config();
    struct estab_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = backlog};

    c.timestamps = c.window_scale = true;
    c.syn_cookies = mode;
    c.ecn = 2;
    wire_start(w, &c);
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
}

/* What the client says, the first of them where no port is named; numbers are as on the wire. */
static void say(struct wire *w, struct wire_segment s)
{
    s.sport = s.sport ? s.sport : CLIENT;
    s.dport = PORT;
    s.wnd = 65535;
    wire_in(w, &s);
}

/* clang-format off */
#define SAY(flags_, seq_, ...) \
    say(w, (struct wire_segment){.flags = (flags_), .seq = (seq_), .ack = __VA_ARGS__})
/* clang-format on */

/* The cookie that answers a SYN. */
static struct wire_segment ask(struct wire *w, const struct wire_segment *with)
{
    struct wire_segment s = *with;
    const struct wire_segment *out;

    s.flags |= SYN;
    s.seq = IRS;
    say(w, s);
    out = wire_any(w, w->now);
    assert_non_null(out);
    assert_int_equal(out->flags & (SYN | ACK), SYN | ACK);
    assert_int_equal(out->ack, IRS + 1);
    assert_int_equal(wire_counters(w).records, 0);
    return *out;
}

#define ASK(...) ask(w, &(struct wire_segment){.len = 0, __VA_ARGS__})

static bool accepted(struct wire *w)
{
    return estab_accept(w->stack, w->listener, &w->conn) == ESTAB_OK;
}

/* The connection ends, and another one can come. */
static void drop(struct wire *w)
{
    assert_int_equal(estab_abort(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    wire_pump(w);
    while (wire_any(w, w->now))
        ;
    w->conn = (estab_conn){0, 0};
}

WIRE_TEST(the_timestamp_brings_the_options_back)
{
    begin(w, 2, 4);
    for (int scale = -1; scale <= 15; scale++)
        for (unsigned bits = 0; bits < 4; bits++) {
            struct estab_status st;
            struct wire_segment c = ASK(.ts = true, .tsval = 77, .mss = 1460,
                                        .wscale = scale < 0 ? 0 : SCALE(scale), .sack_ok = bits & 1,
                                        .flags = bits & 2 ? ECE | CWR : 0);

            CHECK(c.ts && c.tsecr == 77);
            CHECK_EQ(c.wscale >= 0, scale >= 0);
            CHECK_EQ(c.sack_ok, bits & 1);
            CHECK_EQ(c.flags & ECE, bits & 2 ? ECE : 0);
            SAY(ACK, IRS + 1, c.seq + 1, .ts = true, .tsval = 78, .tsecr = c.tsval);
            CHECK(accepted(w));
            st = wire_status(w, w->conn);
            CHECK_EQ(st.state, ESTAB_STATE_ESTABLISHED);
            CHECK(st.timestamps);
            CHECK_EQ(st.scaled, scale >= 0);
            CHECK_EQ(st.snd_wscale, scale < 0 ? 0 : scale < 14 ? scale : 14);
            CHECK_EQ(st.rcv_wscale, scale >= 0 ? c.wscale : 0);
            CHECK_EQ(st.sack, bits & 1);
            CHECK_EQ(st.ecn, bits >> 1);
            CHECK_EQ(st.snd_wnd, 65535u << st.snd_wscale);
            CHECK_EQ(st.srtt_us, 0); /* nothing was measured by a clock that was set back */
            drop(w);
            wire_run(w, w->now + 7 * MS); /* another place of the clock */
        }
}

/* Section 5.4 of RFC 7323: the clock in what follows does not go back. */
WIRE_TEST(timestamps_go_on_from_the_cookie)
{
    begin(w, 2, 4);
    for (unsigned ms = 0; ms < 130; ms++) {
        struct wire_segment c = ASK(.ts = true, .tsval = 1, .wscale = SCALE(14), .sack_ok = true);
        const struct wire_segment *s;
        size_t taken;

        SAY(ACK, IRS + 1, c.seq + 1, .ts = true, .tsval = 2, .tsecr = c.tsval);
        CHECK(accepted(w));
        assert_int_equal(estab_send(w->stack, w->conn, (const uint8_t *)"x", 1, 0, &taken,
                                    WIRE_START + w->now),
                         ESTAB_OK);
        s = wire_any(w, w->now);
        CHECK(s && s->tsval - c.tsval <= 63);
        drop(w);
        wire_run(w, w->now + 1 * MS);
    }
}

/* Without timestamps no more is agreed on than the number of the SYN,ACK has room for: the MSS. */
WIRE_TEST(the_mss_comes_back_by_itself)
{
    static const uint16_t sizes[] = {64, 256, 536, 1220, 1380, 1440, 1460, 8960};
    begin(w, 2, 4);
    for (int mss = 64; mss <= 10000; mss += mss < 1500 ? 13 : 500) {
        struct wire_segment c = ASK(.mss = mss, .wscale = SCALE(7), .sack_ok = true,
                                    .flags = ECE | CWR);
        struct estab_status st;
        unsigned most = 0;

        for (unsigned i = 0; i < 8; i++)
            most = sizes[i] <= mss ? sizes[i] : most;
        CHECK(!c.ts && !c.sack_ok && c.wscale == -1 && !(c.flags & ECE));
        SAY(ACK, IRS + 1, c.seq + 1);
        CHECK(accepted(w));
        st = wire_status(w, w->conn);
        CHECK_EQ(st.snd_mss, most < 1460 ? most : 1460);
        CHECK(!st.timestamps && !st.scaled && !st.sack && !st.ecn);
        drop(w);
    }
    CHECK_EQ(ASK(.mss = 0).mss, 1460);
}

/* Whenever it was sent, a cookie is good for a whole epoch, and for two at most. */
WIRE_TEST(keys_change_and_nobody_is_dropped)
{
    begin(w, 2, 4);
    for (unsigned i = 0; i < 40; i++) {
        struct wire_segment c = ASK(.mss = 1460);
        uint64_t sent = (WIRE_START + w->now) / MS;

        wire_run(w, w->now + EPOCH_MS * MS); /* the longest that is promised */
        SAY(ACK, IRS + 1, c.seq + 1);
        CHECK(accepted(w));
        drop(w);
        CHECK_EQ((WIRE_START + w->now) / MS - sent, EPOCH_MS);
        c = ASK(.mss = 1460);
        wire_run(w, w->now + EPOCH_MS * MS);
        (void)ASK(.mss = 1460); /* cookies are in use */
        wire_run(w, w->now + EPOCH_MS * MS);
        SAY(ACK, IRS + 1, c.seq + 1);
        CHECK(!accepted(w));
        CHECK_EQ(wire_any(w, w->now)->flags, RST);
        CHECK_EQ(wire_reason(w, "LISTEN_COOKIE_WRONG"), i + 1);
        wire_run(w, w->now + 3333 * MS);
    }
}

/* The top 29 bits, the peer, its number and the options that came with them: none can be changed. R6528-3. */
WIRE_TEST(nothing_of_a_cookie_can_be_forged)
{
    struct wire_segment c;
    unsigned wrong = 0;

    begin(w, 2, 4);
    c = ASK(.ts = true, .tsval = 9, .mss = 1460, .wscale = SCALE(7), .sack_ok = true);
    for (unsigned bit = 3; bit < 32; bit++, wrong++)
        SAY(ACK, IRS + 1, (c.seq ^ 1u << bit) + 1, .ts = true, .tsecr = c.tsval);
    for (unsigned bit = 0; bit < 6; bit++, wrong++)
        SAY(ACK, IRS + 1, c.seq + 1, .ts = true, .tsecr = c.tsval ^ 1u << bit);
    for (unsigned bit = 0; bit < 32; bit++, wrong++)
        SAY(ACK, (IRS ^ 1u << bit) + 1, c.seq + 1, .ts = true, .tsecr = c.tsval);
    for (unsigned bit = 0; bit < 16; bit++, wrong++)
        wire_in(w, &(struct wire_segment){.flags = ACK, .seq = IRS + 1, .ack = c.seq + 1, .ts = true,
                                          .tsecr = c.tsval, .dport = PORT,
                                          .sport = (uint16_t)(CLIENT ^ 1u << bit)});
    for (unsigned bit = 0; bit < 8; bit++, wrong++)
        SAY(ACK, IRS + 1, c.seq + 1, .ts = true, .tsecr = c.tsval,
            .from = estab_ipv4(10, 0, 0, (uint8_t)(2 ^ 1u << bit)));
    SAY(ACK, IRS + 1, c.seq + 1); /* the options have gone */
    wrong++;
    CHECK(!accepted(w));
    /* 10.0.0.3 and the like answer; 10.0.0.0, to which one bit leads, is no host */
    CHECK_EQ(wire_reason(w, "LISTEN_COOKIE_WRONG") + wire_reason(w, "IP_SOURCE"), wrong);
    SKIP;
    SAY(ACK, IRS + 1, c.seq + 1, .ts = true, .tsecr = c.tsval);
    CHECK(accepted(w));
}

/* In peace none is sent, and so none is taken: an ACK out of the blue opens nothing, however right. */
WIRE_TEST(no_cookie_is_taken_when_none_was_sent)
{
    struct wire_segment c;

    begin(w, 2, 4);
    c = ASK(.mss = 1460);
    assert_int_equal(estab_listen_end(w->stack, w->listener, WIRE_START + w->now), ESTAB_OK);
    assert_int_equal(estab_listen(w->stack,
                                  &(struct estab_listen){.size = sizeof(struct estab_listen),
                                                         .local.port = PORT, .backlog = 4},
                                  &w->listener),
                     ESTAB_OK);
    SAY(ACK, IRS + 1, c.seq + 1);
    CHECK(!accepted(w));
    CHECK_EQ(wire_any(w, w->now)->flags, RST);
    CHECK_EQ(wire_reason(w, "LISTEN_ACK"), 1);
}

/* The ACK is lost; what brings the cookie back has text and a FIN. */
WIRE_TEST(text_brings_a_cookie_back)
{
    struct estab_received got;
    struct wire_segment c;
    uint8_t text[10];

    begin(w, 2, 4);
    c = ASK(.mss = 1460);
    SAY(ACK | PSH | FIN, IRS + 1, c.seq + 1, .len = 5, .text = "hello");
    CHECK(accepted(w));
    CHECK_EQ(wire_status(w, w->conn).state, ESTAB_STATE_CLOSE_WAIT);
    assert_int_equal(estab_receive(w->stack, w->conn, text, sizeof text, 0, &got, WIRE_START + w->now),
                     ESTAB_OK);
    CHECK_EQ(got.length, 5);
    assert_memory_equal(text, "hello", 5);
    CHECK_EQ(wire_any(w, w->now)->ack, IRS + 7);
}

/* Cookies come when there is no place, and the places stay for those who were first. */
WIRE_TEST(records_come_first)
{
    struct wire_segment c, own;

    begin(w, 1, 2);
    SAY(SYN, 1, 0, .sport = CLIENT + 1);
    own = *wire_any(w, w->now);
    SAY(SYN, 1, 0, .sport = CLIENT + 2);
    SKIP;
    CHECK_EQ(wire_counters(w).records, 2);
    SAY(SYN, IRS, 0, .mss = 1460);
    c = *wire_any(w, w->now);
    CHECK_EQ(wire_counters(w).records, 2);
    CHECK_EQ(wire_reason(w, "LISTEN_COOKIE"), 1);
    SAY(ACK, IRS + 1, c.seq + 1);
    CHECK(accepted(w));
    wire_run(w, w->now + 5 * S); /* far away, but in time */
    SKIP;
    SAY(ACK, 2, own.seq + 1, .sport = CLIENT + 1);
    CHECK_EQ(wire_counters(w).connections, 2);
    CHECK_EQ(wire_reason(w, "LISTEN_RECYCLED"), 0);
}

/* The cookie comes late: meanwhile there was a place, and the SYN, sent again, has taken it. */
WIRE_TEST(a_cookie_ends_the_record_that_came_after_it)
{
    struct wire_segment c, other;

    begin(w, 1, 1);
    SAY(SYN, 1, 0, .sport = CLIENT + 1);
    other = *wire_any(w, w->now);
    SAY(SYN, IRS, 0, .mss = 1460);
    c = *wire_any(w, w->now);
    CHECK_EQ(wire_reason(w, "LISTEN_COOKIE"), 1);
    SAY(RST, 2, 0, .sport = CLIENT + 1);
    CHECK_EQ(wire_counters(w).records, 0);
    wire_run(w, w->now + 1 * S);
    SAY(SYN, IRS, 0, .mss = 1460);
    CHECK_EQ(wire_counters(w).records, 1);
    SKIP;
    SAY(ACK, IRS + 1, c.seq + 1);
    CHECK(accepted(w));
    CHECK_EQ(wire_counters(w).records, 0);
    QUIET(w->now + 5 * S);
    CHECK(other.seq != c.seq);
}

/* A user who does not accept gets no more than its backlog, by whatever way. */
WIRE_TEST(the_backlog_bounds_those_who_wait)
{
    struct wire_segment c[3];

    begin(w, 2, 2);
    for (unsigned i = 0; i < 3; i++) {
        SAY(SYN, IRS, 0, .sport = (uint16_t)(CLIENT + i));
        c[i] = *wire_any(w, w->now);
    }
    for (unsigned i = 0; i < 3; i++)
        SAY(ACK, IRS + 1, c[i].seq + 1, .sport = (uint16_t)(CLIENT + i));
    CHECK_EQ(wire_counters(w).connections, 2);
    CHECK_EQ(wire_reason(w, "LISTEN_BACKLOG"), 1);
    QUIET(w->now);
    SAY(SYN, IRS, 0, .sport = CLIENT + 3);
    QUIET(w->now);
    CHECK_EQ(wire_reason(w, "LISTEN_BACKLOG"), 2);
    CHECK(accepted(w));
    drop(w);
    SAY(ACK | PSH, IRS + 1, c[2].seq + 1, .len = 5, .text = "again", .sport = CLIENT + 2);
    CHECK_EQ(wire_counters(w).connections, 2);
}

/* Who waits for text keeps nothing until it comes. */
WIRE_TEST(a_listener_that_waits_for_text)
{
    struct wire_segment c;

    begin(w, 2, 4);
    assert_int_equal(estab_listener_set(w->stack, w->listener, ESTAB_OPTION_DEFER_ACCEPT_MS, 5000),
                     ESTAB_OK);
    c = ASK(.mss = 1460);
    SAY(ACK, IRS + 1, c.seq + 1);
    QUIET(w->now);
    CHECK_EQ(wire_counters(w).connections, 0);
    CHECK_EQ(wire_reason(w, "LISTEN_DEFERRED"), 1);
    SAY(ACK | PSH, IRS + 1, c.seq + 1, .len = 5, .text = "hello");
    CHECK(accepted(w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_timestamp_brings_the_options_back),
        cmocka_unit_test(timestamps_go_on_from_the_cookie),
        cmocka_unit_test(the_mss_comes_back_by_itself),
        cmocka_unit_test(keys_change_and_nobody_is_dropped),
        cmocka_unit_test(nothing_of_a_cookie_can_be_forged),
        cmocka_unit_test(no_cookie_is_taken_when_none_was_sent),
        cmocka_unit_test(text_brings_a_cookie_back),
        cmocka_unit_test(records_come_first),
        cmocka_unit_test(a_cookie_ends_the_record_that_came_after_it),
        cmocka_unit_test(the_backlog_bounds_those_who_wait),
        cmocka_unit_test(a_listener_that_waits_for_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
