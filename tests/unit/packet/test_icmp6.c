/* SPDX-License-Identifier: MIT */
/* test_icmp6.c - messages of neighbour discovery on the wire (RFC 4861 sections 4.3, 4.4, 4.6). */
#include "packet/icmp6.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t question[NDP_NEIGHBOUR_LENGTH_MAX] = {
    135, 0, 0x12, 0x34, 0, 0, 0, 0, 0xfd, 0x11, 0, 0, 0, 0, 0, 0,
    0,   0, 0,    0,    0, 0, 0, 7, 1,    1,    2, 3, 4, 5, 6, 7,
};

static struct ndp_neighbour m;

static void a_question_is_read(void **state)
{
    struct estab_addr target = {{0xfd, 0x11, [15] = 7}};
    (void)state;
    assert_true(ndp_neighbour_parse(question, sizeof question, &m));
    assert_false(m.advertisement || m.router || m.solicited || m.override);
    assert_memory_equal(&m.target, &target, 16);
    assert_true(m.has_mac);
    assert_memory_equal(m.mac, question + 26, 6);
    assert_true(ndp_neighbour_parse(question, 24, &m));
    assert_false(m.has_mac);
}

static void all_that_is_written_can_be_read(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 32; bits++) {
        struct ndp_neighbour w = {.target = {{0x20, 1, [15] = 3}}, .advertisement = bits & 1,
                                  .has_mac = bits & 2, .mac = {2, 4, 6, 8, 10, 12}}, r;
        uint8_t p[NDP_NEIGHBOUR_LENGTH_MAX];
        size_t n;

        w.router = w.advertisement && bits & 4;
        w.solicited = w.advertisement && bits & 8;
        w.override = w.advertisement && bits & 16;
        n = ndp_neighbour_write(p, &w);
        assert_int_equal(n, w.has_mac ? 32 : 24);
        assert_true(ndp_neighbour_parse(p, n, &r));
        assert_int_equal(r.advertisement, w.advertisement);
        assert_int_equal(r.router, w.router);
        assert_int_equal(r.solicited, w.solicited);
        assert_int_equal(r.override, w.override);
        assert_int_equal(r.has_mac, w.has_mac);
        assert_memory_equal(&r.target, &w.target, 16);
        if (w.has_mac)
            assert_memory_equal(r.mac, w.mac, 6);
    }
}

/* The flags of a question are reserved, and ignored. */
static void a_question_has_no_flags(void **state)
{
    uint8_t p[24];
    (void)state;
    memcpy(p, question, sizeof p);
    p[4] = 0xff;
    assert_true(ndp_neighbour_parse(p, sizeof p, &m));
    assert_false(m.router || m.solicited || m.override);
}

static void expect_refused(size_t at, uint8_t value)
{
    uint8_t p[NDP_NEIGHBOUR_LENGTH_MAX];

    memcpy(p, question, sizeof p);
    p[at] = value;
    assert_false(ndp_neighbour_parse(p, sizeof p, &m));
}

static void what_cannot_be_is_refused(void **state)
{
    uint8_t mapped[24] = {135, [18] = 0xff, 0xff, 1, 2, 3, 4};
    (void)state;
    for (size_t n = 0; n < sizeof question; n++)
        if (n != 24)
            assert_false(ndp_neighbour_parse(question, n, &m));
    expect_refused(0, 134);
    expect_refused(1, 1);    /* the code */
    expect_refused(8, 0xff); /* a group */
    expect_refused(25, 0);   /* an option without a length */
    expect_refused(25, 2);   /* one that goes beyond the message */
    assert_false(ndp_neighbour_parse(mapped, sizeof mapped, &m));
}

static void other_options_are_stepped_over(void **state)
{
    uint8_t p[24 + 16 + 8 + 8] = {136};
    (void)state;
    p[8] = 0xfd;
    memcpy(p + 24, (uint8_t[]){14, 2}, 2);                   /* a nonce, RFC 7527 */
    memcpy(p + 40, (uint8_t[]){1, 1, 9, 9, 9, 9, 9, 9}, 8);  /* a question's, in an answer */
    memcpy(p + 48, (uint8_t[]){2, 1, 2, 0, 0, 0, 0, 5}, 8);
    assert_true(ndp_neighbour_parse(p, sizeof p, &m));
    assert_true(m.has_mac);
    assert_int_equal(m.mac[5], 5);
}

/* As many as there are in a message of a link's length: a bound, and no more is looked at. */
static void options_are_bounded(void **state)
{
    uint8_t p[24 + 8 * (NDP_OPTIONS_MAX + 1)] = {136};
    (void)state;
    for (unsigned i = 0; i <= NDP_OPTIONS_MAX; i++)
        memcpy(p + 24 + 8 * i, (uint8_t[]){14, 1}, 2);
    p[24 + 8 * NDP_OPTIONS_MAX] = 2;
    assert_true(ndp_neighbour_parse(p, sizeof p, &m));
    assert_false(m.has_mac);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_read),
        cmocka_unit_test(all_that_is_written_can_be_read),
        cmocka_unit_test(a_question_has_no_flags),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(other_options_are_stepped_over),
        cmocka_unit_test(options_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
