/* SPDX-License-Identifier: MIT */
/* http_feed.c - see http_feed.h. */
#include "support/http_feed.h"

#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

struct feed *feed_new(http_handler *handler)
{
    struct feed *f = calloc(1, sizeof *f);

    must(f);
    f->http = http_new(handler);
    must(f->http);
    return f;
}

void feed_free(struct feed *f)
{
    http_free(f->http);
    free(f->out);
    free(f);
}

static void keep(struct feed *f, const uint8_t *bytes, size_t n)
{
    if (n > f->room - f->length) {
        f->room = 2 * f->room + n;
        f->out = realloc(f->out, f->room);
        must(f->out);
    }
    memcpy(f->out + f->length, bytes, n);
    f->length += n;
}

/* Takes what is to be sent, in two pieces. */
static void take(struct feed *f)
{
    struct http_record record;
    size_t n, first;
    const uint8_t *bytes = http_out(f->http, &n);

    must((bytes != NULL) == (n > 0));
    must(n <= HTTP_LEAD_MAX + HTTP_ANSWER_MAX);
    if (http_answered(f->http, &record)) {
        must(n > 0 && *http_status_text(record.status) && *record.method);
        must(record.target.length <= HTTP_TARGET_MAX && record.length <= HTTP_ANSWER_MAX);
        f->answers++;
        f->status = record.status;
    }
    must(!http_answered(f->http, &record));
    if (n == 0)
        return;
    must(http_in(f->http, "GET", 3, FEED_NOW) == 0); /* not before this is sent */
    first = n / 2;
    keep(f, bytes, first);
    http_sent(f->http, first);
    bytes = http_out(f->http, &n);
    keep(f, bytes, n);
    http_sent(f->http, n);
}

void feed_bytes(struct feed *f, const void *bytes, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    size_t at = 0;

    must(copy);
    if (n > 0)
        memcpy(copy, bytes, n);
    while (at < n) {
        bool over = http_over(f->http);
        size_t length = f->length, used = http_in(f->http, copy + at, n - at, FEED_NOW);
        must(used <= n - at);
        take(f);
        must(used > 0 || f->length > length); /* something always goes on */
        must(!over || f->length == length);
        at += used;
    }
    free(copy);
}

void feed_pieces(struct feed *f, const void *bytes, size_t n, size_t size)
{
    for (size_t at = 0; at < n; at += size)
        feed_bytes(f, (const uint8_t *)bytes + at, n - at < size ? n - at : size);
}

void feed_end(struct feed *f, enum http_end end)
{
    http_end(f->http, end, FEED_NOW);
    take(f);
    must(http_over(f->http));
}
