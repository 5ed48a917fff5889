/* SPDX-License-Identifier: MIT */
#include "wire/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint8_t bytes[ENVELOPE_MAX];
static struct envelope e, again;

/* As docs/wire.md spells it: a REPORT on serial 7 of station 3. */
static const uint8_t spelled[] = {
    'e', 's', 't', 'b', 1,   4,   0,   0,                     /* version 1, REPORT */
    0,   1,   0,   8,   0,   0,   0,   0,   0, 0, 0, 7,       /* SERIAL 7 */
    0,   3,   0,   4,   0,   0,   0,   3,                     /* STATION 3 */
    0,   17,  0,   4,   'N', 'O', 'N', 'E',                   /* REASON */
    0,   19,  0,   4,   0,   0,   0,   1,                     /* BEFORE LISTEN */
    0,   21,  0,   18,  1,   3,   0,   0,   0, 0, 0, 0, 0, 9, /* MOVE to SYN-RECEIVED at 9 */
    7,   'r', 'c', 'v', ' ', 'S', 'Y', 'N',                   /* by rcv SYN */
};

static void reads_what_the_page_spells(void **state)
{
    (void)state;
    assert_null(envelope_read(&e, spelled, sizeof spelled));
    assert_int_equal(e.type, SAY_REPORT);
    assert_int_equal(e.serial, 7);
    assert_int_equal(e.station, 3);
    assert_int_equal(e.before, ESTAB_STATE_LISTEN);
    assert_string_equal(e.reason, "NONE");
    assert_int_equal(e.moves, 1);
    assert_int_equal(e.move[0].to, ESTAB_STATE_SYN_RECEIVED);
    assert_int_equal(e.move[0].time, 9);
    assert_string_equal(e.move[0].event, "rcv SYN");
    assert_string_equal(e.move[0].reason, "");
    assert_int_equal(envelope_write(&e, bytes, sizeof bytes), sizeof spelled);
    assert_memory_equal(bytes, spelled, sizeof spelled);
}

static void fill(void)
{
    envelope_init(&e, SAY_STATION);
    e.has = HAS_SERIAL | HAS_ADDRESS | HAS_MAC | HAS_LOCAL | HAS_REMOTE | HAS_PORT | HAS_FRAME;
    e.serial = UINT64_C(0x0123456789abcdef);
    e.address = estab_ipv4(10, 11, 0, 1);
    memcpy(e.mac, "\x02\x00\x0a\x0b\x00\x01", 6);
    e.local = (struct estab_endpoint){e.address, 3333};
    e.remote = (struct estab_endpoint){estab_ipv4(10, 11, 0, 101), 40000};
    e.port[e.ports++] = 3333;
    e.port[e.ports++] = 65535;
    e.frame = (const uint8_t *)"frame";
    e.frame_length = 5;
    envelope_word(&e, HAS_NAME, "server");
    envelope_word(&e, HAS_WHY, "answer to a SYN");
    envelope_text(&e, "delay 2s");
    envelope_count(&e, "lost", 4);
}

static void every_kind_survives(void **state)
{
    (void)state;
    fill();
    size_t n = envelope_write(&e, bytes, sizeof bytes);
    assert_true(n > 0);
    assert_null(envelope_read(&again, bytes, n));
    assert_int_equal(again.has, e.has);
    assert_int_equal(again.serial, e.serial);
    assert_memory_equal(&again.address, &e.address, sizeof e.address);
    assert_memory_equal(again.mac, e.mac, 6);
    assert_int_equal(again.local.port, 3333);
    assert_int_equal(again.remote.port, 40000);
    assert_int_equal(again.ports, 2);
    assert_int_equal(again.port[1], 65535);
    assert_string_equal(again.name, "server");
    assert_string_equal(again.why, "answer to a SYN");
    assert_int_equal(again.text_length, 8);
    assert_memory_equal(again.text, "delay 2s", 8);
    assert_string_equal(again.counter[0].name, "lost");
    assert_int_equal(again.frame_length, 5);
    assert_memory_equal(again.frame, "frame", 5);
}

static void a_frame_may_follow_later(void **state)
{
    (void)state;
    fill();
    size_t whole = envelope_write(&e, bytes, sizeof bytes);
    e.frame = NULL;
    size_t n = envelope_write(&e, bytes, sizeof bytes);
    assert_int_equal(n, whole - 5);
    memcpy(bytes + n, "frame", 5);
    assert_null(envelope_read(&again, bytes, whole));
    assert_memory_equal(again.frame, "frame", 5);
}

