/* SPDX-License-Identifier: MIT */
#include "base/reader.h"
#include "base/writer.h"
#include "support/bytes_twin.h"
#include "support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void numbers_are_big_endian(void **state)
{
    (void)state;
    static const uint8_t want[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 9, 9};
    uint8_t got[sizeof want];
    struct writer w = writer_of(got, sizeof got);
    writer_u8(&w, 0x01);
    writer_u16(&w, 0x2345);
    writer_u32(&w, 0x6789abcd);
    writer_bytes(&w, (const uint8_t[]){0xef, 0xfe}, 2);
    assert_int_equal(writer_left(&w), 2);
    writer_fill(&w, 9, 2);
    assert_true(writer_ok(&w));
    assert_int_equal(writer_len(&w), sizeof want);
    assert_memory_equal(got, want, sizeof want);
}

static void overflow_sticks(void **state)
{
    (void)state;
    uint8_t p[4] = {5, 5, 5, 5};
    struct writer w = writer_of(p, 3);
    writer_u8(&w, 1);
    writer_u32(&w, 0x02020202); /* not even in part */
    assert_false(writer_ok(&w));
    assert_int_equal(writer_len(&w), 0);
    assert_int_equal(writer_left(&w), 0);
    writer_u8(&w, 3); /* though there was room */
    writer_u8_at(&w, 0, 4);
    writer_fill(&w, 0, 0);
    assert_false(writer_ok(&w));
    assert_memory_equal(p, ((const uint8_t[]){1, 5, 5, 5}), 4);
}

static void patches_what_was_written(void **state)
{
    (void)state;
    uint8_t p[8] = {0};
    struct writer w = writer_of(p, sizeof p);
    writer_fill(&w, 0xaa, 6);
    writer_u8_at(&w, 0, 1);
    writer_u16_at(&w, 4, 0x0203);
    assert_int_equal(writer_len(&w), 6);
    assert_memory_equal(p, ((const uint8_t[]){1, 0xaa, 0xaa, 0xaa, 2, 3, 0, 0}), 8);
    writer_u32_at(&w, 2, 0x04050607);
    assert_true(writer_ok(&w));
    writer_u16_at(&w, 5, 0xffff); /* one byte too far, though there is room */
    assert_false(writer_ok(&w));
    assert_memory_equal(p, ((const uint8_t[]){1, 0xaa, 4, 5, 6, 7, 0, 0}), 8);
}

static void nothing_may_be_null(void **state)
{
    (void)state;
    struct writer w = writer_of(NULL, 0);
    writer_bytes(&w, NULL, 0);
    writer_fill(&w, 1, 0);
    assert_true(writer_ok(&w));
    writer_u8(&w, 1);
    assert_false(writer_ok(&w));
}

static void reader_reads_what_was_written(void **state)
{
    (void)state;
    uint64_t random = 6;
    for (unsigned round = 0; round < 10000; round++) {
        uint8_t p[7];
        uint32_t v = (uint32_t)random_next(&random);
        struct writer w = writer_of(p, sizeof p);
        writer_u16(&w, (uint16_t)v);
        writer_u8(&w, (uint8_t)v);
        writer_u32(&w, v);
        assert_true(writer_ok(&w));
        struct reader r = reader_of(p, writer_len(&w));
        assert_int_equal(reader_u16(&r), (uint16_t)v);
        assert_int_equal(reader_u8(&r), (uint8_t)v);
        assert_int_equal(reader_u32(&r), v);
        assert_true(reader_ok(&r));
    }
}

static void runs_like_its_oracle(void **state)
{
    (void)state;
    uint64_t random = 7;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t ops[40];
        size_t n = random_next(&random) % 200;
        uint8_t *p = malloc(n);
        assert_true(p != NULL || n == 0);
        random_fill(&random, p, n);
        random_fill(&random, ops, sizeof ops);
        const char *fault = writer_twin_run(ops, sizeof ops, p, n);
        free(p);
        if (fault)
            fail_msg("round %u: %s", round, fault);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_big_endian),        cmocka_unit_test(overflow_sticks),
        cmocka_unit_test(patches_what_was_written),      cmocka_unit_test(nothing_may_be_null),
        cmocka_unit_test(reader_reads_what_was_written), cmocka_unit_test(runs_like_its_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
