/* SPDX-License-Identifier: MIT */
/*
 * http.c - see http.h.
 *
 * llhttp's callbacks only collect.  It pauses where a head ends and where a message ends, and there
 * `judge_head` and `answer_request` decide: at places that do not depend on how the bytes were cut.
 * The octets of a head are counted the same way, by never showing llhttp more than the limit leaves.
 *
 *      out:  | 100 (Continue) | status line, fields |  body  |
 *                          <--- written backwards  |--- written first
 *                             HTTP_LEAD_MAX         HTTP_ANSWER_MAX
 */
#include "http/http.h"

#include <assert.h>
#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/date.h"

enum http_phase {
    HTTP_PHASE_HEAD, /* of the next request */
    HTTP_PHASE_BODY,
    HTTP_PHASE_LAST, /* nothing more is read */
};

struct http {
    llhttp_t parser;
    http_handler *handler;
    int64_t now;     /* of the call under way */
    uint8_t phase;   /* enum http_phase */
    bool begun;      /* something of the present request was read */
    bool keep;       /* the connection outlives this request */
    bool interim;    /* 100 (Continue) is owed */
    bool fresh;      /* an answer was made and not yet asked for */
    bool form;       /* see struct http_request */
    size_t taken;    /* octets in this phase */
    char previous;   /* the last of them */
    unsigned hosts;  /* fields named Host */
    unsigned fields; /* all of them */
    unsigned status; /* why it is refused, or 0; and in words: */
    const char *why;
    struct {
        uint8_t name_length, length; /* beyond the room: it is not one that matters */
        char name[24], value[64];
    } field;
    size_t target_length, body_length;
    struct http_record record;
    size_t out_at, out_end; /* what is to be sent, in `out` */
    char target[HTTP_TARGET_MAX];
    char body[HTTP_BODY_MAX];
    uint8_t out[HTTP_LEAD_MAX + HTTP_ANSWER_MAX];
};

/* ---- what llhttp finds ----------------------------------------------------------------------------- */

/* From here on the request is refused: the first reason stands. */
static int refuse(struct http *h, unsigned status, const char *why)
{
    if (!h->status) {
        h->status = status;
        h->why = why;
    }
    return -1; /* for llhttp: go no further */
}

static int on_message_begin(llhttp_t *parser)
{
    struct http *h = parser->data;

    h->begun = true;
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t n)
{
    struct http *h = parser->data;

    if (n > sizeof(h->target) - h->target_length)
        return refuse(h, 414, "the request target is longer than 8000 octets");
    memcpy(h->target + h->target_length, at, n);
    h->target_length += n;
    return 0;
}

/* Appends to a text of which only a certain length matters. */
static void collect(char *to, uint8_t *length, size_t room, const char *at, size_t n)
{
    size_t left = *length < room ? room - *length : 0;

    if (left > 0)
        memcpy(to + *length, at, n < left ? n : left);
    *length = (uint8_t)(n <= left ? *length + n : room + 1);
}

static int on_field(llhttp_t *parser, const char *at, size_t n)
{
    struct http *h = parser->data;

    collect(h->field.name, &h->field.name_length, sizeof(h->field.name), at, n);
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t n)
{
    struct http *h = parser->data;

    collect(h->field.value, &h->field.length, sizeof(h->field.value), at, n);
    return 0;
}

static bool same(const char *text, size_t length, const char *word)
{
    return length == strlen(word) && strncasecmp(text, word, length) == 0;
}

/* The value without the blanks at its end; without its parameters, which follow a `;`. */
static bool value_is(const struct http *h, const char *word, bool parameters)
{
    size_t length = h->field.length;
    const char *end;

    if (length > sizeof(h->field.value)) {
        if (!parameters) /* they may be what is long */
            return false;
        length = sizeof(h->field.value);
    }
    end = parameters ? memchr(h->field.value, ';', length) : NULL;
    length = end ? (size_t)(end - h->field.value) : length;
    while (length > 0 && (h->field.value[length - 1] == ' ' || h->field.value[length - 1] == '\t'))
        length--;
    return same(h->field.value, length, word);
}

static bool name_is(const struct http *h, const char *word)
{
    return same(h->field.name, h->field.name_length, word);
}

/* The fields that matter here; llhttp itself heeds those that frame the message. */
static int heed_field(struct http *h)
{
    if (name_is(h, "host"))
        h->hosts++;
    if (name_is(h, "content-type"))
        h->form = value_is(h, "application/x-www-form-urlencoded", true);
    if (name_is(h, "transfer-encoding") && !value_is(h, "chunked", false))
        return refuse(h, 501, "the only Transfer-Encoding known here is chunked");
    if (name_is(h, "expect")) {
        if (!value_is(h, "100-continue", false))
            return refuse(h, 417, "the only expectation met here is 100-continue");
        h->interim = true;
    }
    return 0;
}