static void attributes_are_appended(void **state)
{
    (void)state;
    envelope_init(&e, SAY_FRAME);
    e.has = HAS_SERIAL;
    size_t n = envelope_write(&e, bytes, sizeof bytes);
    envelope_init(&e, SAY_FRAME);
    e.has = HAS_FATE;
    e.fate = FATE_HELD;
    assert_true(envelope_append(bytes, sizeof bytes, &n, &e));
    assert_false(envelope_append(bytes, n + 3, &n, &e));
    assert_null(envelope_read(&again, bytes, n));
    assert_int_equal(again.has, HAS_SERIAL | HAS_FATE);
}

/* Every cut of a good message but those between attributes is refused; none is read beyond. */
static void what_is_cut_is_refused(void **state)
{
    (void)state;
    unsigned whole = 0;
    for (size_t n = 0; n < sizeof spelled; n++) {
        const char *wrong = envelope_read(&e, spelled, n);
        whole += wrong == NULL;
        if (n < 8)
            assert_non_null(wrong);
    }
    assert_int_equal(whole, 5);
}

struct row {
    const char *what, *bytes;
    size_t n;
};

#define HEAD "estb\1\4\0\0"
#define ROW(what, text)                                                                            \
    {                                                                                              \
        what, text, sizeof(text) - 1                                                               \
    }

static void what_is_wrong_is_refused(void **state)
{
    (void)state;
    static const struct row rows[] = {
        ROW("another magic", "abcd\1\4\0\0"),
        ROW("another version", "estb\2\4\0\0"),
        ROW("twice", HEAD "\0\3\0\4\0\0\0\1\0\3\0\4\0\0\0\1"),
        ROW("a number that is short", HEAD "\0\3\0\3\0\0\1"),
        ROW("a number that is long", HEAD "\0\3\0\5\0\0\0\0\1"),
        ROW("longer than the message", HEAD "\0\3\0\4\0\0\1"),
        ROW("a word that moves a cursor", HEAD "\0\17\0\2\33c"),
        ROW("a state that is none", HEAD "\0\23\0\4\0\0\0\13"),
        ROW("a group's MAC address", HEAD "\0\14\0\6\1\0\0\0\0\1"),
        ROW("a move whose event is longer than it", HEAD "\0\25\0\13\1\2\0\0\0\0\0\0\0\1\1"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!envelope_read(&e, rows[i].bytes, rows[i].n))
            fail_msg("read: %s", rows[i].what);
}

static void an_empty_frame_is_read(void **state)
{
    (void)state;
    static const char empty[] = HEAD "\0\31\0\0";
    assert_null(envelope_read(&e, empty, sizeof empty - 1));
    assert_int_equal(e.has, HAS_FRAME);
    assert_int_equal(e.frame_length, 0);
}

static void an_error_is_read_in_any_version(void **state)
{
    (void)state;
    static const char error[] = "estb\11\17\0\0\0\24\0\2no";
    assert_null(envelope_read(&e, error, sizeof error - 1));
    assert_int_equal(e.version, 9);
    assert_int_equal(e.type, SAY_ERROR);
    assert_int_equal(e.text_length, 2);
}

static void the_unknown_is_skipped(void **state)
{
    (void)state;
    static const char later[] = HEAD "\1\0\0\2zz\0\3\0\4\0\0\0\5";
    assert_null(envelope_read(&e, later, sizeof later - 1));
    assert_int_equal(e.has, HAS_STATION);
    assert_int_equal(e.station, 5);
}

static void too_many_are_refused(void **state)
{
    (void)state;
    char many[8 + 6 * (ENVELOPE_PORTS + 1)] = HEAD;
    for (size_t i = 0; i <= ENVELOPE_PORTS; i++)
        memcpy(many + 8 + 6 * i, "\0\26\0\2\0\1", 6);
    assert_null(envelope_read(&e, many, sizeof many - 6));
    assert_int_equal(e.ports, ENVELOPE_PORTS);
    assert_non_null(envelope_read(&e, many, sizeof many));
}

static void words_are_made_printable(void **state)
{
    (void)state;
    char longest[200];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    envelope_init(&e, SAY_JOIN);
    envelope_word(&e, HAS_PROGRAM, "a\033b");
    assert_string_equal(e.program, "a?b");
    envelope_word(&e, HAS_NAME, longest);
    assert_int_equal(strlen(e.name), ENVELOPE_WORD - 1);
    assert_true(envelope_write(&e, bytes, sizeof bytes) > 0);
    assert_int_equal(envelope_write(&e, bytes, 20), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_the_page_spells),
        cmocka_unit_test(every_kind_survives),
        cmocka_unit_test(a_frame_may_follow_later),
        cmocka_unit_test(attributes_are_appended),
        cmocka_unit_test(what_is_cut_is_refused),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(an_empty_frame_is_read),
        cmocka_unit_test(an_error_is_read_in_any_version),
        cmocka_unit_test(the_unknown_is_skipped),
        cmocka_unit_test(too_many_are_refused),
        cmocka_unit_test(words_are_made_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
