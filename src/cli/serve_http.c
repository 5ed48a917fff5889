/* SPDX-License-Identifier: MIT */
/*
 * serve_http.c - `estab serve http`: src/http over a connection.
 *
 * RFC 9112 section 9.6: who closes while the peer may still be sending does so in two steps, for the
 * RST that answers text to a closed connection could overtake the last answer's reader.  First our FIN,
 * then what still comes is read and dropped until the peer's, for a bounded time.
 */
#include <errno.h>
#include <estab_host.h>
#include <string.h>
#include <time.h>

#include "cli/server.h"
#include "http/site.h"

#define PIECE      4096
#define LINGER_MAX (1024 * 1024) /* bytes that are dropped so */

static void tell_request(struct worker *w, const struct http_record *r)
{
    struct serve_line *l = worker_line(w, "request");

    if (!l)
        return;
    if (r->target.length > 0) {
        text_format(&l->people, "%s ", r->method);
        text_quote(&l->people, r->target.at, r->target.length < PIECE ? r->target.length : PIECE);
    } else {
        text_add(&l->people, "no request line");
    }
    text_format(&l->people, ": %u %s, %zu bytes", r->status, http_status_text(r->status),
                r->length);
    text_format(&l->object, ",\"method\":\"%s\",\"target\":", r->method);
    text_json(&l->object, r->target.at, r->target.length < PIECE ? r->target.length : PIECE);
    text_format(&l->object, ",\"status\":%u,\"bytes\":%zu", r->status, r->length);
    serve_line_tell(l);
}

/* Sends what there is to send, and tells of it; false: it cannot be. */
static bool answer(struct worker *w, struct http *h)
{
    struct http_record record;
    size_t n;
    const uint8_t *bytes = http_out(h, &n);

    if (n > 0 && !worker_send(w, bytes, n))
        return false;
    http_sent(h, n);
    if (http_answered(h, &record))
        tell_request(w, &record);
    return true;
}

static bool feed(struct worker *w, struct http *h, const char *bytes, size_t n)
{
    for (size_t at = 0; at < n && !http_over(h);) {
        at += http_in(h, bytes + at, n - at, (int64_t)time(NULL));
        if (!answer(w, h))
            return false;
    }
    return true;
}

/* Answers until the connection has said its last; 0, or an errno. */
static int converse(struct worker *w, struct http *h)
{
    char bytes[PIECE];

    while (!http_over(h)) {
        ssize_t n = worker_receive(w, bytes, sizeof bytes);
        bool silent = n < 0 && (errno == EAGAIN || errno == ETIMEDOUT);
        if (n < 0 && !silent)
            return errno;
        if (n <= 0)
            http_end(h, silent ? HTTP_PEER_SILENT : HTTP_PEER_CLOSED, (int64_t)time(NULL));
        if (!(n > 0 ? feed(w, h, bytes, (size_t)n) : answer(w, h)))
            return errno;
    }
    return 0;
}

static void linger(struct worker *w)
{
    uint32_t patience = worker_config(w)->delay_ms;
    estab_time until = estab_now() + patience * (estab_time)ESTAB_MS;
    size_t dropped = 0;
    char bytes[PIECE];

    worker_shutdown(w);
    worker_patience(w, patience);
    while (dropped < LINGER_MAX && estab_now() < until) {
        ssize_t n = worker_receive(w, bytes, sizeof bytes);
        if (n <= 0)
            return;
        dropped += (size_t)n;
    }
}

static void serve(struct worker *w)
{
    struct http *h = http_new(site_answer);
    int number = ENOMEM;

    worker_prompt(w);
    worker_patience(w, worker_config(w)->idle_ms);
    if (h)
        number = converse(w, h);
    if (number == 0)
        linger(w);
    else
        serve_line_tell(worker_ended(w, "", number));
    http_free(h);
}

const struct service service_http = {
    .name = "http",
    .port = 8080,
    .request = "GET /hello HTTP/1.1\r\nHost: server\r\n\r\n",
    .serve = serve,
};
