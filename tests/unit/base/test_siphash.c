/* SPDX-License-Identifier: MIT */
#include "base/siphash.h"
#include "support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t key[SIPHASH_KEY_BYTES] = {0, 1, 2,  3,  4,  5,  6,  7,
                                               8, 9, 10, 11, 12, 13, 14, 15};

/* The paper's appendix A: the key 00 01 .. 0f, the text 00 01 .. 0e. */
static void the_papers_example(void **state)
{
    (void)state;
    assert_int_equal(siphash24(key, key, 15), 0xa129ca6149be45e5);
}

/* Of the vectors that are published with the reference implementation (2-4) and with Rust's library
 * (1-3), those around the ends of words.  The text is 00 01 02 ... */
static void published_vectors(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        uint64_t hash24, hash13;
    } row[] = {
        {0, 0x726fdb47dd0e0e31, 0xabac0158050fc4dc},  {1, 0x74f839c593dc67fd, 0xc9f49bf37d57ca93},
        {7, 0xab0200f58b01d137, 0xd3927d989bb11140},  {8, 0x93f5f5799a932462, 0x369095118d299a8e},
        {9, 0x9e0082df0ba9e4b0, 0x25a48eb36c063de4},  {15, 0xa129ca6149be45e5, 0xd320d86d2a519956},
        {16, 0x3f2acc7f57c29bdb, 0xcc4fdd1a7d908b66}, {63, 0x958a324ceb064572, 0x9d199062b7bbb3a8},
    };
    uint8_t text[64];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        assert_int_equal(siphash24(key, text, row[i].n), row[i].hash24);
        assert_int_equal(siphash13(key, text, row[i].n), row[i].hash13);
    }
}

/* The oracle is the paper's section 2 taken literally: the text is padded first, then absorbed. */

static uint64_t turn(uint64_t x, unsigned bits)
{
    for (; bits > 0; bits--)
        x = x * 2 + (x >> 63);
    return x;
}

static uint64_t little_endian(const uint8_t *p)
{
    uint64_t x = 0;
    for (unsigned i = 8; i > 0; i--)
        x = x * 256 + p[i - 1];
    return x;
}

static void sip_round(uint64_t v[4], unsigned rounds)
{
    for (; rounds > 0; rounds--) {
        v[0] += v[1], v[1] = turn(v[1], 13), v[1] ^= v[0], v[0] = turn(v[0], 32);
        v[2] += v[3], v[3] = turn(v[3], 16), v[3] ^= v[2];
        v[0] += v[3], v[3] = turn(v[3], 21), v[3] ^= v[0];
        v[2] += v[1], v[1] = turn(v[1], 17), v[1] ^= v[2], v[2] = turn(v[2], 32);
    }
}

static uint64_t oracle(const uint8_t *k, const uint8_t *text, size_t n, unsigned c, unsigned d)
{
    uint8_t padded[400] = {0};
    size_t words = n / 8 + 1;
    assert_true(words * 8 <= sizeof padded);
    memcpy(padded, text, n);
    padded[words * 8 - 1] = (uint8_t)n;

    uint64_t v[4];
    for (unsigned i = 0; i < 4; i++)
        v[i] = little_endian(k + i % 2 * 8);
    const char *constant = "uespemosmodnarodarenegylsetybdet";
    for (unsigned i = 0; i < 4; i++)
        v[i] ^= little_endian((const uint8_t *)constant + 8 * i);
    for (size_t i = 0; i < words; i++) {
        uint64_t m = little_endian(padded + 8 * i);
        v[3] ^= m;
        sip_round(v, c);
        v[0] ^= m;
    }
    v[2] ^= 0xff;
    sip_round(v, d);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void all_lengths_and_alignments(void **state)
{
    (void)state;
    uint8_t k[SIPHASH_KEY_BYTES], text[8 + 300];
    uint64_t random = 1;
    for (unsigned round = 0; round < 4; round++) {
        random_fill(&random, k, sizeof k);
        random_fill(&random, text, sizeof text);
        for (size_t align = 0; align < 8; align++)
            for (size_t n = 0; n <= 300; n++) {
                assert_int_equal(siphash24(k, text + align, n), oracle(k, text + align, n, 2, 4));
                assert_int_equal(siphash13(k, text + align, n), oracle(k, text + align, n, 1, 3));
            }
    }
}

static void nothing_may_be_null(void **state)
{
    (void)state;
    assert_int_equal(siphash24(key, NULL, 0), siphash24(key, "", 0));
    assert_int_equal(siphash13(key, NULL, 0), siphash13(key, "", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_papers_example),
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(all_lengths_and_alignments),
        cmocka_unit_test(nothing_may_be_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