static int on_value_complete(llhttp_t *parser)
{
    struct http *h = parser->data;
    int result = 0;

    if (h->phase == HTTP_PHASE_HEAD) /* and not a trailer, of which nobody wants to know */
        result = heed_field(h);
    h->field.name_length = h->field.length = 0;
    if (++h->fields > HTTP_FIELDS_MAX)
        return refuse(h, 431, "there are more than 100 fields");
    return result;
}

static int on_headers_complete(llhttp_t *parser)
{
    /* RFC 9110 section 7.8: an Upgrade may be ignored.  CONNECT is refused. */
    parser->upgrade = 0;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *parser, const char *at, size_t n)
{
    struct http *h = parser->data;

    if (n > sizeof(h->body) - h->body_length)
        return refuse(h, 413, "the body is longer than 65536 octets");
    memcpy(h->body + h->body_length, at, n);
    h->body_length += n;
    return 0;
}

static int on_message_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

static const llhttp_settings_t callbacks = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* ---- the answer ------------------------------------------------------------------------------------- */

#define INTERIM "HTTP/1.1 100 Continue\r\n\r\n"

/* In the order of RFC 9110 section 15. */
static const struct {
    unsigned status;
    const char *text;
} statuses[] = {
    {200, "OK"},
    {400, "Bad Request"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {431, "Request Header Fields Too Large"},
    {501, "Not Implemented"},
    {505, "HTTP Version Not Supported"},
};

const char *http_status_text(unsigned status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].status == status)
            return statuses[i].text;
    return "";
}

static const char *method_of(const struct http *h)
{
    return h->target_length > 0 ? llhttp_method_name(h->parser.method) : "-";
}

/* HTTP/1.1 keeps a connection unless told otherwise, 1.0 closes it. */
static const char *connection_field(const struct http *h)
{
    if (!h->keep)
        return "Connection: close\r\n";
    return h->parser.http_minor == 0 ? "Connection: keep-alive\r\n" : "";
}

/* Puts status line and fields before the body, which lies in its place already. */
static void frame_answer(struct http *h, const struct http_answer *a)
{
    size_t body = writer_len(&a->body);
    bool head = strcmp(method_of(h), "HEAD") == 0;
    char date[HTTP_DATE_SIZE], lead[HTTP_LEAD_MAX];
    int length;

    http_date(date, h->now);
    length = snprintf(lead, sizeof lead,
                      "%sHTTP/1.1 %u %s\r\n"
                      "Date: %s\r\n"
                      "Server: estab/" ESTAB_VERSION "\r\n"
                      "%s%s%s%s"
                      "Content-Type: text/plain; charset=utf-8\r\n"
                      "X-Content-Type-Options: nosniff\r\n"
                      "Content-Length: %zu\r\n\r\n",
                      h->interim ? INTERIM : "", a->status, http_status_text(a->status), date,
                      connection_field(h), a->allow ? "Allow: " : "", a->allow ? a->allow : "",
                      a->allow ? "\r\n" : "", body);
    assert(length > 0 && length < (int)sizeof lead);
    h->out_at = HTTP_LEAD_MAX - (size_t)length;
    memcpy(h->out + h->out_at, lead, (size_t)length);
    h->out_end = HTTP_LEAD_MAX + (head ? 0 : body);
    h->interim = false;
    h->fresh = true;
    h->record = (struct http_record){method_of(h), {h->target, h->target_length}, a->status, body};
}

static struct http_answer answer_of(struct http *h, unsigned status)
{
    return (struct http_answer){.status = status,
                                .body = writer_of(h->out + HTTP_LEAD_MAX, HTTP_ANSWER_MAX)};
}

/* Says why nothing more is read. */
static void answer_refusal(struct http *h)
{
    struct http_answer a = answer_of(h, h->status);

    writer_bytes(&a.body, h->why, strlen(h->why));
    writer_u8(&a.body, '\n');
    if (h->phase == HTTP_PHASE_HEAD)
        h->interim = false; /* the final answer takes its place */
    h->phase = HTTP_PHASE_LAST;
    h->keep = false;
    frame_answer(h, &a);
}

/* RFC 9112 section 3.2.2: a server takes the absolute form, too.  What is left is a path. */
static struct form_text origin_form(struct form_text target)
{
    static const char mark[] = "://";
    struct form_text rest = target;

    if (target.length == 0 || target.at[0] == '/')
        return target;
    while (rest.length > 3 && memcmp(rest.at, mark, 3) != 0)
        rest = (struct form_text){rest.at + 1, rest.length - 1};
    if (rest.length <= 3)
        return target;
    rest = (struct form_text){rest.at + 3, rest.length - 3};
    while (rest.length > 0 && !strchr("/?#", rest.at[0]))
        rest = (struct form_text){rest.at + 1, rest.length - 1};
    return rest;
}

