/* SPDX-License-Identifier: MIT */
/*
 * Inputs that broke other stacks, in every state where they can arrive.  The numbers are those of
 * the list that this project keeps of them.  Whatever comes, the state stays what RFC 9293 says, the
 * drop has its reason, and the connection can still be closed in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/made_frame.h"
#include "support/random.h"
#include "support/rig.h"

static struct rig rig;
static uint8_t bytes[RIG_FRAME_MAX];

/* Where the peer's next byte goes, and what it would acknowledge. */
static uint32_t next_seq(const struct rig *r)
{
    struct estab_status st = rig_status(r);

    return st.state <= ESTAB_STATE_SYN_SENT ? 0 : st.rcv_nxt - r->irs;
}

static uint32_t next_ack(const struct rig *r)
{
    struct estab_status st = rig_status(r);

    return st.state <= ESTAB_STATE_LISTEN ? 1 : st.snd_una - r->iss;
}

typedef void bad_input(struct rig *);

/* Runs it in every state, each way, at ISNs that wrap. */
static void in_every_state(bad_input *bad)
{
    for (unsigned state = CLOSED; state < RIG_STATES; state++)
        for (unsigned way = 0; way < RIG_WAYS; way++)
            for (unsigned n = 0; n < RIG_ISNS; n++)
                for (unsigned unread = 0; unread <= (state == TIME_WAIT); unread++) {
                    if (!rig_can_become((enum rig_way)way, (enum rig_state)state))
                        continue;
                    rig_start(&rig, NULL, rig_isns[n][0], rig_isns[n][1]);
                    rig.where = rig_state_name((enum rig_state)state);
                    rig.keep_unread = unread;
                    rig_become(&rig, (enum rig_way)way, (enum rig_state)state);
                    if (state == TIME_WAIT)
                        rig_nobody_listens(&rig);
                    rig_forget(&rig);
                    bad(&rig);
                    rig_end(&rig);
                }
}

/* Nothing was sent, nobody was told, nothing has changed but one counter. */
static void dropped(struct rig *r, const struct estab_status *was, enum reason reason, uint64_t n)
{
    struct estab_status is = rig_status(r);

    rig_quiet(r);
    rig_happened(r, 0, ESTAB_OK);
    rig_counted(r, reason, n);
    if (is.state != was->state || is.snd_una != was->snd_una || is.snd_nxt != was->snd_nxt ||
        is.rcv_nxt != was->rcv_nxt || is.snd_wnd != was->snd_wnd)
        rig_fail(r, "a frame that was dropped has changed the connection");
}

/* ---- 1: options and data offsets ------------------------------------------------------------------- */

static const struct {
    const char *raw;
    uint8_t length;
} bad_options[] = {
    {"\2\0\1\1", 4},                      /* length 0 */
    {"\2\1\1\1", 4},                      /* length 1 */
    {"\1\1\1\2", 4},                      /* no length byte */
    {"\1\1\2\4", 4},                      /* past the end */
    {"\2\377\1\1", 4},                    /* far past the end */
    {"\1\1\10\12\0\0\0\0", 8},            /* half a timestamp */
    {"\376\0\1\1", 4},                    /* unknown, length 0 */
    {"\376\5\1\1", 4},                    /* unknown, past the end */
    {"\2\4\5\264\3\3\7\1\1\1\5\377", 12}, /* behind good ones */
};

static void row_1_options(struct rig *r)
{
    static const uint8_t flags[] = {ACK, SYN, SYN | ACK, RST, FIN | ACK, 0};
    struct estab_status was = rig_status(r);
    uint64_t n = 0;

    for (size_t i = 0; i < sizeof bad_options / sizeof bad_options[0]; i++)
        for (size_t k = 0; k < sizeof flags; k++) {
            struct rig_seg s = {.flags = flags[k],
                                .seq = next_seq(r),
                                .ack = next_ack(r),
                                .raw = bad_options[i].raw,
                                .raw_length = bad_options[i].length};

            rig_in(r, &s);
            dropped(r, &was, REASON_TCP_OPTIONS, ++n);
        }
}

/* An acceptable segment whose data offset is wrong; its checksums are right. */
static void row_1_data_offsets(struct rig *r)
{
    struct rig_seg s = {.flags = ACK, .seq = next_seq(r), .ack = next_ack(r)};
    struct estab_status was = rig_status(r);
    uint64_t count = 0;

    for (unsigned offset = 0; offset < 16; offset++) {
        size_t n = rig_frame(r, &s, bytes);

        if (offset == 5)
            continue;
        bytes[32] = (uint8_t)(offset << 4);
        rig_resum(bytes, n);
        rig_in_bytes(r, bytes, n);
        dropped(r, &was, REASON_TCP_HEADER, ++count);
    }
}

