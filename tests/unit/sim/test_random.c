/* SPDX-License-Identifier: MIT */
/* test_random.c - the generator against published numbers, and its uses against arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/random.h"

/* The first results of splitmix64 for 0, as its authors' program prints them. */
static void seeds_through_splitmix(void **state)
{
    (void)state;
    struct random r = random_of(0);
    assert_true(r.s[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(r.s[1] == UINT64_C(0x6e789e6aa1b965f4));
    assert_true(r.s[2] == UINT64_C(0x06c45d188009454f));
    assert_true(r.s[3] == UINT64_C(0xf88bb8a8724c81ec));
}

/* The results for the state 1, 2, 3, 4, as in the reference implementation. */
static void follows_xoshiro(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };
    struct random r = {{1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_true(random_u64(&r) == expected[i]);
}

static void streams_differ_by_name_and_seed(void **state)
{
    (void)state;
    struct random a = random_stream(1, "a"), again = random_stream(1, "a");
    struct random b = random_stream(1, "b"), other = random_stream(2, "a");
    uint64_t x = random_u64(&a);
    assert_true(x == random_u64(&again));
    assert_true(x != random_u64(&b));
    assert_true(x != random_u64(&other));
    assert_true(x == UINT64_C(0x64c565e81dcf64f1)); /* on every machine */
}

/* 60000 throws of a die: each face 10000 times, give or take five standard deviations of 91. */
static void a_die_is_fair(void **state)
{
    (void)state;
    struct random r = random_of(3);
    unsigned faces[6] = {0};
    for (unsigned i = 0; i < 60000; i++)
        faces[random_below(&r, 6)]++;
    for (unsigned i = 0; i < 6; i++)
        assert_in_range(faces[i], 10000 - 455, 10000 + 455);
}

/* Of three quarters of 2^64, plain remainders would make the lower third come twice as often. */
static void great_ranges_have_no_bias(void **state)
{
    (void)state;
    struct random r = random_of(4);
    uint64_t n = UINT64_C(3) << 62;
    unsigned low = 0;
    for (unsigned i = 0; i < 30000; i++)
        low += random_below(&r, n) < n / 3;
    assert_in_range(low, 10000 - 410, 10000 + 410);
    for (unsigned i = 0; i < 100; i++)
        assert_true(random_below(&r, 1) == 0);
}

static void chance_keeps_its_share(void **state)
{
    (void)state;
    struct random r = random_of(5);
    unsigned hits = 0;
    for (unsigned i = 0; i < 100000; i++)
        hits += random_chance(&r, 10000);
    assert_in_range(hits, 1000 - 160, 1000 + 160);
    for (unsigned i = 0; i < 1000; i++) {
        assert_false(random_chance(&r, 0));
        assert_true(random_chance(&r, RANDOM_PPM));
    }
}

static void greater_chances_include_smaller_ones(void **state)
{
    (void)state;
    struct random a = random_of(6), b = random_of(6);
    for (unsigned i = 0; i < 10000; i++) {
        bool rare = random_chance(&a, 10000), often = random_chance(&b, 50000);
        assert_true(often || !rare);
    }
}

static void bytes_are_the_numbers_low_byte_first(void **state)
{
    (void)state;
    struct random a = random_of(7), b = random_of(7);
    uint8_t bytes[11];
    random_bytes(&a, bytes, sizeof bytes);
    uint64_t first = random_u64(&b), second = random_u64(&b);
    for (unsigned i = 0; i < sizeof bytes; i++)
        assert_int_equal(bytes[i], (uint8_t)((i < 8 ? first : second) >> 8 * (i % 8)));
    random_bytes(&a, bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_through_splitmix),
        cmocka_unit_test(follows_xoshiro),
        cmocka_unit_test(streams_differ_by_name_and_seed),
        cmocka_unit_test(a_die_is_fair),
        cmocka_unit_test(great_ranges_have_no_bias),
        cmocka_unit_test(chance_keeps_its_share),
        cmocka_unit_test(greater_chances_include_smaller_ones),
        cmocka_unit_test(bytes_are_the_numbers_low_byte_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
