/* SPDX-License-Identifier: MIT */
#include "base/reader.h"
#include "support/bytes_twin.h"
#include "support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t text[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xff};

static void numbers_are_big_endian(void **state)
{
    (void)state;
    struct reader r = reader_of(text, sizeof text);
    assert_int_equal(reader_peek(&r), 0x01);
    assert_int_equal(reader_u8(&r), 0x01);
    assert_int_equal(reader_u16(&r), 0x2345);
    assert_int_equal(reader_u32(&r), 0x6789abcd);
    assert_int_equal(reader_left(&r), 2);
    assert_int_equal(reader_u16(&r), 0xefff);
    assert_int_equal(reader_left(&r), 0);
    assert_int_equal(reader_peek(&r), 0);
    assert_true(reader_ok(&r));
}

static void error_sticks(void **state)
{
    (void)state;
    struct reader r = reader_of(text, 3);
    uint8_t bytes[2] = {7, 7};
    assert_int_equal(reader_u32(&r), 0); /* not even in part */
    assert_false(reader_ok(&r));
    assert_int_equal(reader_left(&r), 0);
    assert_int_equal(reader_u8(&r), 0); /* though there was one */
    reader_bytes(&r, bytes, 2);
    assert_int_equal(bytes[0] | bytes[1], 0);
    assert_null(reader_take(&r, 1));
    reader_skip(&r, 0);
    assert_false(reader_ok(&r));
}

static void part_ends_where_it_ends(void **state)
{
    (void)state;
    struct reader r = reader_of(text, sizeof text), part = reader_sub(&r, 4);
    assert_int_equal(reader_u16(&part), 0x0123);
    assert_int_equal(reader_u32(&part), 0);
    assert_false(reader_ok(&part));
    assert_true(reader_ok(&r)); /* the error is the part's own */
    assert_int_equal(reader_u8(&r), 0x89);

    part = reader_sub(&r, 5);
    assert_false(reader_ok(&part));
    assert_false(reader_ok(&r));
    part = reader_sub(&r, 0);
    assert_false(reader_ok(&part));
}

static void nothing_may_be_null(void **state)
{
    (void)state;
    struct reader r = reader_of(NULL, 0), part = reader_sub(&r, 0);
    reader_skip(&r, 0);
    reader_bytes(&r, NULL, 0);
    assert_true(reader_ok(&r));
    assert_true(reader_ok(&part));
    assert_int_equal(reader_u8(&part), 0);
    assert_false(reader_ok(&part));
}

/* On the heap and exactly as long as said, so that a read beyond is seen by who watches. */
static void runs_like_its_oracle(void **state)
{
    (void)state;
    uint64_t random = 5;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t ops[40];
        size_t n = random_next(&random) % 100;
        uint8_t *p = malloc(n);
        assert_true(p != NULL || n == 0);
        random_fill(&random, p, n);
        random_fill(&random, ops, sizeof ops);
        const char *fault = reader_twin_run(ops, sizeof ops, p, n);
        free(p);
        if (fault)
            fail_msg("round %u: %s", round, fault);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_big_endian),  cmocka_unit_test(error_sticks),
        cmocka_unit_test(part_ends_where_it_ends), cmocka_unit_test(nothing_may_be_null),
        cmocka_unit_test(runs_like_its_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