/* MUST-6: what has a length is stepped over, known or not, long or short. */
static void row_1_harmless_options(struct rig *r)
{
    static const struct rig_seg s =
        SEG(SYN, 0, 0, .raw = "\2\3\1\376\4xx\3\4\1\1\10\3\1\4\2\0", .raw_length = 16);

    if (rig_state(r) != LISTEN)
        return;
    rig_in(r, &s);
    OUT(r, SYN | ACK, 0, 1);
    rig_counted(r, REASON_TCP_OPTIONS, 0);
    IS(r, SYN_RECEIVED);
}

/* MUST-6, MUST-7. */
static void row_1(void **state)
{
    (void)state;
    in_every_state(row_1_options);
    in_every_state(row_1_data_offsets);
    in_every_state(row_1_harmless_options);
}

/* ---- 3: lengths against each other ---------------------------------------------------------------------- */

static void row_3_lengths(struct rig *r)
{
    struct rig_seg s = {.flags = PSH | ACK, .seq = next_seq(r), .ack = next_ack(r), .len = 20};
    struct estab_status was = rig_status(r);
    size_t n = rig_frame(r, &s, bytes);
    uint64_t ip = 0, tcp = 0;

    for (size_t cut = 0; cut < n; cut++) { /* the frame ends early */
        rig_in_bytes(r, bytes, cut);
        if (cut == 0) /* no frame at all */
            continue;
        dropped(r, &was, cut < 20 ? REASON_IP_HEADER : REASON_IP_LENGTH,
                cut < 20 ? ++ip : cut - 19);
    }
    for (uint8_t length = 0; length < 20; length++) { /* shorter than its own header */
        bytes[3] = length;
        rig_resum(bytes, n);
        rig_in_bytes(r, bytes, n);
        dropped(r, &was, REASON_IP_HEADER, ++ip);
    }
    for (uint8_t length = 20; length < 40; length++) { /* no room for TCP's */
        bytes[3] = length;
        rig_resum(bytes, length);
        rig_in_bytes(r, bytes, n);
        dropped(r, &was, REASON_TCP_HEADER, ++tcp);
    }
    for (uint8_t words = 0; words < 5; words++) { /* an IP header of less than 20 bytes */
        n = rig_frame(r, &s, bytes);
        bytes[0] = (uint8_t)(0x40 | words);
        rig_in_bytes(r, bytes, n);
        dropped(r, &was, REASON_IP_HEADER, ++ip);
    }
}

/* What lies behind the packet on the link is padding, and never text. */
static void row_3_padding(struct rig *r)
{
    struct rig_seg s = {.flags = ACK, .seq = next_seq(r), .ack = next_ack(r)};
    struct estab_status was = rig_status(r), is;
    size_t n = rig_frame(r, &s, bytes);

    memset(bytes + n, 'x', 100);
    rig_in_bytes(r, bytes, n + 100);
    is = rig_status(r);
    if (is.receive_queued != was.receive_queued || is.rcv_nxt != was.rcv_nxt)
        rig_fail(r, "padding was taken for text");
}

/* RFC 5927 section 4: an ICMP error must quote its IP header and 8 bytes; more lengths that lie. */
static void row_3_icmp(struct rig *r)
{
    struct made_tcp m = {.src = {rig_us(), RIG_PORT},
                         .dst = {rig_peer(), RIG_PEER_PORT},
                         .seq = rig_status(r).snd_una};
    struct estab_status was = rig_status(r);
    uint8_t icmp[8 + 40] = {3, 3};
    uint64_t count = 0;

    made_tcp(bytes, &m, true);
    memcpy(icmp + 8, bytes, 40);
    for (size_t n = 0; n < 36; n++) {
        uint16_t sum;

        icmp[2] = icmp[3] = 0;
        sum = made_sum(0, icmp, n);
        icmp[2] = (uint8_t)(sum >> 8);
        icmp[3] = (uint8_t)sum;
        rig_in_bytes(r, bytes, made_ip(bytes, rig_peer(), rig_us(), 1, icmp, n, true));
        dropped(r, &was, REASON_ICMP_MALFORMED, ++count);
    }
}

