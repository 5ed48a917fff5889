/* SPDX-License-Identifier: MIT */
/*
 * test_queue.c - text in order beside its oracle, an array of bytes; and the bound that turns a
 * window into a promise: a queue of so many bytes never needs more than queue_chunks_for.
 */
#include "support/random.h"
#include "base/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CHUNKS 64
#define BYTES  512
#define MOST   20000

static struct {
    struct chunk_pool pool;
    struct chunk meta[CHUNKS];
    uint8_t data[CHUNKS * BYTES];
} room;

static struct chunk_pool *const pool = &room.pool;
static struct text_queue q;
static uint8_t oracle[MOST];
static uint32_t oracle_n;
static uint8_t next_byte;

static void init(void)
{
    chunk_pool_init(pool, room.meta, room.data, CHUNKS, BYTES);
    queue_init(&q);
    oracle_n = 0;
    next_byte = 0;
}

/* Appends n bytes; how many the queue took. */
static uint32_t append(uint32_t n)
{
    uint8_t text[MOST];
    uint32_t took;

    assert_true(oracle_n + n <= MOST);
    for (uint32_t i = 0; i < n; i++)
        text[i] = (uint8_t)(next_byte + i * 31);
    took = queue_append(pool, &q, CHUNK_SEND, text, n);
    memcpy(oracle + oracle_n, text, took);
    oracle_n += took;
    next_byte = (uint8_t)(next_byte + took * 31);
    return took;
}

static void drop(uint32_t n)
{
    queue_drop(pool, &q, n);
    memmove(oracle, oracle + n, oracle_n - n);
    oracle_n -= n;
}

static uint32_t chunks_of(const struct text_queue *list)
{
    uint32_t n = 0, last = CHUNK_NONE;

    for (uint32_t i = list->head; i != CHUNK_NONE; i = chunk_at(pool, i)->next) {
        last = i;
        n++;
    }
    assert_int_equal(list->tail, last);
    return n;
}

static void compare(void)
{
    uint8_t text[MOST];

    assert_int_equal(q.bytes, oracle_n);
    assert_int_equal(queue_peek(pool, &q, text, MOST), oracle_n);
    assert_memory_equal(text, oracle, oracle_n);
    assert_int_equal(chunks_of(&q), pool->sending);
    assert_true(pool->sending <= queue_chunks_for(pool, oracle_n));
}

static void an_empty_queue(void **state)
{
    (void)state;
    uint8_t byte;

    init();
    compare();
    assert_int_equal(append(0), 0);
    drop(0);
    compare();
    assert_int_equal(queue_peek(pool, &q, &byte, 1), 0);
    assert_int_equal(queue_seek(pool, &q, 0).chunk, CHUNK_NONE);
    queue_clear(pool, &q);
    compare();
}

static void text_fills_its_chunks(void **state)
{
    (void)state;
    init();
    assert_int_equal(append(1), 1);
    assert_int_equal(append(BYTES - 1), BYTES - 1);
    assert_int_equal(pool->sending, 1);
    append(1);
    assert_int_equal(pool->sending, 2);
    append(3 * BYTES);
    assert_int_equal(pool->sending, 5);
    compare();
    drop(BYTES);
    assert_int_equal(pool->sending, 4);
    drop(BYTES + 5);
    compare();
    drop(oracle_n);
    assert_int_equal(pool->sending, 0);
    compare();
}

static void a_full_pool_takes_a_part(void **state)
{
    (void)state;
    init();
    assert_true(chunk_promise(pool, CHUNKS - 3));
    assert_int_equal(append(5000), 3 * BYTES);
    assert_int_equal(append(1), 0);
    compare();
    drop(BYTES);
    assert_int_equal(append(5000), BYTES);
    compare();
}

