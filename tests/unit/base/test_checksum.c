/* SPDX-License-Identifier: MIT */
#include "base/checksum.h"
#include "support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Word by word, and the carry comes in again each time. */
static uint16_t oracle(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
        if (sum > 0xffff)
            sum -= 0xffff;
    }
    return (uint16_t)sum;
}

static uint16_t sum_of(const void *p, size_t n)
{
    return checksum_fold(checksum_add(0, p, n));
}

/* RFC 1071 section 3 */
static void rfc_1071_example(void **state)
{
    (void)state;
    static const uint8_t p[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    assert_int_equal(checksum_add(0, p, sizeof p), 0xddf2);
    assert_int_equal(sum_of(p, sizeof p), 0xddf2);
    assert_int_equal(checksum_done(checksum_add(0, p, sizeof p)), 0x220d);
}

static void ip_header_is_good(void **state)
{
    (void)state;
    uint8_t p[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                   0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
    assert_true(checksum_good(checksum_add(0, p, sizeof p)));
    p[10] = p[11] = 0;
    assert_false(checksum_good(checksum_add(0, p, sizeof p)));
    assert_int_equal(checksum_done(checksum_add(0, p, sizeof p)), 0xb861);
}

/* A pseudo-header added as numbers is one added as bytes. */
static void numbers_are_words(void **state)
{
    (void)state;
    static const uint8_t pseudo[] = {0xc0, 0xa8, 0x00, 0x01, 0xff, 0xfe,
                                     0xfd, 0xfc, 0x00, 0x06, 0x05, 0xb4};
    static const uint8_t text[] = "odd length";
    uint64_t numbers = (uint64_t)0xc0a80001 + 0xfffefdfc + 6 + 0x5b4;
    uint64_t bytes = checksum_add(0, pseudo, sizeof pseudo);
    assert_int_equal(checksum_fold(numbers), checksum_fold(bytes));
    assert_int_equal(checksum_fold(checksum_add(numbers, text, sizeof text)),
                     checksum_fold(checksum_add(bytes, text, sizeof text)));
}

static void both_zeros(void **state)
{
    (void)state;
    static uint8_t p[64];
    for (size_t n = 0; n <= sizeof p; n++)
        assert_int_equal(sum_of(p, n), 0);
    assert_int_equal(sum_of(NULL, 0), 0);
    assert_int_equal(checksum_add_at(5, NULL, 0, 1), 5);
    memset(p, 0xff, sizeof p);
    for (size_t n = 2; n <= sizeof p; n += 2)
        assert_int_equal(sum_of(p, n), 0xffff);
    assert_int_equal(checksum_fold(0xffff), 0xffff);
    assert_int_equal(checksum_fold(UINT64_MAX), 0xffff);
    assert_int_equal(checksum_fold(UINT64_MAX - 1), 0xfffe);
    assert_int_equal(checksum_fold(0x10000), 1);
    assert_int_equal(checksum_fold(0x100000000), 1);
}

static void all_lengths_and_alignments(void **state)
{
    (void)state;
    static uint8_t p[64 + 300];
    uint64_t random = 1;
    for (unsigned round = 0; round < 3; round++) {
        if (round == 2)
            memset(p, 0xff, sizeof p); /* a carry at every step */
        else
            random_fill(&random, p, sizeof p);
        for (size_t align = 0; align < 64; align++)
            for (size_t n = 0; n <= 300; n++)
                assert_int_equal(sum_of(p + align, n), oracle(p + align, n));
    }
}

static void large_blocks(void **state)
{
    (void)state;
    size_t n = 1 << 20;
    uint8_t *p = malloc(n);
    uint64_t random = 2;
    assert_non_null(p);
    random_fill(&random, p, n);
    assert_int_equal(sum_of(p, n), oracle(p, n));
    memset(p, 0xff, n);
    assert_int_equal(sum_of(p, n - 1), oracle(p, n - 1));
    free(p);
}

/* A text cut anywhere, its parts copied to odd places and added last to first. */
static void parts_in_any_order(void **state)
{
    (void)state;
    static uint8_t text[2000], part[2001];
    uint64_t random = 3;
    for (unsigned round = 0; round < 2000; round++) {
        size_t n = random_next(&random) % sizeof text;
        random_fill(&random, text, n);
        uint64_t sum = 0;
        for (size_t end = n; end > 0;) {
            size_t length = random_next(&random) % (round % 2 ? 9 : 700) % (end + 1);
            size_t begin = end - length, shift = random_next(&random) % 2;
            memcpy(part + shift, text + begin, length);
            sum = checksum_add_at(sum, part + shift, length, begin);
            end = begin;
        }
        assert_int_equal(checksum_fold(sum), oracle(text, n));
    }
}

/* RFC 1624 section 4, and any word of any text. */
static void one_word_changes(void **state)
{
    (void)state;
    assert_int_equal(checksum_update(0xdd2f, 0x5555, 0x3285), 0x0000);

    uint8_t text[40];
    uint64_t random = 4;
    for (unsigned round = 0; round < 10000; round++) {
        random_fill(&random, text, sizeof text);
        uint16_t check = checksum_done(checksum_add(0, text, sizeof text));
        uint8_t *p = text + random_next(&random) % 20 * 2;
        uint16_t was = (uint16_t)(p[0] << 8 | p[1]);
        random_fill(&random, p, 2);
        uint16_t is = (uint16_t)(p[0] << 8 | p[1]);
        assert_int_equal(checksum_update(check, was, is),
                         checksum_done(checksum_add(0, text, sizeof text)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_1071_example),           cmocka_unit_test(ip_header_is_good),
        cmocka_unit_test(numbers_are_words),          cmocka_unit_test(both_zeros),
        cmocka_unit_test(all_lengths_and_alignments), cmocka_unit_test(large_blocks),
        cmocka_unit_test(parts_in_any_order),         cmocka_unit_test(one_word_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
