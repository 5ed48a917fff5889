/* SPDX-License-Identifier: MIT */
/*
 * Any bytes are an envelope or are refused with a sentence; what is one reads the same after it was
 * written.  fuzz-runs: 300000
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* Bytes that can be read to the last one, so that the sanitizer sees a step beyond. */
static void touch(const void *p, size_t n)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + ((const uint8_t *)p)[i]);
    expect(sum == sum + 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static uint8_t first[ENVELOPE_MAX], second[ENVELOPE_MAX];
    static struct envelope e, again;
    const char *wrong = envelope_read(&e, data, n);
    if (wrong) {
        expect(wrong[0] != '\0');
        return 0;
    }
    touch(e.text, e.text_length);
    touch(e.frame, e.frame_length);
    expect(e.moves <= ENVELOPE_MOVES && e.ports <= ENVELOPE_PORTS);
    expect(e.counters <= ENVELOPE_COUNTERS);
    size_t wrote = envelope_write(&e, first, sizeof first);
    if (e.version != ENVELOPE_VERSION)
        return 0;                     /* an error of another version is only read */
    expect(wrote >= 8 && wrote <= n); /* what is not known is left out */
    expect(!envelope_read(&again, first, wrote));
    expect(again.has == e.has && again.type == e.type);
    expect(envelope_write(&again, second, sizeof second) == wrote);
    expect(memcmp(first, second, wrote) == 0);
    return 0;
}
