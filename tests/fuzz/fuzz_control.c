/* SPDX-License-Identifier: MIT */
/*
 * What comes from other processes, and from the kernel.  The first byte chooses:
 *
 *     a line of an answer       what is read from it, written again, is read as the same
 *     a line of a request       is one of those that there are, or is refused in one line
 *     a datagram of inet_diag   is read within its bounds
 *
 * fuzz-runs: 300000
 */
#include <stdlib.h>
#include <string.h>

#include "control/answer.h"
#include "control/diag.h"
#include "control/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void write_object(struct text *t, const struct control_object *o)
{
    switch (o->schema) {
    case CONTROL_STACK:
        control_write_stack(t, &o->stack);
        break;
    case CONTROL_CONNECTION:
    case CONTROL_UDP:
        control_write_row(t, &o->row);
        break;
    case CONTROL_COUNTERS:
        control_write_counters(t, &o->counters);
        break;
    case CONTROL_REASON:
        control_write_reason(t, &o->reason);
        break;
    case CONTROL_END:
        control_write_end(t, &o->end);
        break;
    case CONTROL_ERROR:
        control_write_error(t, o->error);
        break;
    case CONTROL_OTHER:
        break;
    }
}

static void try_answer(const char *line, size_t n)
{
    static struct control_object first, second;
    char once[CONTROL_LINE_MAX], twice[CONTROL_LINE_MAX];
    struct text a = text_of(once, sizeof once, false), b = text_of(twice, sizeof twice, false);

    if (control_read(line, n, &first) || first.schema == CONTROL_OTHER)
        return;
    write_object(&a, &first);
    expect(!a.cut && a.length > 0);
    expect(!control_read(once, a.length - 1, &second));
    write_object(&b, &second);
    expect(strcmp(once, twice) == 0);
}

static void try_request(const char *line, size_t n)
{
    static struct control_object object;
    char out[CONTROL_LINE_MAX];
    struct text t = text_of(out, sizeof out, false);

    if (answer_request(line, n) != ANSWER_NONE)
        return;
    answer_refuse(&t, line, n);
    expect(!t.cut && memchr(out, '\n', t.length) == out + t.length - 1);
    expect(!control_read(out, t.length - 1, &object) && object.schema == CONTROL_ERROR);
}

static void try_diag(const uint8_t *data, size_t n)
{
    struct diag_sink sink = {.most = 16};
    uint8_t *bytes = malloc(n ? n : 1); /* exactly as long */

    expect(bytes);
    memcpy(bytes, data, n);
    (void)diag_read(bytes, n, &sink);
    expect(sink.room <= 16 && sink.count >= 0);
    for (size_t i = 0; i < sink.room && i < (size_t)sink.count; i++) {
        struct control_row r = answer_kernel_row(&sink.at[i], 0);
        char out[CONTROL_LINE_MAX];
        struct text t = text_of(out, sizeof out, false);
        control_write_row(&t, &r);
        try_answer(out, t.length - 1);
    }
    free(sink.at);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    if (data[0] == 'd')
        try_diag(data + 1, n - 1);
    else if (data[0] == 'r')
        try_request((const char *)data + 1, n - 1);
    else
        try_answer((const char *)data + 1, n - 1);
    return 0;
}
