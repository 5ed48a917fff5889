/* SPDX-License-Identifier: MIT */
/*
 * http.h - the server's side of one HTTP/1 connection: bytes in, bytes out (RFC 9110, 9112).
 *
 *      h = http_new(handler);
 *      while (...) {
 *          used = http_in(h, bytes, n, now);       fewer than n: an answer is to be sent first
 *          if (http_answered(h, &record)) ...      for a log
 *          http_out(h, &length) ... http_sent(h, length)
 *          if (http_over(h)) ...                   close, once the peer has read what was sent
 *      }
 *
 * llhttp reads the messages; here are the limits, what a message as a whole may be, and the framing of
 * the answers.  No I/O and no clock, for `now` is an argument; all memory is `struct http`.  How the bytes were cut into pieces makes no difference to what comes out, but for one thing:
 * of a request with two faults either may be named.
 *
 * One message at a time: http_in stops behind a request, and takes nothing more while there is
 * something to send.  So whoever pipelines a thousand requests holds one answer's room.
 *
 * Limits are the HTTP_*_MAX below.  Who exceeds one, or sends what is no HTTP, gets one answer that says
 * so with `Connection: close`; what comes after that is not looked at.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <estab.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/writer.h"
#include "http/form.h"

#define HTTP_TARGET_MAX                                                                            \
    8000 /* octets of a request target, else 414; RFC 9112 section 3 asks for it */
#define HTTP_HEAD_MAX   16384               /* octets of a request line and its fields, else 431 */
#define HTTP_FIELDS_MAX 100                 /* fields of one request, else 431 */
#define HTTP_BODY_MAX   65536               /* octets of a body, else 413 */
#define HTTP_RAW_MAX    (8 * HTTP_BODY_MAX) /* the same with its chunk sizes and trailers */
#define HTTP_ANSWER_MAX (HTTP_BODY_MAX + 1024) /* octets of an answer's body */
#define HTTP_LEAD_MAX   512                    /* octets of all that stands before it */

struct http_request {
    const char *method;     /* "GET" */
    struct form_text path;  /* with its percent-encoding */
    struct form_text query; /* without the `?` */
    struct form_text body;
    bool form; /* Content-Type does not say that the body is something else than a form */
};

struct http_answer {
    unsigned status;
    const char *allow;  /* of a 405, or for OPTIONS: the methods; else NULL */
    struct writer body; /* text in UTF-8 */
};

/* Fills the answer, which is an empty 200 so far. */
typedef void http_handler(const struct http_request *, struct http_answer *);

/* An answer, for a log. */
struct http_record {
    const char *method; /* "-" if none was read */
    struct form_text target;
    unsigned status;
    size_t length; /* of the answer's body, sent or not */
};

struct http;

/* NULL: no memory. */
ESTAB_MUST_CHECK struct http *http_new(http_handler *);
void http_free(struct http *);

/* How many of the bytes were read.  `now` is in seconds since 1970. */
size_t http_in(struct http *, const void *bytes, size_t n, int64_t now);

/* No more bytes come: the peer has sent its FIN, or nothing for too long.  Who is in the middle of a
 * request is told so. */
enum http_end { HTTP_PEER_CLOSED, HTTP_PEER_SILENT };
void http_end(struct http *, enum http_end, int64_t now);

/* What is to be sent; NULL: nothing. */
const uint8_t *http_out(const struct http *, size_t *n);
void http_sent(struct http *, size_t n);

/* True once for each answer; the record's target is good until the next http_in. */
bool http_answered(struct http *, struct http_record *);
/* All is said: what was sent last ends the connection. */
bool http_over(const struct http *);

/* "Not Found" */
const char *http_status_text(unsigned status);

#endif
