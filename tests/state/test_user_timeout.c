/* SPDX-License-Identifier: MIT */
/*
 * test_user_timeout.c - what a user timeout that the peer tells of does here (RFC 5482 section 3.1).  How ours is
 * told is shown by tests/script/options/user-timeout-*.pkt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/rig.h"

static struct rig rig;

static int begin(void **state)
{
    struct estab_config config = rig_config();

    (void)state;
    config.r1_retries = 255;
    rig_start(&rig, &config, 100, 200);
    rig_become(&rig, ACTIVE, ESTABLISHED);
    rig_forget(&rig);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_end(&rig);
    return 0;
}

static void set(enum estab_option option, uint32_t value)
{
    assert_int_equal(estab_set(rig.stack, rig.conn, option, value, rig.now), ESTAB_OK);
}

static uint32_t timeout_s(void)
{
    return rig_status(&rig).user_timeout_ms / 1000;
}

/* The peer tells its timeout: the upper bit for minutes. */
static void tell(uint16_t value)
{
    char raw[4] = {28, 4, (char)(value >> 8), (char)value};

    IN(&rig, ACK, 1, 1, .raw = raw, .raw_length = 4);
}

/* Who has not asked for it neither tells nor heeds. */
static void it_is_off_by_default(void **state)
{
    (void)state;
    tell(150);
    assert_int_equal(timeout_s(), 0);
    assert_int_equal(rig_status(&rig).peer_timeout_s, 0);
    assert_false(rig_status(&rig).cold);
}

/* min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT)), with 100 seconds and two hours. */
static void the_greater_counts_within_limits(void **state)
{
    static const struct {
        uint32_t ours;
        uint16_t peers;
        uint32_t told, holds;
    } rows[] = {
        {150, 120, 120, 150},           {150, 200, 200, 200},       {10, 20, 20, 100},
        {10, 0x8000 | 30, 1800, 1800},  {7300, 1, 1, 7200},         {200, 0xffff, 1966020, 7200},
        {40000, 0x8000 | 1, 60, 7200},  {1, 32767, 32767, 7200},    {1966020, 0x8000 | 32767, 1966020, 7200},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        set(ESTAB_OPTION_ADVERTISE_TIMEOUT_S, rows[i].ours);
        tell(rows[i].peers);
        assert_int_equal(rig_status(&rig).peer_timeout_s, rows[i].told);
        assert_int_equal(timeout_s(), rows[i].holds);
    }
    set(ESTAB_OPTION_ADVERTISE_TIMEOUT_S, 0);
    assert_int_equal(timeout_s(), 0);
    assert_false(rig_status(&rig).cold); /* nothing is kept */
}

/* Zero tells nothing, nor does an option of another length, or one in a segment outside the window. */
static void what_makes_no_sense_changes_nothing(void **state)
{
    (void)state;
    set(ESTAB_OPTION_ADVERTISE_TIMEOUT_S, 150);
    tell(200);
    assert_int_equal(timeout_s(), 200);
    tell(0);
    tell(0x8000);
    IN(&rig, ACK, 1, 1, .raw = "\34\3\1\0", .raw_length = 4);
    IN(&rig, ACK, 1, 1, .raw = "\34\6\1\0\0\0\0\0", .raw_length = 8);
    IN(&rig, ACK, 1 + 1000000, 1, .raw = "\34\4\7\7", .raw_length = 4);
    IN(&rig, ACK, 1, 1000, .raw = "\34\4\7\7", .raw_length = 4);
    assert_int_equal(rig_status(&rig).peer_timeout_s, 200);
    rig_forget(&rig);
}

/* CHANGEABLE: what the user has set, nobody changes. */
static void what_the_user_has_set_stays(void **state)
{
    (void)state;
    set(ESTAB_OPTION_ADVERTISE_TIMEOUT_S, 150);
    set(ESTAB_OPTION_USER_TIMEOUT_MS, 20000);
    tell(500);
    assert_int_equal(timeout_s(), 20);
    set(ESTAB_OPTION_USER_TIMEOUT_MS, 0); /* R2, and that is set as well */
    assert_int_equal(timeout_s(), 0);
}

/* It is the timeout: text that nobody acknowledges ends the connection then, and not before. */
static void it_ends_the_connection(void **state)
{
    (void)state;
    set(ESTAB_OPTION_ADVERTISE_TIMEOUT_S, 150);
    assert_int_equal(rig_send(&rig, 10, 0), ESTAB_OK);
    AT(&rig, 120000);
    tell(130);
    assert_int_equal(timeout_s(), 150);
    tell(140);
    AT(&rig, 149999);
    IS(&rig, ESTABLISHED);
    AT(&rig, 150001);
    IS(&rig, CLOSED);
    HAPPENED(&rig, ESTAB_EVENT_CLOSED, ESTAB_TIMED_OUT);
    COUNTED(&rig, REASON_USER_TIMEOUT, 1);
    rig_forget(&rig);
}

/* A peer that waits longer makes us wait as long, also when it says so late. */
static void a_longer_one_holds_at_once(void **state)
{
    (void)state;
    set(ESTAB_OPTION_ADVERTISE_TIMEOUT_S, 150);
    assert_int_equal(rig_send(&rig, 10, 0), ESTAB_OK);
    AT(&rig, 149000);
    tell(300);
    AT(&rig, 299999);
    IS(&rig, ESTABLISHED);
    AT(&rig, 300001);
    IS(&rig, CLOSED);
    rig_forget(&rig);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_off_by_default),
        TEST(the_greater_counts_within_limits),
        TEST(what_makes_no_sense_changes_nothing),
        TEST(what_the_user_has_set_stays),
        TEST(it_ends_the_connection),
        TEST(a_longer_one_holds_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
