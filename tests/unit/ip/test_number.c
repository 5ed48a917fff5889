/* SPDX-License-Identifier: MIT */
/* test_number.c - what parts are known by: none comes twice too early, and none can be guessed (RFC 7739). */
#include "ip/ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct ip ip;
static const uint8_t key[16] = {1, 2, 3}, other[16] = {1, 2, 4};

static void none_of_65536_comes_twice(void **state)
{
    static bool seen[65536];
    (void)state;
    for (uint32_t i = 0; i < 65536; i++) {
        uint32_t id = ip_fragment_id(&ip, key, 16);

        assert_true(id < 65536 && !seen[id]);
        seen[id] = true;
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static void none_of_ipv6_comes_twice(void **state)
{
    enum { N = 200000 };
    uint32_t *ids = malloc(N * sizeof *ids);
    (void)state;
    assert_non_null(ids);
    for (unsigned i = 0; i < N; i++)
        ids[i] = ip_fragment_id(&ip, key, 32);
    qsort(ids, N, sizeof *ids, compare);
    for (unsigned i = 1; i < N; i++)
        assert_int_not_equal(ids[i], ids[i - 1]);
    free(ids);
}

/* Distances between neighbours: of a counter all are alike, of chance none is common. */
static void no_order_shows(void **state)
{
    static unsigned distance[256], bit[32];
    uint32_t last = 0;
    (void)state;
    for (unsigned i = 0; i < 65536; i++) {
        uint32_t id = ip_fragment_id(&ip, key, 32);

        distance[(id - last) >> 24]++;
        for (unsigned b = 0; b < 32; b++)
            bit[b] += id >> b & 1;
        last = id;
    }
    for (unsigned i = 0; i < 256; i++) /* 256 +- 5 standard deviations */
        assert_in_range(distance[i], 176, 336);
    for (unsigned b = 0; b < 32; b++) /* 32768 +- 5 of 128 */
        assert_in_range(bit[b], 32128, 33408);
}

static void each_key_has_its_own(void **state)
{
    struct ip one = {.fragment_id = 5}, two = one;
    (void)state;
    assert_int_not_equal(ip_fragment_id(&one, key, 32), ip_fragment_id(&two, other, 32));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_of_65536_comes_twice),
        cmocka_unit_test(none_of_ipv6_comes_twice),
        cmocka_unit_test(no_order_shows),
        cmocka_unit_test(each_key_has_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