static void row_3(void **state)
{
    (void)state;
    in_every_state(row_3_lengths);
    in_every_state(row_3_padding);
    in_every_state(row_3_icmp);
}

/* ---- 4: urgent pointers ----------------------------------------------------------------------------------- */

/* With any pointer, the text that is delivered is the text that was sent (rig_receive checks it). */
static void row_4_pointers(struct rig *r)
{
    static const uint16_t pointers[] = {0, 1, 10, 11, 4000, 32767, 32768, 65535};
    static const uint8_t flags[] = {URG | ACK, URG, URG | SYN, URG | SYN | ACK, URG | PSH | ACK};
    enum rig_state was = rig_state(r);

    for (size_t k = 0; k < sizeof flags; k++)
        for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
            struct rig_seg s = {.flags = flags[k],
                                .seq = next_seq(r),
                                .ack = next_ack(r),
                                .up = pointers[i],
                                .len = i % 3 * 5};

            rig_in(r, &s);
            if (r->conn.generation)
                (void)rig_receive(r, 100);
        }
    if (was == CLOSED || was >= ESTABLISHED)
        rig_is(r, was);
    rig_at(r, 100);
}

static void row_4(void **state)
{
    (void)state;
    in_every_state(row_4_pointers);
}

/* The end of urgent data lies a window ahead, then moves beyond it; the user is never stuck. */
static void row_4_far_ahead(void **state)
{
    struct estab_received got;
    uint8_t text[100];
    struct rig *r = &rig;
    (void)state;
    rig_start(r, NULL, UINT32_MAX, UINT32_MAX - 20);
    rig_become(r, LISTENER, ESTABLISHED);
    for (uint32_t seq = 1; seq < 100000; seq += 100) {
        IN(r, URG | ACK, seq, 1, .len = 100, .up = 65535);
        assert_int_equal(estab_receive(r->stack, r->conn, text, 100, 0, &got, r->now), ESTAB_OK);
        assert_int_equal(got.length, 100);
        assert_true(got.urgent);
        rig_forget(r);
    }
    rig_end(r);
}

/* ---- 8: blind attacks ---------------------------------------------------------------------------------------- */

/* RST, SYN, text and ACK in the window, but not where or as they must be: the connection lives. */
static void row_8_blind(struct rig *r)
{
    enum rig_state was = rig_state(r);
    struct estab_status st = rig_status(r);
    uint64_t seed = 8;

    if (was < ESTABLISHED)
        return;
    for (int i = 0; i < 300; i++) {
        uint32_t in = 1 + (uint32_t)random_next(&seed) % 3900, seq = next_seq(r) + in;
        uint32_t far = 65536 + (uint32_t)random_next(&seed) % 0x7ff00000;

        IN(r, RST, seq, 0);
        IN(r, RST | ACK, seq, next_ack(r));
        IN(r, SYN, seq, 0);
        IN(r, SYN, (uint32_t)random_next(&seed), 0);
        IN(r, RST, seq + (1u << 20) + (uint32_t)random_next(&seed) % (1u << 31), 0);
        IN(r, PSH | ACK, next_seq(r), next_ack(r) - far, .len = 10);
        IN(r, PSH | ACK, next_seq(r), next_ack(r) + far, .len = 10);
        IN(r, FIN | ACK, next_seq(r), next_ack(r) + far);
        rig_forget(r);
    }
    rig_is(r, was);
    if (rig_status(r).rcv_nxt != st.rcv_nxt || rig_status(r).snd_una != st.snd_una)
        rig_fail(r, "a stranger has moved the connection");
}

/* RFC 5961 section 7: what strangers send costs a bounded number of answers a second. */
static void row_8_answers_are_bounded(struct rig *r)
{
    enum { MOST = 3 };

    if (rig_state(r) < ESTABLISHED)
        return;
    for (unsigned i = 0; i < 300; i++) {
        unsigned kind = i % 3;

        IN(r,
           kind == 0   ? SYN
           : kind == 1 ? RST
                       : ACK,
           next_seq(r) + 1, kind == 2 ? next_ack(r) + 100000 : 0);
    }
    if (r->out_count > MOST)
        rig_fail(r, "%u answers in a second", r->out_count);
}

/* R5961-1, R5961-13. */
static void row_8(void **state)
{
    (void)state;
    in_every_state(row_8_blind);
    in_every_state(row_8_answers_are_bounded);
}

/* ---- 10: the window shrinks below what is in flight ----------------------------------------------------------- */

