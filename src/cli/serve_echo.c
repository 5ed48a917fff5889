/* SPDX-License-Identifier: MIT */
/*
 * serve_echo.c - `estab serve echo`, RFC 862, and `estab serve print`, which never answers.
 *
 * Echo's half close: the peer's FIN is answered with ours once all of its text went back.
 */
#include <errno.h>
#include <inttypes.h>

#include "cli/server.h"

#define PIECE 4096

/* ---- echo -------------------------------------------------------------------------------------------- */

static void echo(struct worker *w)
{
    char bytes[16384];
    struct serve_line *l;
    uint64_t total = 0;
    ssize_t n;
    int number;

    worker_prompt(w);
    while ((n = worker_receive(w, bytes, sizeof bytes)) > 0 && worker_send(w, bytes, (size_t)n))
        total += (uint64_t)n;
    number = n == 0 ? 0 : errno;
    l = worker_ended(w, "closed after the peer", number);
    if (l) {
        text_format(&l->people, "; %" PRIu64 " bytes came and went back", total);
        text_format(&l->object, ",\"bytes\":%" PRIu64, total);
    }
    serve_line_tell(l);
}

const struct service service_echo = {
    .name = "echo",
    .port = 7777,
    .request = "hello\n",
    .serve = echo,
};

/* ---- print ------------------------------------------------------------------------------------------- */

static void tell_text(struct worker *w, const char *bytes, size_t n)
{
    struct serve_line *l = worker_line(w, "received");

    if (!l)
        return;
    text_format(&l->people, "received %zu byte%s: ", n, n == 1 ? "" : "s");
    text_quote(&l->people, bytes, n);
    text_format(&l->object, ",\"bytes\":%zu,\"text\":", n);
    text_json(&l->object, bytes, n);
    serve_line_tell(l);
}

static void print(struct worker *w)
{
    char bytes[PIECE];
    struct serve_line *l = worker_line(w, "opened");
    ssize_t n;

    if (l)
        text_add(&l->people, "has connected");
    serve_line_tell(l);
    while ((n = worker_receive(w, bytes, sizeof bytes)) > 0)
        tell_text(w, bytes, (size_t)n);
    if (n == 0 && worker_config(w)->leave_open) {
        l = worker_line(w, "ended");
        if (l)
            text_add(&l->people, "the peer has closed; left open, in CLOSE-WAIT");
        serve_line_tell(l);
        worker_stay(w);
    }
    serve_line_tell(worker_ended(w, "closed after the peer", n < 0 ? errno : 0));
}

const struct service service_print = {
    .name = "print",
    .port = 8888,
    .request = "hello\n",
    .serve = print,
};
