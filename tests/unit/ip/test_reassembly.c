/* SPDX-License-Identifier: MIT */
/*
 * test_reassembly.c - the pool of datagrams in parts: who has to go when it is full, and that what was
 * taken comes back.  Which parts are believed is in tests/state/test_fragments.c.
 */
#include "ip/reassembly.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random.h"

enum { BLOCKS = 64 };

static struct reassemblies *q;
static struct estab_config config;
static const uint8_t key[16] = {9};

static int begin(void **state)
{
    (void)state;
    estab_config_init(&config);
    config.fragments = BLOCKS;
    q = aligned_alloc(64, (size_t)reassembly_layout(NULL, &config));
    assert_non_null(q);
    reassembly_init(q, &config);
    assert_true(reassembly_holds(q, &config));
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(q);
    return 0;
}

static struct fragment part(uint32_t host, uint32_t id, uint32_t from, uint32_t to)
{
    return (struct fragment){.src = estab_ipv4(10, (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host),
                             .dst = estab_ipv4(10, 0, 0, 1),
                             .id = id,
                             .protocol = PROTO_UDP,
                             .more = true,
                             .from = from,
                             .to = to};
}

/* As stack/fragment.c does; how many had to go. */
static unsigned take(const struct fragment *f, estab_time now)
{
    struct reassembly *r = reassembly_find(q, key, f);
    unsigned gone = 0;

    assert_int_equal(reassembly_judge(r, f), REASON_NONE);
    for (; !reassembly_fits(q, r, f); gone++) {
        struct reassembly *victim = reassembly_victim(q);

        reassembly_free(q, key, victim);
        if (victim == r)
            return gone + 1;
    }
    reassembly_add(q, r ? r : reassembly_new(q, key, f, now), f);
    return gone;
}

/* One source fills the pool, and more: it pushes out itself, the oldest first. */
static void a_flood_from_one_source_spares_others(void **state)
{
    struct fragment honest = part(7, 1, 0, 1480);
    (void)state;
    assert_int_equal(take(&honest, 0), 0);
    for (uint32_t id = 0; id < 100000; id++) {
        struct fragment f = part(8, id, 0, 8), old = part(8, id - BLOCKS + 1, 0, 8);

        assert_int_equal(take(&f, 1), id >= BLOCKS - 1);
        if (id >= BLOCKS - 1)
            assert_null(reassembly_find(q, key, &old));
    }
    assert_non_null(reassembly_find(q, key, &honest));
    assert_int_equal(q->blocks_used, BLOCKS);
}

/* The same of IPv6 from all addresses of one network, which is one host's. */
static void a_network_is_one_source(void **state)
{
    struct fragment honest = part(7, 1, 0, 1480), f = honest;
    (void)state;
    honest.src = (struct estab_addr){{0xfd, 1, [15] = 7}};
    f.src = (struct estab_addr){{0xfd, 2}};
    honest.dst = f.dst = (struct estab_addr){{0xfd, [15] = 1}};
    assert_int_equal(take(&honest, 0), 0);
    for (uint32_t i = 0; i < 100000; i++) {
        memcpy(f.src.b + 8, &i, sizeof i);
        (void)take(&f, 1);
    }
    assert_non_null(reassembly_find(q, key, &honest));
}

/* From invented sources: an honest datagram lasts for as many others as the pool holds, about. */
static void a_flood_from_many_takes_its_share(void **state)
{
    unsigned lasted = 0;
    uint32_t host = 1000, turns = 200;
    (void)state;
    for (uint32_t turn = 0; turn < turns; turn++) {
        struct fragment honest = part(7, turn, 0, 8);

        (void)take(&honest, 0);
        for (unsigned n = 0; reassembly_find(q, key, &honest); n++, lasted++) {
            struct fragment f = part(host++, 1, 0, 8);

            assert_true(n < 8 * BLOCKS);
            (void)take(&f, 0);
        }
    }
    assert_in_range(lasted / turns, BLOCKS * 3 / 4, BLOCKS * 3 / 2);
}

/* The largest datagram of who holds most goes, and be it the one that wants more. */
static void who_holds_most_goes_first(void **state)
{
    struct fragment small = part(1, 1, 0, 8);
    (void)state;
    assert_int_equal(take(&small, 0), 0);
    for (uint32_t id = 0; id < 3; id++) /* 17 blocks each */
        for (uint32_t at = 0; at < 65000; at += 4096) {
            struct fragment f = part(2, id, at, at + 8);

            assert_int_equal(take(&f, 0), 0);
        }
    for (uint32_t at = 0, gone = 0; gone == 0; at += 4096) {
        struct fragment f = part(3, 1, at, at + 8), first = part(2, 0, 0, 8);

        gone = take(&f, 0);
        assert_true(gone <= 1);
        assert_true(!reassembly_find(q, key, &first) == (gone == 1));
    }
    assert_non_null(reassembly_find(q, key, &small));
}

static unsigned count(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < REASSEMBLY_ACCOUNTS; i++)
        n += q->account[i].weight;
    return n;
}

/* Whatever happens, the accounts add up, and in the end everything is there again. */
static void what_was_taken_comes_back(void **state)
{
    uint64_t random = 5722;
    estab_time now = 0;
    (void)state;
    for (unsigned turn = 0; turn < 200000; turn++) {
        uint32_t at = (uint32_t)(random_next(&random) % 8000) * 8;
        struct fragment f = part((uint32_t)(random_next(&random) % 40), (uint32_t)(random_next(&random) % 4), at,
                                 at + 8 + (uint32_t)(random_next(&random) % 180) * 8);
        struct reassembly *r = reassembly_find(q, key, &f);
        enum reason reason;

        f.to = f.to < 65504 ? f.to : 65504;
        if (f.from >= f.to)
            continue;
        now += random_next(&random) % ESTAB_SECOND;
        reason = reassembly_judge(r, &f);
        if (reason == REASON_NONE)
            (void)take(&f, now);
        else if (!r->doomed && turn % 3 == 0)
            reassembly_doom(q, r, reason);
        while ((r = reassembly_due(q, now)) != NULL)
            reassembly_free(q, key, r);
        assert_int_equal(count(), q->used + q->blocks_used);
        assert_true(q->blocks_used <= BLOCKS && q->used <= BLOCKS);
    }
    assert_true(reassembly_deadline(q) > now);
    for (struct reassembly *r; (r = reassembly_due(q, ESTAB_NEVER - 1)) != NULL;)
        reassembly_free(q, key, r);
    assert_int_equal(q->used + q->blocks_used + count(), 0);
    assert_int_equal(reassembly_deadline(q), ESTAB_NEVER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_flood_from_one_source_spares_others),
        TEST(a_network_is_one_source),
        TEST(a_flood_from_many_takes_its_share),
        TEST(who_holds_most_goes_first),
        TEST(what_was_taken_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