static struct form_text cut(struct form_text *text, char mark)
{
    const char *at = text->length > 0 ? memchr(text->at, mark, text->length) : NULL;
    struct form_text rest = {0};

    if (at) {
        rest = (struct form_text){at + 1, text->length - (size_t)(at + 1 - text->at)};
        text->length = (size_t)(at - text->at);
    }
    return rest;
}

static void answer_request(struct http *h)
{
    struct http_answer a = answer_of(h, 200);
    struct http_request r = {.method = method_of(h),
                             .path = origin_form((struct form_text){h->target, h->target_length}),
                             .body = {h->body, h->body_length},
                             .form = h->form};

    (void)cut(&r.path, '#');
    r.query = cut(&r.path, '?');
    if (r.path.length == 0)
        r.path = form_text("/");
    h->handler(&r, &a);
    assert(writer_ok(&a.body));
    frame_answer(h, &a);
    h->phase = h->keep ? HTTP_PHASE_HEAD : HTTP_PHASE_LAST;
}

/* ---- what a message may be -------------------------------------------------------------------------- */

static void next_request(struct http *h)
{
    h->phase = HTTP_PHASE_HEAD;
    h->begun = h->keep = h->interim = h->fresh = false;
    h->form = true;
    h->taken = h->hosts = h->fields = h->status = 0;
    h->previous = '\0';
    h->why = NULL;
    h->field.name_length = h->field.length = 0;
    h->target_length = h->body_length = 0;
}

/* At the end of a head: refuses, or goes on with the body, of which there may be nothing. */
static void judge_head(struct http *h)
{
    const llhttp_t *p = &h->parser;
    bool sized = p->flags & F_CONTENT_LENGTH, chunked = p->flags & F_CHUNKED;

    h->keep = llhttp_should_keep_alive(p);
    if (p->http_major != 1)
        (void)refuse(h, 505, "this server speaks HTTP/1.0 and HTTP/1.1");
    else if (p->method == HTTP_CONNECT)
        (void)refuse(h, 501, "this server is no proxy, and knows no CONNECT");
    else if (h->hosts > 1)
        (void)refuse(h, 400, "there is more than one Host field");
    else if (p->http_minor > 0 && h->hosts == 0)
        (void)refuse(h, 400, "an HTTP/1.1 request needs a Host field");
    else if (sized && p->content_length > HTTP_BODY_MAX)
        (void)refuse(h, 413, "the body is longer than 65536 octets");
    if (p->http_minor == 0) {
        h->interim = false;            /* RFC 9110 section 10.1.1: such a client knows no 100 */
        h->keep = h->keep && !chunked; /* RFC 9112 section 6.1 */
    }
    if (!chunked && !(sized && p->content_length > 0))
        h->interim = false; /* there is nothing to wait for */
    if (!h->status) {
        h->phase = HTTP_PHASE_BODY;
        h->taken = 0;
    }
}

