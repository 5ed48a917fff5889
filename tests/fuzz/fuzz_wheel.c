/* SPDX-License-Identifier: MIT */
/*
 * A program of three bytes an operation: what to do and to which node, then a time, as a mantissa
 * of 8 bits and an exponent of 6.
 */
#include "base/reader.h"
#include "support/wheel_twin.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint64_t read_span(struct reader *r)
{
    uint64_t mantissa = reader_u8(r);
    return mantissa << (reader_u8(r) & 63);
}

static const char *step(struct wheel_twin *t, struct reader *r, uint64_t *now_us)
{
    uint8_t op = reader_u8(r);
    uint32_t i = op >> 3, got;
    uint64_t span_us = read_span(r);
    switch (op & 7) {
    case 0:
    case 1:
        return wheel_twin_set(t, i, *now_us + span_us);
    case 2:
        return wheel_twin_set(t, i, *now_us - span_us);
    case 3:
        return wheel_twin_set(t, i + 32 * (uint32_t)(span_us % 3), *now_us | span_us);
    case 4:
        return wheel_twin_remove(t, i);
    case 5:
        *now_us += span_us;
        return wheel_twin_next(t);
    case 6:
        return wheel_twin_pop(t, wheel_next(&t->wheel, wheel_twin_nodes(t)), &got);
    default:
        return wheel_twin_pop(t, *now_us, &got);
    }
}

/* Everything comes out in the end. */
static const char *drain(struct wheel_twin *t)
{
    uint32_t got;
    const char *fault;
    do
        fault = wheel_twin_pop(t, WHEEL_NEVER, &got);
    while (!fault && got != WHEEL_NONE);
    return fault ? fault : wheel_twin_walk(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct wheel_twin t;
    struct reader r = reader_of(data, n);
    uint64_t now_us = read_span(&r);
    const char *fault = NULL;
    wheel_twin_init(&t, now_us);
    for (unsigned i = 1; !fault && reader_left(&r) > 0; i++) {
        fault = step(&t, &r, &now_us);
        if (!fault && i % 16 == 0)
            fault = wheel_twin_walk(&t);
    }
    if (!fault)
        fault = wheel_twin_walk(&t);
    if (!fault)
        fault = drain(&t);
    if (fault) {
        fprintf(stderr, "%s\n", fault);
        abort();
    }
    return 0;
}