/* A cursor's bytes, and those that follow within `parts` chunks. */
static void cursors_find_their_place(void **state)
{
    (void)state;
    init();
    append(5 * BYTES + 17);
    drop(100);
    for (uint32_t at = 0; at < oracle_n; at += 7) {
        struct queue_cursor c = queue_seek(pool, &q, at);
        struct queue_cursor d = queue_advance(pool, queue_seek(pool, &q, at / 2), at - at / 2);
        const struct chunk *chunk = chunk_at(pool, c.chunk);

        assert_true(c.offset < chunk->length);
        assert_int_equal(chunk_data(pool, c.chunk)[chunk->offset + c.offset], oracle[at]);
        assert_int_equal(c.chunk, d.chunk);
        assert_int_equal(c.offset, d.offset);
        assert_int_equal(queue_reach(pool, c, 10000, 99), oracle_n - at);
        assert_int_equal(queue_reach(pool, c, 3, 99), oracle_n - at < 3 ? oracle_n - at : 3);
        assert_int_equal(queue_reach(pool, c, 10000, 1), chunk->length - c.offset);
        assert_int_equal(queue_reach(pool, c, 10000, 0), 0);
    }
    /* The end of the text stays a place, to which text may be appended. */
    struct queue_cursor end = queue_seek(pool, &q, oracle_n);
    assert_int_equal(end.chunk, q.tail);
    assert_int_equal(queue_reach(pool, end, 100, 9), 0);
    append(1000);
    end = queue_advance(pool, end, 0);
    assert_int_equal(queue_reach(pool, end, 2000, 9), 1000);
}

static void a_chunk_that_is_pinned_too_often_is_not_reached(void **state)
{
    (void)state;
    init();
    append(3 * BYTES);
    struct queue_cursor c = queue_seek(pool, &q, 0);
    uint32_t second = chunk_at(pool, c.chunk)->next;
    for (int i = 0; i < CHUNK_PINS_MAX; i++)
        assert_true(chunk_pin(pool, second));
    assert_int_equal(queue_reach(pool, c, 10000, 9), BYTES);
    chunk_unpin(pool, second);
    assert_int_equal(queue_reach(pool, c, 10000, 9), 3 * BYTES);
}

/* chunks_for and bytes_in are each other's bounds, for all sizes up to where they might overflow. */
static void the_bounds_agree(void **state)
{
    (void)state;
    init();
    for (uint64_t bytes = 1; bytes < 0x40000000; bytes = bytes * 3 / 2 + 1) {
        uint32_t chunks = queue_chunks_for(pool, (uint32_t)bytes);

        assert_true(queue_bytes_in(pool, chunks) >= bytes);
        assert_true(queue_bytes_in(pool, chunks - 2) < bytes);
    }
    assert_int_equal(queue_bytes_in(pool, 0), 0);
    assert_int_equal(queue_bytes_in(pool, 3), 0);
    assert_true(queue_bytes_in(pool, 0x3fffffff) > 0);
}

/* What a device has received into goes between what was copied: the bound holds all the same. */
static void link_lent(uint64_t *random)
{
    uint32_t n = (uint32_t)(random_next(random) % (BYTES - QUEUE_HEADERS_MAX)) + 1;
    uint32_t offset = (uint32_t)(random_next(random) % (QUEUE_HEADERS_MAX + 1));
    uint32_t room_left = 0, i;
    struct chunk *c;

    if (q.tail != CHUNK_NONE) {
        c = chunk_at(pool, q.tail);
        room_left = BYTES - c->offset - c->length;
    }
    if (room_left >= n) /* it would be copied: text.c */
        return;
    i = chunk_new(pool, CHUNK_SEND);
    if (i == CHUNK_NONE)
        return;
    c = chunk_at(pool, i);
    c->offset = (uint16_t)offset;
    c->length = (uint16_t)n;
    for (uint32_t k = 0; k < n; k++)
        chunk_data(pool, i)[offset + k] = oracle[oracle_n + k] = next_byte++;
    oracle_n += n;
    queue_link(pool, &q, i);
}

static void random_runs_equal_the_oracle(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        uint64_t random = seed;

        init();
        for (int step = 0; step < 60; step++) {
            uint32_t n = (uint32_t)(random_span(&random) % (MOST / 40));

            switch (random_next(&random) % 3) {
            case 0:
                append(n);
                break;
            case 1:
                if (oracle_n + BYTES < MOST)
                    link_lent(&random);
                break;
            default:
                drop(n < oracle_n ? n : oracle_n);
            }
            compare();
        }
        queue_clear(pool, &q);
        assert_int_equal(pool->sending, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_queue),
        cmocka_unit_test(text_fills_its_chunks),
        cmocka_unit_test(a_full_pool_takes_a_part),
        cmocka_unit_test(cursors_find_their_place),
        cmocka_unit_test(a_chunk_that_is_pinned_too_often_is_not_reached),
        cmocka_unit_test(the_bounds_agree),
        cmocka_unit_test(random_runs_equal_the_oracle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
