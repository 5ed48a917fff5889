/* SPDX-License-Identifier: MIT */
/*
 * test_bad_inputs.c - inputs that broke other stacks, as far as they are stories and not single segments; those
 * test_bad_inputs_in_states.c has, in every state where they can arrive.  The numbers are those of
 * docs/bad-inputs.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/places.h"

static struct rig rig;

/* ---- 1: options and data offsets ------------------------------------------------------------------- */

/* BAD-1, MUST-6: what has a length is stepped over, known or not, long or short. */
static void row_1_harmless_options(void **state)
{
    (void)state;
    for (unsigned way = LISTENER; way <= SINGLE; way++) {
        rig_start(&rig, NULL, 5, 6);
        rig_become(&rig, (enum rig_way)way, LISTEN);
        IN(&rig, SYN, 0, 0, .raw = "\2\3\1\376\4xx\3\4\1\1\10\3\1\4\2\0", .raw_length = 16);
        OUT(&rig, SYN | ACK, 0, 1);
        rig_counted(&rig, REASON_TCP_OPTIONS, 0);
        IS(&rig, SYN_RECEIVED);
        rig_end(&rig);
    }
}

/* ---- 4: urgent pointers ----------------------------------------------------------------------------------- */

/* The end of urgent data lies a window ahead, then moves beyond it; the user is never stuck. BAD-4. */
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
    IN(r, ACK, place_seq(r), 1, .wnd = wnd);
    QUIET(r);
    AT(r, 5000);
    assert_true(r->out_count > 0); /* sent again, or probed */
    for (unsigned i = 0; i < r->out_count; i++)
        assert_true(wnd == NO_WINDOW || r->out[i].seg.len > 0);
    for (unsigned i = 0; i < 200 && rig_status(r).send_queued > 0; i++) { /* it opens, by and by */
        uint32_t sent = rig_status(r).snd_nxt - r->iss;

        ack = ack + 40 < sent ? ack + 40 : sent;
        IN(r, ACK, place_seq(r), ack, .wnd = 500);
        AT(r, 5000 + 1000 * (i + 1));
    }
    if (rig_status(r).send_queued != 0)
        rig_fail(r, "%u bytes are left", (unsigned)rig_status(r).send_queued);
    IN(r, ACK, place_seq(r), rig_status(r).snd_nxt - r->iss);
    rig_is(r, state == FIN_WAIT_1 ? FIN_WAIT_2 : state == LAST_ACK ? CLOSED : state);
    rig_end(r);
}

/* R7323-11. BAD-10. */
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

/* ---- 13: flags, and options that go missing ---------------------------------------------------------------------- */

/* Timestamps were agreed on: whatever lacks them is dropped in silence, but for RST and SYN.
 * R7323-21, R7323-22. BAD-13. */
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
                IN(&rig, flags, place_seq(&rig), place_una(&rig), .opt = NO_OPTIONS,
                   .len = flags % 2);
                place_dropped(&rig, &was, REASON_TIMESTAMP_MISSING, ++n);
            }
            rig_end(&rig);
        }
}

/* R7323-9, R7323-10. BAD-13. */
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

/* Text with the SYN is not taken by a listener; what the peer then sends is, from its first byte. BAD-13. */
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

/* MSS of 0 or 1 does not make us send headers for nothing (row 2, as far as it concerns a SYN). BAD-2. */
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
        cmocka_unit_test(row_1_harmless_options),
        cmocka_unit_test(row_2_mss),
        cmocka_unit_test(row_4_far_ahead),
        cmocka_unit_test(row_10),
        cmocka_unit_test(row_13_timestamps),
        cmocka_unit_test(row_13_window_scales),
        cmocka_unit_test(row_13_text_with_the_handshake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
