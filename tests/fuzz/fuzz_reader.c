/* SPDX-License-Identifier: MIT */
/*
 * The first byte says how many of the rest are a program; what remains is the text that it reads,
 * and then the room that it writes to.
 */
#include "support/bytes_twin.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    size_t ops_n = data[0] < n - 1 ? data[0] : n - 1, text_n = n - 1 - ops_n;
    const uint8_t *ops = data + 1;
    uint8_t *text = malloc(text_n);
    if (text_n > 0) {
        if (!text)
            abort();
        memcpy(text, ops + ops_n, text_n);
    }
    if (reader_twin_run(ops, ops_n, text, text_n) || writer_twin_run(ops, ops_n, text, text_n))
        abort();
    free(text);
    return 0;
}