/* MUST-34, SHLD-15, MUST-35: nothing new is sent, the window is probed, and all arrives in the end. */
static void window_shrinks(enum rig_state state, uint32_t iss, int wnd)
{
    struct rig *r = &rig;
    uint32_t ack = 1;

    rig_start(r, NULL, iss, 7);
    r->where = rig_state_name(state);
    rig_become(r, ACTIVE, state == CLOSE_WAIT || state == LAST_ACK ? CLOSE_WAIT : ESTABLISHED);
    assert_int_equal(rig_send(r, 4000, 0), ESTAB_OK);
    if (state == FIN_WAIT_1 || state == LAST_ACK)
        assert_int_equal(rig_close(r), ESTAB_OK);
    assert_true(r->out_count - r->out_taken >= 7);
    rig_forget(r);
    IN(r, ACK, next_seq(r), 1, .wnd = wnd);
    QUIET(r);
    AT(r, 5000);
    assert_true(r->out_count > 0); /* sent again, or probed */
    for (unsigned i = 0; i < r->out_count; i++)
        assert_true(wnd == NO_WINDOW || r->out[i].seg.len > 0);
    for (unsigned i = 0; i < 200 && rig_status(r).send_queued > 0; i++) { /* it opens, by and by */
        uint32_t sent = rig_status(r).snd_nxt - r->iss;

        ack = ack + 40 < sent ? ack + 40 : sent;
        IN(r, ACK, next_seq(r), ack, .wnd = 500);
        AT(r, 5000 + 1000 * (i + 1));
    }
    if (rig_status(r).send_queued != 0)
        rig_fail(r, "%u bytes are left", (unsigned)rig_status(r).send_queued);
    IN(r, ACK, next_seq(r), rig_status(r).snd_nxt - r->iss);
    rig_is(r, state == FIN_WAIT_1 ? FIN_WAIT_2 : state == LAST_ACK ? CLOSED : state);
    rig_end(r);
}

/* R7323-11. */
static void row_10(void **state)
{
    static const enum rig_state states[] = {ESTABLISHED, FIN_WAIT_1, CLOSE_WAIT, LAST_ACK};
    (void)state;
    for (unsigned n = 0; n < RIG_ISNS; n++)
        for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
            window_shrinks(states[i], rig_isns[n][0], NO_WINDOW);
            window_shrinks(states[i], rig_isns[n][0] - 2000, 100);
        }
}

/* ---- 12: acknowledgments of nothing --------------------------------------------------------------------------- */

static uint32_t row_12_off;

static void row_12_acks(struct rig *r)
{
    enum rig_state was = rig_state(r);
    struct estab_status st = rig_status(r);
    uint32_t sent = st.snd_nxt - r->iss;

    if (was < ESTABLISHED)
        return;
    IN(r, ACK, next_seq(r), sent + row_12_off);
    OUT(r, ACK, sent, next_seq(r));
    IN(r, PSH | ACK, next_seq(r), sent + row_12_off, .len = 10);
    OUT(r, ACK, sent, next_seq(r));
    rig_is(r, was);
    if (rig_status(r).snd_una != st.snd_una || rig_status(r).rcv_nxt != st.rcv_nxt)
        rig_fail(r, "an ACK off by %u was taken", (unsigned)row_12_off);
    rig_quiet(r);
}

/* R5961-12. */
static void row_12(void **state)
{
    static const uint32_t offs[] = {1,          2,           1000,       65536,     0x7ffffffe,
                                    0x80000000, 0x80000001u, 0xfff00000, 0xfffeffff};

    (void)state;
    for (size_t i = 0; i < sizeof offs / sizeof offs[0]; i++) {
        row_12_off = offs[i];
        in_every_state(row_12_acks);
    }
}

/* ---- 13: flags, and options that go missing ---------------------------------------------------------------------- */

/* Timestamps were agreed on: whatever lacks them is dropped in silence, but for RST and SYN.
 * R7323-21, R7323-22. */
