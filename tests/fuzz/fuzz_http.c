/* SPDX-License-Identifier: MIT */
/*
 * Any bytes are the client's side of a connection.  They are fed whole, octet by octet, and in
 * pieces of a size that the first octet chooses: the answers are the same, or both name one fault of the
 * last request.  support/http_feed.c checks what holds after every piece; here each answer is read
 * back as HTTP.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/site.h"
#include "support/http_feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* Where the next answer begins; *refusal: it is the connection's last word. */
static size_t read_answer(const struct feed *f, size_t at, bool head, bool *refusal)
{
    static const char length_name[] = "Content-Length: ";
    char *text = calloc(1, HTTP_LEAD_MAX + 1), *end, *length;
    size_t next, left = f->length - at;

    expect(text);
    memcpy(text, f->out + at, left < HTTP_LEAD_MAX ? left : HTTP_LEAD_MAX);
    end = strstr(text, "\r\n\r\n");
    expect(end && strncmp(text, "HTTP/1.1 ", 9) == 0);
    end[2] = '\0';
    next = at + (size_t)(end - text) + 4;
    length = strstr(text, length_name);
    expect((length == NULL) == (strncmp(text + 9, "100 ", 4) == 0));
    if (length && !head)
        next += strtoul(length + sizeof length_name - 1, NULL, 10);
    *refusal = strstr(text, "Connection: close") && strncmp(text + 9, "200 ", 4) != 0;
    expect(next <= f->length);
    free(text);
    return next;
}

static void read_answers(const struct feed *f)
{
    bool refusal = false;

    for (size_t at = 0; at < f->length;) {
        expect(!refusal);
        at = read_answer(f, at, false, &refusal);
    }
}

static struct feed *play(const uint8_t *data, size_t n, size_t size)
{
    struct feed *f = feed_new(site_answer);

    feed_pieces(f, data, n, size);
    feed_end(f, HTTP_PEER_CLOSED);
    return f;
}

/* A request with two faults may be answered with either; what came before it may not differ. */
static void compare(const struct feed *a, const struct feed *b)
{
    bool refusal = false;
    size_t at = 0;

    if (a->length == b->length && (a->length == 0 || memcmp(a->out, b->out, a->length) == 0))
        return;
    expect(a->answers == b->answers && a->status >= 400 && b->status >= 400);
    while (at < a->length && !refusal) {
        size_t from = at;
        at = read_answer(a, at, false, &refusal);
        expect(refusal ||
               (at <= b->length && memcmp(a->out + from, b->out + from, at - from) == 0));
    }
    expect(refusal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct feed *whole, *other;
    bool heads = memmem(data, n, "HEAD", 4); /* whose answers are shorter than they say */

    if (n == 0)
        return 0;
    whole = play(data + 1, n - 1, n);
    if (!heads)
        read_answers(whole);
    for (int i = 0; i < 2; i++) {
        other = play(data + 1, n - 1, i == 0 ? 1 : 2u + data[0]);
        if (!heads)
            compare(whole, other);
        feed_free(other);
    }
    feed_free(whole);
    return 0;
}