/* A byte that may be in a method, after which llhttp knows none: it is an HTTP that we do not know. */
static bool token_at(const char *at, const char *end)
{
    return at && at < end &&
           ((*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') || *at == '-' || *at == ' ');
}

/* RFC 9112 section 2.2: what cannot be read as HTTP is a 400, if nothing else fits better. */
static void judge_error(struct http *h, llhttp_errno_t error, const char *end)
{
    switch (error) {
    case HPE_USER: /* a callback has refused */
    case HPE_CB_HEADER_VALUE_COMPLETE:
        break;
    case HPE_INVALID_METHOD:
        if (token_at(llhttp_get_error_pos(&h->parser), end))
            (void)refuse(h, 501, "the methods known here are GET, HEAD, OPTIONS and POST");
        break;
    case HPE_PAUSED_H2_UPGRADE:
    case HPE_INVALID_VERSION:
        (void)refuse(h, 505, "this server speaks HTTP/1.0 and HTTP/1.1");
        break;
    case HPE_INVALID_URL:
        (void)refuse(h, 400, "the request target is not one of RFC 9112 section 3.2");
        break;
    case HPE_INVALID_HEADER_TOKEN:
    case HPE_CR_EXPECTED:
    case HPE_LF_EXPECTED:
        (void)refuse(h, 400, "a line of the head is no \"Name: value\" that ends with CR LF");
        break;
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        (void)refuse(h, 400, "Content-Length is no number, or not the only word on the length");
        break;
    case HPE_INVALID_TRANSFER_ENCODING:
        (void)refuse(h, 400, "the length of the body cannot be known: chunked does not come last");
        break;
    case HPE_INVALID_CHUNK_SIZE:
        (void)refuse(h, 400, "a chunk's size is no hexadecimal number");
        break;
    default:
        break;
    }
    (void)refuse(h, 400, "this is no HTTP/1.1 request");
}

/* ---- bytes in --------------------------------------------------------------------------------------- */

static size_t limit_of(const struct http *h)
{
    return h->phase == HTTP_PHASE_HEAD ? HTTP_HEAD_MAX : HTTP_RAW_MAX;
}

/*
 * Where a line of the head begins with a blank, or n.  Such a line continues the one before, obsolete
 * line folding, which llhttp unfolds and a server may refuse (RFC 9112 section 5.2); this one does, for
 * two readers that do not agree on a field are one too many.
 */
static size_t fold_in(const struct http *h, const char *bytes, size_t n)
{
    char previous = h->previous;

    for (size_t i = 0; h->phase == HTTP_PHASE_HEAD && i < n; previous = bytes[i++])
        if (previous == '\n' && (bytes[i] == ' ' || bytes[i] == '\t'))
            return i;
    return n;
}

/* Shows llhttp bytes, none beyond the limit of the phase, and no fold.  How many of them it took. */
static size_t parse(struct http *h, const char *bytes, size_t n)
{
    size_t left = limit_of(h) - h->taken, most = n < left ? n : left, taken;
    llhttp_errno_t error;

    n = fold_in(h, bytes, most);
    error = llhttp_execute(&h->parser, bytes, n);
    if (error == HPE_OK) {
        h->taken += n;
        if (n > 0)
            h->previous = bytes[n - 1];
        if (n < most)
            (void)refuse(h, 400, "a line of the head begins with a blank: no line folding here");
        if (h->taken == limit_of(h))
            (void)(h->phase == HTTP_PHASE_HEAD
                       ? refuse(h, 431, "the head of the request is longer than 16384 octets")
                       : refuse(h, 413, "the body takes more than 524288 octets with its chunks"));
        return n;
    }
    if (error != HPE_PAUSED) {
        judge_error(h, error, bytes + n);
        return n;
    }
    taken = (size_t)(llhttp_get_error_pos(&h->parser) - bytes);
    llhttp_resume(&h->parser);
    if (h->phase == HTTP_PHASE_HEAD)
        judge_head(h);
    else
        answer_request(h);
    return taken;
}

size_t http_in(struct http *h, const void *bytes, size_t n, int64_t now)
{
    const char *from = n > 0 ? bytes : "";
    size_t taken = 0;
    bool more = n > 0;

    h->now = now;
    if (h->out_at < h->out_end)
        return 0;
    if (h->phase == HTTP_PHASE_LAST)
        return n;
    if (h->record.status) { /* which was of the request before */
        h->record.status = 0;
        next_request(h);
    }
    while (more && !h->fresh) {
        uint8_t phase = h->phase;
        taken += parse(h, from + taken, n - taken);
        if (h->status)
            answer_refusal(h);
        more = taken < n || h->phase != phase; /* an empty body ends at once */
    }
    if (h->interim && h->phase == HTTP_PHASE_BODY) {
        memcpy(h->out, INTERIM, sizeof INTERIM - 1);
        h->out_at = 0;
        h->out_end = sizeof INTERIM - 1;
        h->interim = false;
    }
    return taken;
}

void http_end(struct http *h, enum http_end end, int64_t now)
{
    h->now = now;
    if (h->phase == HTTP_PHASE_LAST || h->out_at < h->out_end)
        return;
    if (h->begun && !h->record.status) {
        if (end == HTTP_PEER_CLOSED)
            (void)refuse(h, 400, "the request ends before its end");
        else
            (void)refuse(h, 408, "the rest of the request did not come in time");
        answer_refusal(h);
    }
    h->phase = HTTP_PHASE_LAST;
}

/* ---- bytes out -------------------------------------------------------------------------------------- */

struct http *http_new(http_handler *handler)
{
    struct http *h = malloc(sizeof *h); /* most of which is room for text */

    if (!h)
        return NULL;
    llhttp_init(&h->parser, HTTP_REQUEST, &callbacks);
    h->parser.data = h;
    h->handler = handler;
    h->now = 0;
    h->out_at = h->out_end = 0;
    h->record = (struct http_record){0};
    next_request(h);
    return h;
}

void http_free(struct http *h)
{
    free(h);
}

const uint8_t *http_out(const struct http *h, size_t *n)
{
    *n = h->out_end - h->out_at;
    return *n > 0 ? h->out + h->out_at : NULL;
}

void http_sent(struct http *h, size_t n)
{
    assert(n <= h->out_end - h->out_at);
    h->out_at += n;
}

bool http_answered(struct http *h, struct http_record *record)
{
    bool fresh = h->fresh;

    h->fresh = false;
    *record = h->record;
    return fresh;
}

bool http_over(const struct http *h)
{
    return h->phase == HTTP_PHASE_LAST && h->out_at == h->out_end;
}