static void row_13_timestamps(void **state)
{
    struct estab_config config = rig_config();
    struct estab_status was;
    uint64_t n;
    (void)state;
    config.timestamps = true;
    for (unsigned s = ESTABLISHED; s < RIG_STATES; s++)
        for (unsigned way = 0; way < RIG_WAYS; way++) {
            rig_start(&rig, &config, UINT32_MAX, 1);
            rig.where = rig_state_name((enum rig_state)s);
            rig_become(&rig, (enum rig_way)way, (enum rig_state)s);
            rig_forget(&rig);
            was = rig_status(&rig);
            n = 0;
            for (unsigned flags = 0; flags < 256; flags++) {
                if (flags & (RST | SYN))
                    continue;
                IN(&rig, flags, next_seq(&rig), next_ack(&rig), .opt = NO_OPTIONS,
                   .len = flags % 2);
                dropped(&rig, &was, REASON_TIMESTAMP_MISSING, ++n);
            }
            rig_end(&rig);
        }
}

/* R7323-9, R7323-10. */
static void row_13_window_scales(void **state)
{
    struct estab_config config = rig_config();
    (void)state;
    config.window_scale = true;
    for (unsigned shift = 0; shift < 256; shift++)
        for (unsigned way = 0; way < RIG_WAYS; way++) {
            enum rig_state after;

            rig_start(&rig, &config, 5, UINT32_MAX);
            rig.way = (enum rig_way)way;
            if (way == LISTENER || way == SINGLE) {
                rig_become(&rig, (enum rig_way)way, LISTEN);
                IN(&rig, SYN, 0, 0, .opt = SCALE, .scale = (uint8_t)shift);
                IN(&rig, ACK, 1, 1, .wnd = 1000);
            } else {
                rig_become(&rig, (enum rig_way)way, SYN_SENT);
                IN(&rig, SYN | ACK, 0, 1, .opt = SCALE, .scale = (uint8_t)shift);
                IN(&rig, ACK, 1, 1, .wnd = 1000);
            }
            after = rig_state(&rig);
            assert_int_equal(after, ESTABLISHED);
            assert_int_equal(rig_status(&rig).snd_wscale, shift < 14 ? shift : 14);
            assert_int_equal(rig_status(&rig).snd_wnd, 1000u << (shift < 14 ? shift : 14));
            rig_counted(&rig, REASON_WINDOW_SCALE, shift > 14);
            rig_end(&rig);
        }
}

/* Text with the SYN is not taken by a listener; what the peer then sends is, from its first byte. */
static void row_13_text_with_the_handshake(void **state)
{
    (void)state;
    for (unsigned way = LISTENER; way <= SINGLE; way++)
        for (unsigned n = 0; n < RIG_ISNS; n++) {
            rig_start(&rig, NULL, rig_isns[n][0], rig_isns[n][1]);
            rig_become(&rig, (enum rig_way)way, LISTEN);
            IN(&rig, SYN | PSH, 0, 0, .len = 20);
            OUT(&rig, SYN | ACK, 0, 1);
            IN(&rig, PSH | ACK, 1, 1, .len = 30);
            IS(&rig, ESTABLISHED);
            if (way == LISTENER)
                assert_int_equal(rig_accept(&rig), ESTAB_OK);
            assert_int_equal(rig_receive(&rig, 100), 30);
            rig_end(&rig);
        }
}

/* MSS of 0 or 1 does not make us send headers for nothing (row 2, as far as it concerns a SYN). */
static void row_2_mss(void **state)
{
    static const uint16_t values[] = {0, 1, 63, 64, 536, 1460, 65535};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        rig_start(&rig, NULL, 5, 6);
        rig_become(&rig, ACTIVE, SYN_SENT);
        IN(&rig, SYN | ACK, 0, 1, .opt = MSS, .mss = values[i]);
        assert_in_range(rig_status(&rig).snd_mss, 64, 1460);
        rig_forget(&rig);
        assert_int_equal(rig_send(&rig, 640, 0), ESTAB_OK);
        assert_true(rig.out_count <= 10);
        rig_end(&rig);
    }
    for (unsigned way = 0; way < RIG_WAYS; way++) { /* MUST-15 */
        rig_start(&rig, NULL, 5, 6);
        rig_become(&rig, (enum rig_way)way, ESTABLISHED);
        assert_int_equal(rig_status(&rig).snd_mss, 536);
        rig_end(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_1),
        cmocka_unit_test(row_2_mss),
        cmocka_unit_test(row_3),
        cmocka_unit_test(row_4),
        cmocka_unit_test(row_4_far_ahead),
        cmocka_unit_test(row_8),
        cmocka_unit_test(row_10),
        cmocka_unit_test(row_12),
        cmocka_unit_test(row_13_timestamps),
        cmocka_unit_test(row_13_window_scales),
        cmocka_unit_test(row_13_text_with_the_handshake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
