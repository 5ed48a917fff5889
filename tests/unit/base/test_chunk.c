/* SPDX-License-Identifier: MIT */
/* test_chunk.c - the text pool beside its oracle: a table of who holds which chunk. */
#include "base/chunk.h"
#include "support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHUNKS 40
#define BYTES  512

static struct {
    struct chunk_pool pool;
    struct chunk meta[CHUNKS];
    uint8_t data[CHUNKS * BYTES];
} room;

static struct chunk_pool *const p = &room.pool;

static void init(void)
{
    memset(&room, 0xa5, sizeof room);
    chunk_pool_init(p, room.meta, room.data, CHUNKS, BYTES);
}

static void a_fresh_pool_is_free(void **state)
{
    (void)state;
    init();
    assert_int_equal(chunk_unpromised(p), CHUNKS);
    assert_int_equal(chunk_pool_bytes(CHUNKS, BYTES), sizeof room.meta + sizeof room.data);
    assert_ptr_equal(chunk_data(p, 3), room.data + 3 * BYTES);
}

static void the_pool_runs_out(void **state)
{
    (void)state;
    init();
    assert_true(chunk_promise(p, 10));
    for (int i = 0; i < CHUNKS - 10; i++)
        assert_int_not_equal(chunk_new(p, i % 2 ? CHUNK_SEND : CHUNK_LENT), CHUNK_NONE);
    assert_int_equal(chunk_new(p, CHUNK_SEND), CHUNK_NONE);
    assert_int_equal(chunk_new(p, CHUNK_LENT), CHUNK_NONE);
    assert_false(chunk_promise(p, 1));
    for (int i = 0; i < 10; i++) /* what was promised is there */
        assert_int_not_equal(chunk_new(p, CHUNK_RECEIVE), CHUNK_NONE);
}

/* A promise is all or nothing. */
static void a_promise_too_large_changes_nothing(void **state)
{
    (void)state;
    init();
    assert_false(chunk_promise(p, CHUNKS + 1));
    assert_false(chunk_promise(p, UINT32_MAX));
    assert_int_equal(p->promised, 0);
    assert_true(chunk_promise(p, CHUNKS));
    assert_true(chunk_promise(p, 0));
    assert_int_equal(chunk_unpromised(p), 0);
}

static void the_last_freed_comes_first(void **state)
{
    (void)state;
    init();
    uint32_t a = chunk_new(p, CHUNK_SEND), b = chunk_new(p, CHUNK_SEND);
    chunk_free(p, a);
    chunk_free(p, b);
    assert_int_equal(chunk_new(p, CHUNK_SEND), b);
    assert_int_equal(chunk_new(p, CHUNK_SEND), a);
    assert_int_equal(p->fresh, 2);
}

static void a_chunk_is_found_by_any_of_its_bytes(void **state)
{
    (void)state;
    init();
    for (uint32_t i = 0; i < CHUNKS; i++)
        assert_int_equal(chunk_new(p, CHUNK_SEND), i);
    for (uint32_t i = 0; i < CHUNKS; i++) {
        assert_int_equal(chunk_of(p, chunk_data(p, i)), i);
        assert_int_equal(chunk_of(p, chunk_data(p, i) + BYTES - 1), i);
    }
}

static void a_pinned_chunk_outlives_its_list(void **state)
{
    (void)state;
    init();
    uint32_t a = chunk_new(p, CHUNK_SEND);
    assert_true(chunk_pin(p, a));
    assert_true(chunk_pin(p, a));
    chunk_free(p, a);
    assert_int_equal(p->sending, 1);
    assert_int_not_equal(chunk_new(p, CHUNK_SEND), a);
    chunk_unpin(p, a);
    assert_int_equal(p->sending, 2);
    chunk_unpin(p, a);
    assert_int_equal(p->sending, 1);
    assert_int_equal(chunk_new(p, CHUNK_SEND), a);
}

static void pins_are_counted_up_to_a_limit(void **state)
{
    (void)state;
    init();
    uint32_t a = chunk_new(p, CHUNK_SEND);
    for (int i = 0; i < CHUNK_PINS_MAX; i++)
        assert_true(chunk_pin(p, a));
    assert_false(chunk_pin(p, a));
    chunk_unpin(p, a);
    assert_true(chunk_pin(p, a));
}

static void a_lent_chunk_is_adopted_out_of_the_promise(void **state)
{
    (void)state;
    init();
    uint32_t a = chunk_new(p, CHUNK_LENT);
    assert_true(chunk_promise(p, 2));
    chunk_adopt(p, a);
    assert_int_equal(p->lent, 0);
    assert_int_equal(p->received, 1);
    assert_int_equal(chunk_unpromised(p), CHUNKS - 2);
    chunk_free(p, a);
    assert_int_equal(p->received, 0);
    chunk_unpromise(p, 2);
    assert_int_equal(chunk_unpromised(p), CHUNKS);
}

static void a_list_is_freed_as_a_whole(void **state)
{
    (void)state;
    uint32_t head = CHUNK_NONE;

    init();
    assert_int_equal(chunk_free_list(p, CHUNK_NONE), 0);
    for (int i = 0; i < 5; i++) {
        uint32_t c = chunk_new(p, CHUNK_SEND);
        chunk_at(p, c)->next = head;
        head = c;
    }
    assert_int_equal(chunk_free_list(p, head), 5);
    assert_int_equal(chunk_unpromised(p), CHUNKS);
}

/* ---- at random ---------------------------------------------------------------------------------- */

static struct {
    struct {
        enum chunk_account account;
        unsigned pins;
        bool dead;
    } chunk[CHUNKS];
    uint32_t promised;
} oracle;

static uint32_t held(enum chunk_account account)
{
    uint32_t n = 0;

    for (int i = 0; i < CHUNKS; i++)
        n += oracle.chunk[i].account == account;
    return n;
}

static void compare(uint64_t seed, unsigned step)
{
    uint32_t unpromised = CHUNKS - oracle.promised - held(CHUNK_SEND) - held(CHUNK_LENT);

    if (p->promised != oracle.promised || p->sending != held(CHUNK_SEND) ||
        p->received != held(CHUNK_RECEIVE) || p->lent != held(CHUNK_LENT) ||
        chunk_unpromised(p) != unpromised)
        fail_msg("seed %llu, step %u: the accounts differ", (unsigned long long)seed, step);
}

static void random_new(uint64_t *random)
{
    enum chunk_account account = (enum chunk_account)(CHUNK_SEND + random_next(random) % 3);
    bool some = CHUNKS - oracle.promised - held(CHUNK_SEND) - held(CHUNK_LENT) > 0;
    uint32_t c;

    if (account == CHUNK_RECEIVE && held(CHUNK_RECEIVE) == oracle.promised)
        return; /* asking for it would be a bug */
    c = chunk_new(p, account);
    assert_true((c != CHUNK_NONE) == (account == CHUNK_RECEIVE || some));
    if (c == CHUNK_NONE)
        return;
    assert_true(c < CHUNKS && oracle.chunk[c].account == CHUNK_FREE);
    oracle.chunk[c].account = account;
}

static void random_touch(uint64_t *random)
{
    uint32_t c = (uint32_t)(random_next(random) % CHUNKS);
    bool live = oracle.chunk[c].account != CHUNK_FREE && !oracle.chunk[c].dead;

    switch (random_next(random) % 4) {
    case 0:
        if (live && chunk_pin(p, c))
            oracle.chunk[c].pins++;
        break;
    case 1:
        if (oracle.chunk[c].pins == 0)
            break;
        chunk_unpin(p, c);
        if (--oracle.chunk[c].pins == 0 && oracle.chunk[c].dead)
            memset(&oracle.chunk[c], 0, sizeof oracle.chunk[c]);
        break;
    case 2:
        if (!live)
            break;
        chunk_free(p, c);
        if (oracle.chunk[c].pins > 0)
            oracle.chunk[c].dead = true;
        else
            oracle.chunk[c].account = CHUNK_FREE;
        break;
    default:
        if (live && oracle.chunk[c].account == CHUNK_LENT &&
            held(CHUNK_RECEIVE) < oracle.promised) {
            chunk_adopt(p, c);
            oracle.chunk[c].account = CHUNK_RECEIVE;
        }
    }
}

static void random_promise(uint64_t *random)
{
    uint32_t n = (uint32_t)(random_next(random) % 8);
    bool some = oracle.promised + held(CHUNK_SEND) + held(CHUNK_LENT) + n <= CHUNKS;

    if (random_next(random) % 2) {
        assert_true(chunk_promise(p, n) == some);
        oracle.promised += some ? n : 0;
    } else if (held(CHUNK_RECEIVE) + n <= oracle.promised) {
        chunk_unpromise(p, n);
        oracle.promised -= n;
    }
}

static void random_runs_keep_the_accounts(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        uint64_t random = seed;

        init();
        memset(&oracle, 0, sizeof oracle);
        for (unsigned step = 0; step < 1000; step++) {
            unsigned what = random_next(&random) % 4;

            if (what == 0)
                random_new(&random);
            else if (what == 1)
                random_promise(&random);
            else
                random_touch(&random);
            compare(seed, step);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_pool_is_free),
        cmocka_unit_test(the_pool_runs_out),
        cmocka_unit_test(a_promise_too_large_changes_nothing),
        cmocka_unit_test(the_last_freed_comes_first),
        cmocka_unit_test(a_chunk_is_found_by_any_of_its_bytes),
        cmocka_unit_test(a_pinned_chunk_outlives_its_list),
        cmocka_unit_test(pins_are_counted_up_to_a_limit),
        cmocka_unit_test(a_lent_chunk_is_adopted_out_of_the_promise),
        cmocka_unit_test(a_list_is_freed_as_a_whole),
        cmocka_unit_test(random_runs_keep_the_accounts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
